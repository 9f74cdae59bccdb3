"""The plan cache: a request of a known shape reuses its plan with new arguments.

The shape of a request is its words without what varies: texts between quotes, numbers, paths and names become slots.
A plan is kept with the slots in the place of their values, where that is safe. A slot keeps its value for good if the
plan does not use it, or speaks of it in other words too; if it stands in a program; or if it is a number that the plan
uses more often than the request. A kept plan holds no results, and is checked like a new one before it is used.

Kept in `.orrery/plans.db` of the working folder. A cache that cannot be used (a full disk, a broken file, a folder that
must not be written) finds nothing and keeps nothing.

Source: the idea is that of plan caching for agents (Zhang et al., 2025), which adapts a plan by a small model; here
values are put in by structure, and no model is asked.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from orrery.graph import Template
from orrery.graph.values import decode, encode

Kind = Literal["text", "number", "path", "name"]
MAX_PLANS = 2_000
_BUSY_S = 2.0
_FORM = 1
"""Changes with what is stored; plans of another form are not read."""

_TEXT, _NUMBER, _END = "\ue000", "\ue001", "\ue002"
"""What stands in a kept plan for a slot: private characters, so that no text can be one by chance."""
_MARKED = re.compile(f"([{_TEXT}{_NUMBER}])(\\d+){_END}")
_WORDS = re.compile(r"\w{3,}")
_SLOTS = re.compile(
    r"""(?P<text>"[^"\n]*"|“[^”\n]*”|(?<!\w)'[^'\n]+'(?!\w)|`[^`\n]*`)"""
    r"|(?P<path>(?<![\w/])(?:~?/|\.{1,2}/)?(?:[\w*?-][\w.*?-]*/)*[\w*?-]*[\w*?]\.[A-Za-z]\w{0,5}(?![\w/])"
    r"|(?<![\w/])(?:~?/|\.{1,2}/)?[\w*?-][\w.*?-]*(?:/[\w.*?-]*[\w*?])+/?)"
    r"|(?P<number>(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?![\w]))"
    r"|(?P<name>(?<=[\w,;:)]\s)(?:[A-Z][\w'\u2019-]*)(?:\s+[A-Z][\w'\u2019-]*)*)"
)


class Slot(NamedTuple):
    """A part of a request that varies: what it is, and its value."""

    kind: Kind
    value: str


class Shape(NamedTuple):
    """A request without what varies. Equal values are one slot, so the shape says which must be equal."""

    words: str
    slots: tuple[Slot, ...]
    counts: tuple[int, ...]


def shape_of(request: str) -> Shape:
    """The shape of a request.

    >>> shape_of('Compare the height of Mount Everest with 3 times that of K2.').words
    'compare the height of <0 name> with <1 number> times that of <2 name>'
    """
    slots: dict[Slot, int] = {}
    counts: Counter[int] = Counter()

    def marked(found: re.Match[str]) -> str:
        kind: Any = found.lastgroup
        value = found[0][1:-1] if kind == "text" else found[0]
        place = slots.setdefault(Slot(kind, value), len(slots))
        counts[place] += 1
        return f"\x00{place} {kind}\x01"

    words = " ".join(_SLOTS.sub(marked, request).split()).casefold().rstrip(" .!?")
    return Shape(
        words.replace("\x00", "<").replace("\x01", ">"), tuple(slots), tuple(counts[n] for n in range(len(slots)))
    )


@dataclass(frozen=True)
class Kept:
    """A plan with slots in it.

    Args:
        plan: as data, references among it, with marks in the place of the values of slots.
        pinned: slots that must have the value that they had, by position.
    """

    plan: Any
    pinned: Mapping[int, str]

    def fits(self, shape: Shape) -> bool:
        """Whether a request of the same words may use it."""
        return all(
            place < len(shape.slots) and shape.slots[place].value == value for place, value in self.pinned.items()
        )


def abstracted(data: Any, shape: Shape, *, fixed: Sequence[str] = ()) -> tuple[Any, dict[int, str]] | None:
    """A plan as data with marks for the slots, and the slots that keep their values; None if it cannot be kept.

    Args:
        data: maps, lists, texts, numbers and templates; anything else in it is kept as it is.
        fixed: texts of the plan into which nothing may be put, such as programs; a slot that occurs in one is pinned.
    """
    if any(_MARKED.search(text) for text in (*texts_in(data), *(slot.value for slot in shape.slots))):
        return None
    used: Counter[int] = Counter()
    by_length = sorted(enumerate(shape.slots), key=lambda pair: -len(pair[1].value))
    patterns = [
        (place, re.compile(rf"(?<!\w){re.escape(slot.value)}(?!\w)")) for place, slot in by_length if slot.value
    ]
    numbers = {number: place for place, slot in enumerate(shape.slots) if (number := _number(slot)) is not None}

    def in_text(text: str) -> str:
        for place, pattern in patterns:
            parts = _MARKED.split(text)  # what is marked already is left alone: text, mark, number, text, ...
            for position in range(0, len(parts), 3):
                parts[position], count = pattern.subn(f"{_TEXT}{place}{_END}", parts[position])
                used[place] += count
            text = _rejoined(parts)
        return text

    def in_number(number: float) -> Any:
        place = numbers.get(number)
        if place is None:
            return number
        used[place] += 1
        return f"{_NUMBER}{place}{_END}"

    kept = _mapped(data, in_text, in_number)
    left = {word for text in (*texts_in(kept), *fixed) for word in _WORDS.findall(_MARKED.sub(" ", text).casefold())}
    pinned = {
        place: slot.value
        for place, slot in enumerate(shape.slots)
        if not used[place]
        or (slot.kind == "number" and used[place] > shape.counts[place])
        or any(slot.value in text for text in fixed)
        # It is spoken of in other words too, which would go on to speak of the old value.
        or (slot.kind != "number" and not left.isdisjoint(_WORDS.findall(slot.value.casefold())))
    }
    return kept, pinned


