"""The states of a task and the table of every legal step between them.

The diagram in the documentation is drawn from `STEPS`; a step that is not in it is an
IllegalTransitionError, never a silent change.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from orrery.errors import IllegalTransitionError


class State(Enum):
    """Where a task stands."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    RETRYING = "retrying"
    STOPPING = "stopping"
    GROWN = "grown"
    ASKING = "asking"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"

    # Looked up several times a task; Enum's own hash is a Python function.
    __hash__ = object.__hash__


class Step(Enum):
    """Why a task changes its state."""

    TRIGGER = "its edges fired"
    SKIP = "its edges can no longer fire, or its condition is false"
    BREAK = "its condition cannot be computed"
    START = "a slot is free"
    ASK = "a person must answer"
    SUCCEED = "an attempt returned"
    GROW = "an attempt returned more work"
    CONCLUDE = "its children ended well"
    FAIL = "it failed for good"
    RETRY = "an attempt failed and may be repeated"
    WAKE = "the pause before the next attempt is over"
    STOP = "an attempt must end"
    LOSE = "the attempt vanished and may be repeated"
    RERUN = "a person allows another attempt"
    CANCEL = "the run is being ended"

    __hash__ = object.__hash__


ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.SKIPPED, State.CANCELLED})

STEPS: Mapping[tuple[State, Step], State] = {
    (State.WAITING, Step.TRIGGER): State.READY,
    (State.WAITING, Step.SKIP): State.SKIPPED,
    (State.WAITING, Step.BREAK): State.FAILED,
    (State.WAITING, Step.ASK): State.ASKING,
    (State.WAITING, Step.CANCEL): State.CANCELLED,
    (State.READY, Step.START): State.RUNNING,
    (State.READY, Step.FAIL): State.FAILED,  # its deadline passed in the queue
    (State.READY, Step.CANCEL): State.CANCELLED,
    (State.RUNNING, Step.START): State.RUNNING,  # a hedged duplicate
    (State.RUNNING, Step.SUCCEED): State.SUCCEEDED,
    (State.RUNNING, Step.GROW): State.GROWN,
    (State.RUNNING, Step.FAIL): State.FAILED,
    (State.RUNNING, Step.RETRY): State.RETRYING,
    (State.RUNNING, Step.STOP): State.STOPPING,
    (State.RUNNING, Step.LOSE): State.READY,
    (State.RUNNING, Step.ASK): State.ASKING,  # whether its effect took place is unknown
    (State.STOPPING, Step.SUCCEED): State.SUCCEEDED,  # the result came first, and work done is kept
    (State.STOPPING, Step.GROW): State.GROWN,
    (State.STOPPING, Step.RETRY): State.RETRYING,
    (State.STOPPING, Step.FAIL): State.FAILED,
    (State.STOPPING, Step.STOP): State.STOPPING,  # for a stronger reason: a deadline, a cancellation
    (State.STOPPING, Step.CANCEL): State.CANCELLED,
    (State.STOPPING, Step.ASK): State.ASKING,
    (State.RETRYING, Step.WAKE): State.READY,
    (State.RETRYING, Step.FAIL): State.FAILED,  # its deadline passed during the pause
    (State.RETRYING, Step.CANCEL): State.CANCELLED,
    (State.GROWN, Step.CONCLUDE): State.SUCCEEDED,
    (State.GROWN, Step.FAIL): State.FAILED,
    (State.GROWN, Step.CANCEL): State.CANCELLED,
    (State.ASKING, Step.SUCCEED): State.SUCCEEDED,
    (State.ASKING, Step.FAIL): State.FAILED,
    (State.ASKING, Step.RERUN): State.READY,
    (State.ASKING, Step.CANCEL): State.CANCELLED,
}


def after(state: State, step: Step, *, task: str) -> State:
    """The state that a step leads to. Raises IllegalTransitionError if the table has no such step."""
    target = STEPS.get((state, step))
    if target is None:
        raise IllegalTransitionError(f"task {task!r} is {state.value} and cannot take the step {step.name}")
    return target


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (source, step), target in STEPS.items():
        arrows.setdefault((source, target), []).append(step.name.lower())
    lines = ["stateDiagram-v2", "    [*] --> waiting"]
    lines += [f"    {a.value} --> {b.value}: {', '.join(steps)}" for (a, b), steps in arrows.items()]
    lines += [f"    {state.value} --> [*]" for state in State if state in ENDED]
    return "\n".join(lines)
