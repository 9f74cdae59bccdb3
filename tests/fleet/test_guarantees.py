"""The guarantees of docs/reference/fleet-guarantees.md, one test each, on real runs with real hubs and devices."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from orrery.graph import (
    Add,
    Drop,
    Edge,
    Effects,
    Estimate,
    Expr,
    Graph,
    Limits,
    Link,
    Patch,
    Place,
    Ref,
    Replace,
    Retry,
    SetOutputs,
    Task,
    Unlink,
)
from orrery.graph.codec import graph_from_json, to_json
from orrery.graph.task import EffectKind
from orrery.runtime import Result, Run, Session, run
from orrery.runtime.context import Context
from orrery.runtime.executors.fleet import FleetExecutor
from orrery.scheduler import State
from orrery.scheduler import events as ev
from tests.fleet.fleets import DEEDS, Fleet, fleet, until

PAGE = Path(__file__).parents[2] / "docs/reference/fleet-guarantees.md"
WITHIN_S = 30.0
HERE = "py:tests.fleet.test_guarantees:"


# -- what the tasks do -------------------------------------------------------------------------------------------


def boom() -> None:
    """Fails."""
    raise ValueError("boom")


def give(value: Any = None) -> Any:
    """Returns what it was given."""
    return value


async def give_at_once(value: Any = None) -> Any:
    """The same, on the loop."""
    return value


def fail_twice(ctx: Context) -> int:
    """Fails in its first two attempts."""
    if ctx.attempt < 3:
        raise OSError("not yet")
    return ctx.attempt


def wait_for(ctx: Context, path: str, value: Any = None) -> Any:
    """Returns when there is such a file."""
    ctx.progress(0.5, "waiting")
    while not Path(path).exists():
        ctx.check_cancelled()
        time.sleep(0.005)
    return value


# -- how they are run --------------------------------------------------------------------------------------------


def task(id: str, op: str, /, **args: Any) -> Task:
    return Task(id, HERE + op, args, executor="thread")


def away(id: str, deed: str, /, *, effects: EffectKind = "idempotent", on: str = "", **args: Any) -> Task:
    """A task for a device."""
    place = Place(on=(on,) if on else ())
    return Task(id, f"{DEEDS}:{deed}", args, executor="fleet", effects=Effects(effects), place=place)


class Stage:
    """A session and everything that becomes durable in it."""

    def __init__(self, store: str, there: Fleet | None) -> None:
        self.events: dict[str, list[ev.Event]] = {}
        self.executor = FleetExecutor(None if there is None else there.address, patience_s=5, grace_s=2)
        self.session = Session(store, executors={"fleet": self.executor}, observers=(self._take,))

    def _take(self, name: str, events: Sequence[ev.Event]) -> None:
        self.events.setdefault(name, []).extend(events)

    def start(self, graph: Graph, name: str = "r") -> Run:
        return self.session.start(graph, run=name)

    async def result(self, graph: Graph, name: str = "r") -> Result:
        return await self.start(graph, name).wait()

    def heard(self, kind: type[ev.Event], name: str = "r", /, **fields: Any) -> list[Any]:
        return [
            event
            for event in self.events.get(name, ())
            if type(event) is kind and all(getattr(event, field) == wanted for field, wanted in fields.items())
        ]

    async def hears(self, kind: type[ev.Event], name: str = "r", /, **fields: Any) -> Any:
        await until(lambda: bool(self.heard(kind, name, **fields)))
        return self.heard(kind, name, **fields)[-1]

    async def patched(self, running: Run, *edits: Any) -> ev.Event:
        """What becomes of a patch."""
        patch = Patch(edits)
        running.patch(patch)

        def verdicts() -> list[ev.Event]:
            found = (ev.GraphPatched, ev.PatchRejected)
            return [e for e in self.events.get(running.id, ()) if isinstance(e, found) and e.patch is patch]

        await until(lambda: bool(verdicts()))
        return verdicts()[0]


@asynccontextmanager
async def stage(store: str = "memory:", there: Fleet | None = None) -> AsyncIterator[Stage]:
    found = Stage(store, there)
    async with found.session:
        yield found


def play(story: Coroutine[Any, Any, Any]) -> Any:
    async def in_time() -> Any:
        async with asyncio.timeout(WITHIN_S):
            return await story

    return asyncio.run(in_time())


def states(graph: Graph) -> tuple[str, dict[str, State]]:
    """How the run of a graph ends, and its tasks."""

    async def story() -> None:
        async with stage() as here:
            running = here.start(graph)
            await running.wait()
            ended.append(running)

    ended: list[Run] = []
    play(story())
    machine = ended[0].machine
    return machine.state, {name: record.state for name, record in machine.records.items()}


# -- graphs ------------------------------------------------------------------------------------------------------

BEHIND_A_FAILURE = Graph(
    [task("a", "boom"), task("b", "give"), task("c", "give")],
    [Edge("a", "b"), Edge("b", "c")],
    outputs={"c": Ref("c")},
)
BEHIND_A_CONDITION = Graph(
    [task("a", "boom"), task("b", "give")], [Edge("a", "b", on=Expr("result == 1"))], outputs={"b": Ref("b")}
)
FALSE_CONDITIONS = Graph(
    [task("a", "give", value=1), task("b", "give"), task("c", "give"), task("d", "give")],
    [Edge("a", "b", on=Expr("result == 2")), Edge("b", "c"), Edge("c", "d", on=Expr("result == 1"))],
)


def test_a_failed_upstream_on_a_success_only_edge_ends_the_run() -> None:
    expected = {"a": State.FAILED, "b": State.SKIPPED, "c": State.SKIPPED}
    assert states(BEHIND_A_FAILURE) == ("failed", expected)


def test_a_failed_upstream_on_a_conditional_edge_ends_the_run() -> None:
    assert states(BEHIND_A_CONDITION) == ("failed", {"a": State.FAILED, "b": State.SKIPPED})


def test_a_graph_read_from_json_ends_likewise() -> None:
    for graph in (BEHIND_A_FAILURE, BEHIND_A_CONDITION, FALSE_CONDITIONS):
        read = graph_from_json(to_json(graph))
        assert states(read) == states(graph)
        assert State.SKIPPED in states(read)[1].values()


def test_a_false_condition_ends_the_run() -> None:
    skipped = dict.fromkeys("bcd", State.SKIPPED)
    assert states(FALSE_CONDITIONS) == ("succeeded", {"a": State.SUCCEEDED, **skipped})


def test_a_task_added_after_a_finished_one_runs(tmp_path: Path) -> None:
    async def story() -> None:
        async with stage() as here:
            running = here.start(Graph([task("a", "give", value=20), task("w", "wait_for", path=str(tmp_path / "go"))]))
            await here.hears(ev.TaskSucceeded, task="a")
            more = task("b", "give", value=Ref("a"))
            assert isinstance(
                await here.patched(running, Add(more), Link(Edge("a", "b")), SetOutputs({"b": Ref("b")})),
                ev.GraphPatched,
            )
            await here.hears(ev.TaskSucceeded, task="b")
            (tmp_path / "go").touch()
            assert (await running.wait()).outputs == {"b": 20}

    play(story())


def test_retries_are_really_taken() -> None:
    retry = Limits(retry=Retry(3, backoff_s=0.01))

    async def story() -> None:
        async with stage() as here:
            graph = Graph([Task("a", f"{HERE}fail_twice", executor="thread", limits=retry)], outputs={"a": Ref("a")})
            assert (await here.result(graph)).outputs == {"a": 3}
            assert [event.attempt for event in here.heard(ev.TaskStarted, task="a")] == [1, 2, 3]
            assert len(here.heard(ev.TaskFailed, task="a")) == 2

    play(story())


async def refusal_of(folder: Path, *edits: Any) -> list[str]:
    """Why a change is refused after `a` has finished; it leaves no trace."""
    async with stage() as here:
        graph = Graph(
            [task("a", "give", value=1), task("w", "wait_for", path=str(folder / "go"))], outputs={"w": Ref("w")}
        )
        running = here.start(graph)
        await here.hears(ev.TaskSucceeded, task="a")
        said = await here.patched(running, Add(task("new", "give")), *edits)
        assert isinstance(said, ev.PatchRejected)
        assert list(running.machine.records) == ["a", "w"]
        (folder / "go").touch()
        assert (await running.wait()).state == "succeeded"
        assert len(here.heard(ev.TaskStarted, task="a")) == 1
        return [problem.code for problem in said.problems]


def test_a_finished_task_cannot_be_edited(tmp_path: Path) -> None:
    async def story() -> None:
        assert await refusal_of(tmp_path, Replace(task("a", "give", value=2))) == ["patch/locked"]

    play(story())


def test_a_finished_task_cannot_be_removed(tmp_path: Path) -> None:
    async def story() -> None:
        assert await refusal_of(tmp_path, Drop("a")) == ["patch/locked"]

    play(story())


def test_a_finished_task_gets_no_new_upstream(tmp_path: Path) -> None:
    async def story() -> None:
        assert await refusal_of(tmp_path, Link(Edge("new", "a"))) == ["patch/locked"]

    play(story())


def test_of_two_ways_from_a_to_b_one_may_go_and_b_still_waits(tmp_path: Path) -> None:
    """An edge and a reference: a graph holds one edge for each pair, and what is left when that goes is the other."""

    async def story() -> None:
        async with stage() as here:
            graph = Graph(
                [task("a", "wait_for", path=str(tmp_path / "go"), value=7), task("b", "give", value=Ref("a"))],
                [Edge("a", "b", on="completion")],
                outputs={"b": Ref("b")},
            )
            running = here.start(graph)
            await here.hears(ev.TaskProgressed, task="a")
            assert isinstance(await here.patched(running, Unlink("a", "b"), Add(task("c", "give"))), ev.GraphPatched)
            await here.hears(ev.TaskSucceeded, task="c")  # what waits for nothing runs; `b` does not
            assert not here.heard(ev.TaskStarted, task="b")
            (tmp_path / "go").touch()
            assert (await running.wait()).outputs == {"b": 7}
            order = [event.task for event in here.heard(ev.TaskStarted)]
            assert order.index("b") > order.index("a")

    play(story())


def test_cancelling_one_run_touches_no_other(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path, {"pi": 4}) as there, stage(f"sqlite:///{tmp_path}/runs.db", there) as here:
            names = ("one", "other")
            runs = [here.start(waiting(tmp_path, name), name) for name in names]
            for name in names:
                await here.hears(ev.TaskProgressed, name, task="w", fraction=0.5)
            runs[0].cancel("not wanted")
            assert (await runs[0].wait()).state == "cancelled"
            assert runs[1].machine.state == "running"
            (tmp_path / "go").touch()
            result = await runs[1].wait()
            assert (result.state, result.outputs) == ("succeeded", {"after": "other"})
            assert not here.heard(ev.TaskStopped, "other")

    def waiting(folder: Path, name: str) -> Graph:
        trace, go = str(folder / name), str(folder / "go")
        tasks = [
            away("w", "append_and_wait", path=trace, line=name, until=go),
            away("after", "append", path=trace, line=Ref("w")),
        ]
        return Graph(tasks, outputs={"after": Ref("after")})

    play(story())


def test_results_are_in_the_return_value(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path, {"pi": 2}) as there, stage(there=there) as here:
            graph = Graph(
                [
                    away("small", "where"),
                    away("large", "large", size=300_000),
                    away("size", "size", value=Ref("large")),
                ],
                outputs={"of": {"small": Ref("small"), "size": Ref("size")}, "large": Ref("large")},
            )
            result = await here.result(graph)
            assert result.outputs == {"of": {"small": "pi", "size": 300_000}, "large": bytes(300_000)}

    play(story())


LONG, RUN = 100_000, 20_000
"""Tasks of the chain that is built and given up, and of the one that is run to its end, which takes longer."""


def chain(tasks: int) -> Graph:
    first = Task("0", f"{HERE}give_at_once", {"value": 1})
    others = [Task(f"{n}", f"{HERE}give_at_once", {"value": Ref(f"{n - 1}")}) for n in range(1, tasks)]
    return Graph([first, *others], outputs={"last": Ref(f"{tasks - 1}")})


def test_chains_of_100000_tasks_do_not_recurse() -> None:
    """Built, changed at its first task, run, and given up from its first task on, with room for 150 calls."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 150)
    try:
        result = run(chain(RUN), "memory:")
        assert (result.outputs, result.tasks) == ({"last": 1}, {"succeeded": RUN})
        broken = chain(LONG).apply(Patch((Replace(Task("0", f"{HERE}boom")),)))
        assert len(broken.in_order()) == LONG
        result = run(broken, "memory:")
        assert (result.state, result.tasks) == ("failed", {"failed": 1, "skipped": LONG - 1})
    finally:
        sys.setrecursionlimit(limit)


