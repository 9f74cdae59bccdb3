"""Session: runs in one process. Start, resume, wait, cancel, pause, answer, patch.

async with Session("sqlite:///.orrery/runs.db") as session:
    run = session.start(workflow, {"n": 3})
    result = await run.wait()
"""

from __future__ import annotations

import asyncio
import logging
import math
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from orrery.errors import GraphError, Problem, RequestError, RunExistsError
from orrery.graph.graph import Graph
from orrery.graph.patch import Patch
from orrery.graph.place import FLEET
from orrery.graph.ref import TaskId
from orrery.graph.values import encode
from orrery.journal.protocol import Durability, Journal, Lease
from orrery.journal.stores import open_journal
from orrery.runtime.driver import Driver, Observer
from orrery.runtime.executors import executors as registered
from orrery.runtime.executors.protocol import Executor
from orrery.runtime.result import Result, result_of
from orrery.runtime.takeover import take_over
from orrery.runtime.watchdog import Watchdog
from orrery.scheduler import events as ev
from orrery.scheduler.codec import check_can_be_written
from orrery.scheduler.machine import Machine
from orrery.workflow.workflow import Workflow, inputs_of

if TYPE_CHECKING:
    from orrery.fleet.hubs import HubAddress

DEFAULT_STORE = "sqlite:///.orrery/runs.db"
log = logging.getLogger("orrery")


def store_url(store: str | None = None) -> str:
    """The store to use: the one named, else $ORRERY_STORE, else runs.db in the working folder's .orrery."""
    return store or os.environ.get("ORRERY_STORE") or DEFAULT_STORE


