"""Threads: told of a cancellation, given up if they do not listen, and never in the way."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from orrery.runtime.executors.thread import ThreadExecutor
from orrery.scheduler.events import TaskStopped, TaskSucceeded
from orrery.testing.executors import Bench, ExecutorConformance, RecordingHost, invocation
from orrery.workflow.code import load

PATH = Path(__file__).with_name("deeds.py")
DEEDS = load(str(PATH))


def deed(name: str) -> str:
    return f"py:{PATH}:{name}"


@pytest.fixture(autouse=True)
def release() -> Iterator[threading.Event]:
    """Ends the deeds that wait for it, at the latest when the test is over."""
    event: threading.Event = DEEDS.release
    event.clear()
    yield event
    event.set()


class _Bench(ExecutorConformance):
    __test__ = False

    def __init__(self, capacity: int, grace_s: float) -> None:
        self.capacity, self.grace_s = capacity, grace_s

    def executor(self) -> ThreadExecutor:
        return ThreadExecutor(self.capacity, grace_s=self.grace_s)


def told(
    folder: Path, story: Callable[[Bench], Coroutine[Any, Any, None]], *, capacity: int = 1, grace_s: float = 30.0
) -> None:
    _Bench(capacity, grace_s).run(folder, story)


def test_a_function_that_checks_for_its_cancellation_is_stopped(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("check_the_flag"))
        await bench.running("task")
        bench.executor.cancel("run", "task", 1)
        assert isinstance(await bench.host.final("task"), TaskStopped)

    told(tmp_path, story)


def test_a_function_that_ends_well_after_its_cancellation_keeps_its_value(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("look_at_the_flag"))
        await bench.running("task")
        bench.executor.cancel("run", "task", 1)
        assert bench.host.value(await bench.host.final("task")) == "cleaned up"

    told(tmp_path, story)


def test_a_thread_that_does_not_listen_is_given_up_and_replaced(tmp_path: Path, release: threading.Event) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("ignore_the_flag"), task="deaf")
        await bench.running("deaf")
        bench.start(deed("current_colour"), task="behind it")
        bench.executor.cancel("run", "deaf", 1)
        assert isinstance(await bench.host.final("deaf"), TaskStopped)
        assert bench.host.value(await bench.host.final("behind it")) == "none"
        [deaf] = [thread for thread in threading.enumerate() if thread.name == "orrery-deaf"]
        release.set()
        await asyncio.to_thread(deaf.join)  # its late result is thrown away: the bench counts

    told(tmp_path, story, grace_s=0.05)


def test_what_waits_for_a_thread_is_cancelled_at_once(tmp_path: Path, release: threading.Event) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("ignore_the_flag"), task="first")
        await bench.running("first")
        bench.start(deed("current_colour"), task="second")
        bench.executor.cancel("run", "second", 1)
        assert isinstance(bench.host.finals("second")[0], TaskStopped)
        release.set()
        assert bench.host.value(await bench.host.final("first")) == "too late"

    told(tmp_path, story)


def test_closing_waits_no_longer_than_the_grace(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("ignore_the_flag"))
        await bench.running("task")
        await bench.executor.close()
        assert isinstance(bench.host.finals("task")[0], TaskStopped)

    told(tmp_path, story, grace_s=0.05)


def test_closing_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = set(threading.enumerate())

    async def story(bench: Bench) -> None:
        for n in range(8):
            bench.start(deed("current_colour"), task=f"t{n}")
        for n in range(8):
            await bench.host.final(f"t{n}")

    told(tmp_path, story, capacity=4)
    assert not [t for t in threading.enumerate() if t not in before and t.name.startswith("orrery-")]


def test_threads_are_made_when_needed_and_used_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        names = {bench.host.value(await bench.outcome(deed("loop_of_its_own"), task=f"t{n}")) for n in range(5)}
        assert len(names) == 5  # a thread is called after what it is at
        assert sum(thread.name.startswith("orrery-") for thread in threading.enumerate()) <= 2

    told(tmp_path, story, capacity=8)


def test_context_variables_reach_the_thread(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        DEEDS.colour.set("green")
        assert bench.host.value(await bench.outcome(deed("current_colour"))) == "green"

    told(tmp_path, story)


def test_a_result_that_comes_while_it_is_cancelled_is_reported_once(tmp_path: Path) -> None:
    async def story() -> None:
        executor, host = ThreadExecutor(4), RecordingHost(tmp_path)
        await executor.open(host)
        for n in range(300):
            executor.start(invocation(deed("current_colour"), task=f"t{n}"))
            executor.cancel("run", f"t{n}", 1)
        await executor.close()
        for n in range(300):
            [final] = host.finals(f"t{n}")
            assert isinstance(final, TaskStopped | TaskSucceeded)

    asyncio.run(story())
