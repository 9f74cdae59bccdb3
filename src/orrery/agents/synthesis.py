"""Synthesis: one answer out of several, or the plain word that there is none.

Answers that were given side by side are scored by how alike they are. If they agree, the one that is likest to all
others is taken. If not, whoever gave them is asked again, one after the other with the answers of the others in view,
at most `MOST_REROUTES` times. Then it ends, with "no consensus", the answers and their scores: it never asks for ever,
and never calls a majority what is none.

    vote              the first look: an answer, or it grows into
    vote/1.ask-1, vote/1.ask-2, ...   the others' answers so far are in view of each
    vote/1.compare    where an operation of its own compares
    vote/1            the look at these: an answer, or the next round beside it

Source: adaptive synthesis as in AdaptOrch (arXiv 2602.16873), whose rounds stop at a score; here also by their number.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import msgspec

from orrery.agents.spec import own_task, tool_of
from orrery.errors import AgentDefinitionError, Failure
from orrery.graph import Add, Graph, Growth, Patch, Ref, Task, TaskId, Template
from orrery.models.prompts import prompt
from orrery.tools import Context, tool

MOST_REROUTES: Final = 5
_WORD = re.compile(r"\w+")


class Asker(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How somebody is asked again.

    Args:
        op: the operation: a registered tool, or "py:module:function".
        args: its arguments.
        others: the argument that is given the others' answers: behind its text if it has one, else as a list.
    """

    op: str
    args: dict[str, Any] = {}
    others: str = "others"


