"""Crash points: kill a run at every append to its journal, resume it, and hold what was done against P1 and P2.

Runs as a process of its own (`python -m orrery.bench.crash_points`), which opens no store and starts no
thread, so that it may fork. Each point is a fork that is warm already, and forks again for every life of the
run: some lives end by SIGKILL in the middle of `append`, before or after its commit. The last one goes on to
the end. What was executed is read from the file the tasks write, not from the journal.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Literal, NoReturn

import msgspec

from orrery.bench.crash_workflow import Execution, executions, planned, reference
from orrery.errors import OrreryError, RunEndedError
from orrery.graph import Graph
from orrery.journal.protocol import Lease
from orrery.journal.sqlite import SqliteJournal
from orrery.runtime.history import fold
from orrery.runtime.result import Result, result_of
from orrery.runtime.session import Session
from orrery.scheduler.events import Event, TaskExpanded, TaskSucceeded

RUN = "reference"
PATIENCE_S = 60.0
SHOWN = 20
"""Violations told of one point; they must fit into a pipe that nobody reads yet."""
Side = Literal["before", "after"]


class Size(msgspec.Struct, frozen=True):
    """How large the workflow is, and which appends are killed: every `stride`-th."""

    links: int = 120
    width: int = 16
    stride: int = 1
    jobs: int = 1


class Crash(msgspec.Struct, frozen=True):
    """A place to die: an append, counted from 1 in each life, and on which side of its commit."""

    append: int
    side: Side


class Verdict(msgspec.Struct, frozen=True):
    """What became of one point.

    Args:
        crashes: where each life was to end; the last life is not among them.
        deaths: how many of them did. A run has a few appends more or less from time to time, so the last
            places may not be reached.
        repeated: executions of tasks beyond what they take if nothing is killed.
        recovery_s: from opening the store to the end of the run, in the last life.
        violations: the promises that were broken, in words.
    """

    crashes: tuple[Crash, ...]
    deaths: int = 0
    repeated: int = 0
    recovery_s: float = 0.0
    violations: tuple[str, ...] = ()


class Findings(msgspec.Struct, frozen=True):
    """The whole sweep: appends of an undisturbed run, tasks in it, and a verdict for each point."""

    appends: int
    tasks: int
    verdicts: list[Verdict]


class Tripwire(SqliteJournal):
    """A journal that kills its own process at one append."""

    def __init__(self, path: Path, crash: Crash | None) -> None:
        super().__init__(path)
        self._crash = crash
        self.appends = 0

    def append(self, batches: Sequence[tuple[Lease, Sequence[Event]]]) -> None:
        """Append, unless it is time to die."""
        self.appends += 1
        dying = self._crash is not None and self._crash.append == self.appends
        if dying and self._crash is not None and self._crash.side == "before":
            _die()
        super().append(batches)  # durable when it returns: with this durability nothing is deferred
        if dying:
            _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _live(folder: Path, graph: Graph, crash: Crash | None) -> tuple[Result, int]:
    """One life of the run: begin it, or go on with it. Returns its result and how often it appended."""
    journal = Tripwire(folder / "runs.db", crash)
    try:
        begun = any(summary.run == RUN and summary.events for summary in journal.runs())
        async with Session(journal) as session:
            if begun:
                try:
                    run = session.resume(RUN)
                except RunEndedError:
                    return result_of(fold(journal, RUN).machine, journal.blobs), journal.appends
            else:
                # Killed before its first event, a run has only a name: it is begun again under another.
                name = RUN if RUN not in {summary.run for summary in journal.runs()} else f"{RUN}-again"
                run = session.start(graph, run=name, folder=folder)
            return await asyncio.wait_for(run.wait(), PATIENCE_S), journal.appends
    finally:
        journal.close()


class _Durable(msgspec.Struct):
    """What the journal says at the moment of a death."""

    succeeded: frozenset[str] = frozenset()
    in_flight: frozenset[str] = frozenset()


def _durable(folder: Path) -> _Durable:
    journal = SqliteJournal(folder / "runs.db")
    try:
        names = [summary.run for summary in journal.runs() if summary.events]
        if not names:
            return _Durable()
        done: set[str] = set()

        def note(event: Event, _machine: object) -> None:
            if isinstance(event, TaskSucceeded | TaskExpanded):
                done.add(event.task)

        history = fold(journal, names[-1], watch=note)
        return _Durable(frozenset(done), frozenset(history.machine.in_flight))
    finally:
        journal.close()


class Witness:
    """What a run was seen to do, over all its lives, and the promises it broke on the way.

    Args:
        folder: where the run lives.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.done: list[Execution] = []
        self.finished: frozenset[str] = frozenset()
        self.lost: Counter[str] = Counter()
        self.violations: list[str] = []

    def look(self) -> None:
        """Read what was executed in the life that has just ended."""
        done = executions(self._folder)
        self.violations += [
            f"P1: {each.task} had succeeded durably and was executed again"
            for each in done[len(self.done) :]
            if each.task in self.finished
        ]
        self.done = done

    def look_after_crash(self) -> None:
        """The same, and note what the journal says at this death."""
        self.look()
        durable = _durable(self._folder)
        self.violations += [
            f"P1: {task} had succeeded durably and no longer has" for task in sorted(self.finished - durable.succeeded)
        ]
        self.finished = durable.succeeded
        self.lost.update(durable.in_flight)

    def judge(self, result: Result, expected: Result) -> int:
        """Hold the end against that of a run that nothing killed; how often tasks were executed in excess."""
        if (result.state, result.outputs, result.tasks) != (expected.state, expected.outputs, expected.tasks):
            self.violations.append(f"the run {result.state} with {result.outputs}, {result.tasks}")
        counts = Counter(each.task for each in self.done)
        self.violations += [
            f"P2: {task} was executed {count} times, in flight at {self.lost[task]} crashes"
            for task, count in counts.items()
            if count > planned(task) + self.lost[task]
        ]
        if len({(each.task, each.key) for each in self.done}) != len(counts):
            self.violations.append("P2: a task was executed under two keys")
        return sum(max(0, count - planned(task)) for task, count in counts.items())


