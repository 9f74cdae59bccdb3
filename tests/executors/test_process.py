"""Worker processes: killed for real, replaced when they die, and never left behind."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from orrery.graph import values
from orrery.runtime.executors.process import ProcessExecutor
from orrery.scheduler.events import AttemptLost, TaskFailed, TaskProgressed, TaskStopped, TaskSucceeded
from orrery.testing.executors import Bench, ExecutorConformance, invocation

DEEDS = Path(__file__).with_name("deeds.py")


def deed(name: str) -> str:
    return f"py:{DEEDS}:{name}"


class _Bench(ExecutorConformance):
    __test__ = False

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity

    def executor(self) -> ProcessExecutor:
        return ProcessExecutor(self.capacity)


def told(folder: Path, story: Callable[[Bench], Coroutine[Any, Any, None]], capacity: int = 1) -> None:
    _Bench(capacity).run(folder, story)


def pids_said(bench: Bench) -> list[int]:
    """The process ids that a deed reported as its progress."""
    notes = [event.note for event in bench.host.events if isinstance(event, TaskProgressed)]
    return [int(number) for note in notes for number in note.split()]


async def gone(pid: int, within_s: float = 10.0) -> None:
    """Wait until a process is no more (or only a zombie). Raises TimeoutError."""
    try:
        exit_fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(exit_fd, ended.set)
    try:
        async with asyncio.timeout(within_s):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(exit_fd)
        os.close(exit_fd)


def test_a_worker_is_another_process_and_is_used_again(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        first = bench.host.value(await bench.outcome(deed("pid"), task="a"))
        second = bench.host.value(await bench.outcome(deed("pid"), task="b"))
        assert first == second != os.getpid()

    told(tmp_path, story)


def test_an_endless_computation_is_killed_when_it_is_cancelled(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("spin"))
        await bench.running("task")
        [pid] = pids_said(bench)
        bench.executor.cancel("run", "task", 1)
        assert isinstance(await bench.host.final("task"), TaskStopped)
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert bench.host.value(await bench.outcome(deed("pid"), task="after")) != pid

    told(tmp_path, story)


def test_cancelling_kills_what_the_task_started_too(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("spin_beside_a_child"))
        await bench.running("task")
        _, child = pids_said(bench)
        bench.executor.cancel("run", "task", 1)
        await bench.host.final("task")
        await gone(child)

    told(tmp_path, story)


def test_a_worker_that_is_killed_loses_its_attempt_and_is_replaced(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("spin"))
        await bench.running("task")
        [pid] = pids_said(bench)
        os.kill(pid, signal.SIGKILL)
        event = await bench.host.final("task")
        assert isinstance(event, AttemptLost)
        assert event.because == "worker exited with signal 9"
        assert bench.host.value(await bench.outcome(deed("size"), task="after", data=b"123")) == 3

    told(tmp_path, story)


def test_a_worker_that_leaves_by_itself_loses_its_attempt(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        event = await bench.outcome(deed("leave_abruptly"), status=3)
        assert isinstance(event, AttemptLost)
        assert event.because == "worker exited with status 3"

    told(tmp_path, story)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells of an exit whose sockets stay open")
def test_a_process_left_behind_does_not_hide_the_workers_death(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("leave_a_child_behind"))
        event = await bench.host.final("task", within_s=2.5)
        assert isinstance(event, AttemptLost)
        assert event.because == "worker exited with status 4"

    told(tmp_path, story)


def test_an_idle_worker_that_dies_is_replaced_without_a_word(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        pid = bench.host.value(await bench.outcome(deed("pid"), task="a"))
        os.kill(pid, signal.SIGKILL)
        await gone(pid)
        await asyncio.sleep(0)  # one turn of the loop, in which it hears of the exit
        assert bench.host.value(await bench.outcome(deed("pid"), task="b")) != pid
        assert len(bench.host.events) == 2

    told(tmp_path, story)


def test_what_waits_for_a_worker_is_cancelled_at_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("spin"), task="first")
        bench.start(deed("pid"), task="second")
        bench.executor.cancel("run", "second", 1)
        assert isinstance(bench.host.finals("second")[0], TaskStopped)
        await bench.running("first")

    told(tmp_path, story)


def test_what_waits_begins_when_the_worker_before_it_is_lost(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("leave_abruptly"), task="first", status=1)
        bench.start(deed("size"), task="second", data=b"12")
        assert bench.host.value(await bench.host.final("second")) == 2
        assert isinstance(await bench.host.final("first"), AttemptLost)

    told(tmp_path, story)


def test_hundred_megabytes_go_there_and_come_back(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        data = os.urandom(1_000_000) * 100
        event = await bench.outcome("py:orrery.testing.executors:echo", value=data)
        assert bench.host.value(event) == data

    told(tmp_path, story)


def test_arguments_that_cannot_be_written_are_a_failure(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        event = await bench.outcome(deed("size"), data=object())
        assert isinstance(event, TaskFailed)
        assert event.failure.code == "not-serialisable"

    told(tmp_path, story)


def test_a_worker_has_the_folder_and_the_environment_of_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", "/somewhere")

    async def story(bench: Bench) -> None:
        assert bench.host.value(await bench.outcome(deed("working_folder"), task="a")) == os.getcwd()
        assert bench.host.value(await bench.outcome(deed("python_path"), task="b")) == "/somewhere"

    told(tmp_path, story)


def test_an_import_path_that_grows_later_reaches_workers_that_run_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brought_along.py").write_text("def answer() -> int:\n    return 42\n")

    async def story(bench: Bench) -> None:
        await bench.outcome(deed("pid"), task="warm")
        monkeypatch.syspath_prepend(str(tmp_path))
        assert bench.host.value(await bench.outcome("py:brought_along:answer", task="late")) == 42

    told(tmp_path, story)


def test_what_a_task_prints_goes_to_stderr(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def story(bench: Bench) -> None:
        await bench.outcome(deed("say"), text="hello from a worker")

    told(tmp_path, story)
    out, err = capfd.readouterr()
    assert (out, err) == ("", "hello from a worker\n")


def test_processor_time_is_counted(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        event = await bench.outcome(deed("burn"), seconds=0.05)
        assert isinstance(event, TaskSucceeded)
        assert event.usage is not None
        assert 0.05 <= event.usage.cpu_s < 1
        assert values.decode(event.value) is None

    told(tmp_path, story)


def test_two_workers_compute_at_the_same_time(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.start(deed("spin"), task="a")
        bench.start(deed("spin"), task="b")
        await bench.running("a", "b")
        assert len(set(pids_said(bench))) == 2

    told(tmp_path, story, capacity=2)


DRIVER = """
import asyncio, sys
from pathlib import Path
from orrery.runtime.executors.process import ProcessExecutor
from orrery.scheduler.events import TaskProgressed
from orrery.testing.executors import RecordingHost, invocation

