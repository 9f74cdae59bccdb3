"""The driver's own loop: cheap, and safe from what tasks do to it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from orrery.runtime.executors.inline import InlineExecutor
from orrery.scheduler.events import TaskFailed, TaskStopped
from orrery.testing.executors import Bench, ExecutorConformance, RecordingHost, add_later, invocation
from orrery.workflow.code import load

PATH = Path(__file__).with_name("deeds.py")
DEEDS = load(str(PATH))


def deed(name: str) -> str:
    return f"py:{PATH}:{name}"


class _Bench(ExecutorConformance):
    __test__ = False

    def executor(self) -> InlineExecutor:
        return InlineExecutor(grace_s=0.05)


def told(folder: Path, story: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    _Bench().run(folder, story)


def test_everything_runs_on_the_loops_own_thread(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        here = threading.current_thread().name
        assert bench.host.value(await bench.outcome(deed("thread_name"), task="sync")) == here
        assert bench.host.value(await bench.outcome(deed("loop_of_its_own"), task="async")) == here

    told(tmp_path, story)


def test_a_function_that_returns_an_awaitable_is_awaited(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        assert bench.host.value(await bench.outcome(deed("an_awaitable"))) == threading.current_thread().name

    told(tmp_path, story)


def test_a_value_returned_in_spite_of_a_cancellation_is_kept(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("refuse_to_end_once"))
        await bench.running("task")
        bench.executor.cancel("run", "task", 1)
        assert bench.host.value(await bench.host.final("task")) == "saved"

    told(tmp_path, story)


def test_a_cancellation_that_nobody_asked_for_is_a_failure(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        event = await bench.outcome(deed("cancel_an_inner_task"))
        assert isinstance(event, TaskFailed)
        assert event.failure.type == "CancelledError"

    told(tmp_path, story)


def test_closing_gives_up_what_ignores_its_cancellation(tmp_path: Path) -> None:
    DEEDS.release.clear()

    async def story(bench: Bench) -> None:
        bench.start(deed("refuse_to_end"))
        await bench.running("task")
        await bench.executor.close()
        assert isinstance(bench.host.finals("task")[0], TaskStopped)
        DEEDS.release.set()  # and so it ends when the loop cancels what is left

    told(tmp_path, story)


def test_ten_thousand_attempts_at_once_end_one_by_one(tmp_path: Path) -> None:
    async def story() -> None:
        executor, host = InlineExecutor(capacity=10_000), RecordingHost(tmp_path)
        await executor.open(host)
        for n in range(10_000):
            executor.start(invocation(add_later, task=f"t{n}", a=n, b=0))
        events = await host.until(lambda events: len(events) == 10_000)
        assert len({event.task for event in events}) == 10_000  # type: ignore[attr-defined]
        await executor.close()

    asyncio.run(story())
