"""Frames as messages, in JSON and in MessagePack: lossless, and strict about what comes in.

A message is one frame (a map whose `type` names it) or a list of frames. Fields that have their default are left out.
Fields that this code does not know are kept in `extra` and written back; a frame of a type that it does not know
becomes `Unknown`. Whatever else is wrong with a message raises ProtocolError and nothing else, however it was made.

In memory `args` and `value` are always the bytes that `orrery.graph.values` writes. MessagePack carries them as they
are. JSON carries the value itself as `orrery.graph.codec` writes values, or, where JSON has no form for it (a map
with keys that are no text), `{"$msgpack": base64}`.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast, get_args

import msgspec

from orrery.errors import GraphError, NotSerialisableError, ProtocolError
from orrery.fleet.messages import AnyFrame, Frame
from orrery.graph.codec import plain_value, value_from_plain
from orrery.graph.values import Blob
from orrery.graph.values import decode as decode_value
from orrery.graph.values import encode as encode_value

FORMS = ("msgpack", "json")
"""How frames can be written, best first."""
MAX_FRAMES = 1000
"""The most frames in one message."""
MAX_INTEGER = 2**53
"""The largest number in a field of a frame, so that every reader of JSON keeps it exact."""
MAX_NESTING = 64
"""How deep maps and lists may be nested, values aside."""

_TYPES: Mapping[str, type[Frame]] = {cast(str, kind.__struct_config__.tag): kind for kind in get_args(AnyFrame)}
_FIELDS: Mapping[str, frozenset[str]] = {
    tag: frozenset(kind.__struct_fields__) - {"extra"} | {"type"} for tag, kind in _TYPES.items()
}
_ANY_FIELDS = frozenset({"type", "seq"})
_VALUES: Mapping[str, str] = {"assign": "args", "result": "value"}
"""Which frame carries an encoded value, and in which field."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MALFORMED = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)


class Unknown(msgspec.Struct, frozen=True):
    """A frame of a type that this code does not know: its type, its number and its other fields."""

    kind: str
    seq: int = 0
    fields: dict[str, Any] = {}

    @property
    def sequenced(self) -> bool:
        """Whether it counts in the order of its session."""
        return self.seq > 0


def encode(frames: Sequence[Frame], form: str) -> bytes:
    """One message that holds these frames. Raises ProtocolError: a field holds what cannot be written."""
    encoder = _to_json if form == "json" else _to_msgpack
    try:
        try:
            return encoder.encode(_one_or_many([f if _is_plain(f, form) else _to_plain(f, form) for f in frames]))
        except UnicodeEncodeError:  # such as the name of a file that is not UTF-8, in the message of an error
            return encoder.encode(_one_or_many([_without_surrogates(_to_plain(frame, form)) for frame in frames]))
    except _MALFORMED as error:
        raise ProtocolError(f"a frame cannot be written: {_short(error)}") from error


def decode(message: bytes, form: str) -> list[AnyFrame | Unknown]:
    """The frames of a message. Raises ProtocolError."""
    try:
        whole = _from_json.decode(message) if form == "json" else _from_msgpack.decode(message)
    except _MALFORMED as error:
        raise ProtocolError(f"a message is no {form}: {_short(error)}") from error
    frames = whole if type(whole) is list else [whole]
    if not 1 <= len(frames) <= MAX_FRAMES:
        raise ProtocolError(f"a message holds {len(frames)} frames; it may be 1 to {MAX_FRAMES}")
    return [_read(frame, form) for frame in frames]


# -- writing --------------------------------------------------------------------------------------------------


def _one_or_many(frames: list[Any]) -> Any:
    return frames[0] if len(frames) == 1 else frames


def _is_plain(frame: Frame, form: str) -> bool:
    """Whether msgspec writes the frame as it is to be on the wire."""
    return not frame.extra and (form != "json" or type(frame) not in _CARRIERS)


def _to_plain(frame: Frame, form: str) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(frame, enc_hook=_plain_blob, builtin_types=(bytes,))
    plain.pop("extra", None)
    if form == "json" and (name := _VALUES.get(plain["type"])) in plain:
        plain[name] = _value_to_plain(plain[name])
    known = _FIELDS[plain["type"]]
    plain.update((name, inner) for name, inner in frame.extra.items() if name not in known)
    return plain


def _value_to_plain(data: bytes) -> Any:
    try:
        value = decode_value(data)
        if _has_text_keys(value):
            return plain_value(value)
    except (*_MALFORMED, NotSerialisableError):
        pass  # it is passed on as it is: who reads it refuses it, and the session goes on
    return {"$msgpack": base64.b64encode(data).decode("ascii")}


def _has_text_keys(value: Any) -> bool:
    if type(value) is dict:
        return all(type(key) is str and _has_text_keys(inner) for key, inner in value.items())
    return type(value) is not list or all(map(_has_text_keys, value))


def _plain_blob(value: Any) -> Any:
    if isinstance(value, Blob):
        return {"digest": value.digest, "size_bytes": value.size_bytes, "media": value.media}
    raise TypeError(f"a {type(value).__qualname__} has no place in a frame")


