"""Trees: seeded plans for the recursive planner, whose contracts answer from the seed instead of a model.

A part's goal is "SEED:PATH", such as "7:2.1". From it alone every function here knows whether the part is atomic, what
its children are and which of them need each other, so the same seed is the same tree in every process. The bound is
computed from the tree, not from the graph that it became: it knows nothing of tasks or edges.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from orrery.planners.recursive import Answer, Atomicity, Finding, Part, Split, Step, Verdict
from orrery.tools import ToolContext

HERE = "py:orrery.bench.planning.trees:"
MOST_DEPTH = 4
REFUSED = 0.2
"""The share of answers that the verifier refuses once."""

SCRIPTED = {
    "atomizer": HERE + "atomize",
    "planner": HERE + "split",
    "executor": HERE + "execute",
    "aggregator": HERE + "aggregate",
    "verifier": HERE + "verify",
}
"""The options by which a goal is planned by this script."""

ENDLESS = {**SCRIPTED, "atomizer": HERE + "never_atomic", "planner": HERE + "split_for_ever"}
"""The same with a planner that would never stop."""

_SECONDS = {"atomize": (0.3, 0.8), "plan": (0.5, 2.0), "do": (0.5, 4.0), "aggregate": (0.5, 1.5), "verify": (0.2, 0.6)}


def seconds_of(seed: int, task: str) -> float:
    """How long the task of that id takes; what merely passes data on takes no time."""
    step = task.rpartition("/")[2].partition("-")[0]
    low, high = _SECONDS.get(step, (0.0, 0.0))
    return _chance(seed, task).uniform(low, high)


async def atomize(part: Part, ctx: ToolContext) -> Atomicity:
    """Whether the seed makes this part a leaf."""
    atomic = not _children(part.goal)
    return Atomicity(atomic, because="a leaf" if atomic else "a branch", tokens=_spent(part, ctx))


async def split(part: Part, ctx: ToolContext) -> Split:
    """The children that the seed gives this part."""
    return Split(_children(part.goal), tokens=_spent(part, ctx))


async def never_atomic(part: Part, ctx: ToolContext) -> Atomicity:
    """Always wants a plan."""
    return Atomicity(False, tokens=_spent(part, ctx))


async def split_for_ever(part: Part, ctx: ToolContext) -> Split:
    """As many parts as are allowed, and sometimes more."""
    chance = _chance(part.goal, "endless")
    count = part.most_parts + chance.choice((0, 0, 0, 3)) if part.most_parts < 9 else chance.randint(2, 9)
    steps = tuple(
        Step(f"{part.goal}.{at}", (at - 1,) if at > 1 and chance.random() < 0.3 else ()) for at in range(1, count + 1)
    )
    return Split(steps, tokens=_spent(part, ctx))


async def execute(part: dict[str, Any], ctx: ToolContext) -> dict[str, Any]:
    """A leaf's result: large, with a small summary."""
    goal = part["goal"]
    _spent(Part(goal, "", tokens=part.get("tokens")), ctx)
    return {"summary": f"found {goal}", "rows": [goal] * 200}


async def aggregate(part: Part, findings: tuple[Finding, ...], ctx: ToolContext) -> Answer:
    """A branch's answer, which names its children and the size of what they said."""
    return Answer(f"all of {part.goal}: {len(findings)} parts", tokens=_spent(part, ctx))


async def verify(part: Part, summary: str, ctx: ToolContext) -> Verdict:
    """Accepts most answers at once, and all of them the second time."""
    refused = not part.critique and _chance(part.goal, "verify").random() < REFUSED and summary.startswith("all")
    return Verdict(not refused, critique="once more" if refused else "", tokens=_spent(part, ctx))


def _spent(part: Part, ctx: ToolContext) -> int:
    """The tokens that a call used, up to all that it may."""
    tokens = _chance(ctx.task).randint(0, 900 if part.tokens is None else part.tokens)
    ctx.usage(tokens=tokens)
    return tokens


def _children(goal: str) -> tuple[Step, ...]:
    seed, _, path = goal.partition(":")
    depth = path.count(".") + bool(path)
    chance = _chance(seed, path)
    if depth >= MOST_DEPTH or (depth and chance.random() < 0.25 + 0.15 * depth):
        return ()
    count = chance.randint(2, 5)
    steps = []
    for at in range(1, count + 1):
        needs = sorted(chance.sample(range(1, at), min(at - 1, chance.choice((0, 0, 1, 1, 2)))))
        steps.append(Step(f"{seed}:{path}.{at}" if path else f"{seed}:{at}", tuple(needs)))
    return tuple(steps)


def _chance(*what: object) -> random.Random:
    return random.Random(" ".join(map(str, what)))  # noqa: S311 (not a secret)


# -- bounds -----------------------------------------------------------------------------------------------


def bound_s(seed: int, *, waves: bool = False) -> float:
    """The end of the tree of a seed if nothing waits for anything but what it needs.

    Args:
        waves: instead, children that need none start together, and the next ones when all of those are done.
    """
    return _end(seed, f"{seed}:", "root", 0.0, lambda task: seconds_of(seed, task), waves=waves)


def total_s(seed: int) -> float:
    """The time of all its tasks, one after another."""
    total = 0.0

    def counted(task: str) -> float:
        nonlocal total
        total += seconds_of(seed, task)
        return seconds_of(seed, task)

    _end(seed, f"{seed}:", "root", 0.0, counted, waves=False)
    return total


def _end(seed: int, goal: str, task: str, start: float, seconds: Callable[[str], float], *, waves: bool) -> float:
    steps = _children(goal)
    at = start + seconds(f"{task}/atomize")
    if not steps:
        return at + seconds(f"{task}/do")
    at += seconds(f"{task}/plan")
    ends: list[float] = []
    levels: list[int] = []
    for position, step in enumerate(steps, 1):
        levels.append(max((levels[need - 1] + 1 for need in step.after), default=0))
        if waves:
            starts = max((end for end, level in zip(ends, levels, strict=False) if level < levels[-1]), default=at)
        else:
            starts = max((ends[need - 1] for need in step.after), default=at)
        ends.append(_end(seed, step.goal, f"{task}/{position}", starts, seconds, waves=waves))
    at = max(ends) + seconds(f"{task}/aggregate") + seconds(f"{task}/verify")
    if _chance(goal, "verify").random() < REFUSED:
        at += seconds(f"{task}/aggregate-2") + seconds(f"{task}/verify-2")
    return at


__all__ = ["ENDLESS", "MOST_DEPTH", "SCRIPTED", "bound_s", "seconds_of", "total_s"]
