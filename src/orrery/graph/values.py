"""Values: what may travel between tasks, and the bytes it becomes.

A value is plain data (None, bool, int, float, str, bytes, list, dict), or anything msgspec can turn into
it (dataclasses, datetimes, enums, UUIDs, sets, ...), plus four forms of our own: a `Ref`, a `Template`, a
`Failure` (an error as a value) and a `Blob` (a large value that lives in the blob store). The bytes are MessagePack;
NaN, infinities and integers of any size survive.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import msgspec

from orrery.errors import Failure, NotSerialisableError
from orrery.graph.ref import Ref
from orrery.graph.template import Template

_REF, _BLOB, _FAILURE, _BIG_INT, _TEMPLATE = 1, 2, 3, 4, 5
MAX_DEPTH = 200


class Blob:
    """A large value by its digest; the bytes are in the blob store.

    Args:
        digest: SHA-256 of the bytes, in hexadecimal.
        size_bytes: their number.
        media: what they are: "value" for an encoded value, else a media type such as "text/plain".
    """

    __slots__ = ("digest", "media", "size_bytes")

    def __init__(self, digest: str, size_bytes: int, media: str = "application/octet-stream") -> None:
        self.digest, self.size_bytes, self.media = digest, size_bytes, media

    def _key(self) -> tuple[str, int, str]:
        return self.digest, self.size_bytes, self.media

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Blob) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"<Blob {self.digest[:12]} {self.size_bytes} bytes {self.media}>"


class _FailureBox:
    """Carries a Failure past msgspec, which would write a struct as a bare map."""

    __slots__ = ("failure",)

    def __init__(self, failure: Failure) -> None:
        self.failure = failure


_failures = msgspec.msgpack.Decoder(Failure)


def to_ext(value: Any) -> Any:
    """The msgspec hook for what it cannot write itself: our own forms become extension types."""
    if isinstance(value, Ref):
        return msgspec.msgpack.Ext(_REF, msgspec.msgpack.encode((value.task, value.path)))
    if isinstance(value, Template):
        return msgspec.msgpack.Ext(_TEMPLATE, msgspec.msgpack.encode(value.parts, enc_hook=to_ext))
    if isinstance(value, Blob):
        return msgspec.msgpack.Ext(_BLOB, msgspec.msgpack.encode(value._key()))
    if isinstance(value, _FailureBox):
        return msgspec.msgpack.Ext(_FAILURE, msgspec.msgpack.encode(value.failure))
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, BaseException):
        return to_ext(_FailureBox(Failure.of(value)))
    if hasattr(value, "__array__") and hasattr(value, "tolist"):  # numpy scalars and arrays, unimported
        return value.tolist()
    if hasattr(value, "model_dump"):  # pydantic models, unimported
        return value.model_dump()
    raise NotSerialisableError(
        f"a {type(value).__module__}.{type(value).__qualname__} cannot be written to the journal; "
        "return plain data, a dataclass, or bytes, or write it to a file and return the path"
    )


def from_ext(code: int, data: memoryview) -> Any:
    """The msgspec hook that reads our own forms back."""
    if code == _REF:
        task, path = msgspec.msgpack.decode(data)
        return Ref(task, tuple(path))
    if code == _TEMPLATE:
        return Template(msgspec.msgpack.decode(data, ext_hook=from_ext))
    if code == _BLOB:
        return Blob(*msgspec.msgpack.decode(data))
    if code == _FAILURE:
        return _failures.decode(data)
    if code == _BIG_INT:
        return int.from_bytes(data, "big", signed=True)
    return msgspec.msgpack.Ext(code, bytes(data))


_encoder = msgspec.msgpack.Encoder(enc_hook=to_ext)
_decoder = msgspec.msgpack.Decoder(ext_hook=from_ext, strict=False)


def encode(value: Any) -> bytes:
    """The bytes of a value. Raises NotSerialisableError, saying which part cannot be written."""
    kind = type(value)
    if kind is int or kind is str or value is None or kind is bool or kind is float:
        try:
            return _encoder.encode(value)
        except OverflowError:
            return _encoder.encode(_big(value))
        except UnicodeEncodeError as error:
            raise NotSerialisableError(f"the text is not valid Unicode ({error}); return bytes instead") from error
    try:
        return _encoder.encode(boxed(value))
    except NotSerialisableError:
        raise
    except UnicodeEncodeError as error:
        raise NotSerialisableError(f"a text in it is not valid Unicode ({error}); return bytes instead") from error
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise NotSerialisableError(f"a {kind.__qualname__} cannot be written to the journal: {error}") from error


def decode(data: bytes | memoryview | msgspec.Raw) -> Any:
    """The value that `encode` wrote."""
    return _decoder.decode(data)


def blobs_in(value: Any) -> Iterator[Blob]:
    """Every blob in a value that was decoded, in order.

    >>> list(blobs_in({"a": [Blob("1f", 3)], "b": "text"}))
    [<Blob 1f 3 bytes application/octet-stream>]
    """
    kind = type(value)
    if kind is Blob:
        yield value
    elif kind is list or kind is tuple:
        for item in value:
            yield from blobs_in(item)
    elif kind is dict:
        for item in value.values():
            yield from blobs_in(item)


def _big(number: int) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(_BIG_INT, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


_AS_THEY_ARE = frozenset({str, bool, float, type(None), bytes, Ref, Template})


def boxed(value: Any, depth: int = 0) -> Any:
    """The value with failures and over-long integers in their extension form; the same object where none are.

    These two msgspec writes by itself, and not as we read them, so no hook is asked.

    Raises: NotSerialisableError: it is nested too deeply, or contains itself.
    """
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is int:
        return value if -(2**63) <= value < 2**64 else _big(value)
    if kind is Failure:
        return to_ext(_FailureBox(value))
    if depth > MAX_DEPTH:
        raise NotSerialisableError(f"the value is nested more than {MAX_DEPTH} levels deep, or contains itself")
    if kind is list or kind is tuple:
        items = None
        for position, item in enumerate(value):
            if type(item) not in _AS_THEY_ARE and (inner := boxed(item, depth + 1)) is not item:
                items = items or list(value)
                items[position] = inner
        return value if items is None else items
    if kind is dict:
        pairs = None
        for key, item in value.items():
            if type(item) not in _AS_THEY_ARE and (inner := boxed(item, depth + 1)) is not item:
                pairs = pairs or dict(value)
                pairs[key] = inner
        return value if pairs is None else pairs
    return value
