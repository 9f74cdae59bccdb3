"""What a page is told of a run: the head, a row for each task, and which of them changed."""

from __future__ import annotations

from typing import Any

import msgspec

NO_MONEY, USUAL_S = 0.0, 1.0
"""Usual values, which are left out where they are these very objects."""


class Need(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a task waits for.

    Args:
        on: "success", "failure", "completion", or the text of a condition over the result.
        hard: it decides whether the task runs; else it only orders the two.
    """

    task: str
    on: str = "success"
    hard: bool = True


class TaskRow(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One task as it stands. Times in seconds since the epoch; what does not apply is left out.

    Args:
        id: its name in the run.
        op: the operation that it performs.
        state: as `orrery.scheduler.states.State` names it.
        changed: the number of the event that changed this row last.
        born: the number of the event that added the task.
        label: a line about it by whoever wrote it.
        parent: the task whose growth added it.
        each: it makes a task of every item of a list.
        needs: what it waits for, in the order of its edges.
        executor: where its attempts are run.
        model: the model that it asks, where its arguments name one.
        where: the device of a fleet on which it runs or ended.
        attempt: number of the latest attempt, 0 before the first.
        ready_at: since when it waits for its turn.
        queued_at, began_at, ended_at: of the latest attempt.
        fraction: how far a running attempt says it is, in [0, 1].
        note: what it said last.
        money, tokens: what all its attempts together consumed.
        estimate_s: how long an attempt was expected to take.
        because: why it waits, was skipped, failed or asks, in one line.
    """

    id: str
    op: str
    state: str
    changed: int
    born: int
    label: str = ""
    parent: str = ""
    each: bool = False
    needs: tuple[Need, ...] = ()
    executor: str = "inline"
    model: str = ""
    where: str = ""
    attempt: int = 0
    ready_at: float | None = None
    queued_at: float | None = None
    began_at: float | None = None
    ended_at: float | None = None
    fraction: float | None = None
    note: str = ""
    money: float = NO_MONEY
    tokens: int = 0
    estimate_s: float = USUAL_S
    because: str = ""


class RunHead(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run in short.

    Args:
        state: "running", "paused", "interrupted", or the state in which it ended.
        live: some process drives it.
        seq: the number of its last event.
        started_at, now: times of its first and its last event, seconds since the epoch.
        target: what was asked to run.
        counts: how many tasks are in each state; states without tasks are left out.
        failed: tasks that failed, in that order (the first 100).
        asking: tasks that wait for a person, with their questions.
        budget_money, budget_tokens, budget_wall_s: its limits, where it has any.
        because: why it ended as it did.
    """

    run: str
    state: str
    live: bool
    seq: int
    started_at: float
    now: float
    target: str = ""
    counts: dict[str, int] = {}
    failed: tuple[str, ...] = ()
    asking: dict[str, str] = {}
    money: float = 0.0
    tokens: int = 0
    budget_money: float | None = None
    budget_tokens: int | None = None
    budget_wall_s: float | None = None
    because: str = ""


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is new since an event.

    Args:
        seq: the number of the last event that is in it; ask for what is after it next.
        tasks: every row that changed, in the order of addition.
        gone: tasks that a patch took away.
        outputs: what the run returns, as tasks that it comes from: output name -> task ids; only where that changed.
    """

    seq: int
    head: RunHead
    tasks: tuple[TaskRow, ...] = ()
    gone: tuple[str, ...] = ()
    outputs: dict[str, tuple[str, ...]] | None = None


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event: its number, its type, its time, what it is about, and what happened in a line."""

    seq: int
    type: str
    at: float
    text: str
    task: str = ""


class Events(msgspec.Struct, frozen=True, omit_defaults=True):
    """Some events in order, and whether the log has more after them."""

    events: tuple[Told, ...]
    more: bool = False


class Past(msgspec.Struct, frozen=True):
    """Every change of state of a run, as columns of one length, in the order of the log.

    Args:
        tasks: names that the columns refer to by position; those that a patch took away are in it too.
        states: names that the columns refer to by position; "gone" is one.
        seq: the number of the event.
        at: its time, seconds since the start of the run.
        task: position in `tasks`.
        state: position in `states`: what the task became.
        started_at: seconds since the epoch.
        until: the number of the last event that was read.
    """

    tasks: tuple[str, ...]
    states: tuple[str, ...]
    seq: tuple[int, ...]
    at: tuple[float, ...]
    task: tuple[int, ...]
    state: tuple[int, ...]
    started_at: float
    until: int


class Value(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value to be shown.

    Args:
        kind: "none", "text", "markdown", "json", "table", "image", "bytes" or "error".
        text: of text and Markdown; of an error its message.
        json: of JSON: the value itself.
        columns, rows: of a table; `total` counts all its rows.
        media: the media type of an image or of bytes.
        size_bytes: of the whole value as it is stored.
        cut: it is only the beginning; the whole is behind `/value`.
    """

    kind: str
    text: str = ""
    json: Any = None
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    total: int = 0
    media: str = ""
    size_bytes: int = 0
    cut: bool = False


class Outputs(msgspec.Struct, frozen=True):
    """What a run returned, by name, as far as it was produced."""

    outputs: dict[str, Value]


class AttemptRow(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One try at a task: times in seconds since the epoch; `outcome` as `orrery.tracing.Ending` names it."""

    task: str
    number: int
    queued_at: float
    began_at: float
    ended_at: float
    outcome: str
    where: str = ""
    money: float = NO_MONEY
    tokens: int = 0
    because: str = ""


class Input(msgspec.Struct, frozen=True, omit_defaults=True):
    """One argument of a task, and the tasks that it comes from."""

    name: str
    value: Value
    sources: tuple[str, ...] = ()


class TaskPanel(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything about one task.

    Args:
        story: why it is here, waits, runs or failed, in a sentence.
        failure: what went wrong: type, message, code, severity and cause, as `orrery show --json` has it.
        detail: the traceback, or what the program wrote, where there is one.
        waits_for: tasks that have not ended and that it waits for (the first 100).
        delays: tasks that were skipped, cancelled or still wait because of it (the first 1,000).
        editable: it has not started, so that it may be changed; `locked` says why not.
        definition: the task in the text form of graphs.
        logs: what its attempts said, the newest last.
    """

    row: TaskRow
    story: str
    inputs: tuple[Input, ...] = ()
    output: Value | None = None
    failure: dict[str, Any] | None = None
    detail: str = ""
    attempts: tuple[AttemptRow, ...] = ()
    waits_for: tuple[str, ...] = ()
    delays: tuple[str, ...] = ()
    children: int = 0
    editable: bool = False
    locked: str = ""
    definition: str = ""
    effects: str = ""
    logs: tuple[Told, ...] = ()


class Timeline(msgspec.Struct, frozen=True, omit_defaults=True):
    """Attempts of a run in the order in which they were handed out, and the chain that the run waited for.

    Args:
        critical: the chain's attempts as (task, number), first one first.
        waited_s: of the chain, how long each of them was waited for.
    """

    attempts: tuple[AttemptRow, ...]
    critical: tuple[tuple[str, int], ...] = ()
    waited_s: tuple[float, ...] = ()


class RunLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run in a list. `done` and `tasks` count tasks, where the run is small enough or was looked at already."""

    run: str
    state: str
    created_at: float
    updated_at: float
    events: int
    target: str = ""
    tasks: int | None = None
    done: int | None = None
    failed: int | None = None
    money: float | None = None
    tokens: int | None = None


class RunList(msgspec.Struct, frozen=True, omit_defaults=True):
    """Runs, the newest first; `total` counts all that fit the question, `states` all of each state in the store."""

    runs: tuple[RunLine, ...]
    total: int
    states: dict[str, int] = {}
