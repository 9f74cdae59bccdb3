"""What every executor must do, as tests: subclass `ExecutorConformance` and give it yours.

    class TestMyExecutor(ExecutorConformance):
        def executor(self) -> Executor:
            return MyExecutor()

The functions that the tests run stand at the end of this module, so that workers elsewhere can import them.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from orrery.graph import Blob, Graph, Limits, Patch, Ref, Task, values
from orrery.graph.patch import Add
from orrery.journal.blobs import BlobStore, FileBlobs
from orrery.runtime.context import Context
from orrery.runtime.executors.protocol import Executor, Invocation
from orrery.scheduler.events import (
    AttemptLost,
    Event,
    TaskExpanded,
    TaskFailed,
    TaskProgressed,
    TaskStopped,
    TaskSucceeded,
)

WITHIN_S = 30.0
"""How long a test waits for an event before it fails."""

Final = TaskSucceeded | TaskFailed | TaskExpanded | TaskStopped | AttemptLost


class RecordingHost:
    """A Host that keeps what it is told; made inside a running event loop.

    Args:
        folder: where blobs go.
    """

    def __init__(self, folder: Path) -> None:
        self._blobs = FileBlobs(folder / "blobs")
        self._loop = asyncio.get_running_loop()
        self._told = asyncio.Event()
        self._lock = threading.Lock()
        self._events: list[Event] = []

    @property
    def blobs(self) -> BlobStore:
        """Where large values go."""
        return self._blobs

    @property
    def events(self) -> list[Event]:
        """What was reported so far, in order."""
        with self._lock:
            return list(self._events)

    def now(self) -> float:
        """The time, in seconds since the epoch."""
        return time.time()

    def report(self, run: str, event: Event) -> None:  # noqa: ARG002 - tests have one run
        """Keep what happened; from any thread."""
        with self._lock:
            self._events.append(event)
        self._loop.call_soon_threadsafe(self._told.set)

    async def until(self, enough: Callable[[list[Event]], bool], *, within_s: float = WITHIN_S) -> list[Event]:
        """The events, once `enough` says so of them. Raises TimeoutError."""
        async with asyncio.timeout(within_s):
            while not enough(self.events):
                self._told.clear()
                await self._told.wait()
        return self.events

    def finals(self, task: str, attempt: int = 1) -> list[Final]:
        """The final events of an attempt."""
        return [e for e in self.events if isinstance(e, Final) and (e.task, e.attempt) == (task, attempt)]

    async def final(self, task: str, attempt: int = 1, *, within_s: float = WITHIN_S) -> Final:
        """The final event of an attempt, once it is there."""
        await self.until(lambda _: bool(self.finals(task, attempt)), within_s=within_s)
        return self.finals(task, attempt)[0]

    def value(self, event: Final) -> Any:
        """The value of a success, fetched from the blobs if it is there."""
        assert isinstance(event, TaskSucceeded), f"expected a success, got {event}"
        value = values.decode(event.value)
        if isinstance(value, Blob) and value.media == "value":
            return values.decode(self._blobs.get(value))
        return value


def invocation(
    function: Callable[..., Any] | str, /, *, task: str = "task", attempt: int = 1, folder: str = ".", **args: Any
) -> Invocation:
    """An attempt at calling a module's function, or the operation of that name."""
    op = function if isinstance(function, str) else f"py:{function.__module__}:{function.__qualname__}"
    return Invocation(
        run="run", task=task, attempt=attempt, key=f"run/{task}", op=op, args=args, limits=Limits(), folder=folder
    )


class Bench:
    """An open executor, its host, and a record of what was started."""

    def __init__(self, executor: Executor, host: RecordingHost) -> None:
        self.executor, self.host = executor, host
        self.started: list[Invocation] = []

    def start(
        self, function: Callable[..., Any] | str, /, *, task: str = "task", attempt: int = 1, **args: Any
    ) -> None:
        """Start an attempt."""
        self.started.append(invocation(function, task=task, attempt=attempt, **args))
        self.executor.start(self.started[-1])

    async def outcome(self, function: Callable[..., Any] | str, /, *, task: str = "task", **args: Any) -> Final:
        """Start an attempt and wait for its final event."""
        self.start(function, task=task, **args)
        return await self.host.final(task)

    async def running(self, *tasks: str) -> None:
        """Wait until each of these attempts has said that it runs."""

        def all_said(events: list[Event]) -> bool:
            said = [event for event in events if isinstance(event, TaskProgressed)]
            return set(tasks) <= {event.task for event in said if event.fraction is not None}

        await self.host.until(all_said)


