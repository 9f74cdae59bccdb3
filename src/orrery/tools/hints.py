"""Hints at work: a value is fitted to a type hint, and what does not fit is said in plain words.

msgspec does the converting of everything it knows. This module adds what it refuses: references that
have no value yet, unions of any members, paths, and classes of the user's own (an instance of one fits;
a pydantic model is validated, without importing pydantic). Every fault is kept, not only the first.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Required, Union, get_args, get_origin

import msgspec

from orrery.graph import Blob, Ref, refs_in


class WayOut(NamedTuple):
    """Annotation: what to tell a caller whose value does not fit, besides what is expected."""

    text: str


class Fault(NamedTuple):
    """One place where a value does not fit: `path` leads there from the argument, such as "[2]['name']"."""

    path: str
    message: str


Faults = list[Fault]
Read = Callable[[Blob], bytes]

LISTS: Mapping[Any, type] = {
    list: list,
    set: set,
    frozenset: frozenset,
    collections.abc.Sequence: list,
    collections.abc.Iterable: list,
    collections.abc.Collection: list,
}
MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_AS_IT_IS = frozenset({str, int, float, bool, bytes, dict, list, Path})
UNIONS = (Union, types.UnionType)
_MARKS = (Required, NotRequired)


class Fitting:
    """Fits values to hints and collects the faults.

    Args:
        refs: a `Ref` fits everything: its value is not known before the run.
        read: where given, a `Blob` met by a hint for text or bytes is read through it.
    """

    def __init__(self, *, refs: bool = False, read: Read | None = None) -> None:
        self.faults: Faults = []
        self._refs, self._read = refs, read

    def fit(self, value: Any, hint: Any, path: str = "") -> Any:
        """The value as the hint wants it; where it does not fit, a fault is noted and it is returned as it came."""
        kind = type(value)
        if hint is Any or hint is object or (kind is hint and hint in _AS_IT_IS):
            return value
        if kind is Ref and self._refs:
            return value
        origin = get_origin(hint)
        if origin is Annotated:
            return self._annotated(value, hint, path)
        if origin in UNIONS:
            return self._union(value, hint, path)
        if kind is Blob and hint is not Blob and self._read is not None and hint in (str, bytes):
            return self._blob(value, hint, path)
        if origin in LISTS and kind in (list, tuple, set, frozenset):
            return self._list(value, hint, origin, path)
        if origin in MAPS and isinstance(value, Mapping):
            return self._map(value, hint, path)
        if origin in _MARKS:
            return self.fit(value, get_args(hint)[0], path)
        if isinstance(value, Mapping) and (fields := _fields(hint)):
            return self._record(value, hint, fields, path)
        return self._leaf(value, hint, path)

    def _trial(self) -> Fitting:
        return Fitting(refs=self._refs, read=self._read)

    def _fault(self, path: str, message: str) -> None:
        self.faults.append(Fault(path, message))

    def _annotated(self, value: Any, hint: Any, path: str) -> Any:
        base, *notes = get_args(hint)
        before = len(self.faults)
        fitted = self.fit(value, base, path)
        if len(self.faults) > before:
            ways = "; ".join(note.text for note in notes if isinstance(note, WayOut))
            if ways:
                path_, message = self.faults[-1]
                self.faults[-1] = Fault(path_, f"{message}; {ways}")
        elif any(isinstance(note, msgspec.Meta) for note in notes) and next(refs_in(fitted), None) is None:
            try:
                msgspec.convert(fitted, hint, dec_hook=_own_class)
            except msgspec.ValidationError as error:
                self._fault(path, f"{_plainly(error)}, got {seen(value)}")
            except TypeError:  # bounds on a type that msgspec does not know
                return fitted
        return fitted

    def _union(self, value: Any, hint: Any, path: str) -> Any:
        members: tuple[Any, ...] = get_args(hint)
        # An exact match comes first, so that the text "5" stays text under `int | str`.
        kind: Any = type(value)
        ordered = sorted(members, key=lambda member: kind is not (get_origin(member) or member))
        trials = []
        for member in ordered:
            trial = self._trial()
            fitted = trial.fit(value, member, path)
            if not trial.faults:
                return fitted
            trials.append(trial)
        real = [trial.faults for member, trial in zip(ordered, trials, strict=True) if member is not type(None)]
        nested = real[0][0].path != path or not real[0][0].message.startswith("expected ")
        if len(real) == 1 and nested:  # what is wrong inside an optional value says more than its type
            self.faults += real[0]
        else:
            self._fault(path, f"expected {described(hint)}, got {seen(value)}")
        return value

    def _blob(self, blob: Blob, hint: Any, path: str) -> Any:
        assert self._read is not None
        data = self._read(blob)
        if hint is bytes:
            return data
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            self._fault(
                path, f"the stored value {blob!r} is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}"
            )
            return blob

    def _list(self, value: Any, hint: Any, origin: Any, path: str) -> Any:
        (item,) = get_args(hint)
        fitted = [self.fit(inner, item, f"{path}[{position}]") for position, inner in enumerate(value)]
        make = LISTS[origin]
        if make is list or self._refs:
            return fitted
        try:
            return make(fitted)
        except TypeError:  # an item that cannot be in a set
            self._fault(path, f"{seen(fitted)} holds what a set cannot")
            return value

    def _map(self, value: Mapping[Any, Any], hint: Any, path: str) -> Any:
        key_hint, value_hint = get_args(hint)
        return {
            self.fit(key, key_hint, f"{path}, key {key!r}"): self.fit(inner, value_hint, f"{path}[{key!r}]")
            for key, inner in value.items()
        }

    def _record(self, value: Mapping[str, Any], hint: Any, fields: Mapping[str, _Field], path: str) -> Any:
        before = len(self.faults)
        fitted = {
            name: self.fit(value[name], fields[name].hint, f"{path}[{name!r}]") for name in fields if name in value
        }
        for name, field in fields.items():
            if field.required and name not in value:
                self._fault(path, f"{name!r} is missing; it takes {described(field.hint)}")
        if self._refs or len(self.faults) > before:
            return value
        try:
            return hint(**fitted)
        except (TypeError, ValueError) as error:  # raised by the class's own checks
            self._fault(path, str(error))
            return value

    def _leaf(self, value: Any, hint: Any, path: str) -> Any:
        if self._refs and hint not in _WORDS and next(refs_in(value), None) is not None:
            return value
        if hint is Path:
            if isinstance(value, str | Path) and "\0" not in str(value):
                return Path(value)
        elif hasattr(hint, "model_validate"):
            return self._pydantic(value, hint, path)
        elif _is_class(hint) and isinstance(value, hint) and not isinstance(value, bool):
            return value
        else:
            try:
                return msgspec.convert(value, hint, strict=False, dec_hook=_own_class)
            except msgspec.ValidationError as error:
                return self._refused(value, hint, path, error)
            except TypeError:  # a hint that says nothing about data, such as a callable
                if not isinstance(hint, type):
                    return value
        self._fault(path, f"expected {described(hint)}, got {seen(value)}")
        return value

    def _refused(self, value: Any, hint: Any, path: str, error: msgspec.ValidationError) -> Any:
        message, _, inner = str(error).partition(" - at ")
        nested = inner.strip("`").removeprefix("$")
        if nested or message.startswith("Object"):  # "Object missing required field `x`" says more than the type
            self._fault(path + nested, _plainly(error))
        else:
            self._fault(path, f"expected {described(hint)}, got {seen(value)}")
        return value

    def _pydantic(self, value: Any, hint: Any, path: str) -> Any:
        if isinstance(value, hint):
            return value
        try:
            return hint.model_validate(value)
        except ValueError as error:  # pydantic's ValidationError is one
            self._fault(path, str(error))
            return value


def _is_class(hint: Any) -> bool:
    return isinstance(hint, type) and get_origin(hint) is None and not typing.is_typeddict(hint)


def _own_class(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    if hasattr(kind, "model_validate"):
        return kind.model_validate(value)
    if isinstance(value, kind):
        return value
    raise ValueError(f"Expected `{kind.__name__}`, got `{type(value).__name__}`")


def _plainly(error: msgspec.ValidationError) -> str:
    message = str(error).partition(" - at ")[0].replace("`", "")
    return message[0].lower() + message[1:]


class _Field(NamedTuple):
    hint: Any
    required: bool


@lru_cache(maxsize=1024)
def _fields(hint: Any) -> Mapping[str, _Field]:
    """The fields of a dataclass or a typed dict, in order; empty for everything else."""
    if typing.is_typeddict(hint):
        taken, required = hint.__annotations__.keys(), hint.__required_keys__
    elif isinstance(hint, type) and dataclasses.is_dataclass(hint):
        given = {field.name: field for field in dataclasses.fields(hint) if field.init}
        taken = given.keys()
        required = {name for name, field in given.items() if field.default is field.default_factory}  # both: missing
    else:
        return {}
    hints = typing.get_type_hints(hint, include_extras=True)
    return {name: _Field(hints[name], name in required) for name in hints if name in taken}


_WORDS: Mapping[Any, tuple[str, str]] = {
    str: ("text", "texts"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    bool: ("true or false", "truth values"),
    bytes: ("bytes (base64 where they come as text)", "byte strings"),
    Path: ("a path", "paths"),
    type(None): ("nothing", "nothings"),
    None: ("nothing", "nothings"),
    datetime: ("a date and time (ISO 8601)", "dates and times"),
    date: ("a date (ISO 8601)", "dates"),
    time: ("a time of day (ISO 8601)", "times of day"),
    timedelta: ("a duration (ISO 8601)", "durations"),
    dict: ("a map", "maps"),
    list: ("a list", "lists"),
    Any: ("anything", "values"),
}


def described(hint: Any, *, many: bool = False) -> str:
    """A hint in words, such as "a list of whole numbers"."""
    if hint in _WORDS:
        return _WORDS[hint][many]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated or origin in _MARKS:
        return described(inner[0], many=many)
    if origin is Literal:
        return " or ".join(repr(choice) for choice in inner)
    if origin in UNIONS:
        return " or ".join(described(member, many=many) for member in inner)
    if origin in LISTS:
        return f"{'lists' if many else 'a list'} of {described(inner[0], many=True)}"
    if origin in MAPS:
        return f"{'maps' if many else 'a map'} of {described(inner[0], many=True)} to {described(inner[1], many=True)}"
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return " or ".join(repr(member.value) for member in hint)
    if _fields(hint):
        return f"{'maps' if many else 'a map'} with {', '.join(_fields(hint))}"
    return getattr(hint, "__name__", str(hint)) if origin is None else str(hint)


def seen(value: Any) -> str:
    """A value in words, short: "text 'abc'", "the number 5", "a list of 3"."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value!r:.60}"
        case str():
            return f"text {_short(value)!r}"
        case bytes():
            return f"{len(value)} bytes"
        case list() | tuple():
            return f"a list of {len(value)}"
        case Mapping():
            return f"a map with {', '.join(map(str, list(value)[:6])) or 'nothing in it'}"
    return f"a {type(value).__name__}"


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else text[:most] + "..."


def notes(hint: Any) -> Iterator[str]:
    """What the annotations of a hint say about it: plain strings, and msgspec's descriptions."""
    if get_origin(hint) is Annotated:
        for note in get_args(hint)[1:]:
            if isinstance(note, str):
                yield note
            elif isinstance(note, msgspec.Meta) and note.description:
                yield note.description