class Settings(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an agreement is, and how it is sought; see `agree`."""

    ask: tuple[Asker, ...] = ()
    compare: str = ""
    at_least: float = 0.6
    reroutes: int = 2


class Consistency(NamedTuple):
    """How far answers agree.

    Args:
        score: the mean likeness of all pairs, in [0, 1]; 1 of a single answer, 0 of none.
        scores: for each answer its mean likeness to the others.
        best: the position of the one that is likest to the others, the first of several; -1 of none.
    """

    score: float
    scores: list[float]
    best: int


def similarity(one: Any, other: Any) -> float:
    """How alike two answers are, in [0, 1]: the share of words, and of pairs of neighbouring words, that both have.

    The parts of maps and lists count with where they stand; numbers and truth values are alike only if they are equal.
    It sees form, not meaning: "it is safe" and "it is not safe" are fairly alike. Where that matters, have an operation
    of your own compare.
    """
    return _jaccard(_features(one), _features(other))


def consistency(answers: Sequence[Any]) -> Consistency:
    """How far answers agree by `similarity`; quadratic in their number."""
    count = len(answers)
    if count < 2:
        return Consistency(float(count), [1.0] * count, count - 1)
    features = list(map(_features, answers))
    sums = [0.0] * count
    for first in range(count):
        for second in range(first + 1, count):
            likeness = _jaccard(features[first], features[second])
            sums[first] += likeness
            sums[second] += likeness
    scores = [total / (count - 1) for total in sums]
    return Consistency(math.fsum(scores) / count, scores, max(range(count), key=lambda n: (scores[n], -n)))


@tool(name="synthesis.agree", effects="idempotent", executor="inline")
def agree(
    answers: list[Any],
    *,
    ask: list[dict[str, Any]] | None = None,
    compare: str = "",
    at_least: float = 0.6,
    reroutes: int = 2,
) -> Any:
    """One answer out of several that were given side by side, or the word that there is no consensus.

    Returns a map: "agreed"; "answer" (null without a consensus); "score" and the "scores" of all "answers"; "reroutes",
    how often it was asked again; and "because".

    Args:
        answers: what is to agree; failures among them are left out.
        ask: how each is asked again, in the order of the answers: maps with "op", "args", and "others", the argument
            that is given the others' answers. Nobody is asked again unless given.
        compare: an operation that is given `answers` and returns how far they agree: a number from 0 to 1, or a map
            with "score" and "best", the position of the best answer. How alike their words are, unless given.
        at_least: from this score on they agree.
        reroutes: how often all are asked again at most, up to 5.

    Raises:
        AgentDefinitionError: a part cannot be what it is; the message names it.
    """
    settings = _settings({"ask": ask or [], "compare": compare, "at_least": at_least, "reroutes": reroutes})
    if settings.ask and len(settings.ask) != len(answers):
        raise AgentDefinitionError(
            f"ask says how {len(settings.ask)} are asked again, and there are {len(answers)} answers"
        )
    for op in (*(each.op for each in settings.ask), *([compare] if compare else [])):
        tool_of(op)  # so that a wrong name is told now, and not only when nobody agrees
    given = [answer for answer in answers if not isinstance(answer, Failure)]
    if settings.ask:  # those that failed are asked again too, after the others
        order = sorted(range(len(answers)), key=lambda n: isinstance(answers[n], Failure))
        settings = msgspec.structs.replace(settings, ask=tuple(settings.ask[n] for n in order))
    if not compare or not given:
        verdict = _verdict(settings, given, consistency(given), 0)
        if verdict["agreed"] or not _asks_again(settings, 0):
            return verdict
        return Graph(_asked(settings, given, 1, ""), outputs={"result": Ref("1")})
    return Graph(_looked_at(settings, given, 0, ""), outputs={"result": Ref("0")})


@tool(name="synthesis.look", effects="idempotent", executor="inline")
def look(settings: dict[str, Any], answers: list[Any], turn: int, *, ctx: Context, compared: Any = None) -> Any:
    """What follows from the answers of a round: the agreement, the next round, or that there is no consensus.

    Args:
        turn: how often it was asked again.
        compared: what the operation that compares returned.
    """
    known = _settings(settings)
    if not 0 <= turn <= known.reroutes:
        raise AgentDefinitionError(f"round {turn} of {known.reroutes} cannot be: it is counted from 0 to reroutes")
    found = consistency(answers) if not known.compare else _compared(known.compare, compared, answers)
    verdict = _verdict(known, answers, found, turn)
    if verdict["agreed"] or not _asks_again(known, turn):
        return verdict
    above = ctx.task.rpartition("/")[0] + "/"
    tasks = _asked(known, answers, turn + 1, above)
    return Growth(Patch(tuple(map(Add, tasks)), by=ctx.task, because=verdict["because"]), result=Ref(tasks[-1].id))


def _asks_again(settings: Settings, turn: int) -> bool:
    return bool(settings.ask) and turn < settings.reroutes


def _asked(settings: Settings, answers: Sequence[Any], turn: int, above: TaskId) -> list[Task]:
    """One round: each is asked in turn, those before with what they say now, those behind with what they said."""
    tasks: list[Task] = []
    now: list[Any] = list(answers)
    for position, asker in enumerate(settings.ask):
        made = tool_of(asker.op)
        others = [answer for at, answer in enumerate(now) if at != position]
        args = {**asker.args, asker.others: _shown(asker.args.get(asker.others), others)}
        task = msgspec.structs.replace(made.task(f"{above}{turn}.ask-{position + 1}", args), op=asker.op)
        tasks.append(task)
        now[position : position + 1] = [Ref(task.id)]
    return tasks + _looked_at(settings, now, turn, above)


def _looked_at(settings: Settings, answers: Sequence[Any], turn: int, above: TaskId) -> list[Task]:
    """The comparison, where an operation makes it, and the look at it."""
    told: dict[str, Any] = {"settings": _plain(settings), "answers": list(answers), "turn": turn}
    if not settings.compare:
        return [own_task(look, f"{above}{turn}", told)]
    made = tool_of(settings.compare).task(f"{above}{turn}.compare", {"answers": list(answers)})
    compare = msgspec.structs.replace(made, op=settings.compare)
    return [compare, own_task(look, f"{above}{turn}", {**told, "compared": Ref(compare.id)})]


def _shown(text: Any, others: Sequence[Any]) -> Any:
    """The others' answers as an argument: a list, or behind the text that the argument has."""
    if not isinstance(text, str):
        return list(others)
    parts: list[str | Ref] = [text, "\n\n", prompt("agents/others")]
    for number, answer in enumerate(others, start=1):
        said = answer if isinstance(answer, str | Ref) else msgspec.json.encode(answer).decode()
        parts += [f"\n\n{number}.\n", said]
    return Template(parts) if any(isinstance(part, Ref) for part in parts) else "".join(map(str, parts))


def _verdict(settings: Settings, answers: Sequence[Any], found: Consistency, turn: int) -> dict[str, Any]:
    agreed = bool(answers) and found.score >= settings.at_least
    again = f" after asking again {turn} time{'s' if turn != 1 else ''}" if turn else ""
    what = "agreed" if agreed else "no consensus" if answers else "no consensus, as there is no answer"
    return {
        "agreed": agreed,
        "answer": answers[found.best] if agreed else None,
        "score": found.score,
        "scores": found.scores,
        "answers": list(answers),
        "reroutes": turn,
        "because": f"{what}{again}: a score of {found.score:.2f}, and {settings.at_least:.2f} is wanted",
    }


def _compared(by: str, said: Any, answers: Sequence[Any]) -> Consistency:
    """What an operation that compares said, as a consistency; the likeness of words fills in what it does not say."""
    own = consistency(answers)
    score, best = (said.get("score"), said.get("best", own.best)) if isinstance(said, Mapping) else (said, own.best)
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise AgentDefinitionError(f"{by!r} compares answers, so it must return a number from 0 to 1, not {said!r:.80}")
    if isinstance(best, bool) or not isinstance(best, int) or not 0 <= best < len(answers):
        raise AgentDefinitionError(
            f"{by!r} says that answer {best!r:.80} is the best of {len(answers)}, counted from 0"
        )
    return Consistency(float(score), own.scores, best)


def _settings(given: Mapping[str, Any]) -> Settings:
    try:
        settings = msgspec.convert(given, Settings)
    except msgspec.ValidationError as error:
        raise AgentDefinitionError(f"answers cannot be brought together so: {error}") from error
    if not 0 <= settings.reroutes <= MOST_REROUTES:
        raise AgentDefinitionError(f"reroutes must be from 0 to {MOST_REROUTES}, not {settings.reroutes}")
    if not 0 <= settings.at_least <= 1:
        raise AgentDefinitionError(f"at_least must be from 0 to 1, not {settings.at_least}")
    return settings


def _plain(settings: Settings) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(settings)
    return {**plain, "ask": [msgspec.to_builtins(each) for each in settings.ask]}


# -- likeness ---------------------------------------------------------------------------------------------


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 1.0


def _features(value: Any) -> frozenset[str]:
    """The words of an answer, pairs of neighbouring ones and other values, each with where it stands."""
    found: set[str] = set()
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        at, part = waiting.pop()
        if isinstance(part, Mapping):
            waiting += [(f"{at}.{key}", inner) for key, inner in part.items()]
        elif isinstance(part, list | tuple):
            waiting += [(f"{at}[]", inner) for inner in part]
        elif isinstance(part, str):
            words = _WORD.findall(part.casefold())
            found.update(f"{at}:{word}" for word in words or [part])
            found.update(f"{at}:{one} {other}" for one, other in pairwise(words))
        else:
            whole = isinstance(part, float) and part.is_integer()  # 3.0 is the 3 of who writes it otherwise
            found.add(f"{at}={int(part) if whole else part!r}")
    return frozenset(found)