def new_run_name() -> str:
    """A name for a run: when it began, and a few characters of chance."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


class Session:
    """An open store with the executors to drive its runs; an async context manager.

    Args:
        store: the URL of the store, or an open journal (which is then left open at the end).
        durability: what an acknowledged event survives: "process" (its death) or "full" (a power cut too).
        executors: by name, in place of or beside those that are registered.
        hub: of the fleet on which tasks with a place run; without one the usual executor "fleet" sees to them.
        resources: capacity of the resources that tasks name.
        observers: told of every event once it is durable.
        watch_s: a loop blocked for longer than this is reported in the log of this process.
    """

    def __init__(
        self,
        store: str | Journal | None = None,
        *,
        durability: Durability = "process",
        executors: Mapping[str, Executor] | None = None,
        hub: HubAddress | None = None,
        resources: Mapping[str, int] | None = None,
        observers: tuple[Observer, ...] = (),
        watch_s: float = 1.0,
    ) -> None:
        for name, amount in (resources or {}).items():
            if amount < 0:
                raise RequestError(f"there cannot be {amount} of resource {name!r}; give zero or more")
        self._store, self._durability = store, durability
        self._executors, self._resources = dict(executors or {}), resources
        if hub is not None:
            from orrery.runtime.executors.fleet import FleetExecutor

            self._executors.setdefault(FLEET, FleetExecutor(hub))
        self._observers, self._watch_s = observers, watch_s
        self._journal: Journal | None = None
        self._driver: Driver | None = None
        self._watchdog: Watchdog | None = None

    async def __aenter__(self) -> Session:
        store = self._store
        self._journal = (
            open_journal(store_url(store), self._durability) if store is None or isinstance(store, str) else store
        )
        try:
            chosen = {name: registered.get(name)() for name in registered.names() if name not in self._executors}
            self._driver = Driver(self._journal, {**chosen, **self._executors}, resources=self._resources)
            self._driver.observers.extend(self._observers)
            await self._driver.open()
        except BaseException:
            await self._close()
            raise
        self._watchdog = Watchdog(asyncio.get_running_loop(), self._watch_s, report=_report_blocked_loop)
        self._watchdog.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watchdog is not None:
            self._watchdog.stop()
        await self._close()

    async def _close(self) -> None:
        try:
            if self._driver is not None:
                await self._driver.close()
        finally:  # whatever an executor does when it is closed, the runs are free for others
            if self._journal is not None and self._journal is not self._store:
                self._journal.close()

    @property
    def journal(self) -> Journal:
        """The open store."""
        if self._journal is None:
            raise RequestError("the session is not open; use it in `async with`")
        return self._journal

    @property
    def driver(self) -> Driver:
        """The driver, while the session is open."""
        if self._driver is None:
            raise RequestError("the session is not open; use it in `async with`")
        return self._driver

    def start(
        self,
        what: Workflow | Graph,
        inputs: Mapping[str, Any] | None = None,
        *,
        run: str | None = None,
        options: ev.RunOptions | None = None,
        folder: Path | str | None = None,
        rewrites: Iterable[Patch] = (),
    ) -> Run:
        """Begin a run.

        Args:
            rewrites: what passes made of the graph, in their order; each is a patch of its own in the log, before
                anything starts, so that the log shows the graph as it was written and what became of it.

        Raises:
            GraphError: there is nothing in the graph to run.
            InputError: the inputs do not fit.
            RunExistsError: the store has a run of that name.
        """
        workflow = what if isinstance(what, Workflow) else Workflow("graph", what, inputs_of(what))
        if not len(workflow.graph):
            raise GraphError(
                [Problem("graph/empty", workflow.name, "there is no task in it, so there is nothing to run")]
            )
        _check(options.budget if options else ev.Budget())
        bound = workflow.bind_inputs(inputs or {})
        options = options or ev.RunOptions()
        if options.budget == ev.Budget():
            options = msgspec.structs.replace(options, budget=workflow.budget)
        driver, name = self.driver, run or new_run_name()
        home = str(Path(folder or ".").resolve())
        started = ev.RunStarted(
            driver.now(), name, msgspec.Raw(encode(bound)), options, workflow.source, home, _version()
        )
        lease = self._claim(name, started.at, workflow.source)
        machine = Machine(name)
        patched = machine.open_with(workflow.graph, at=started.at, by="workflow")
        rewritten = [ev.GraphPatched(started.at, patch) for patch in rewrites]
        return Run(self, machine, driver.drive(machine, lease, home, [started, patched, *rewritten]))

    def _claim(self, run: str, at: float, target: str) -> Lease:
        try:
            return self.journal.create(run, at, target)
        except RunExistsError:
            if run in self.driver.scheduler.machines or self.journal.head(run) > 0:
                raise
            return self.journal.acquire(run, at)  # its process died before it wrote anything: the name is free

    def resume(self, run: str) -> Run:
        """Go on with a run whose driver is gone.

        Raises:
            UnknownRunError: the store has no such run.
            RunLockedError: a living process drives it.
            RunEndedError: it has ended; there is nothing to go on with.
            CorruptionError, ReplayDivergedError: its log is damaged, or was written by code that decides otherwise.
        """
        history, ended = take_over(self.driver, run)
        return Run(self, history.machine, ended, resumed_from=history.seq)


class Run:
    """One run being driven by this process."""

    def __init__(
        self, session: Session, machine: Machine, ended: asyncio.Future[None], *, resumed_from: int = 0
    ) -> None:
        self._session, self._ended = session, ended
        self.machine = machine
        self.resumed_from = resumed_from

    @property
    def id(self) -> str:
        """The run's name."""
        return self.machine.run

    async def wait(self) -> Result:
        """The result, once the run has ended. Raises StoreError and its kin if it cannot go on."""
        await asyncio.shield(self._ended)
        return result_of(self.machine, self._session.journal.blobs)

    def cancel(self, because: str = "", *, by: str = "") -> None:
        """Ask that the run ends: what has not started is cancelled, what runs is stopped."""
        self._say(ev.RunCancelRequested(self._now(), by, because))

    def pause(self, *, by: str = "") -> None:
        """Start nothing new until `carry_on`; what runs goes on."""
        self._say(ev.RunPaused(self._now(), by))

    def carry_on(self, *, by: str = "") -> None:
        """Go on after `pause`."""
        self._say(ev.RunContinued(self._now(), by))

    def patch(self, patch: Patch) -> None:
        """Change what has not started. A patch that is refused shows as a PatchRejected event.

        Raises NotSerialisableError if a value in it cannot be written to the journal.
        """
        self._say(ev.GraphPatched(self._now(), patch))

    def hold(self, edit: str, tasks: Iterable[TaskId], *, seconds: float) -> None:
        """Keep tasks from starting while a change that depends on them is thought about; everything else goes on.

        Args:
            edit: a name for the change, to be given to `let_go`.
            seconds: after which they are let go all the same.
        """
        now = self._now()
        self._say(ev.EditOpened(now, edit, tuple(tasks), now + seconds))

    def let_go(self, edit: str) -> None:
        """The change was made or given up: what it held may start."""
        self._say(ev.EditClosed(self._now(), edit))

    def answer(
        self, task: TaskId, verdict: Literal["approve", "deny", "rerun"], value: Any = None, *, by: str = ""
    ) -> None:
        """Answer a task that waits for a person."""
        self._say(ev.TaskAnswered(self._now(), task, verdict, msgspec.Raw(encode(value)), by))

    def _now(self) -> float:
        return self._session.driver.now()

    def _say(self, event: ev.Event) -> None:
        check_can_be_written(event)  # what the journal refuses would stop every run of the session
        self._session.driver.report(self.id, event)


def _check(budget: ev.Budget) -> None:
    for name, limit in (("money", budget.money), ("tokens", budget.tokens), ("wall_s", budget.wall_s)):
        if limit is not None and not (math.isfinite(limit) and limit >= 0):
            raise RequestError(f"the budget's {name} must be zero or a positive number, not {limit}")


def _version() -> str:
    from orrery import __version__

    return __version__


def _report_blocked_loop(seconds: float, where: str) -> None:
    log.warning(
        "the event loop has been blocked for %.1f s, so nothing else can start; "
        "move the work to a thread or a process (executor=...). It is at:\n%s",
        seconds,
        where,
    )


__all__ = ["DEFAULT_STORE", "Run", "Session", "new_run_name", "store_url"]
