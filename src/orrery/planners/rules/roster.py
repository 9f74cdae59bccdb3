"""The roster: questions about the fleet itself, answered from what is known of it, without asking a device."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from orrery.graph import Task
from orrery.planners.protocol import Device
from orrery.planners.rules.kinds import SENTENCE_ENDS
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.where import NOUNS

_NOUN = rf"(?:{'|'.join(sorted(NOUNS))})(?:s|es)?"
_THE = r"(?:the |my |our |all |all the |all my )?"
_STATE = r"(?:online|connected|available|reachable|up|there|in the fleet|in my fleet|ready|alive|known)"
_CAN = (
    r"(?:what (?:can|could) (?:they|each|each of them|every one of them) do"
    r"|what (?:are they capable of|do they offer)"
    r"|(?:with )?(?:what )?(?:are )?(?:their|the)"
    r" (?:skills|tools|abilities|capabilities|skills and tools|tools and skills)"
    r"|what (?:skills|tools)(?: and (?:skills|tools))? (?:do they|does each) have)"
)
_ROSTER = re.compile(
    rf"(?:(?:which|what) {_NOUN} (?:are|is) {_STATE}(?: now| right now| at the moment)?"
    rf"|(?:which|what) {_NOUN} (?:do i have|are there|does the fleet have)"
    rf"|(?:list|show|show me|tell me|name|print) {_THE}{_NOUN}(?:(?: that are)? {_STATE}| of the fleet| of my fleet)?"
    rf"|what can {_THE}{_NOUN} do)"
    rf"(?: (?:and )?{_CAN})?"
)
_COUNT = re.compile(rf"how many {_NOUN} (?:are {_STATE}|do i have|are there|does the fleet have)(?: now| right now)?")
_WITH = re.compile(
    rf"(?:which|what|list {_THE}|show {_THE}|show me {_THE}) ?{_NOUN}"
    r" (?:have|has|with|that have|are tagged|tagged) (?:a |an |the )?(?:skill |tag )?([\w-]+)"
)
_LEAVE = re.compile(
    r"(?:please )?(?:do not|don't|without) (?:have|let|make|making|letting|having|ask|asking|bother|bothering) "
    rf"(?:any|any of them|them|the {_NOUN}|any {_NOUN}|any of the {_NOUN})"
    r"(?: (?:do|run|doing|running|to do|to run) (?:anything|something))?(?: for (?:that|it|this))?"
)


def asked(found: Sequence[Token], devices: Sequence[Device]) -> Task | None:
    """The task that answers a request which only asks for devices and what they can do; None for any other.

    It runs on this machine, and tells what was known when it was planned.
    """
    said = [text for text in _sentences(found) if _LEAVE.fullmatch(text) is None]
    if len(said) == 2 and re.fullmatch(rf"(?:and )?{_CAN}", said[1]):
        said = [f"{said[0]} {said[1]}"]
    if len(said) != 1:
        return None
    text = said[0].removeprefix("please ")
    if _ROSTER.fullmatch(text):
        return _listed(devices)
    if _COUNT.fullmatch(text):
        return Task("count", "records.reduce", {"items": [device.name for device in devices], "how": "count"})
    match = _WITH.fullmatch(text)
    if match is not None and (skill := _skill(match[1], devices)):
        return _listed([device for device in devices if skill in map(str.lower, device.skills)])
    return None


def _listed(devices: Sequence[Device]) -> Task:
    return Task("devices", "records.flatten", {"lists": [[_row(device) for device in devices]]})


def _skill(word: str, devices: Sequence[Device]) -> str:
    return word if any(word in map(str.lower, device.skills) for device in devices) else ""


def _row(device: Device) -> dict[str, Any]:
    return {"device": device.name, "os": device.os, "skills": list(device.skills), "tools": list(device.tools)}


def _sentences(found: Sequence[Token]) -> list[str]:
    texts: list[list[str]] = [[]]
    for token in found:
        if token.kind == "stop" and token.text in SENTENCE_ENDS:
            texts.append([])
        elif token.kind != "stop":
            texts[-1].append(token.text.lower())
    return [" ".join(text) for text in texts if text]
