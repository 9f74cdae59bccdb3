"""What explains a run in figures: where time and money went, what was foreseen, what would save, what differs."""

from __future__ import annotations

import msgspec

from orrery.dashboard.rows import Change, Events, Past, TaskPanel, TaskRow, Timeline, Value


class Share(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of what a run took.

    Args:
        name: of an operation, a model, a device or a task. In brackets what is none: "(no model)", "(this machine)",
            "(other tasks)"; and for time in which the run waited for no attempt "(person)", "(stood still)",
            "(retry pause)", "(queue)" (for a free worker) and "(scheduling)".
        seconds: of attempts (they overlap); `waited_s` of the critical path (they do not).
        queued_s: between being ready, or handed out again, and being begun.
    """

    name: str
    tasks: int
    attempts: int = 0
    seconds: float = 0.0
    waited_s: float = 0.0
    queued_s: float = 0.0
    money: float = 0.0
    tokens: int = 0


class Spending(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where time and money of a run went: by operation, model, device and, the dearest first, task (the first 50).

    Shares of each kind add up to the whole: their `seconds` to `seconds`, and their `waited_s` to `duration_s`.

    Args:
        seconds: of all attempts, one after the other.
        duration_s: of the run, from its start to its last event.
        queued_s: of all attempts.
    """

    seconds: float
    money: float = 0.0
    tokens: int = 0
    duration_s: float = 0.0
    queued_s: float = 0.0
    by_op: tuple[Share, ...] = ()
    by_model: tuple[Share, ...] = ()
    by_device: tuple[Share, ...] = ()
    by_task: tuple[Share, ...] = ()


class Spread(msgspec.Struct, frozen=True, omit_defaults=True):
    """An estimate, and what it really was where that is known."""

    name: str
    mean: float
    low: float | None = None
    high: float | None = None
    actual: float | None = None
    unit: str = ""
    source: str = ""


class PassDone(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one pass did to a graph, and why."""

    name: str
    tasks_before: int
    tasks_after: int
    edges_before: int = 0
    edges_after: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    skipped: str = ""


class Picture(msgspec.Struct, frozen=True, omit_defaults=True):
    """A graph that has not run, as rows."""

    tasks: tuple[TaskRow, ...]


class Explained(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a workflow would take as it is written and after the passes; against a run, where one was named.

    Args:
        before, after: the graphs.
        foreseen: totals of the graph as written (seconds, money, tokens, calls ...), `rewritten` after the passes.
        tasks: estimate against actual of single tasks, the worst first (the first 100).
    """

    target: str
    before: Picture
    after: Picture
    passes: tuple[PassDone, ...]
    foreseen: tuple[Spread, ...]
    rewritten: tuple[Spread, ...]
    tasks: tuple[Spread, ...] = ()
    median_error: float | None = None
    problem: str = ""


class TaskPair(msgspec.Struct, frozen=True, omit_defaults=True):
    """A task in two runs. `change` is "same", "added", "removed" or "changed" (its definition).

    Args:
        definition: the difference of the definitions, lines with "- " and "+ " in front.
        seconds_a, seconds_b: of its latest attempts; None where there was none.
        output: "same", "differs", or "" where one of them has none.
    """

    task: str
    change: str
    state_a: str = ""
    state_b: str = ""
    definition: tuple[str, ...] = ()
    seconds_a: float | None = None
    seconds_b: float | None = None
    money_a: float = 0.0
    money_b: float = 0.0
    output: str = ""


class OutputPair(msgspec.Struct, frozen=True, omit_defaults=True):
    """An output in two runs, and the difference of their texts, lines with "- ", "+ " and "  " in front."""

    name: str
    a: Value | None = None
    b: Value | None = None
    lines: tuple[str, ...] = ()
    same: bool = False


class Comparison(msgspec.Struct, frozen=True, omit_defaults=True):
    """Two runs beside each other: totals, tasks that differ first (the first 2,000; `total` counts all), outputs.

    Args:
        totals: of each `mean` is the figure of run a and `actual` that of run b.
        differing: how many tasks are not the same: their definition, their state or their result.
        graph_a, graph_b: as they were at last; left out of a run with more than 1,000 tasks, whose rows
            `/runs/{run}/rows` has.
    """

    a: str
    b: str
    totals: tuple[Spread, ...]
    tasks: tuple[TaskPair, ...]
    total: int
    outputs: tuple[OutputPair, ...] = ()
    graph_a: Picture | None = None
    graph_b: Picture | None = None
    differing: int = 0


class File(msgspec.Struct, frozen=True):
    """Bytes of a run: their media type, and they themselves in base64."""

    media: str
    base64: str


class Exported(msgspec.Struct, frozen=True):
    """A run in one file, to be kept or sent.

    Args:
        format: always "orrery-run".
        version: of this form; it grows when something is taken away or means something else.
        made_at: seconds since the epoch.
        made_by: the version of Orrery.
        notes: what was left out, and why.
        change: the head of the run, every row, and what the outputs come from.
        panels: everything about single tasks, by name; of a large run only of some.
        files: images and bytes that values refer to, by the address that they have in the API.
    """

    format: str
    version: int
    made_at: float
    made_by: str
    notes: tuple[str, ...]
    change: Change
    timeline: Timeline
    past: Past
    events: Events
    outputs: dict[str, Value]
    spending: Spending
    panels: dict[str, TaskPanel] = {}
    files: dict[str, File] = {}


class DeviceRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device of the fleet: its state, what it does and holds, and how well. Times in seconds since the epoch."""

    name: str
    state: str
    enrolled: bool = False
    draining: bool = False
    revoked: bool = False
    since: float | None = None
    heard_at: float | None = None
    os: str = ""
    arch: str = ""
    host: str = ""
    zone: str = ""
    cpus: int = 0
    memory_bytes: int = 0
    memory_free_bytes: int = 0
    gpus: tuple[str, ...] = ()
    cpu: float = 0.0
    latency_s: float | None = None
    trust: float | None = None
    slots: int = 0
    running: tuple[str, ...] = ()
    done: int = 0
    failed: int = 0
    held_bytes: int = 0
    skills: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()


class Fleet(msgspec.Struct, frozen=True, omit_defaults=True):
    """The devices of a hub. `running` is false where it does not answer; `text` says what to do where there is none."""

    devices: tuple[DeviceRow, ...]
    running: bool
    url: str = ""
    text: str = ""


class Enrolment(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a new device joins: the command to type there. Its token is shown this once."""

    name: str
    command: str
    token: str