def _without_surrogates(plain: Any) -> Any:
    if isinstance(plain, str):
        return plain.encode("utf-8", "replace").decode()
    if isinstance(plain, dict):
        return {_without_surrogates(key): _without_surrogates(inner) for key, inner in plain.items()}
    return [_without_surrogates(inner) for inner in plain] if isinstance(plain, list | tuple) else plain


# -- reading --------------------------------------------------------------------------------------------------


def _read(fields: Any, form: str) -> AnyFrame | Unknown:
    if type(fields) is not dict:
        raise ProtocolError("a frame is a map")
    kind = fields.get("type")
    if type(kind) is not str:
        raise ProtocolError("a frame has its name in the field 'type'")
    known = _FIELDS.get(kind, _ANY_FIELDS)
    carried = _VALUES.get(kind) if form == "json" else None
    try:
        for name, inner in fields.items():
            what = type(inner)
            if what is str or what is bytes or name == carried:
                continue
            if what is int and name in known:
                if not 0 <= inner <= MAX_INTEGER:
                    raise ProtocolError(f"{name!r} in {kind!r} is {_short(inner)}: it is not in 0 to {MAX_INTEGER}")
            else:
                _check(inner, 1)
        if kind not in _TYPES:
            return _unknown(kind, fields)
        if carried in fields:
            fields[carried] = _value_from_plain(fields[carried])
        if kind == "assign" and "place" in fields:
            _check_place(fields["place"])
        if not known.issuperset(fields):
            fields["extra"] = {_text(name): inner for name, inner in fields.items() if name not in known}
        return cast(AnyFrame, msgspec.convert(fields, _TYPES[kind], dec_hook=_read_blob, builtin_types=_BYTES[form]))
    except _MALFORMED as error:
        raise ProtocolError(f"a frame {_short(kind)!r} is malformed: {_short(error)}") from error
    except (GraphError, NotSerialisableError) as error:
        raise ProtocolError(f"the value in a frame {kind!r} is malformed: {_short(error)}") from error


def _unknown(kind: str, fields: dict[str, Any]) -> Unknown:
    seq = fields.get("seq", 0)
    if type(seq) is not int:
        raise ProtocolError(f"'seq' in {_short(kind)!r} is no number")
    return Unknown(kind, seq, {_text(name): inner for name, inner in fields.items() if name not in ("type", "seq")})


def _check(plain: Any, depth: int) -> None:
    """Refuse what either form could not carry: over-long integers, NaN, extension types, keys that are no text."""
    what = type(plain)
    if what is str or what is bool or plain is None or what is bytes:
        return
    if what is int:
        if not -(2**63) <= plain < 2**64:
            raise ProtocolError("a whole number has more than 64 bits")
    elif what is float:
        if not math.isfinite(plain):
            raise ProtocolError("a number is not finite")
    elif depth > MAX_NESTING:
        raise ProtocolError(f"it is nested more than {MAX_NESTING} levels deep")
    elif what is dict:
        for key, inner in plain.items():
            _text(key)
            _check(inner, depth + 1)
    elif what is list:
        for inner in plain:
            _check(inner, depth + 1)
    else:
        raise ProtocolError(f"a {what.__name__} has no place in a frame")


def _check_place(plain: Any) -> None:
    # The type also has room for references, which stand for names until the task starts; here they are names.
    if type(plain) is dict and plain.get("beside") is None:
        names = (plain.get("on", ()), plain.get("apart", ()))
        if all(type(listed) in (list, tuple) and all(type(name) is str for name in listed) for listed in names):
            return
    raise ProtocolError("'place' in 'assign' names devices in 'on' and 'apart', and nothing in 'beside'")


def _text(key: Any) -> str:
    if type(key) is not str:
        raise ProtocolError("the keys of a map are texts")
    return key


def _value_from_plain(plain: Any) -> bytes:
    if type(plain) is dict and len(plain) == 1 and "$msgpack" in plain:
        return base64.b64decode(plain["$msgpack"], validate=True)
    return encode_value(value_from_plain(plain))


class _BlobForm(msgspec.Struct):
    digest: str
    size_bytes: int
    media: str = "application/octet-stream"


def _read_blob(kind: type[Any], plain: Any) -> Any:
    if kind is not Blob:
        raise TypeError(f"there is no {kind.__qualname__} in a frame")
    form = msgspec.convert(plain, _BlobForm)
    if not _DIGEST.fullmatch(form.digest) or form.size_bytes < 0:
        raise ValueError("a blob has a digest of 64 hexadecimal digits and a size")
    return Blob(form.digest, form.size_bytes, form.media)


def _short(thing: Any) -> str:
    text = str(thing)
    return text if len(text) <= 160 else f"{text[:150]} ..."


_CARRIERS = frozenset(_TYPES[tag] for tag in _VALUES)
_BYTES: Mapping[str, tuple[type, ...]] = {"json": (), "msgpack": (bytes,)}
_to_msgpack = msgspec.msgpack.Encoder(enc_hook=_plain_blob)
_to_json = msgspec.json.Encoder(enc_hook=_plain_blob)
_from_msgpack = msgspec.msgpack.Decoder()
_from_json = msgspec.json.Decoder()
