"""What a model is told: the opening of a conversation, and what came of the calls that it made.

Everything that came from outside the conversation is put under the key "untrusted_data" of a JSON object, together
with where it came from. JSON quotes what it holds, so no text can end its own label and pass for one of ours.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from orrery.agents.styles import next_width
from orrery.errors import Failure
from orrery.graph import Blob
from orrery.graph.resolve import as_text
from orrery.tools import tool

LABEL: Final = "untrusted_data"
_TOO_OFTEN = ("429", "too many requests", "rate limit", "rate-limit")


def said(*texts: str, system: str = "") -> dict[str, Any]:
    """A message of ours to the model, as data: each text a part of its own."""
    parts = [{"part_kind": "system-prompt", "content": system}] if system else []
    return {"kind": "request", "parts": [*parts, *({"part_kind": "user-prompt", "content": text} for text in texts)]}


def labelled(source: str, data: Any, **facts: Any) -> str:
    """Data from outside as a JSON text that says so, and where it came from."""
    return json.dumps(_label(source, data, **facts), ensure_ascii=False)


def _label(source: str, data: Any, **facts: Any) -> dict[str, Any]:
    return {"from": source, **facts, LABEL: data}


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one call, for the model.

    Args:
        id: of the call.
        name: of the tool, as the model knows it.
        source: of the result, as a person knows it.
        value: the result, or a `Failure`.
        asked: what came of asking a person first; a `Failure` is a denial.
        not_done: why the call was not made at all; empty if it was.
        changes: what was repaired in it.
    """

    id: str
    name: str
    source: str = ""
    value: Any = None
    asked: Any = None
    not_done: str = ""
    changes: Sequence[str] = ()


@tool(name="agent.results", effects="pure", executor="inline")
def results(
    calls: list[dict[str, Any]],
    notes: list[str],
    chars: int,
    program: dict[str, Any] | None = None,
    width: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """What a model is told after its turn, and what the agent is to know of it.

    Args:
        calls: what became of each call: maps in the form of `Told`.
        notes: what else the model is told, in our words.
        chars: the most characters of one result that are shown.
        program: what became of a program that it wrote, in the form of `Told`.
        width: how many calls the turn allowed ("now"), the most that one may ("most"), and the "rule" for the next.

    Returns: "messages" for the model; "signs": the next turn's width, and whether a program worked; its "value".
    """
    told = [Told(**call) for call in calls]
    parts: list[dict[str, Any]] = [_return(each, chars) for each in told]
    signs: dict[str, Any] = {}
    value = None
    if program is not None:
        ran = Told(**program)
        content, outcome = _content(ran, chars)
        parts.append({"part_kind": "user-prompt", "content": json.dumps(content, ensure_ascii=False)})
        if outcome == "success":
            value, signs["ran"] = ran.value["value"], True
        told.append(ran)
    if width is not None:
        signs["width"] = next_width(**width, throttled=any(map(_asked_too_often, told)))
        if signs["width"] != width["now"]:
            notes = [*notes, f"The next turn allows {signs['width']} calls of tools."]
    parts += [{"part_kind": "user-prompt", "content": note} for note in notes]
    return {"messages": [{"kind": "request", "parts": parts}], "signs": signs, "value": value}


def _return(told: Told, chars: int) -> dict[str, Any]:
    content, outcome = _content(told, chars)
    return {
        "part_kind": "tool-return",
        "tool_name": told.name,
        "tool_call_id": told.id,
        "content": content,
        "outcome": outcome,
    }


def _content(told: Told, chars: int) -> tuple[Any, str]:
    if told.not_done:
        return told.not_done, "failed"
    source = told.source or told.name
    if told.asked is False:
        return f"{source} was not called: a person said no", "denied"
    if isinstance(told.asked, Failure):
        denied = told.asked.code == "denied"
        why = told.asked.message if denied else f"nobody agreed to it: {told.asked.message}"
        return f"{source} was not called: {why}", "denied"
    repaired = {"repaired": list(told.changes)} if told.changes else {}
    if isinstance(told.value, Failure):
        failure = {"type": told.value.type, "message": shortened(told.value.message, chars)}
        return _label(source, failure, failed=True, **repaired), "failed"
    return _label(source, shown(told.value, chars), **repaired), "success"


def _asked_too_often(told: Told) -> bool:
    failure = told.value
    if not isinstance(failure, Failure):
        return False
    text = f"{failure.type} {failure.message}".lower()
    return failure.retry_after_s is not None or any(sign in text for sign in _TOO_OFTEN)


def shown(value: Any, chars: int) -> Any:
    """The value as a model is shown it: as it is where it is short, else the beginning and the end of its text."""
    if isinstance(value, str):
        return shortened(value, chars)
    if isinstance(value, bytes):
        try:
            return shortened(value.decode(), chars)
        except UnicodeDecodeError:
            return f"{len(value)} bytes that are no text"
    if isinstance(value, Blob):
        return f"{value.size_bytes} bytes of {value.media} in the store"
    plain = _plain(msgspec.to_builtins(value, str_keys=True, enc_hook=_described))
    text = as_text(plain)
    return plain if len(text) <= chars else shortened(text, chars)


def shortened(text: str, chars: int) -> str:
    """The text, or its first two thirds and its end with a note of what is missing between."""
    if len(text) <= chars:
        return text
    tail = chars // 3
    head = chars - tail
    return f"{text[:head]}\n[{len(text) - chars} characters are left out here]\n{text[len(text) - tail :]}"


def _described(value: Any) -> Any:
    return f"{value.size_bytes} bytes of {value.media} in the store" if isinstance(value, Blob) else str(value)


def _plain(value: Any) -> Any:
    """Data without numbers that JSON has no word for, which a provider would refuse."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def opening(system: str, goal: str, *, data: Any, memories: Sequence[Any], notes: Sequence[str], chars: int) -> Any:
    """The first message of an agent's conversation: its rules, its goal, and the data that came with it."""
    texts = [goal]
    if memories:
        texts.append(labelled("memories of earlier work", [shown(memory, chars) for memory in memories]))
    if data is not None:
        texts.append(labelled("the data that came with the goal", shown(data, chars)))
    return said(*texts, *notes, system=system)