def _try(graph: Graph, crashes: tuple[Crash, ...], expected: Result) -> Verdict:
    """One point: die at each of the crashes, then go on to the end, and judge."""
    with tempfile.TemporaryDirectory(prefix="orrery-crash-") as name:
        folder = Path(name)
        witness = Witness(folder)
        deaths = 0
        for crash in crashes:
            status = _forked(partial(_lived, folder, graph, crash))
            if os.WIFSIGNALED(status):
                deaths += 1
                witness.look_after_crash()
            elif status != 0:
                witness.violations.append(
                    f"the life that was to end {crash.side} append {crash.append} raised an error"
                )
        began = time.perf_counter()
        try:
            result, _ = asyncio.run(_live(folder, graph, None))
        except (OrreryError, TimeoutError) as error:
            witness.violations.append(f"not resumed: {type(error).__name__}: {error}")
            return Verdict(crashes, deaths, violations=tuple(witness.violations[:SHOWN]))
        recovery_s = time.perf_counter() - began
        witness.look()
    repeated = witness.judge(result, expected)
    return Verdict(crashes, deaths, repeated, recovery_s, tuple(witness.violations[:SHOWN]))


def _lived(folder: Path, graph: Graph, crash: Crash) -> int:
    asyncio.run(_live(folder, graph, crash))
    return 0


def _forked(work: Callable[[], int]) -> int:
    """Run in a child process; its wait status."""
    pid = os.fork()
    if pid == 0:
        _leave(work)
    return os.waitpid(pid, 0)[1]


def _leave(work: Callable[[], int]) -> NoReturn:
    """End this forked process with what the work returns; nothing of the parent's is flushed or closed."""
    status = 70
    try:
        status = work()
    except BaseException:  # noqa: BLE001 - whatever it is, a forked child must not go on in its parent's code
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def sweep(size: Size, tell: Callable[[int, int], None]) -> Findings:
    """Try every point, `jobs` at a time. `tell` hears how many of how many are done."""
    graph = reference(links=size.links, width=size.width)
    expected, appends = _undisturbed(graph)
    points = list(_points(appends, size.stride))
    verdicts: list[Verdict] = []
    running: dict[int, tuple[int, tuple[Crash, ...]]] = {}
    waiting = iter(points)
    while len(verdicts) < len(points):
        for crashes in islice(waiting, size.jobs - len(running)):
            reader, writer = os.pipe()
            pid = os.fork()
            if pid == 0:
                _leave(partial(_answer, writer, graph, crashes, expected))
            os.close(writer)
            running[pid] = reader, crashes
        pid, status = os.wait()
        reader, crashes = running.pop(pid)
        with os.fdopen(reader, "rb") as pipe:
            answer = pipe.read()
        lost = Verdict(crashes, violations=(f"the process that tried it ended with status {status}",))
        verdicts.append(msgspec.json.decode(answer, type=Verdict) if answer else lost)
        tell(len(verdicts), len(points))
    return Findings(appends, sum(expected.tasks.values()), verdicts)


def _points(appends: int, stride: int) -> Iterator[tuple[Crash, ...]]:
    """Every append, before and after; every fourth point dies a second time, soon after it was resumed."""
    sides: tuple[Side, ...] = ("before", "after")
    for append in range(1, appends + 1, stride):
        for side in sides:
            first = Crash(append, side)
            yield (first, Crash(1 + append % 7, side)) if append % 4 == 0 else (first,)


def _answer(writer: int, graph: Graph, crashes: tuple[Crash, ...], expected: Result) -> int:
    verdict = _try(graph, crashes, expected)
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(msgspec.json.encode(verdict))
    return 0


def _undisturbed(graph: Graph) -> tuple[Result, int]:
    """The result that every point must come to, and how many appends lead there; from a forked process too."""
    reader, writer = os.pipe()

    def live() -> int:
        with tempfile.TemporaryDirectory(prefix="orrery-crash-") as folder:
            result, appends = asyncio.run(_live(Path(folder), graph, None))
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(msgspec.msgpack.encode((result, appends)))
        return 0

    _forked(live)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        return msgspec.msgpack.decode(pipe.read(), type=tuple[Result, int])


def _main(size: str) -> None:
    def tell(done: int, of: int) -> None:
        if done % 50 == 0 or done == of:
            print(f"{done} of {of}", file=sys.stderr, flush=True)

    findings = sweep(msgspec.json.decode(size, type=Size), tell)
    print(msgspec.json.encode(findings).decode())


if __name__ == "__main__":
    _main(sys.argv[1])
