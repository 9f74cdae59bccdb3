"""Event: the only way anything ever happens. The log of events is the run.

Every event carries `at`, seconds since the epoch, never going back within a run. Events are written as
arrays, so a field may be added at the end, with a default, and never moved. Some arrive from outside;
the others are the scheduler's own decisions (`Decision`), written down so that a replay can be held
against them.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from orrery.errors import Failure, Problem
from orrery.graph.patch import Patch
from orrery.graph.ref import TaskId

RunState = Literal["running", "succeeded", "failed", "cancelled", "partial"]
NOTHING = msgspec.Raw(b"\xc0")
"""The encoded None."""


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an attempt consumed: money in the budget's currency, tokens, seconds of processor time."""

    money: float = 0.0
    tokens: int = 0
    cpu_s: float = 0.0


class Budget(msgspec.Struct, frozen=True, omit_defaults=True):
    """The most a run may consume; None means no limit. `wall_s` counts from the start of the run."""

    money: float | None = None
    tokens: int | None = None
    wall_s: float | None = None


class GrowthCaps(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far a run may grow: tasks in all, tasks added by one patch, levels of nesting."""

    tasks: int = 2_000_000
    width: int = 1_000_000
    depth: int = 32


class RunOptions(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a run is started with besides its graph and inputs.

    Args:
        seed: of every random choice the scheduler makes (the jitter of back-off).
        budget: the limits on money, tokens and time.
        caps: the limits on growth.
        fail_fast: the first failure that nothing handles stops the run.
        weight: the run's share against other runs in the same process.
        grace_s: how long a cancelled attempt may take to end before it is given up.
        max_crashes: how often a task may be in flight while its process or worker dies.
    """

    seed: int = 0
    budget: Budget = Budget()
    caps: GrowthCaps = GrowthCaps()
    fail_fast: bool = False
    weight: float = 1.0
    grace_s: float = 5.0
    max_crashes: int = 3


class Event(msgspec.Struct, frozen=True, array_like=True, tag=True, gc=False):
    """Something that happened, at a time."""

    at: float


class RunStarted(Event, frozen=True):
    """A run exists. `target` and `folder` say how its code is found again; the graph comes as a patch."""

    run: str
    inputs: msgspec.Raw = msgspec.Raw(b"\x80")
    options: RunOptions = RunOptions()
    target: str = ""
    folder: str = ""
    version: str = ""


class RunResumed(Event, frozen=True):
    """A new driver took the run over; what was in flight is lost. `epoch` is its fencing token.

    `outlived` names executors that outlive a driver, and still know what they were given: of what may happen only once,
    they are asked what became of it, and it is not lost.
    """

    epoch: int
    outlived: tuple[str, ...] = ()


class RunPaused(Event, frozen=True):
    """No new attempt starts until the run is continued."""

    by: str = ""


class RunContinued(Event, frozen=True):
    """A paused run goes on."""

    by: str = ""


class RunCancelRequested(Event, frozen=True):
    """Somebody wants the run to end now."""

    by: str = ""
    because: str = ""


class GraphPatched(Event, frozen=True):
    """The graph changed."""

    patch: Patch


class PatchRejected(Event, frozen=True):
    """A patch was refused whole, and why."""

    patch: Patch
    problems: tuple[Problem, ...]


class EditOpened(Event, frozen=True):
    """Somebody thinks about a change that depends on `tasks` not having started; they are held until `until`."""

    edit: str
    tasks: tuple[TaskId, ...]
    until: float


class EditClosed(Event, frozen=True):
    """The change was made or given up; what it held may start."""

    edit: str


class TaskStarted(Event, frozen=True):
    """An attempt was handed to its executor."""

    task: TaskId
    attempt: int


class TaskRefused(Event, frozen=True):
    """A ready task can never start: it asks for more than there is, or than the budget has left."""

    task: TaskId
    failure: Failure


class TaskProgressed(Event, frozen=True):
    """A running attempt reports how far it is: a fraction in [0, 1] or None, a note, and on which device of a fleet."""

    task: TaskId
    attempt: int
    fraction: float | None = None
    note: str = ""
    where: str = ""


class TaskSucceeded(Event, frozen=True):
    """An attempt returned a value. `began_at` is when it really started; `where`, on which device of a fleet."""

    task: TaskId
    attempt: int
    value: msgspec.Raw = NOTHING
    usage: Usage | None = None
    began_at: float | None = None
    where: str = ""


class TaskFailed(Event, frozen=True):
    """An attempt ended with an error; `began_at` and `where` as of one that succeeded."""

    task: TaskId
    attempt: int
    failure: Failure
    usage: Usage | None = None
    began_at: float | None = None
    where: str = ""


class TaskExpanded(Event, frozen=True):
    """An attempt returned more work: `patch` adds it, and `result` (with Ref leaves) says what it amounts to.

    `beside`: a tail call; the work belongs to the task above, whose result it is.
    """

    task: TaskId
    attempt: int
    patch: Patch
    result: Any = None
    accept_errors: bool = False
    usage: Usage | None = None
    beside: bool = False


class TaskStopped(Event, frozen=True):
    """The executor confirms that a cancelled attempt has ended."""

    task: TaskId
    attempt: int
    usage: Usage | None = None


class AttemptLost(Event, frozen=True):
    """The worker of an attempt vanished without an answer; with `nothing_done`, surely before it began."""

    task: TaskId
    attempt: int
    because: str = ""
    nothing_done: bool = False


class TaskAnswered(Event, frozen=True):
    """A person answered a task that asks: `verdict` says what to do, `value` is the answer where there is one."""

    task: TaskId
    verdict: Literal["approve", "deny", "rerun"]
    value: msgspec.Raw = NOTHING
    by: str = ""
    because: str = ""


class TimeReached(Event, frozen=True):
    """Time passed and something was due."""


class Decision(Event, frozen=True):
    """What the scheduler concluded by itself."""


class TaskSkipped(Decision, frozen=True):
    """A task's trigger can no longer fire."""

    task: TaskId
    because: str


class RetryScheduled(Decision, frozen=True):
    """Attempt `attempt` failed and another will be made at `due`."""

    task: TaskId
    attempt: int
    due: float
    because: str = ""


class TaskGaveUp(Decision, frozen=True):
    """A task ended without a result, for a reason of the scheduler's: timeout, deadline, cancellation, crashes."""

    task: TaskId
    failure: Failure
    cancelled: bool = False


class PersonAsked(Decision, frozen=True):
    """A task waits for a person's word."""

    task: TaskId
    question: str


class BudgetExceeded(Decision, frozen=True):
    """A limit of the run's budget was reached; nothing new starts."""

    limit: str
    spent: float
    allowed: float


class RunEnded(Decision, frozen=True):
    """The run is over; its outputs are found by folding the log."""

    state: RunState
    failure: Failure | None = None


AnyEvent = (
    RunStarted
    | RunResumed
    | RunPaused
    | RunContinued
    | RunCancelRequested
    | GraphPatched
    | PatchRejected
    | EditOpened
    | EditClosed
    | TaskRefused
    | TaskStarted
    | TaskProgressed
    | TaskSucceeded
    | TaskFailed
    | TaskExpanded
    | TaskStopped
    | AttemptLost
    | TaskAnswered
    | TimeReached
    | TaskSkipped
    | RetryScheduled
    | TaskGaveUp
    | PersonAsked
    | BudgetExceeded
    | RunEnded
)