# -- hub and devices ---------------------------------------------------------------------------------------------


def test_a_devices_error_fails_the_task_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path, {"pi": 1}) as there, stage(there=there) as here:
            limits = Limits(timeout_s=600, deadline_s=600)
            bad = Task("bad", "py:orrery.testing.executors:look_up", {"name": "x"}, executor="fleet", limits=limits)
            began = time.monotonic()
            result = await here.result(Graph([bad], outputs={"bad": Ref("bad")}))
            assert time.monotonic() - began < WITHIN_S / 2
            assert result.error is not None
            assert (result.state, result.error.type) == ("failed", "KeyError")

    play(story())


def test_a_device_that_drops_gives_its_queue_back(tmp_path: Path) -> None:
    """What is short and may be done twice waits in the device's own queue; all else waits in the hub's."""
    kinds: dict[str, tuple[EffectKind, float]] = {
        "q0": ("pure", 0.01),
        "q1": ("idempotent", 0.01),
        "h0": ("keyed", 0.01),
        "h1": ("once", 0.01),
        "h2": ("once", 1.0),
    }

    async def story() -> None:
        trace, go = tmp_path / "trace", tmp_path / "go"
        async with fleet(tmp_path, {"pi": 1}) as there, stage(there=there) as here:
            first = away("w", "append_and_wait", path=str(tmp_path / "w"), line="w", until=str(go))
            running = here.start(Graph([first]))
            await here.hears(ev.TaskProgressed, task="w", fraction=0.5)
            queued = [
                Task(
                    name,
                    f"{DEEDS}:append",
                    {"path": str(trace), "line": name},
                    executor="fleet",
                    effects=Effects(kind),
                    estimate=Estimate(seconds=seconds),
                )
                for name, (kind, seconds) in kinds.items()
            ]
            assert isinstance(await here.patched(running, *map(Add, queued)), ev.GraphPatched)
            for name in kinds:
                await here.hears(ev.TaskProgressed, task=name)
            assert {name for name in kinds if said_to_be_on(here, name) == "pi"} == {"q0", "q1"}
            await there.devices["pi"].stop()
            await there.add("mac", slots=2)
            for name in kinds:
                assert (await here.hears(ev.TaskSucceeded, task=name)).where == "mac"
            go.touch()
            assert (await running.wait()).state == "succeeded"
            assert sorted(trace.read_text().split()) == sorted(kinds), "each was done once"
            assert [len(here.heard(ev.TaskStarted, task=name)) for name in kinds] == [1] * len(kinds)
            assert not [event for event in here.heard(ev.AttemptLost) if event.task in kinds]

    play(story())


