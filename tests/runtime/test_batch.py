"""A workflow over the rows of a table: each row as if alone, shared work once, no row held up by another, resumed."""

from __future__ import annotations

import asyncio
import csv
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orrery.bench.optimiser.rows import SLOTS, _killed, micro_batches
from orrery.bench.optimiser.rows_process import STEPS, Workers
from orrery.bench.optimiser.rows_process import workflow as four_steps
from orrery.errors import InputError, TableChangedError
from orrery.graph import INPUTS, Each, Edge, Effects, Graph, Ref, Task
from orrery.graph.expr import Expr
from orrery.journal import Journal, open_journal
from orrery.runtime import Result, Run, Session
from orrery.runtime.batch.plan import batch_of, batch_options, check_table
from orrery.runtime.batch.results import RowResult, Spool, write_table
from orrery.runtime.batch.table import Table
from orrery.scheduler import events as ev
from orrery.scheduler.events import Budget, RunOptions
from orrery.workflow.workflow import InputSpec, Workflow
from tests.runtime.batch_steps import CALLS, GATES, HERE
from tests.simulated import Simulated, simulated

__all__ = ["simulated"]


def in_a_loop(story: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    @wraps(story)
    def test(*args: Any, **more: Any) -> None:
        async def told() -> None:
            await story(*args, **more)

        asyncio.run(told())

    return test


PURE = Effects("pure")
GRAPH = Graph(
    [
        Task("twice", f"{HERE}double", {"x": Ref(INPUTS, ("x",))}, effects=PURE),
        Task("sum", f"{HERE}add", {"x": Ref("twice"), "y": Ref(INPUTS, ("y",))}, effects=PURE),
    ],
    outputs={"twice": Ref("twice"), "sum": Ref("sum")},
)
WORKFLOW = Workflow("sums", GRAPH, {"x": InputSpec("x", "integer"), "y": InputSpec("y", "integer", 0)})


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    CALLS.clear()
    GATES.clear()
    yield
    GATES.clear()


def table(folder: Path, rows: Sequence[Mapping[str, Any]], name: str = "t.csv") -> Path:
    with (folder / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return Path(name)


def results(folder: Path, name: str = "t.results.csv") -> list[dict[str, str]]:
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


async def run_over(
    folder: Path,
    rows: Sequence[Mapping[str, Any]],
    *,
    workflow: Workflow = WORKFLOW,
    store: str | Journal = "memory:",
    options: RunOptions | None = None,
    meanwhile: Callable[[Session, Run], Awaitable[None]] | None = None,
    **more: Any,
) -> Result:
    async with Session(store) as session:
        batch = batch_of(workflow, table(folder, rows), folder=folder, **more)
        run = session.start(batch, run="B", folder=folder, options=batch_options(options or RunOptions()))
        if meanwhile is not None:
            await meanwhile(session, run)
        return await run.wait()


async def until(met: Callable[[], bool]) -> None:
    """Let the loop go round until something is so; the test's own time limit ends it if it never is."""
    async with asyncio.timeout(10):
        while not met():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("seed", range(3))
@in_a_loop
async def test_every_row_ends_as_if_it_were_alone_and_equal_work_is_done_once(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    rows = [{"x": chance.randrange(12), "y": chance.randrange(3)} for _ in range(150)]
    result = await run_over(tmp_path, rows, at_once=chance.choice([1, 8, 40, 1000]))
    found = results(tmp_path)
    for row, one in zip(rows, found, strict=True):
        x, y = row["x"], row["y"]
        assert (one["x"], one["y"]) == (str(x), str(y))
        if x % 7 == 3:
            assert (one["state"], one["error_code"], one["error"]) == ("failed", "ValueError", f"no {x}, please")
            assert (one["twice"], one["sum"]) == ("", "")
        else:
            assert (one["state"], one["twice"], one["sum"]) == ("succeeded", str(2 * x), str(2 * x + y))
    failed = sum(row["x"] % 7 == 3 for row in rows)
    counts = result.outputs["rows"]
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (150, 150 - failed, failed)
    assert result.state == ("partial" if failed else "succeeded")
    assert all(times == 1 for (_, what), times in CALLS.items() if what not in (3, 10))


@in_a_loop
async def test_work_that_has_effects_is_done_for_every_row(tmp_path: Path) -> None:
    tasks = [Task("twice", f"{HERE}double", {"x": Ref(INPUTS, ("x",))})]
    workflow = replace(WORKFLOW, graph=Graph(tasks, outputs={"twice": Ref("twice")}))
    result = await run_over(tmp_path, [{"x": 1}] * 50, workflow=workflow, at_once=8)
    assert result.state == "succeeded"
    assert CALLS["double", 1] == 50


@in_a_loop
async def test_no_row_waits_for_one_that_takes_long(tmp_path: Path) -> None:
    GATES[0] = asyncio.Event()
    rows = [{"x": 0}, *({"x": 14 * n} for n in range(1, 300)), {"x": 0}]

    async def meanwhile(_session: Session, run: Run) -> None:
        await until(lambda: sum(times for (what, _), times in CALLS.items() if what == "add") == 299)
        assert CALLS["double", 0] == 1, "the last row wants what the first is doing, and waits for that"
        GATES[0].set()

    result = await run_over(tmp_path, rows, at_once=16, meanwhile=meanwhile)
    assert result.outputs["rows"]["succeeded"] == 301
    assert CALLS["double", 0] == 1


@in_a_loop
async def test_windows_are_forgotten_and_never_more_than_a_few(tmp_path: Path) -> None:
    most = 0

    async def meanwhile(session: Session, run: Run) -> None:
        nonlocal most
        while run.machine.state == "running":
            most = max(most, len(session.driver.scheduler.machines))
            await asyncio.sleep(0)
        assert not session.driver.scheduler.machines
        assert len(session.journal.runs()) > 50

    await run_over(tmp_path, [{"x": 7 * n} for n in range(300)], at_once=16, meanwhile=meanwhile)
    assert 2 < most <= 7


def finished_work(store: str, rows: Sequence[Mapping[str, int]]) -> set[tuple[str, object]]:
    """What the log of a store says is done, as `CALLS` counts it."""
    journal = open_journal(store)
    try:
        events = [event for run in journal.runs() if "/" in run.run for _, event in journal.read(run.run)]
    finally:
        journal.close()
    found: set[tuple[str, object]] = set()
    for event in events:
        if isinstance(event, ev.TaskSucceeded):
            row, _, task = event.task.partition("/")
            x, y = rows[int(row[1:]) - 1]["x"], rows[int(row[1:]) - 1]["y"]
            found.add(("double", x) if task == "twice" else ("add", (2 * x, y)))
    return found


@in_a_loop
async def test_a_batch_that_is_interrupted_goes_on_and_nothing_finished_runs_again(tmp_path: Path) -> None:
    store, rows = f"sqlite:///{tmp_path}/runs.db", [{"x": 7 * n, "y": n % 5} for n in range(120)]
    GATES[7 * 60] = asyncio.Event()
    async with Session(store) as session:
        batch = batch_of(WORKFLOW, table(tmp_path, rows), folder=tmp_path, at_once=24)
        session.start(batch, run="B", folder=tmp_path, options=batch_options(RunOptions()))
        await until(lambda: sum(CALLS.values()) > 150)
    before, finished = CALLS.copy(), finished_work(store, rows)
    assert len(finished) > 50
    GATES.clear()
    async with Session(store) as session:
        result = await session.resume("B").wait()
    assert result.outputs["rows"]["succeeded"] == 120
    assert [one["sum"] for one in results(tmp_path)] == [str(2 * row["x"] + row["y"]) for row in rows]
    assert not {what for what in before if CALLS[what] > before[what]} & finished
    assert sum(CALLS.values()) <= 240 + 24, "what was in flight, and nothing else, is done again"


def test_a_batch_that_is_killed_goes_on_and_nothing_finished_runs_again(tmp_path: Path) -> None:
    crash = _killed(tmp_path / "killed", 300, seed=1)
    assert crash.finished_rows > 0
    assert (crash.rows_again, crash.tasks_again, crash.succeeded) == (0, 0, 300)
    assert 300 * STEPS <= crash.executed <= 300 * STEPS + SLOTS


@in_a_loop
async def test_shared_work_is_not_done_again_after_an_interruption(tmp_path: Path) -> None:
    store, rows = f"sqlite:///{tmp_path}/runs.db", [{"x": 7 * (n % 10), "y": n} for n in range(100)]
    GATES["never"] = asyncio.Event()
    async with Session(store) as session:
        batch = batch_of(WORKFLOW, table(tmp_path, rows), folder=tmp_path, at_once=8)
        session.start(batch, run="B", folder=tmp_path, options=batch_options(RunOptions()))
        await until(lambda: sum(times for (what, _), times in CALLS.items() if what == "add") > 40)
    async with Session(store) as session:
        result = await session.resume("B").wait()
    assert result.state == "succeeded"
    assert all(CALLS["double", 7 * n] == 1 for n in range(10))


@in_a_loop
async def test_large_values_are_shared_too(tmp_path: Path) -> None:
    tasks = [
        Task("essay", f"{HERE}essay", {"x": Ref(INPUTS, ("x",))}, effects=PURE),
        Task("count", "text.count", {"text": Ref("essay")}, effects=PURE),
        Task("twice", f"{HERE}double", {"x": Ref(INPUTS, ("y",))}),
    ]
    outputs = {"words": Ref("count", ("words",)), "twice": Ref("twice")}
    workflow = replace(WORKFLOW, graph=Graph(tasks, [Edge("count", "twice")], outputs))
    rows = [{"x": n % 3, "y": 7 * n} for n in range(40)]
    await run_over(tmp_path, rows, workflow=workflow, at_once=4)
    assert {one["words"] for one in results(tmp_path)} == {"10000"}
    assert [CALLS["essay", n] for n in range(3)] == [1, 1, 1]


@in_a_loop
async def test_a_table_that_changed_is_refused_and_the_batch_can_still_go_on(tmp_path: Path) -> None:
    store, rows = f"sqlite:///{tmp_path}/runs.db", [{"x": 7 * n} for n in range(50)]
    GATES[0] = asyncio.Event()
    async with Session(store) as session:
        batch = batch_of(WORKFLOW, table(tmp_path, rows), folder=tmp_path, at_once=8)
        session.start(batch, run="B", folder=tmp_path, options=batch_options(RunOptions()))
        await until(lambda: sum(CALLS.values()) > 10)
    table(tmp_path, [*rows, {"x": 5}])
    journal = open_journal(store)
    with pytest.raises(TableChangedError, match=r"'t.csv' is not the table with which batch 'B' began"):
        check_table(journal, "B")
    table(tmp_path, rows)
    check_table(journal, "B")
    journal.close()
    GATES.clear()
    async with Session(store) as session:
        assert (await session.resume("B").wait()).state == "succeeded"


@in_a_loop
async def test_a_cancelled_batch_ends_its_windows_and_keeps_what_there_is(tmp_path: Path) -> None:
    rows = [{"x": 7 * n} for n in range(200)]
    GATES[7 * 100] = asyncio.Event()

    async def meanwhile(session: Session, run: Run) -> None:
        await until(lambda: sum(CALLS.values()) > 60)
        run.cancel("enough")
        await run.wait()
        states = {one.run: one.state for one in session.journal.runs()}
        assert "running" not in states.values()

    result = await run_over(tmp_path, rows, at_once=16, meanwhile=meanwhile)
    assert result.state == "cancelled"
    found = results(tmp_path)
    assert 10 < len(found) < 200
    assert {one["state"] for one in found} <= {"succeeded", "cancelled"}


@in_a_loop
async def test_a_paused_batch_starts_nothing_until_it_goes_on(tmp_path: Path) -> None:
    async def meanwhile(session: Session, run: Run) -> None:
        await until(lambda: sum(CALLS.values()) > 60)
        run.pause()
        await until(lambda: all(machine.paused for machine in session.driver.scheduler.machines.values()))
        await until(lambda: not any(m.in_flight for r, m in session.driver.scheduler.machines.items() if r != "B"))
        stopped_at = sum(CALLS.values())
        assert stopped_at < 400
        await asyncio.sleep(0.05)
        assert sum(CALLS.values()) == stopped_at
        run.carry_on()

    result = await run_over(tmp_path, [{"x": 7 * n} for n in range(200)], at_once=16, meanwhile=meanwhile)
    assert result.outputs["rows"]["succeeded"] == 200


@in_a_loop
async def test_the_first_failure_stops_a_batch_that_is_to_fail_fast(tmp_path: Path) -> None:
    rows = [{"x": 3 if n == 20 else 7 * n} for n in range(400)]
    result = await run_over(tmp_path, rows, at_once=8, options=RunOptions(fail_fast=True))
    assert result.outputs["rows"]["stopped"].startswith("row 21 failed")
    assert sum(CALLS.values()) < 200
    assert result.state == "partial"


@in_a_loop
async def test_a_batch_stops_when_its_budget_is_used_up(tmp_path: Path) -> None:
    tasks = [Task("spend", "py:tests.runtime.test_batch:spend", {"x": Ref(INPUTS, ("x",))})]
    workflow = replace(WORKFLOW, graph=Graph(tasks, outputs={"x": Ref("spend")}))
    options = RunOptions(budget=Budget(money=5.0))
    result = await run_over(tmp_path, [{"x": n} for n in range(100)], workflow=workflow, at_once=4, options=options)
    assert result.state == "partial"
    found = [one for one in results(tmp_path) if one["state"] == "succeeded"]
    assert 5 <= len(found) < 20
    assert sum(float(one["money"]) for one in found) == len(found)


def spend(x: int, ctx: Any) -> int:
    ctx.usage(money=1.0, tokens=10)
    return x


@in_a_loop
async def test_the_work_of_a_row_may_grow(tmp_path: Path) -> None:
    each = Task("each", f"{HERE}double", {"x": Ref("@item")}, each=Each(Ref(INPUTS, ("xs",))))
    graph = Graph([each], outputs={"all": Ref("each")})
    workflow = Workflow("each", graph, {"xs": InputSpec("xs", "array")})
    result = await run_over(tmp_path, [{"xs": f"[{n}, {7 * n}]"} for n in range(5)], workflow=workflow, at_once=4)
    assert [one["all"] for one in results(tmp_path)] == ["[0,0]", "[2,14]", "[4,28]", "", "[8,56]"]
    assert result.outputs["rows"]["errors"][0]["row"] == 4


@in_a_loop
async def test_rows_pass_the_steps_faster_than_in_batches_as_wide_as_the_workers(tmp_path: Path) -> None:
    rows, slower = 192, 5.0  # so that it is waiting, not this machine, that takes the time
    (tmp_path / "t.csv").write_text("row\n" + "".join(f"{row}\n" for row in range(rows)))
    async with Session("memory:", executors={"workers": Workers(SLOTS, seed=1, scale=slower)}) as session:
        batch = batch_of(four_steps(), Path("t.csv"), folder=tmp_path)
        began = time.perf_counter()
        result = await session.start(batch, folder=tmp_path, options=batch_options(RunOptions())).wait()
    assert result.outputs["rows"]["succeeded"] == rows
    assert slower * micro_batches(rows, seed=1)[-1] >= 2 * (time.perf_counter() - began)


@in_a_loop
async def test_what_goes_wrong_on_the_way_is_told_when_the_rows_under_way_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"x": 7 * n} for n in range(100)]
    GATES[7 * 20] = asyncio.Event()

    async def meanwhile(session: Session, run: Run) -> None:
        await until(lambda: CALLS["double", 140] == 1)
        monkeypatch.setattr(Table, "rows", lambda _table: (_ for _ in ()).throw(InputError("the table is gone")))
        monkeypatch.setattr(Spool, "add", lambda *_: (_ for _ in ()).throw(InputError("the results cannot be kept")))
        GATES[140].set()
        await run.wait()
        assert {one.state for one in session.journal.runs() if one.run != "B"} == {"succeeded"}

    result = await run_over(tmp_path, rows, at_once=8, meanwhile=meanwhile)
    assert result.state == "failed"
    assert "the results cannot be kept" in str(result.error)


@in_a_loop
async def test_a_row_may_ask_a_person_while_others_go_on(tmp_path: Path) -> None:
    ask = Task("ask", "ask", {"question": "double it?"}, "person", when=Expr("x == 7", {"x": Ref(INPUTS, ("x",))}))
    twice = Task("twice", f"{HERE}double", {"x": Ref(INPUTS, ("x",))})
    graph = Graph([ask, twice], [Edge("ask", "twice", "completion")], {"twice": Ref("twice")})
    notes: list[str] = []

    async def meanwhile(session: Session, _run: Run) -> None:
        session.driver.observers.append(
            lambda _, events: notes.extend(one.note for one in events if isinstance(one, ev.TaskProgressed))
        )
        await until(lambda: any("1 wait for an answer, such as `orrery approve B/0001 r2/ask`" in one for one in notes))
        assert CALLS.total() == 29
        session.driver.report("B/0001", ev.TaskAnswered(session.driver.now(), "r2/ask", "approve"))

    rows = [{"x": 7 * n} for n in range(30)]
    result = await run_over(tmp_path, rows, workflow=replace(WORKFLOW, graph=graph), at_once=40, meanwhile=meanwhile)
    assert result.outputs["rows"]["succeeded"] == 30


@in_a_loop
async def test_a_batch_needs_its_executor(tmp_path: Path) -> None:
    batch = batch_of(WORKFLOW, table(tmp_path, [{"x": 7}]), folder=tmp_path)
    tasks = [msgspec.structs.replace(task, executor="inline") for task in batch.graph]
    async with Session("memory:") as session:
        result = await session.start(Graph(tasks, outputs=batch.graph.outputs), folder=tmp_path).wait()
    assert "it needs executor 'batch'" in str(result.error)


@in_a_loop
async def test_a_batch_that_is_cancelled_while_its_results_are_written_has_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, begun, go = write_table, threading.Event(), threading.Event()

    def slowly(*args: Any) -> None:
        begun.set()
        assert go.wait(10)
        write(*args)

    monkeypatch.setattr("orrery.runtime.batch.rows.write_table", slowly)

    async def meanwhile(_session: Session, run: Run) -> None:
        await until(begun.is_set)
        run.cancel("too late")
        await asyncio.sleep(0.05)
        go.set()

    result = await run_over(tmp_path, [{"x": 7 * n} for n in range(30)], meanwhile=meanwhile)
    assert result.state == "cancelled"
    assert [one["state"] for one in results(tmp_path)] == ["succeeded"] * 30
    assert not (tmp_path / "t.results.csv.part").exists()


@in_a_loop
async def test_a_model_is_asked_once_for_what_turns_out_to_be_equal(tmp_path: Path, simulated: Simulated) -> None:
    server = simulated(lambda asked: f"about {asked.text}")
    tasks = [
        Task("tidy", "text.replace", {"text": Ref(INPUTS, ("note",)), "old": " ", "new": ""}, effects=PURE),
        Task("ask", "model.ask", {"prompt": Ref("tidy")}, effects=Effects("idempotent")),
    ]
    graph = Graph(tasks, outputs={"answer": Ref("ask")})
    workflow = Workflow("ask", graph, {"note": InputSpec("note", "string")})
    rows = [{"note": " " * n + "abc"[n % 3]} for n in range(30)]
    result = await run_over(tmp_path, rows, workflow=workflow, at_once=64)
    assert result.outputs["rows"]["succeeded"] == 30
    assert [one["answer"] for one in results(tmp_path)] == [f"about {'abc'[n % 3]}" for n in range(30)]
    assert server.counts.calls == 3
    paid = [one for one in results(tmp_path) if one["tokens"] != "0"]
    assert len(paid) == 3


@in_a_loop
async def test_two_batches_with_the_same_results_do_not_write_over_each_other(tmp_path: Path) -> None:
    GATES[7] = asyncio.Event()

    async def meanwhile(session: Session, _run: Run) -> None:
        await until(lambda: CALLS["double", 7] == 1)
        other = batch_of(WORKFLOW, Path("t.csv"), folder=tmp_path, given={"y": "5"})
        second = await session.start(other, run="C", folder=tmp_path, options=batch_options(RunOptions())).wait()
        assert second.state == "failed"
        assert "is being written by another batch" in str(second.error)
        GATES[7].set()

    result = await run_over(tmp_path, [{"x": 7 * n} for n in range(9)], meanwhile=meanwhile)
    assert result.state == "succeeded"
    assert [int(row["sum"]) for row in results(tmp_path)] == [14 * n for n in range(9)]


@in_a_loop
async def test_a_run_that_is_called_like_a_window_is_none(tmp_path: Path) -> None:
    async with Session("memory:") as session:
        for name in ("B/0001", "B/0003/x", "B/other"):
            assert (await session.start(WORKFLOW, {"x": 1, "y": 2}, run=name).wait()).outputs["sum"] == 4
        waits = Workflow("waits", Graph([Task("ask", "ask", {"question": "go on?"}, "person")]))
        session.start(waits, run="B/0002")
        batch = batch_of(WORKFLOW, table(tmp_path, [{"x": 7}]), folder=tmp_path)
        result = await session.start(batch, run="B", folder=tmp_path, options=batch_options(RunOptions())).wait()
        assert (result.state, result.outputs["rows"]["succeeded"]) == ("succeeded", 1)
        assert {one.run: one.state for one in session.journal.runs()} == {
            "B": "succeeded", "B/0001": "succeeded", "B/0002": "running", "B/0003": "succeeded",
            "B/0003/x": "succeeded", "B/other": "succeeded",
        }  # fmt: skip


@pytest.mark.parametrize("wrong", [False, True])
@in_a_loop
async def test_rows_that_need_no_work_leave_the_loop_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: bool
) -> None:
    rounds = 0
    seen: set[int] = set()
    add = Spool.add

    def watched(spool: Spool, found: Iterable[RowResult]) -> None:
        seen.add(rounds)
        add(spool, found)

    async def meanwhile(_session: Session, run: Run) -> None:
        nonlocal rounds
        waiting = asyncio.ensure_future(run.wait())
        while not waiting.done():
            rounds += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(Spool, "add", watched)
    rows = [{"x": "no" if wrong and n else 7} for n in range(2_000)]
    await run_over(tmp_path, rows, at_once=64, skip_bad_rows=True, meanwhile=meanwhile)
    assert len(results(tmp_path)) == 2_000
    assert len(seen) >= 2_000 // 64


@in_a_loop
async def test_a_batch_that_only_waits_notes_its_progress_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orrery.runtime.batch.rows.NOTE_EVERY_S", 0.001)
    monkeypatch.setattr("orrery.runtime.context.PROGRESS_EVERY_S", 0.0)
    GATES[7] = asyncio.Event()
    ticks = 0
    tell = Spool.flush

    def flush(spool: Spool) -> None:
        nonlocal ticks
        ticks += 1
        tell(spool)

    async def meanwhile(session: Session, run: Run) -> None:
        monkeypatch.setattr(Spool, "flush", flush)
        await until(lambda: ticks >= 40)
        GATES[7].set()
        await run.wait()
        notes = [event for _, event in session.journal.read("B") if isinstance(event, ev.TaskProgressed)]
        assert len(notes) <= 2

    await run_over(tmp_path, [{"x": 7}], meanwhile=meanwhile)
