"""The rows of a batch, sent through windows that overlap. The one module of this package that drives.

A window begins as soon as enough rows have ended that another fits among those under way, so there is always more
ready work than slots, and no step waits for the same step of other rows. What rows share is done by the window that
comes first (`sharing`); a row that wants what another window is just doing is set aside until it is done.

After a crash the log is all there is. The windows are found by their names, those that have ended are read, the others
are resumed, and rows without a window are as if nothing had happened.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from orrery import __version__
from orrery.cost import servers_of
from orrery.errors import BadRowError, Failure, InputError, RequestError
from orrery.graph.query import returned
from orrery.graph.values import Blob, decode, encode
from orrery.passes.batch import Consolidated, Key, RowKeys, consolidate
from orrery.routing.replicas import Affinity
from orrery.runtime.batch.layout import LogReader, is_window, layout_of, window_number
from orrery.runtime.batch.pace import Pace
from orrery.runtime.batch.plan import EXECUTOR, BatchPlan, check_table, rows_at_once
from orrery.runtime.batch.results import RowResult, Spool, write_table
from orrery.runtime.batch.sharing import Occurrences, SharedWork
from orrery.runtime.batch.table import Table, TableRow
from orrery.runtime.batch.window import Done, Window, rows_of_graph
from orrery.runtime.executors.batch import BatchContext
from orrery.runtime.history import fold
from orrery.runtime.takeover import take_over
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine
from orrery.scheduler.states import State

WINDOW_ROWS: Final = 128
"""Rows of a window: enough that a run costs little for each, few enough that making its graph holds nothing up."""
WINDOWS_AT_ONCE: Final = 4
"""Into so many windows the rows under way are divided where there are fewer of them."""
MOST_WINDOWS: Final = 32
"""A window is kept while one of its rows is under way; more are not begun, lest stragglers fill the memory."""
KEPT_BYTES: Final = 4096
NOTE_EVERY_S: Final = 0.5
NOTE_WITHIN_S: Final = 10.0
MOST_ERRORS: Final = 10
MOST_NOTES: Final = 200
"""Progress is noted in the log of the batch, which may take days: the longer it has gone on, the more seldom."""


class _Pending(NamedTuple):
    """A row that has no window yet."""

    number: int
    inputs: dict[str, Any]
    keys: tuple[Key, ...]


async def run_rows(plan: dict[str, Any], ctx: BatchContext) -> dict[str, Any]:
    """Send every row through, and write the table of results.

    Returns: {"total", "succeeded", "failed", "results", "tasks", "errors"}: rows in all and by how they ended, the path
        of the results, how many tasks were made for them, and the first errors.

    Raises:
        TableChangedError: the table is not the one with which the batch began.
        InputError, FileAccessError: it cannot be read, or the results cannot be written.
        RequestError: it runs on another executor than that of batches.
    """
    if not isinstance(ctx, BatchContext):
        raise RequestError(f"a batch drives runs of its own: it needs executor {EXECUTOR!r}")
    batch = _Batch(msgspec.convert(plan, BatchPlan), ctx)
    try:
        await batch.begin()
        await batch.go_on()
        return await batch.end()
    except asyncio.CancelledError:
        if not ctx.closing:
            await batch.give_up()
        raise
    except Exception as error:
        await batch.wind_up(error)
        raise
    finally:
        ctx.hear = None
        batch.close()


class _Batch:
    """One batch while it is driven."""

    def __init__(self, plan: BatchPlan, ctx: BatchContext) -> None:
        self.plan, self.ctx, self.driver, self.run = plan, ctx, ctx.driver, ctx.run
        self.table = Table(ctx.folder / plan.table)
        self.graph = plan.read_graph()
        self.columns = plan.columns()
        self.keys = RowKeys(self.graph)
        self.plain = tuple(task for task in self.keys.keyed if self.keys.is_plain(task))
        self.at_once = plan.at_once or rows_at_once(self.graph, self.driver.scheduler.pools.capacity)
        self.window_rows = max(1, min(WINDOW_ROWS, self.at_once // WINDOWS_AT_ONCE))
        self.shared: SharedWork[_Pending] = SharedWork({})
        self.affinity = Affinity(servers_of)
        self.windows: dict[str, Window] = {}
        self.begun, self.read = 0, 0
        self.placed = bytearray(plan.rows + 1)
        self.out = ctx.folder / plan.out
        self.spool = Spool(self.out.with_name(f"{self.out.name}.part"), plan.rows)
        self.pace = Pace(plan.rows)
        self.noted: tuple[float, str] | None = None
        self.counts = {"succeeded": 0, "failed": 0, "cancelled": 0}
        self.tasks = 0
        self.errors: list[RowResult] = []
        self.money, self.tokens = 0.0, 0
        self.stopped: Failure | None = None
        self.broken: Exception | None = None
        self.writing: asyncio.Future[None] | None = None
        self.paused = False
        self.changed = asyncio.Event()
        self._coming: Iterator[tuple[TableRow, dict[str, Any] | BadRowError]] = iter(())
        self._exhausted = False

    # -- before ---------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Check the table, count what its rows share, and take up the windows that an earlier driver left."""
        await asyncio.to_thread(check_table, self.driver.journal, self.run)
        if self.plain:
            self.shared = SharedWork(await asyncio.to_thread(self._repeated))
        self.ctx.hear = self.hear
        for one in self.driver.journal.runs():
            number = window_number(self.run, one.run)
            if number is None:
                continue
            self.begun = max(self.begun, number)
            if one.events and is_window(self.driver.journal, one.run):
                self._recover(one.run, ended=one.state not in ("running", "paused"))
                await asyncio.sleep(0)
        self._coming = (
            (row, bound) for row, bound in self.plan.bound(self.table, self.columns) if not self.placed[row.number]
        )

    def _repeated(self) -> dict[int, int]:
        found = Occurrences()
        for _, bound in self.plan.bound(self.table, self.columns):
            if not isinstance(bound, BadRowError):
                found.add(self._keys(bound))
        return found.repeated()

    def _keys(self, inputs: Mapping[str, Any]) -> tuple[Key, ...]:
        """What may be shared of a row, as far as a value may stand in its place; nothing of a row that does not fit."""
        try:
            keys = self.keys.keys(inputs)
        except InputError:
            return ()
        return tuple(dict.fromkeys(keys[task] for task in self.plain))

    def _recover(self, run: str, *, ended: bool) -> None:
        """Read a window back from its log, and go on with it if it has not ended."""
        reading = LogReader(run, self._load)
        if ended:
            machine = fold(self.driver.journal, run, watch=reading.watch).machine
        else:
            history, future = take_over(self.driver, run, watch=reading.watch)
            machine = history.machine
            future.add_done_callback(_retrieve)
            if machine.paused:
                self.driver.report(run, ev.RunContinued(self.driver.now()))
        window = reading.window
        if window is None:  # its process died before it had a graph: it holds no row
            self.driver.report(run, ev.RunCancelRequested(self.driver.now(), self.run, "it holds no row"))
            return
        for row in window.rows:
            self.placed[row.number] = True
        self.tasks += reading.tasks
        keys = list(reading.keys.values())
        if not ended:
            self.shared.reclaim(keys, run)
            self.affinity.recall(machine.graph.tasks.values())
            self.windows[run] = window
        self.shared.placed(reading.wanted)
        self._take(window, reading.done)

    # -- going on -------------------------------------------------------------------------------------

    async def go_on(self) -> None:
        """Begin windows while there is room, and return when the last has ended."""
        ticking = asyncio.create_task(self._tick())
        try:
            while True:
                if self.stopped is None and not self.paused and self._has_room() and self._begin_window():
                    await asyncio.sleep(0)  # rows may end as they begin, and then there is always room
                    continue
                if self.broken is not None and self.stopped is None:
                    raise self.broken
                if not self.windows and (self.stopped is not None or (self._exhausted and not self.shared.parked)):
                    break
                self.changed.clear()
                await self.changed.wait()
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        began_at = time.monotonic()
        try:
            while True:
                self._tell()
                await asyncio.sleep(min(NOTE_WITHIN_S, max(NOTE_EVERY_S, (time.monotonic() - began_at) / MOST_NOTES)))
        except Exception as error:  # noqa: BLE001 - it is raised where the batch waits
            self.broken = error
            self.changed.set()

    def _has_room(self) -> bool:
        under_way = sum(window.unfinished for window in self.windows.values())
        return not self.windows or (under_way + self.window_rows <= self.at_once and len(self.windows) < MOST_WINDOWS)

    def _begin_window(self) -> bool:
        """Send some rows on their way, or take some from the table. False if there are none that could go now."""
        run, read = f"{self.run}/{self.begun + 1:04d}", self.read
        rows = self._next_rows(run)
        if not rows:
            return self.read > read
        wanted = [key for row in rows for key in row.keys]
        known = {key: self._loaded(value) for key, value in self.shared.known(wanted).items()}
        made = consolidate(self.graph, {row.number: row.inputs for row in rows}, known=known, keys=self.keys)
        for number, why in made.refused.items():
            self._finish([_bad(number, why)])
        if len(made.graph):
            self.begun += 1
            self._drive(run, self._spread(made), wanted)
        else:  # all of it was there already
            self._finish(
                RowResult(number, "succeeded", {name: made.graph.outputs[whole] for name, whole in names.items()})
                for number, names in made.outputs.items()
            )
        self.shared.placed(wanted)
        return True

    def _spread(self, made: Consolidated) -> Consolidated:
        """The same with each call to a model at the replica that is to answer it."""
        graph = self.affinity.place(made.graph).graph
        if graph is made.graph:
            return made
        rows = {task: made.rows[task] for task in graph.tasks}  # in the order in which they will be read from the log
        return msgspec.structs.replace(made, graph=graph, rows=rows)

    def _next_rows(self, run: str) -> list[_Pending]:
        rows: list[_Pending] = []
        while len(rows) < self.window_rows:
            row = self.shared.released() or self._from_table()
            if row is None:
                break
            busy = self.shared.in_the_way(row.keys, run)
            if busy is None:
                rows.append(row)
            else:
                self.shared.park(row, busy)
        return rows

    def _from_table(self) -> _Pending | None:
        """The next row that fits; None at the end, after many that do not, and while enough wait."""
        for _ in range(self.window_rows):
            if self.shared.parked >= self.at_once:
                return None
            row, bound = next(self._coming, (None, None))
            if row is None or bound is None:
                self._exhausted = True
                return None
            self.read += 1
            self.placed[row.number] = True
            if not isinstance(bound, BadRowError):
                return _Pending(row.number, bound, self._keys(bound))
            where = f"column {bound.column!r}: " if bound.column else ""
            self._finish([_bad(row.number, f"{where}{bound.message}")])
        return None

    def _drive(self, run: str, made: Consolidated, wanted: Sequence[Key]) -> None:
        driver, at = self.driver, self.driver.now()
        got = set(self.shared.claim(made.keys.values(), run))
        claimed = {task: key for task, key in made.keys.items() if key in got}
        layout = layout_of(made, claimed, self.shared.repeated(wanted))
        batch = driver.machine(self.run).options
        options = ev.RunOptions(seed=batch.seed, weight=batch.weight)
        folder, target = str(self.ctx.folder), self.plan.target
        started = ev.RunStarted(at, run, msgspec.Raw(encode(layout)), options, target, folder, __version__)
        lease = driver.journal.create(run, at, target)
        machine = Machine(run)
        patched = machine.open_with(made.graph, at=at, by="pass:batch")
        self.windows[run] = Window(run, rows_of_graph(made.rows, made.outputs), claimed, self._load)
        self.tasks += len(made.graph)
        driver.drive(machine, lease, folder, [started, patched]).add_done_callback(_retrieve)

    def hear(self, run: str, events: Sequence[ev.Event]) -> None:
        """Take in what became durable of any run. Whatever is wrong with it must not be lost on the driver."""
        try:
            self._hear(run, events)
        except Exception as error:  # noqa: BLE001 - it is raised where the batch waits
            self.broken = error
            self.changed.set()

    def _hear(self, run: str, events: Sequence[ev.Event]) -> None:
        window = self.windows.get(run)
        if window is not None:
            machine = self.driver.machine(run)
            try:
                self._take(window, window.take(events, machine))
            finally:
                if machine.state != "running":
                    del self.windows[run]
            self.changed.set()
        elif run == self.run:
            for event in events:
                if isinstance(event, ev.RunPaused | ev.RunContinued):
                    self.paused = isinstance(event, ev.RunPaused)
                    for name in self.windows:
                        self.driver.report(name, type(event)(self.driver.now(), event.by))
                    self.changed.set()

    def _take(self, window: Window, done: Done) -> None:
        for key, value in done.work.items():
            if value is None:
                self.shared.given_up(key)
            else:
                self.shared.done(key, self._kept(value[0]))
        money, tokens = window.newly_spent()
        self.money += money
        self.tokens += tokens
        if done.rows:
            self._finish(done.rows)
        if (money or tokens) and self.stopped is None:
            self._check_budget()

    def _finish(self, results: Iterable[RowResult]) -> None:
        results = list(results)
        self.spool.add(results)
        for result in results:
            how = "failed" if result.state == "partial" else result.state
            self.counts[how] += 1
            if how == "failed":
                self._note_error(result)

    def _note_error(self, result: RowResult) -> None:
        self.errors.append(result)
        if len(self.errors) > 2 * MOST_ERRORS:
            self.errors = sorted(self.errors, key=lambda one: one.row)[:MOST_ERRORS]
        if self.driver.machine(self.run).options.fail_fast:
            why = f"row {result.row:,} failed, and the batch is to stop at the first failure"
            self._stop(Failure("FailFast", why, severity="permanent"))

    def _check_budget(self) -> None:
        budget = self.driver.machine(self.run).options.budget
        for spent, allowed, unit in ((self.money, budget.money, "in money"), (self.tokens, budget.tokens, "tokens")):
            if allowed is not None and spent >= allowed:
                why = f"the budget of {allowed:g} {unit} is used up ({spent:g})"
                self._stop(Failure("BudgetExceeded", why, code="budget", severity="permanent"))

    def _stop(self, why: Failure) -> None:
        """Begin nothing new, and end what is under way."""
        if self.stopped is None:
            self.stopped = why
            for run in self.windows:
                self.driver.report(run, ev.RunCancelRequested(self.driver.now(), self.run, why.message))
            self.changed.set()

    def _tell(self) -> None:
        finished = self.counts["succeeded"] + self.counts["failed"]
        self.pace.mark(time.monotonic(), finished)
        note = (finished / self.plan.rows, self.pace.note(self.counts["failed"], self._asking()))
        if note != self.noted:
            self.ctx.progress(*note)
            self.noted = note
        self.spool.flush()

    def _asking(self) -> list[str]:
        return [
            f"orrery approve {run} {record.task.id}"
            for run in self.windows
            for record in self.driver.machine(run).records.values()
            if record.state is State.ASKING
        ]

    def _kept(self, value: Any) -> Any:
        """A value as it is kept for later windows: a large one as a blob, so that what is in memory stays small."""
        data = encode(value)
        return value if len(data) <= KEPT_BYTES else self.driver.blobs.put(data, "value")

    def _loaded(self, value: Any) -> Any:
        return self._load(value) if type(value) is Blob and value.media == "value" else value

    def _load(self, blob: Blob) -> Any:
        return decode(self.driver.blobs.get(blob))

    # -- after ----------------------------------------------------------------------------------------

    async def end(self) -> dict[str, Any]:
        """Write the table of results and say what came of the rows."""
        self._tell()
        self.ctx.usage(money=self.money, tokens=self.tokens)
        self.writing = asyncio.ensure_future(asyncio.to_thread(self._write))
        await asyncio.shield(self.writing)
        self.spool.close(remove=True)
        found = {
            "total": self.plan.rows,
            "succeeded": self.counts["succeeded"],
            "failed": self.counts["failed"],
            "results": self.plan.out,
            "tasks": self.tasks,
            "errors": [
                {"row": one.row, "code": one.told()["error_code"], "error": one.told()["error"]}
                for one in sorted(self.errors, key=lambda one: one.row)[:MOST_ERRORS]
            ],
        }
        return found | ({"stopped": self.stopped.message} if self.stopped is not None else {})

    def _write(self) -> None:
        columns = self.table.columns() or list(dict.fromkeys((*self.columns.names, *self.table.names())))
        write_table(self.out, self.table, columns, list(returned(self.graph)), self.spool)

    async def give_up(self) -> None:
        """The batch was cancelled: end its windows, wait until they have ended, and write what there is."""
        if self.writing is not None:  # nothing was left to be cancelled
            await self.writing
            self.spool.close(remove=True)
            return
        self._stop(Failure("Cancelled", "the batch was cancelled", code="cancelled", severity="permanent"))
        await self.go_on()
        await self.end()

    async def wind_up(self, error: Exception) -> None:
        """Something is wrong: what is under way goes on to its end, lest nobody hears of it, and nothing new begins."""
        self.stopped = self.stopped or Failure.of(error)
        await self.go_on()

    def close(self) -> None:
        """Leave what is written where it is."""
        self.spool.close(remove=False)


def _bad(number: int, why: str) -> RowResult:
    return RowResult(number, "failed", failure=Failure("BadRowError", why, code=BadRowError.code, severity="permanent"))


def _retrieve(ended: asyncio.Future[None]) -> None:
    """Whatever broke the window broke the driver, and with it the batch, which tells of it."""
    if not ended.cancelled():
        ended.exception()
