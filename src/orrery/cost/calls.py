"""ModelCall: a task that asks a model, as the optimiser reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from orrery.graph.ref import PSEUDO_SOURCES, Ref, TaskId
from orrery.graph.task import Task
from orrery.graph.template import Template
from orrery.scheduler.asking import PERSON

ASK, CHAT = "model.ask", "model.chat"


class ModelCall(msgspec.Struct, frozen=True, gc=False):
    """What a task asks of a model.

    Args:
        model: whom; "" for the default. None: which one is only known when it runs.
        parts: what is read, from its beginning: the system's words, what was said before, then the prompt; texts and
            references in turn.
        max_tokens: the longest answer; None: no limit.
        may_share: an equal question may have the answer of another, as `cache` says.
        thinking_tokens: about how many tokens of thought come before the answer; None: as the model does by itself.
    """

    model: str | None
    parts: tuple[str | Ref, ...]
    max_tokens: int | None = None
    may_share: bool = True
    thinking_tokens: int | None = None

    @classmethod
    def of(cls, task: Task) -> ModelCall | None:
        """The task's call; None where it asks no model."""
        if task.op not in (ASK, CHAT):
            return None
        args = task.args
        settings = args.get("settings") if task.op == CHAT else args
        most = settings.get("max_tokens") if isinstance(settings, dict) else None
        thought = args.get("thinking_tokens") if task.op == ASK else None
        model = args.get("model") or ""
        read = (
            (args.get("system"), args.get("history"), args.get("prompt")) if task.op == ASK else (args.get("messages"),)
        )
        return cls(
            model=model if isinstance(model, str) else None,
            parts=tuple(part for value in read for part in _parts(value)),
            max_tokens=most if isinstance(most, int) and not isinstance(most, bool) else None,
            may_share=args.get("cache", True) is True,
            thinking_tokens=thought if isinstance(thought, int) and not isinstance(thought, bool) else None,
        )


def _parts(value: Any) -> list[str | Ref]:
    match value:
        case str():
            return [value] if value else []
        case Ref():
            return [value]
        case Template():
            return list(value.parts)
        case dict():
            return [part for inner in value.values() for part in _parts(inner)]
        case list() | tuple():
            return [part for inner in value for part in _parts(inner)]
    return []


def conversations(tasks: Iterable[Task]) -> list[tuple[Task, ...]]:
    """The calls that ask a question of a model, those together that are turns of one conversation.

    Turns ask one model, whose prefix cache holds what was said: another model would have to read all of it anew. A call
    that goes on with nothing, and with which nothing goes on, is alone.
    """
    found: dict[TaskId, list[Task]] = {}
    for task in tasks:
        if task.op == ASK and task.executor != PERSON:
            found.setdefault(_first_turn(task), []).append(task)
    return [tuple(turns) for turns in found.values()]


def _first_turn(task: Task) -> TaskId:
    """The call with which the conversation of a call begins: itself where nothing was said before."""
    history = task.args.get("history")
    for turn in history if isinstance(history, list | tuple) else ():
        answer = turn.get("answer") if isinstance(turn, dict) else None
        if isinstance(answer, Ref) and answer.task not in PSEUDO_SOURCES:
            return answer.task
    return task.id


def asked_of(task: Task, model: str) -> Task:
    """A call as it asks another model."""
    reads = tuple(f"model:{model}" if name.startswith("model:") else name for name in task.effects.reads)
    effects = msgspec.structs.replace(task.effects, reads=reads)
    return msgspec.structs.replace(task, args={**task.args, "model": model}, effects=effects)