def filled(data: Any, shape: Shape) -> Any:
    """A kept plan with the values of another request of the same shape. Raises ValueError if one is no number."""

    def in_text(text: str) -> Any:
        whole = _MARKED.fullmatch(text)
        if whole is not None and whole[1] == _NUMBER:
            number = _number(shape.slots[int(whole[2])])
            if number is None:
                raise ValueError(f"{shape.slots[int(whole[2])].value!r} is no number")
            return number
        return _MARKED.sub(lambda mark: shape.slots[int(mark[2])].value, text)

    return _mapped(data, in_text, lambda number: number)


class PlanCache:
    """The plans of one working folder. Blocks; meant for a thread.

    Args:
        path: the database; it is made when a plan is first kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def of(cls, folder: Path) -> PlanCache:
        """The cache of a working folder."""
        return cls(folder / ".orrery" / "plans.db")

    def find(self, shape: Shape) -> Kept | None:
        """The plan that was kept last for a request of this shape, if its slots may have these values."""
        if not self._path.exists():
            return None
        try:
            with closing(self._open()) as database:
                rows = database.execute("SELECT plan FROM plans WHERE words = ? ORDER BY made DESC", (shape.words,))
                return next((kept for (data,) in rows if (kept := _read(data)) is not None and kept.fits(shape)), None)
        except (sqlite3.Error, OSError):
            return None

    def keep(self, shape: Shape, kept: Kept) -> bool:
        """Keep a plan in place of one that the same requests would have used; whether that could be done."""
        pinned = msgspec.json.encode(sorted(kept.pinned.items())).decode()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as database, database:
                database.execute(
                    "INSERT OR REPLACE INTO plans (words, pinned, made, plan) VALUES (?, ?, ?, ?)",
                    (shape.words, pinned, time.time(), encode([_FORM, kept.plan, dict(kept.pinned)])),
                )
                database.execute(
                    "DELETE FROM plans WHERE rowid NOT IN (SELECT rowid FROM plans ORDER BY made DESC LIMIT ?)",
                    (MAX_PLANS,),
                )
        except (sqlite3.Error, OSError):
            return False
        return True

    def drop(self, shape: Shape) -> None:
        """Forget the plans of a shape: one of them did not work."""
        try:
            with closing(self._open()) as database, database:
                database.execute("DELETE FROM plans WHERE words = ?", (shape.words,))
        except (sqlite3.Error, OSError):
            return

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=_BUSY_S)
        database.execute(
            "CREATE TABLE IF NOT EXISTS plans "
            "(words TEXT, pinned TEXT, made REAL, plan BLOB, PRIMARY KEY (words, pinned))"
        )
        return database


def _read(data: bytes) -> Kept | None:
    try:
        form, plan, pinned = decode(data)
    except (msgspec.MsgspecError, ValueError, TypeError):
        return None
    return Kept(plan, pinned) if form == _FORM else None


def _number(slot: Slot) -> float | int | None:
    if slot.kind != "number":
        return None
    plain = slot.value.replace(",", "")
    return float(plain) if "." in plain else int(plain)


def _rejoined(parts: Sequence[str]) -> str:
    text = parts[0]
    for position in range(1, len(parts), 3):
        text += f"{parts[position]}{parts[position + 1]}{_END}{parts[position + 2]}"
    return text


def texts_in(data: Any) -> Iterator[str]:
    """Every text in a value: those of keys and of templates too."""
    match data:
        case str():
            yield data
        case Mapping():
            for key, value in data.items():
                yield str(key)
                yield from texts_in(value)
        case list() | tuple():
            for value in data:
                yield from texts_in(value)
        case Template():
            yield from (part for part in data.parts if isinstance(part, str))


def _mapped(data: Any, in_text: Callable[[str], Any], in_number: Callable[[float], Any]) -> Any:
    """The data with every text and number in it replaced; keys of maps stay."""
    match data:
        case str():
            return in_text(data)
        case bool() | None:
            return data
        case int() | float():
            return in_number(data)
        case Mapping():
            return {key: _mapped(value, in_text, in_number) for key, value in data.items()}
        case list() | tuple():
            return [_mapped(value, in_text, in_number) for value in data]
        case Template():
            return Template([in_text(part) if isinstance(part, str) else part for part in data.parts])
    return data