class ExecutorConformance:
    """The tests. Every one also checks that each attempt has exactly one final event when all is closed."""

    def executor(self) -> Executor:
        """A new executor, not yet opened."""
        raise NotImplementedError("say which executor is tested")

    @asynccontextmanager
    async def bench(self, folder: Path) -> AsyncIterator[Bench]:
        """An open executor on a bench; at the end it is closed and its final events are counted."""
        executor = self.executor()
        bench = Bench(executor, RecordingHost(folder))
        await executor.open(bench.host)
        try:
            yield bench
        finally:
            async with asyncio.timeout(WITHIN_S):
                await executor.close()
        for each in bench.started:
            finals = bench.host.finals(each.task, each.attempt)
            assert len(finals) == 1, f"{each.task!r} must end exactly once, not as {finals}"

    def run(self, folder: Path, story: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
        """Run a story on a bench."""

        async def told() -> None:
            async with self.bench(folder) as bench:
                await story(bench)

        asyncio.run(told())

    def test_a_function_returns_its_value(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            event = await bench.outcome(add, a=2, b=3)
            assert bench.host.value(event) == 5
            assert isinstance(event, TaskSucceeded)
            assert event.began_at is not None
            assert event.began_at <= event.at

        self.run(tmp_path, story)

    def test_an_async_function_returns_its_value(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            assert bench.host.value(await bench.outcome(add_later, a=2, b=3)) == 5

        self.run(tmp_path, story)

    def test_an_exception_becomes_a_failure_that_shows_the_users_line(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            event = await bench.outcome(look_up, name="x")
            assert isinstance(event, TaskFailed)
            assert event.failure.type == "KeyError"
            assert "LookupError" in event.failure.bases
            assert event.failure.severity == "transient"

        self.run(tmp_path, story)

    def test_arguments_that_do_not_fit_are_refused_by_name(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            event = await bench.outcome(add, a="two", b=3)
            assert isinstance(event, TaskFailed)
            assert event.failure.code == "argument"
            assert event.failure.severity == "permanent"
            assert "'a'" in event.failure.message

        self.run(tmp_path, story)

    def test_a_function_that_does_not_exist_is_a_failure(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            event = await bench.outcome("py:orrery.testing.executors:ad")
            assert isinstance(event, TaskFailed)
            assert event.failure.code == "operation"
            assert "did you mean 'add'" in event.failure.message

        self.run(tmp_path, story)

    def test_a_value_that_cannot_be_written_is_a_failure(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            event = await bench.outcome(a_lock)
            assert isinstance(event, TaskFailed)
            assert (event.failure.code, event.failure.severity) == ("not-serialisable", "permanent")

        self.run(tmp_path, story)

    def test_leaving_the_interpreter_ends_only_the_attempt(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            for kind in ("SystemExit", "KeyboardInterrupt", "CancelledError"):
                event = await bench.outcome(leave, task=kind, kind=kind)
                assert isinstance(event, TaskFailed), event
                assert event.failure.type == kind
            assert bench.host.value(await bench.outcome(add, task="after", a=1, b=1)) == 2

        self.run(tmp_path, story)

    def test_an_error_that_cannot_print_itself_is_a_failure_all_the_same(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            event = await bench.outcome(fail_unspeakably)
            assert isinstance(event, TaskFailed)
            assert event.failure.type == "Unspeakable"

        self.run(tmp_path, story)

    def test_usage_comes_with_the_result_and_with_a_failure(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            for task, fails in (("well", False), ("ill", True)):
                event = await bench.outcome(spend, task=task, fails=fails)
                assert isinstance(event, TaskFailed if fails else TaskSucceeded)
                assert event.usage is not None
                assert (event.usage.money, event.usage.tokens) == (0.75, 30)

        self.run(tmp_path, story)

    def test_progress_comes_before_the_end(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            await bench.outcome(half_way)
            *before, last = bench.host.events
            assert (0.5, "half-way") in [(e.fraction, e.note) for e in before if isinstance(e, TaskProgressed)]
            assert isinstance(last, TaskSucceeded)

        self.run(tmp_path, story)

    def test_the_context_says_which_attempt_this_is(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            bench.start(who, attempt=3)
            event = await bench.host.final("task", 3)
            assert bench.host.value(event) == ["run", "task", 3, "run/task", "."]

        self.run(tmp_path, story)

    def test_a_generator_becomes_a_list(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            for function in (count, count_later):
                event = await bench.outcome(function, task=function.__name__, to=4)
                assert bench.host.value(event) == [0, 1, 2, 3]
            assert any(isinstance(event, TaskProgressed) for event in bench.host.events)

        self.run(tmp_path, story)

    def test_a_large_value_goes_to_the_blobs(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            event = await bench.outcome(echo, value=b"x" * 3_000_000)
            assert isinstance(event, TaskSucceeded)
            assert isinstance(values.decode(event.value), Blob)
            assert len(bytes(event.value)) < 1_000
            assert bench.host.value(event) == b"x" * 3_000_000

        self.run(tmp_path, story)

    def test_a_task_may_write_a_blob_of_its_own(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            blob = bench.host.value(await bench.outcome(write_blob))
            assert isinstance(blob, Blob)
            assert blob.media == "text/plain"
            assert bench.host.blobs.get(blob) == b"piece by piece"

        self.run(tmp_path, story)

    def test_a_graph_that_is_returned_becomes_more_work(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            event = await bench.outcome(more_work)
            assert isinstance(event, TaskExpanded)
            assert [edit.task.id for edit in event.patch.edits if isinstance(edit, Add)] == ["task/a", "task/b"]
            assert event.result == Ref("task/b")

        self.run(tmp_path, story)

    def test_a_patch_that_is_returned_is_passed_on(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            event = await bench.outcome(one_more_task)
            assert isinstance(event, TaskExpanded)
            assert event.patch == one_more_task()

        self.run(tmp_path, story)

    def test_an_attempt_cancelled_at_once_ends_as_stopped(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            bench.start(wait_for_ever)
            bench.executor.cancel("run", "task", 1)
            assert isinstance(await bench.host.final("task"), TaskStopped)

        self.run(tmp_path, story)

    def test_a_running_attempt_that_is_cancelled_ends_as_stopped(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            bench.start(wait_for_ever)
            await bench.running("task")
            bench.executor.cancel("run", "task", 1)
            assert isinstance(await bench.host.final("task"), TaskStopped)
            assert bench.host.value(await bench.outcome(add, task="after", a=1, b=1)) == 2

        self.run(tmp_path, story)

    def test_cancelling_what_is_unknown_or_over_changes_nothing(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            bench.executor.cancel("run", "nobody", 1)
            await bench.outcome(add, a=1, b=1)
            bench.executor.cancel("run", "task", 1)
            assert bench.host.value(await bench.outcome(add, task="after", a=1, b=2)) == 3

        self.run(tmp_path, story)

    def test_as_many_as_its_capacity_run_at_once(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            tasks = [f"t{n}" for n in range(min(bench.executor.capacity, 8))]
            for task in tasks:
                bench.start(wait_for_ever, task=task)
            await bench.running(*tasks)  # none has ended, so all of them run
            for task in tasks:
                bench.executor.cancel("run", task, 1)
            for task in tasks:
                assert isinstance(await bench.host.final(task), TaskStopped)

        self.run(tmp_path, story)

    def test_closing_stops_what_runs(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            tasks = [f"t{n}" for n in range(min(bench.executor.capacity, 3))]
            for task in tasks:
                bench.start(wait_for_ever, task=task)
            await bench.running(*tasks)
            await bench.executor.close()
            for task in tasks:
                assert isinstance(bench.host.finals(task)[0], TaskStopped)

        self.run(tmp_path, story)

    def test_many_attempts_each_report_their_own_value(self, tmp_path: Path) -> None:
        async def story(bench: Bench) -> None:
            at_once = min(bench.executor.capacity, 20)
            for first in range(0, 100, at_once):
                batch = range(first, first + at_once)
                for n in batch:
                    bench.start(add, task=f"t{n}", a=n, b=1)
                assert [bench.host.value(await bench.host.final(f"t{n}")) for n in batch] == [n + 1 for n in batch]

        self.run(tmp_path, story)


def add(a: int, b: int) -> int:
    """A plain function."""
    return a + b


async def add_later(a: int, b: int) -> int:
    """An async function."""
    await asyncio.sleep(0)
    return a + b


def look_up(name: str) -> str:
    """Raises KeyError."""
    return {"y": "z"}[name]


def a_lock() -> Any:
    """Returns what cannot be written down."""
    return threading.Lock()


def leave(kind: str) -> None:
    """Raises what usually ends more than one function."""
    raise {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt}.get(kind, asyncio.CancelledError)


class Unspeakable(Exception):
    """An error whose message cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def fail_unspeakably() -> None:
    """Raises an error that cannot print itself."""
    raise Unspeakable


def spend(ctx: Context, fails: bool) -> None:
    """Reports what it consumed."""
    ctx.usage(money=0.5, tokens=10)
    ctx.usage(money=0.25, tokens=20)
    if fails:
        raise ValueError("spent in vain")


def half_way(ctx: Context) -> None:
    """Reports progress."""
    ctx.progress(0.5, "half-way")


def who(ctx: Context) -> list[Any]:
    """Says what it knows of itself."""
    return [ctx.run, ctx.task, ctx.attempt, ctx.idempotency_key, str(ctx.folder)]


def count(to: int) -> Iterator[int]:
    """A generator."""
    yield from range(to)


async def count_later(to: int) -> AsyncIterator[int]:
    """An async generator."""
    for number in range(to):
        yield number


def echo(value: Any) -> Any:
    """Returns what it was given."""
    return value


def write_blob(ctx: Context) -> Blob:
    """Writes a large result in pieces."""
    with ctx.blob_writer("text/plain") as out:
        for piece in (b"piece ", b"by ", b"piece"):
            out.write(piece)
        return out.close()


def more_work() -> Graph:
    """Returns a graph."""
    op = "py:orrery.testing.executors:add"
    tasks = [Task("a", op, {"a": 1, "b": 2}), Task("b", op, {"a": Ref("a"), "b": 3})]
    return Graph(tasks, outputs={"result": Ref("b")})


def one_more_task() -> Patch:
    """Returns a patch."""
    return Patch((Add(Task("extra", "py:orrery.testing.executors:add", {"a": 1, "b": 2})),))


async def wait_for_ever(ctx: Context) -> None:
    """Says that it runs, and never ends by itself."""
    ctx.progress(0.0, "here")
    await asyncio.Event().wait()
