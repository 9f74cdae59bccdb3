"""What every wire format offers: bytes to Asked, and Answer to a body or to the chunks of a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import msgspec

from orrery.errors import RequestError
from orrery.models.simulated.answer import Answer, Piece
from orrery.models.simulated.asked import Asked, Call, Kind

Shape = TypeVar("Shape")


class Chunk(NamedTuple):
    """Bytes of a stream, and how many tokens of the answer are out with them; 0 before the first."""

    data: bytes
    token: int


@dataclass(frozen=True)
class Made:
    """What the server adds to an answer.

    Args:
        number: of the request; ids are made of it.
        created_s: seconds since 1970.
        input_tokens: all that was read, the cached ones included.
        seconds: what the answer takes, by the schedule.
    """

    number: int
    created_s: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    seconds: float = 0.0

    def call_id(self, call: Call, index: int, prefix: str) -> str:
        """The id of a call: its own, or one made of the request's number and its place."""
        return call.id or f"{prefix}{self.number}_{index}"


@dataclass(frozen=True)
class Wire:
    """One wire format, as four pure functions.

    Args:
        read: the request's body to Asked; raises RequestError.
        whole: the body of an answer that is not streamed.
        stream: the chunks of one that is.
        error: the body that goes with a status: (status, message).
        content_type: of a stream.
    """

    kind: Kind
    read: Callable[[bytes], Asked]
    whole: Callable[[Asked, Answer, Made], bytes]
    stream: Callable[[Asked, Answer, Iterable[Piece], Made], Iterator[Chunk]]
    error: Callable[[int, str], bytes]
    content_type: str = "text/event-stream; charset=utf-8"


def read_body(body: bytes, shape: type[Shape]) -> Shape:
    """A request's body in the shape it should have. Raises RequestError with the path to what is wrong."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"the body of the request cannot be read: {error}") from error


def written(value: Any) -> bytes:
    """A value as JSON, on one line; characters outside ASCII as they are, so that they can be torn on their way.

    The line ends of Unicode are escaped: clients that split a stream with `str.splitlines` would see lines there.
    """
    found = msgspec.json.encode(value)
    for end, escaped in _LINE_ENDS:
        found = found.replace(end, escaped)
    return found


_LINE_ENDS = ((b"\xc2\x85", b"\\u0085"), (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))


def as_text(value: Any) -> str:
    """A tool's result as text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else written(value).decode()


def event(value: Any, name: str = "") -> bytes:
    """One server-sent event with a value as JSON."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + written(value) + b"\n\n"


def read_arguments(text: str) -> dict[str, Any] | str:
    """The arguments of a call in the history: an object, or the text where it is none."""
    try:
        found = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return found if isinstance(found, dict) else text