async def main():
    host, executor = RecordingHost(Path(sys.argv[1])), ProcessExecutor(2)
    await executor.open(host)
    for task, name in (("a", "spin"), ("b", "spin_beside_a_child")):
        executor.start(invocation(f"py:{sys.argv[2]}:{name}", task=task))
    events = await host.until(lambda events: len(events) == 2)
    print(*(event.note for event in events), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def test_no_worker_outlives_a_driver_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(tmp_path), str(DEEDS)], stdout=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdout is not None
        readable, _, _ = select.select([driver.stdout], [], [], 30)
        assert readable, "the driver did not get its workers to run"
        pids = [int(pid) for pid in driver.stdout.readline().split()]
        assert len(pids) == 3
        driver.kill()

    async def all_gone() -> None:
        await asyncio.gather(*map(gone, pids))

    asyncio.run(all_gone())


SCRIPT = """
import asyncio
from orrery.graph import Graph, Ref, Task
from orrery.runtime import Session

def where(x: int) -> str:
    return __name__

async def main() -> None:
    graph = Graph([Task("t", "py:" + __file__ + ":where", {"x": 1}, executor="process")], outputs={"t": Ref("t")})
    async with Session("memory:") as session:
        result = await session.start(graph).wait()
    print(result.outputs or result.error)
"""


def script(folder: Path, ending: str) -> str:
    path = folder / "script.py"
    path.write_text(SCRIPT + ending)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def test_a_function_of_the_running_script_is_found_by_workers(tmp_path: Path) -> None:
    printed = script(tmp_path, 'if __name__ == "__main__":\n    asyncio.run(main())\n')
    assert "_orrery_script_" in printed


def test_a_script_that_starts_a_run_when_it_is_loaded_is_told_so(tmp_path: Path) -> None:
    printed = script(tmp_path, "asyncio.run(main())\n")
    assert "without starting a run: put the call" in printed


def test_a_system_without_more_processes_loses_the_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(bench: Bench) -> None:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python-here"))
        event = await bench.outcome(deed("pid"))
        assert isinstance(event, AttemptLost)
        assert event.because.startswith("no worker could be started")

    told(tmp_path, story)


def test_an_invocation_names_the_function_of_a_module() -> None:
    assert invocation(invocation).op == "py:orrery.testing.executors:invocation"
