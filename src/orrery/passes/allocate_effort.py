"""allocate_effort: difficulty decides the effort of a call: a plain one, thought before the answer, a bigger model.

Below the threshold a call is easy and gets the first tier; what lies above is divided evenly among the others, so that
the hardest get the last. A higher threshold never gives a call more: tokens fall with it.

What an author said of a call stays: its own `thinking_tokens` always, its own model where a tier would name another.
The turns of one conversation keep their model, and get a tier only where all of them get the same: another effort or
model in the middle would make many a server read all of it anew.

Effort spent on what is easy is wasted, and so is effort on what stays too hard: `orrery bench optimiser --only scale`
shows what this gains with a difficulty that is right, and what it loses with one that is not.

Source: SCALE (Xiao et al., "Selective resource allocation for overcoming performance bottlenecks in mathematical
    test-time scaling", 2025, arXiv:2512.00466): hard sub-problems get the deliberate mode, the others the fast one.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from orrery.cost import CostModel, Option
from orrery.cost.calls import asked_of, conversations
from orrery.cost.difficulty import Difficulty, declared, is_difficulty, learned
from orrery.errors import RequestError
from orrery.graph.graph import Graph
from orrery.graph.patch import Patch, Replace
from orrery.graph.task import Task
from orrery.passes.rewritten import Note, Rewritten


def allocate_effort(
    graph: Graph,
    costs: CostModel,
    *,
    threshold: float = 0.5,
    tiers: Sequence[Option] = (),
    difficulty: Difficulty | None = None,
) -> Rewritten:
    """The graph in which every call is made with the effort that its difficulty asks for.

    Time: O(tasks x (1 + what the difficulty takes)).

    Args:
        threshold: the difficulty from which a call is hard.
        tiers: from the least effort to the most; "" and None in one leave a call as it is. Empty: what the platform
            says of the call's own model (`Model.thinking`), the least first; where it says nothing, no change.
        difficulty: how hard a call is, in [0, 1]; `difficulty.learned` unless given, and for figures that are none.

    Raises: RequestError: the threshold is no number from 0 to 1, or a tier names a device.
    """
    if not is_difficulty(threshold):
        raise RequestError(f"the threshold of difficulty lies in [0, 1]; {threshold!r} does not")
    if any(tier.device for tier in tiers):
        raise RequestError("a tier of effort names a model or tokens of thought; where a task runs is for `place`")
    usual = learned(costs)
    judge = difficulty or usual
    changed: list[Task] = []
    notes: list[Note] = []
    for calls in conversations(graph):
        steps = tiers or _steps(calls[0], costs)
        if not steps:
            continue
        hard = [_believed(judge(task, graph), task, graph, usual) for task in calls]
        ranks = [tier_of(figure, threshold, len(steps)) for figure in (min(hard), max(hard))]
        tier = steps[ranks[1]]
        reason = _reason_against(calls, tier)
        if ranks[0] != ranks[1]:
            reason = "the turns of its conversation differ, and one effort keeps what their server has read"
        note, after = _given(calls, tier, costs)
        side = "at least" if max(hard) >= threshold else "below"
        because = f"difficulty {max(hard):.2f}, {side} {threshold:.2f}: {_words(tier)}"
        if reason or not after:
            kept = tuple(task.id for task in calls)
            notes.append(Note("rejected", kept, f"{because}; {reason}" if reason else f"{because}, as it is"))
            continue
        notes.append(msgspec.structs.replace(note, because=because))
        changed += after
    if not changed:
        return Rewritten(graph, tuple(notes))
    return Rewritten(graph.apply(Patch(tuple(map(Replace, changed)))), tuple(notes))


def tier_of(difficulty: float, threshold: float, tiers: int) -> int:
    """Which of so many tiers a difficulty gets: 0 below the threshold, the others evenly above it.

    >>> [tier_of(difficulty, 0.5, 3) for difficulty in (0.4, 0.5, 0.74, 0.75, 1.0)]
    [0, 1, 1, 2, 2]
    """
    if difficulty < threshold or tiers < 2:
        return 0
    above = (difficulty - threshold) / (1 - threshold) if threshold < 1 else 1.0
    return min(tiers - 1, 1 + int(above * (tiers - 1)))


def _steps(task: Task, costs: CostModel) -> tuple[Option, ...]:
    """The budgets of thought that the platform says the call's model takes, where it says more than one."""
    named = task.args.get("model") or costs.platform.default_model
    model = costs.platform.models.get(named) if isinstance(named, str) else None
    budgets = sorted(set(model.thinking)) if model is not None else []
    return tuple(Option(thinking_tokens=tokens) for tokens in budgets) if len(budgets) > 1 else ()


def _believed(figure: float, task: Task, graph: Graph, usual: Difficulty) -> float:
    if is_difficulty(figure):
        return figure
    figure = usual(task, graph)
    return figure if is_difficulty(figure) else declared(task, graph)


def _reason_against(calls: Sequence[Task], tier: Option) -> str:
    if tier.thinking_tokens is not None and any(task.args.get("thinking_tokens") is not None for task in calls):
        return "it says itself how much is thought"
    if tier.model and len(calls) > 1:
        return "its conversation stays with its model"
    if tier.model and any(task.args.get("model") not in (None, "", tier.model) for task in calls):
        return "its model is named, and so it stays"
    return ""


def _given(calls: Sequence[Task], tier: Option, costs: CostModel) -> tuple[Note, list[Task]]:
    """The calls as the tier has them, of those that it changes; with what that saves, below 0 where it costs."""
    after: list[Task] = []
    saves_s = saves_money = saves_tokens = 0.0
    for task in calls:
        now = task
        if tier.thinking_tokens is not None:
            now = msgspec.structs.replace(now, args={**now.args, "thinking_tokens": tier.thinking_tokens})
        if tier.model and task.args.get("model") != tier.model:
            now = asked_of(now, tier.model)
        if now is task:
            continue
        after.append(now)
        present = task.args.get("model") or costs.platform.default_model
        asks = present if isinstance(present, str) else ""
        was = costs.estimate(task, Option(model=asks))  # by name: what is compared is of one kind
        will = costs.estimate(task, Option(model=tier.model or asks, thinking_tokens=tier.thinking_tokens))
        saves_s += was.seconds.mid - will.seconds.mid
        saves_money += was.money.mid - will.money.mid
        saves_tokens += was.tokens.mid - will.tokens.mid
    return Note("made", tuple(task.id for task in calls), "", saves_s, saves_money, saves_tokens), after


def _words(tier: Option) -> str:
    """A tier as a person reads it."""
    parts = [tier.model] if tier.model else []
    if tier.thinking_tokens is not None:
        parts.append(f"{tier.thinking_tokens} tokens of thought" if tier.thinking_tokens else "no thought")
    return " with ".join(parts) or "a plain call"
