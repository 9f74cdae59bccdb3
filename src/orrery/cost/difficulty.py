"""Difficulty: how hard a call to a model is, in [0, 1]: 0 is always right at the first try, 1 never.

Asked in turn: what the author *declares* (`estimate: {difficulty: 0.8}`), else a *guess* by what is asked, raised by
what the log *taught* of attempts that failed. The guess is a small heuristic and no more than that: it tells a
translation from a proof, and knows nothing of the model. Where difficulty matters, declare it or measure it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

from orrery.cost.calls import ModelCall
from orrery.cost.cost import CostModel
from orrery.graph.graph import Graph
from orrery.graph.ref import Ref, TaskId
from orrery.graph.task import Task
from orrery.models.request import CHARS_PER_TOKEN

Difficulty = Callable[[Task, Graph], float]
"""How hard a task is, in [0, 1]; the graph says what it builds on."""

MIDDLING = 0.5
"""What a call is taken for of which nothing is known."""

_HARD = frozenset(
    (
        *("prove", "proof", "derive", "refute", "argue", "infer", "why", "explain", "predict"),
        *("plan", "design", "architect", "strategy", "optimise", "optimize", "trade-off", "negotiate", "reconcile"),
        *("debug", "diagnose", "root-cause", "weigh", "critique", "evaluate", "synthesise", "synthesize"),
    )
)
_EASY = frozenset(
    (
        *("extract", "list", "name", "count", "quote", "tag", "label", "classify", "sort"),
        *("translate", "transcribe", "convert", "format", "spell", "capitalise", "capitalize"),
        *("copy", "repeat", "rewrite", "summarise", "summarize"),
    )
)
_WORD = re.compile(r"[a-z][a-z-]*")


def declared(task: Task, graph: Graph) -> float:
    """What the author says, else the guess."""
    said = task.estimate.difficulty
    return said if said is not None and is_difficulty(said) else guessed(task, graph)


def guessed(task: Task, graph: Graph) -> float:  # noqa: ARG001 - as `Difficulty` has it
    """A guess by the words of a call: from the middle, 0.2 up or down for each that counts below, 0.1 for length.

    * words in what is asked: such as "prove", "plan" or "debug" for harder, "extract" or "translate" for easier;
    * the length of what is written down in it: 0.1 more for 1,000 tokens and above, 0.1 less for 60 and below;
    * results of others that it puts together: 0.05 for each after the first, at most 0.2;
    * an answer of at most 16 tokens, such as a yes or a label: 0.1 less.
    """
    call = ModelCall.of(task)
    if call is None:
        return MIDDLING
    texts = [part for part in call.parts if isinstance(part, str)]
    words = {word for text in texts for word in _WORD.findall(text.lower())}
    sources = {part.task for part in call.parts if isinstance(part, Ref)}
    tokens = sum(map(len, texts)) / CHARS_PER_TOKEN
    score = MIDDLING + 0.2 * bool(words & _HARD) - 0.2 * bool(words & _EASY)
    score += 0.1 * max(-1.0, min(1.0, math.log(max(tokens, 1.0) / 250) / math.log(4)))
    score += min(0.2, 0.05 * max(0, len(sources) - 1))
    score -= 0.1 * (call.max_tokens is not None and call.max_tokens <= 16)
    return max(0.0, min(1.0, score))


def learned(costs: CostModel, otherwise: Difficulty = declared) -> Difficulty:
    """Another judgement, raised by the share of attempts that failed: failing for good, or before it went well.

    Taken as independent causes of failure: 1 - (1 - judgement) x (1 - share failed for good) x (1 - share repeated).
    What went well in the log lowers nothing, for an answer that came is not yet a right one. What an author declares
    is left as it is.
    """

    def difficulty(task: Task, graph: Graph) -> float:
        judged = otherwise(task, graph)
        if task.estimate.difficulty is not None:
            return judged
        cost = costs.estimate(task)
        repeated = 0.0
        if cost.settled_s is not None and cost.settled_s.mid > cost.seconds.mid:
            repeated = 1 - cost.seconds.mid / cost.settled_s.mid
        return judged + (1 - judged) * (1 - (1 - cost.fails) * (1 - repeated))

    return difficulty


def given(figures: Mapping[TaskId, float], otherwise: Difficulty = declared) -> Difficulty:
    """Figures by the names of tasks; of a task that is not named another judgement."""

    def difficulty(task: Task, graph: Graph) -> float:
        figure = figures.get(task.id)
        return figure if figure is not None and is_difficulty(figure) else otherwise(task, graph)

    return difficulty


def is_difficulty(figure: float) -> bool:
    """Whether a figure can be meant: a number in [0, 1]."""
    return isinstance(figure, int | float) and not isinstance(figure, bool) and 0 <= figure <= 1  # NaN is neither
