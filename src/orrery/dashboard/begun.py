"""What is asked and answered when a run is begun from the dashboard, or is told something."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One input of a workflow, for a form.

    Args:
        type: "string", "integer", "number", "boolean", "array", "object", or "" where it may be anything.
        required: it has no default.
    """

    name: str
    type: str = ""
    required: bool = False
    default: Any = None
    description: str = ""


class Form(msgspec.Struct, frozen=True, omit_defaults=True):
    """A workflow that could be started: its inputs, and its graph as rows that have not happened."""

    target: str
    name: str
    description: str = ""
    fields: tuple[Field, ...] = ()


class Workflow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A workflow file below the folder. `problem` says why it cannot be read, where it cannot."""

    target: str
    name: str = ""
    problem: str = ""


class Workflows(msgspec.Struct, frozen=True, omit_defaults=True):
    """The workflows that can be started from here; `planners` can plan a sentence, the usual one first."""

    folder: str
    workflows: tuple[Workflow, ...]
    planners: tuple[str, ...] = ()


class Start(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A run to begin.

    Args:
        target: a workflow file, module:flow, or a request in plain words.
        inputs: by name, as the form has them.
        run: a name for it; made up where empty.
        planner: who plans a request; the usual one where empty.
        optimise: let the passes rewrite the graph first.
        yes: do for a request, without asking, what the policy allows.
        budget_money, budget_tokens, budget_wall_s: its limits.
    """

    target: str
    inputs: dict[str, Any] = {}
    run: str = ""
    planner: str = ""
    optimise: bool = False
    yes: bool = False
    budget_money: float | None = None
    budget_tokens: int | None = None
    budget_wall_s: float | None = None


class Begun(msgspec.Struct, frozen=True):
    """A run that was begun, or goes on: its name."""

    run: str


class Done(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a word to a run: "applied" (it is in the log) or "sent" (to its driver), and a sentence."""

    outcome: Literal["applied", "sent"]
    text: str


class Reason(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Why, for the log."""

    because: str = ""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A person's answer to a task that asks. `value` goes with an approval; `comment` is for the log."""

    verdict: Literal["approve", "deny", "rerun"]
    value: Any = True
    comment: str = ""


class Draft(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of a run can still be changed, as text, and what has started as comments above it."""

    seq: int
    text: str


class Edit(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A change of what has not started.

    Args:
        seq: of the draft that was changed.
        text: the text as it is to be.
        because: the reason, for the log.
        preview: only say what it would do.
    """

    seq: int
    text: str
    because: str = ""
    preview: bool = False


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong: where, and the way out."""

    code: str
    place: str
    message: str
    line: int | None = None


class Edited(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a change.

    Args:
        outcome: "nothing", "preview", "taken", "refused" or "unanswered" (its driver did not answer in time).
        lines: the difference, lines of the text form with "- " and "+ " in front.
    """

    outcome: Literal["nothing", "preview", "taken", "refused", "unanswered"]
    lines: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request was refused: a stable code (docs/reference/errors.md), a sentence, and each thing that is wrong."""

    code: str
    message: str
    problems: tuple[Fault, ...] = ()
