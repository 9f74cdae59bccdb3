"""Runs in real time: start, wait, cancel, pause, patch, resume, and what happens when the store gives up."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from orrery.errors import (
    GraphError,
    InputError,
    NotSerialisableError,
    OutsideError,
    RequestError,
    RunEndedError,
    RunExistsError,
    RunLockedError,
    StoreError,
    StoreFullError,
    UnknownRunError,
)
from orrery.graph import INPUTS, Add, Each, Effects, Graph, Limits, Patch, Ref, Retry, Task
from orrery.journal import Durability
from orrery.journal.memory import MemoryJournal
from orrery.journal.sqlite import SqliteJournal
from orrery.journal.stores import open_journal
from orrery.runtime import Session, run
from orrery.runtime.executors.inline import InlineExecutor
from orrery.runtime.executors.protocol import Host
from orrery.runtime.history import fold
from orrery.scheduler import State
from orrery.scheduler import events as ev
from tests.runtime.steps import HERE


def step(name: str, op: str, **args: Any) -> Task:
    return Task(name, HERE + op, args)


class Ear:
    """An observer that can be waited on."""

    def __init__(self) -> None:
        self.heard: list[ev.Event] = []
        self._more = asyncio.Event()

    def __call__(self, _run: str, events: Sequence[ev.Event]) -> None:
        self.heard.extend(events)
        self._more.set()

    async def hears(self, kind: type[ev.Event], task: str = "") -> None:
        """Return once an event of that kind (about that task) has become durable."""
        async with asyncio.timeout(30):
            while not any(type(event) is kind and task in ("", getattr(event, "task", "")) for event in self.heard):
                await self._more.wait()
                self._more.clear()


def test_results_flow_from_task_to_task() -> None:
    graph = Graph(
        [step("a", "double", x=Ref(INPUTS, ("n",))), step("b", "double", x=Ref("a"))], outputs={"b": Ref("b")}
    )
    result = run(graph, "memory:", n=3)
    assert (result.state, result.outputs, result.tasks) == ("succeeded", {"b": 12}, {"succeeded": 2})


def test_run_works_where_a_loop_is_running_already() -> None:
    async def in_a_notebook() -> Any:
        return run(Graph([step("a", "double", x=1)], outputs={"a": Ref("a")}), "memory:").outputs

    assert asyncio.run(in_a_notebook()) == {"a": 2}


def test_what_is_wrong_with_a_request_is_said_before_anything_starts() -> None:
    with pytest.raises(GraphError, match="nothing to run"):
        run(Graph(), "memory:")
    with pytest.raises(InputError, match="no input 'm'"):
        run(Graph([step("a", "double", x=Ref(INPUTS, ("n",)))]), "memory:", n=1, m=2)


def test_a_task_cannot_change_the_graph_or_another_ones_argument() -> None:
    shared = [1, 2]
    graph = Graph([step("a", "spoil", items=shared), step("b", "spoil", items=shared)], outputs={"b": Ref("b")})
    assert run(graph, "memory:").outputs == {"b": 3}
    assert shared == [1, 2]


def test_context_variables_do_not_leak_from_task_to_task() -> None:
    graph = Graph([step("a", "moody"), step("b", "moody", x=Ref("a"))], outputs={"b": Ref("b")})
    assert run(graph, "memory:").outputs == {"b": "calm"}


def test_large_results_travel_as_blobs() -> None:
    graph = Graph([step("a", "large", size=3_000_000), step("b", "length", data=Ref("a"))], outputs={"n": Ref("b")})
    assert run(graph, "memory:").outputs == {"n": 3_000_000}


def test_for_each_over_a_result_makes_one_task_per_item() -> None:
    graph = Graph(
        [Task("each", HERE + "double", {"x": Ref("@item")}, each=Each(Ref(INPUTS, ("xs",))))],
        outputs={"r": Ref("each")},
    )
    result = run(graph, "memory:", xs=[1, 2, 3])
    assert result.outputs == {"r": [2, 4, 6]}
    assert result.tasks == {"succeeded": 4}


def test_a_reference_that_leads_nowhere_fails_its_task_and_says_where(tmp_path: Path) -> None:
    graph = Graph([step("a", "double", x=1), step("b", "double", x=Ref("a", ("size",)))])
    result = run(graph, f"sqlite:///{tmp_path}/runs.db")
    assert result.state == "failed"
    assert result.error is not None
    assert "the result of 'a' has no entry 'size'" in result.error.message


def test_several_runs_share_one_session() -> None:
    async def story() -> list[Any]:
        async with Session("memory:") as session:
            graph = Graph([step("a", "double", x=Ref(INPUTS, ("n",)))], outputs={"a": Ref("a")})
            runs = [session.start(graph, {"n": n}) for n in range(20)]
            return [(await each.wait()).outputs["a"] for each in runs]

    assert asyncio.run(story()) == [2 * n for n in range(20)]


def test_a_run_can_be_cancelled() -> None:
    async def story() -> Any:
        ear = Ear()
        async with Session("memory:", observers=(ear,)) as session:
            run = session.start(Graph([step("a", "forever"), step("b", "double", x=Ref("a"))]))
            await ear.hears(ev.TaskProgressed)
            run.cancel("enough")
            return await run.wait()

    result = asyncio.run(story())
    assert result.state == "cancelled"
    assert result.tasks == {"cancelled": 2}


def test_a_paused_run_waits_and_a_held_task_waits_alone() -> None:
    async def story() -> None:
        ear = Ear()
        async with Session("memory:", observers=(ear,)) as session:
            run = session.start(Graph([step("a", "double", x=1), step("b", "double", x=Ref("a"))]))
            run.hold("edit", ["b"], seconds=60)
            await ear.hears(ev.TaskSucceeded, "a")
            run.pause()
            run.let_go("edit")
            await ear.hears(ev.EditClosed)
            assert run.machine.records["b"].state is State.READY
            run.carry_on()
            assert (await run.wait()).state == "succeeded"

    asyncio.run(story())


def test_a_live_run_takes_patches() -> None:
    async def story() -> Any:
        ear = Ear()
        async with Session("memory:", observers=(ear,)) as session:
            run = session.start(Graph([step("a", "forever")]))
            await ear.hears(ev.TaskProgressed)
            run.patch(Patch((Add(step("b", "double", x=4)),), by="me"))
            await ear.hears(ev.TaskSucceeded, "b")
            run.cancel()
            return (await run.wait()).tasks

    assert asyncio.run(story()) == {"cancelled": 1, "succeeded": 1}


def test_observers_hear_every_event_once_and_in_order(tmp_path: Path) -> None:
    async def story() -> tuple[list[Any], list[Any]]:
        ear = Ear()
        async with Session(f"sqlite:///{tmp_path}/runs.db", observers=(ear,)) as session:
            run = session.start(Graph([step("a", "double", x=1)]), run="r")
            await run.wait()
            return ear.heard, [event for _, event in session.journal.read("r")]

    heard, logged = asyncio.run(story())
    assert [type(event) for event in heard] == [type(event) for event in logged]
    assert [event.at for event in heard] == [event.at for event in logged]


def test_a_run_goes_on_where_it_was_when_its_session_is_closed(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/runs.db"
    effects = tmp_path / "effects"
    graph = Graph(
        [
            Task("once", HERE + "append", {"path": str(effects), "line": "paid"}, executor="thread"),
            step("wait", "forever", x=Ref("once")),
            step("kept", "stubborn_but_done", x=Ref("once")),
        ],
        outputs={"kept": Ref("kept")},
    )

    async def first() -> None:
        ear = Ear()
        async with Session(store, observers=(ear,)) as session:
            session.start(graph, run="r")
            await ear.hears(ev.TaskProgressed)

    async def second() -> Any:
        async with Session(store) as session:
            run = session.resume("r")
            states = {task: record.state for task, record in run.machine.records.items()}
            run.cancel()
            await run.wait()
            with pytest.raises(RunEndedError):
                session.resume("r")
            return states

    asyncio.run(first())
    states = asyncio.run(second())
    assert states["once"] is State.SUCCEEDED
    assert states["kept"] is State.SUCCEEDED  # it answered while the session closed, and that was kept
    assert states["wait"] is State.READY
    assert effects.read_text() == "paid r/once 1\n"


def test_a_name_is_taken_once_and_a_run_is_driven_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with Session(f"sqlite:///{tmp_path}/runs.db") as session:
            session.start(Graph([step("a", "forever")]), run="r")
            with pytest.raises(RunExistsError):
                session.start(Graph([step("a", "double", x=1)]), run="r")
            with pytest.raises(RunLockedError):
                session.resume("r")

    asyncio.run(story())


def test_a_run_whose_process_died_before_it_began_can_be_started_again_and_not_resumed(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/runs.db"
    journal = open_journal(store)
    journal.create("r", 0.0)
    journal.close()

    async def story() -> str:
        async with Session(store) as session:
            with pytest.raises(UnknownRunError, match="start it again"):
                session.resume("r")
            return (await session.start(Graph([step("a", "double", x=1)]), run="r").wait()).state

    assert asyncio.run(story()) == "succeeded"


def test_a_full_store_stops_the_run_with_its_reason_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    graph = Graph([step(f"t{n}", "large", size=50_000) for n in range(40)], outputs={"x": Ref("t0")})

    async def fill() -> None:
        journal = SqliteJournal(path, max_bytes=400_000)
        try:
            async with Session(journal) as session:
                with pytest.raises(StoreFullError):
                    await session.start(graph, run="r").wait()
        finally:
            journal.close()

    async def finish() -> str:
        async with Session(f"sqlite:///{path}") as session:
            return (await session.resume("r").wait()).state

    asyncio.run(fill())
    assert asyncio.run(finish()) == "succeeded"


def test_durability_full_gives_the_same_run(tmp_path: Path) -> None:
    async def story() -> Any:
        async with Session(f"sqlite:///{tmp_path}/runs.db", durability="full") as session:
            tasks = [step("t0", "double", x=1), *[step(f"t{n}", "double", x=Ref(f"t{n - 1}")) for n in range(1, 20)]]
            return (await session.start(Graph(tasks, outputs={"end": Ref("t19")})).wait()).outputs

    assert asyncio.run(story()) == {"end": 2**20}


def test_a_long_run_is_resumed_from_a_snapshot() -> None:
    journal = MemoryJournal()

    async def story() -> None:
        async with Session(journal) as session:
            await session.start(Graph([step(f"t{n}", "double", x=n) for n in range(52_000)]), run="r").wait()

    asyncio.run(story())
    kept = journal.load_snapshot("r")
    assert kept is not None
    assert 100_000 <= kept[0] < journal.head("r")
    assert fold(journal, "r").machine.counts() == {"succeeded": 52_000}
    journal.close()


def test_a_blocked_loop_is_reported_with_the_place(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with Session("memory:", watch_s=0.05) as session:
            graph = Graph([Task("hog", HERE + "hog", {"seconds": 0.5}, executor="inline")])
            await session.start(graph).wait()

    with caplog.at_level(logging.WARNING, "orrery"):
        asyncio.run(story())
    assert "the event loop has been blocked" in caplog.text
    assert "hog" in caplog.text


def test_a_flaky_process_task_is_killed_on_its_timeout_and_repeated() -> None:
    graph = Graph(
        [
            Task(
                "hog",
                HERE + "hog",
                {"seconds": 60},
                executor="process",
                effects=Effects("pure"),
                limits=Limits(timeout_s=0.5, retry=Retry(attempts=2, backoff_s=0)),
            )
        ]
    )
    result = run(graph, "memory:")
    assert result.state == "failed"
    assert result.error is not None
    assert "its timeout of 0.5 s" in result.error.message
    assert result.seconds < 20


class Unopenable(InlineExecutor):
    """An executor whose part of the world is not there."""

    async def open(self, host: Host) -> None:
        raise OutsideError("the cluster does not answer")


def test_a_session_that_cannot_be_opened_closes_its_store(tmp_path: Path) -> None:
    session = Session(f"sqlite:///{tmp_path}/runs.db", executors={"cluster": Unopenable()})

    async def enter() -> None:
        async with session:
            pass

    with pytest.raises(OutsideError, match="cluster"):
        asyncio.run(enter())
    with pytest.raises(StoreError, match="closed"):
        session.journal.runs()


def test_a_result_that_finds_no_room_stops_the_run_so_that_it_can_be_resumed(tmp_path: Path) -> None:
    script = tmp_path / "tight.py"
    script.write_text(
        "import resource, sys\n"
        "from orrery.errors import ResultNotKeptError\n"
        "from orrery.graph import Graph, Task\n"
        "from orrery.runtime import run\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))\n"
        f"big = Task('big', '{HERE}large', {{'size': 3_000_000}})\n"
        "try:\n"
        "    run(Graph([big]), sys.argv[1], 'r')\n"
        "except ResultNotKeptError as error:\n"
        "    print(error)\n"
    )
    store = f"sqlite:///{tmp_path}/runs.db"
    here = str(Path(__file__).parents[2])
    said = subprocess.run(
        [sys.executable, str(script), store],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": here},
        timeout=60,
    )
    assert "the result of task 'big' could not be kept" in said.stdout

    async def finish() -> str:
        async with Session(store) as session:
            return (await session.resume("r").wait()).state

    assert asyncio.run(finish()) == "succeeded"


def test_a_for_each_that_is_too_wide_is_refused_before_anything_is_made() -> None:
    async def story() -> Any:
        async with Session("memory:") as session:
            each = Task("each", HERE + "double", {"x": Ref("@item")}, each=Each(list(range(11))))
            return await session.start(Graph([each]), options=ev.RunOptions(caps=ev.GrowthCaps(width=10))).wait()

    result = asyncio.run(story())
    assert result.tasks == {"failed": 1}
    assert result.error is not None
    assert result.error.code == "growth-limit"


@pytest.mark.parametrize("durability", ["process", "full"])
def test_a_lone_task_that_cannot_be_started_fails_and_harms_nothing(tmp_path: Path, durability: Durability) -> None:
    async def story() -> list[str]:
        ear = Ear()
        store = f"sqlite:///{tmp_path}/runs.db"
        async with Session(store, durability=durability, observers=(ear,)) as session:
            once_more = Limits(retry=Retry(2, backoff_s=0.01, on=("UnknownNameError",)))
            lost = Task("a", HERE + "double", {"x": 1}, executor="nowhere", limits=once_more)
            first = await session.start(Graph([lost])).wait()
            second = await session.start(Graph([step("b", "double", x=1)])).wait()
            heard = [type(event) for event in ear.heard]
            assert heard.count(ev.TaskStarted) == 3
            assert heard.index(ev.TaskStarted) < heard.index(ev.TaskFailed)
            return [first.state, second.state]

    assert asyncio.run(story()) == ["failed", "succeeded"]


def test_a_session_whose_store_has_failed_says_so_at_the_next_start(tmp_path: Path) -> None:
    async def story() -> None:
        journal = SqliteJournal(tmp_path / "runs.db", max_bytes=200_000)
        graph = Graph([step(f"t{n}", "large", size=50_000) for n in range(9)])
        try:
            async with Session(journal) as session:
                for name in ("r", "q"):
                    with pytest.raises(StoreFullError):
                        await session.start(graph, run=name).wait()
        finally:
            journal.close()

    asyncio.run(story())


def test_what_cannot_be_written_is_refused_where_it_is_said() -> None:
    async def story() -> str:
        async with Session("memory:") as session:
            run = session.start(Graph([step("a", "double", x=1)]))
            with pytest.raises(NotSerialisableError):
                run.cancel("\udcff")
            return (await run.wait()).state

    assert asyncio.run(story()) == "succeeded"


def test_for_each_takes_maps_with_whole_numbers_as_keys() -> None:
    each = Task("each", HERE + "double", {"x": Ref("@item")}, each=Each(Ref(INPUTS, ("xs",))))
    result = run(Graph([each], outputs={"r": Ref("each")}), "memory:", xs={1: 10, 2: 20})
    assert result.outputs == {"r": {1: 20, 2: 40}}


def test_an_observer_that_fails_does_not_stop_the_run(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_run: str, _events: Sequence[ev.Event]) -> None:
        raise ValueError("deaf")

    async def story() -> str:
        async with Session("memory:", observers=(fail,)) as session:
            return (await session.start(Graph([step("a", "double", x=1)])).wait()).state

    with caplog.at_level(logging.ERROR, "orrery"):
        assert asyncio.run(story()) == "succeeded"
    assert "deaf" in caplog.text


def test_what_cannot_be_run_and_impossible_limits_are_refused() -> None:
    graph = Graph([step("a", "double", x=1)])
    with pytest.raises(RequestError, match="@flow"):
        run(5, "memory:")  # type: ignore[arg-type]
    for limit in (float("nan"), -1.0):
        with pytest.raises(RequestError, match="wall_s"):
            run(graph, "memory:", options=ev.RunOptions(budget=ev.Budget(wall_s=limit)))
    with pytest.raises(RequestError, match="gpu"):
        Session("memory:", resources={"gpu": -1})