def said_to_be_on(here: Stage, name: str) -> str:
    """The device that has accepted a task."""
    notes = [event.note for event in here.heard(ev.TaskProgressed, task=name)]
    return notes[-1].removeprefix("on ").partition(":")[0] if notes and notes[-1].startswith("on ") else ""


def test_a_dropped_device_is_never_chosen(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path, {"pi": 8, "mac": 1}) as there, stage(there=there) as here:
            assert (await here.result(Graph([away("a", "where", on="pi")]), "before")).state == "succeeded"
            await there.devices["pi"].stop()
            await until(lambda: {v.name: v.state for v in there.server.views()}.get("pi") != "online")
            many = [away(f"t{n}", "where") for n in range(20)]
            result = await here.result(Graph(many, outputs={t.id: Ref(t.id) for t in many}), "many")
            assert set(result.outputs.values()) == {"mac"}
            assert {said_by.where for said_by in here.heard(ev.TaskSucceeded, "many")} == {"mac"}
            only = await here.result(Graph([away("a", "where", on="pi")]), "only")
            assert only.error is not None
            assert (only.state, only.error.code) == ("failed", "no-device")

    play(story())


def test_time_outs_count_queue_time(tmp_path: Path) -> None:
    async def story() -> None:
        trace, go = tmp_path / "trace", tmp_path / "go"
        async with fleet(tmp_path, {"pi": 1}) as there, stage(there=there) as here:
            first = away("w", "append_and_wait", path=str(tmp_path / "w"), line="w", until=str(go))
            running = here.start(Graph([first]))
            await here.hears(ev.TaskProgressed, task="w", fraction=0.5)
            late = Task(
                "late",
                f"{DEEDS}:append",
                {"path": str(trace), "line": "x"},
                executor="fleet",
                limits=Limits(timeout_s=0.7),
            )
            await here.patched(running, Add(late))
            await until(lambda: running.machine.records["late"].state is State.FAILED)
            failure = running.machine.records["late"].failure
            assert failure is not None
            assert (failure.code, failure.type) == ("timeout", "TimeoutError")
            assert not here.heard(ev.TaskSucceeded, task="w"), "it never left the queue"
            go.touch()
            assert (await running.wait()).state == "failed"
            assert not trace.exists()

    play(story())


