"""Asked: who is asked when no way is left, in which words, and what their answer means.

`ask` of a route is one of:

* "person": a task for a person. An approval means that what is dead is to be tried again; an answer may be a list of
  what they settle for; a denial gives up.
* "model", or "PROVIDER:MODEL": a model, which answers by a schema.
* "py:module:function", or a tool's name: an operation that takes `question` and answers as a model does.
* "nobody": the route gives up at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from orrery.errors import Failure, RouteError, UnknownNameError, suggestion
from orrery.graph import Task, TaskId
from orrery.models.prompts import prompt
from orrery.planners.asking import TEXT, object_of
from orrery.routing.tool_graph.tools import Artefact
from orrery.tools import tools
from orrery.workflow import code

PERSON, MODEL, NOBODY = "person", "model", "nobody"
CHOICES = ("again", "settle", "give-up")
ANSWER = object_of(
    because=TEXT,
    choice={"type": "string", "enum": list(CHOICES)},
    want={"type": "array", "items": TEXT},
)
_NO = frozenset({"give-up", "give up", "no", "stop", "deny"})


class Answer(msgspec.Struct, frozen=True):
    """What somebody decided: to try again what was dead, to settle for less, or to give up."""

    choice: Literal["again", "settle", "give-up"]
    want: tuple[Artefact, ...] = ()
    because: str = ""


def check_asked(ask: str) -> None:
    """Whether there is such a one to ask. Raises RouteError, OperationError."""
    if ask in (PERSON, MODEL, NOBODY):
        return
    if ask.startswith((code.PYTHON, code.LOCAL)):
        code.find(ask)
    elif ":" not in ask:
        try:
            tools.get(ask)
        except UnknownNameError as error:
            raise RouteError(
                f"nobody is called {ask!r} who could be asked; {suggestion(ask, (PERSON, MODEL, NOBODY))}; "
                "or name PROVIDER:MODEL, a tool, or py:module:function"
            ) from error


def asking(task: TaskId, ask: str, *, proof: str, want: Sequence[Artefact], possible: Sequence[Artefact]) -> Task:
    """The task that asks.

    Args:
        proof: why nothing leads on, in words.
        want: what is wanted.
        possible: what of it could still be reached.
    """
    about = {"proof": proof, "want": ", ".join(want), "possible": ", ".join(possible) or "nothing"}
    question = prompt("planners/routed-ask", **about)
    if ask == PERSON:
        return Task(task, "ask", {"question": question}, executor="person")
    if ask.startswith((code.PYTHON, code.LOCAL)):
        return Task(task, ask, {"question": question}, executor="thread")
    if ask == MODEL or ":" in ask:
        given = {"prompt": question, "schema": ANSWER, "cache": False}
        return tools.get("model.ask").task(task, given if ask == MODEL else {**given, "model": ask})
    return tools.get(ask).task(task, {"question": question})


def answer_from(said: Any, want: Sequence[Artefact]) -> Answer:
    """What an answer means. Whatever is no answer gives up, and says so.

    Args:
        want: what was wanted; one can settle for a part of it only.
    """
    if isinstance(said, Failure):
        return Answer("give-up", because=f"{said}")
    if isinstance(said, Mapping):
        named, choice, why = said.get("want"), said.get("choice"), str(said.get("because") or "")
        kept = _part(named, want)
        if choice == "settle" or (choice is None and kept):
            return Answer("settle", kept, why) if kept else Answer("give-up", because=f"settled for nothing; {why}")
        if choice in CHOICES:
            return Answer(choice, because=why)
        return Answer("give-up", because=f"the answer has no choice among {', '.join(CHOICES)}")
    if isinstance(said, list | tuple):
        kept = _part(said, want)
        return Answer("settle", kept) if kept else Answer("give-up", because="the answer names nothing that was wanted")
    if said is False or (isinstance(said, str) and said.strip().casefold() in _NO):
        return Answer("give-up", because="that was the answer")
    return Answer("again")


def _part(named: Any, want: Sequence[Artefact]) -> tuple[Artefact, ...]:
    return tuple(artefact for artefact in want if isinstance(named, list | tuple) and artefact in named)


__all__ = ["MODEL", "NOBODY", "PERSON", "Answer", "answer_from", "asking", "check_asked"]
