"""Plans: their shapes, the lines in which a model writes them, and the shortest time in which they can be carried out.

The shapes are those of `shapes.json`, our own with the counts of LLMCompiler's published example plans, or the
published ones where `$ORRERY_PLAN_SHAPES` names a file with them. Each line has as many tokens as its shape says.

The bound: a step cannot start before its line is written to its last token, nor before the steps that it needs have
ended; the results are looked at when the plan's end is written and every step has ended; and the answer is there when
its last token is. A kept plan is there at once. Token i, from 1, is there 0.4 s + i / 50 s after its request, as in the
published figures.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

import msgspec

from orrery.models.simulated import Timing
from orrery.models.simulated.answer import CHARACTERS_PER_TOKEN

SHAPES_VARIABLE = "ORRERY_PLAN_SHAPES"
TIMING = Timing(first_s=0.42, tokens_per_s=50.0)
"""Silence for 0.4 s, then a token every 0.02 s, the first one too."""
ANSWER_TOKENS = 24
"""In so many tokens a model answers that looks at the results."""
SECONDS: Mapping[str, float] = {"search": 0.8, "math": 1.2}
"""How long each tool takes."""


class Step(msgspec.Struct, frozen=True):
    """A line of a plan: which tool, after which lines, and in how many tokens it is written."""

    id: int
    tool: str
    needs: tuple[int, ...]
    emitted_tokens: int


class Shape(msgspec.Struct, frozen=True):
    """One plan; its last line is the end."""

    plan: str
    tasks: tuple[Step, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The lines that are steps."""
        return self.tasks[:-1]


class _File(msgspec.Struct, frozen=True):
    source: str
    shapes: tuple[Shape, ...]


def shapes() -> tuple[Shape, ...]:
    """The plans that are measured."""
    named = os.environ.get(SHAPES_VARIABLE)
    place = Path(named) if named else files("orrery.bench.planning") / "shapes.json"
    return msgspec.json.decode(place.read_bytes(), type=_File).shapes


def written(shape: Shape, *, answers: bool = False) -> str:
    """The plan as the model writes it: every line, its end included, has the tokens that the shape says.

    Args:
        answers: it ends with the answer, so that nobody has to look at the results.
    """
    lines = [_line(step) for step in shape.steps]
    end = shape.tasks[-1]
    lines.append(f"answer: ${end.needs[-1]}" if answers else f"{end.id}. join()")
    room = [step.emitted_tokens * CHARACTERS_PER_TOKEN - 1 for step in shape.tasks]
    return "".join(f"{line.ljust(most)}\n" for line, most in zip(lines, room, strict=True))


def _line(step: Step) -> str:
    needs = ",".join(f"${need}" for need in step.needs)
    before, after = f'{step.id}. bench.{step.tool}("', f'", [{needs}])' if needs else '")'
    room = step.emitted_tokens * CHARACTERS_PER_TOKEN - 1 - len(before) - len(after)
    return before + "x" * max(0, room) + after


def bound_s(
    shape: Shape, seconds: Mapping[str, float] = SECONDS, *, is_known: bool = False, joins: bool = True
) -> float:
    """The shortest time in which a plan can be carried out.

    Args:
        seconds: how long each tool takes.
        is_known: the plan need not be written.
        joins: the results are looked at in the end.
    """
    token, at = 0, 0.0
    ended: dict[int, float] = {}
    for step in shape.tasks:
        token += step.emitted_tokens
        at = 0.0 if is_known else TIMING.due_s(token)
        if step.tool in seconds:
            ended[step.id] = max([at, *(ended[need] for need in step.needs)]) + seconds[step.tool]
    return max([at, *ended.values()]) + (TIMING.due_s(ANSWER_TOKENS) if joins else 0.0)


def react_s(shape: Shape) -> float:
    """The time of one step after the other: each is written as its line is, done, and then the next is thought of."""
    steps = sum(TIMING.due_s(step.emitted_tokens) + SECONDS[step.tool] for step in shape.steps)
    return steps + TIMING.due_s(ANSWER_TOKENS)


__all__ = ["ANSWER_TOKENS", "SECONDS", "TIMING", "Shape", "Step", "bound_s", "react_s", "shapes", "written"]