def test_shutdown_while_reconnecting_is_clean(tmp_path: Path) -> None:
    async def story() -> None:
        go = tmp_path / "go"
        async with fleet(tmp_path, {"pi": 1}) as there:
            agent = there.devices["pi"].agent
            async with stage(f"sqlite:///{tmp_path}/runs.db", there) as here:
                graph = Graph([away("w", "append_and_wait", path=str(tmp_path / "w"), line="w", until=str(go))])
                running = here.start(graph)
                await here.hears(ev.TaskProgressed, task="w", fraction=0.5)
                client = here.executor.client
                assert client is not None
                await there.stop_hub()
                await until(lambda: not client.is_up and not agent.is_up)
            assert running.machine.state == "running", "it can be resumed"
            await there.devices["pi"].stop()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left

    play(story())


def test_switching_off_logging_changes_nothing(tmp_path: Path) -> None:
    async def story(folder: Path) -> Any:
        async with fleet(folder, {"pi": 2}) as there, stage(there=there) as here:
            bad = Task("bad", "py:orrery.testing.executors:look_up", {"name": "x"}, executor="fleet")
            tasks = [away("a", "where"), away("b", "sizes", values=[Ref("a"), "abc"]), bad, away("c", "where")]
            graph = Graph(tasks, [Edge("bad", "c")], outputs={"b": Ref("b"), "c": Ref("c")})
            result = await here.result(graph)
            log = {(type(event).__name__, getattr(event, "task", "")) for event in here.events["r"]}
            return result.state, result.outputs, result.tasks, log

    for name in ("loud", "quiet"):
        (tmp_path / name).mkdir()
    loud = play(story(tmp_path / "loud"))
    logging.disable(logging.CRITICAL)
    try:
        quiet = play(story(tmp_path / "quiet"))
    finally:
        logging.disable(logging.NOTSET)
    assert quiet == loud
    assert loud[:2] == ("partial", {"b": [2, 3]})


def test_placement_works_with_one_device(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path, {"pi": 1}) as there, stage(there=there) as here:
            many = [away(f"t{n}", "where") for n in range(6)]
            result = await here.result(Graph(many, outputs={t.id: Ref(t.id) for t in many}))
            assert list(result.outputs.values()) == ["pi"] * 6

    play(story())


# -- the page ----------------------------------------------------------------------------------------------------

GUARANTEE = re.compile(r"^(\d+)\. .+ \(\[`(test_\w+)`\]\(\.\./\.\./tests/fleet/test_guarantees\.py\)\)$", re.MULTILINE)


def the_page_lists_every_test_once() -> None:
    listed = GUARANTEE.findall(PAGE.read_text(encoding="utf-8"))
    here = [name for name, thing in globals().items() if name.startswith("test_") and inspect.isfunction(thing)]
    assert [int(number) for number, _ in listed] == list(range(1, len(listed) + 1))
    assert [name for _, name in listed] == here


class TestThePage:
    def test_it_lists_every_test_of_this_file_once_and_in_order(self) -> None:
        the_page_lists_every_test_once()
