"""Frames as bytes: nothing is lost in either form, and nothing that comes in does harm."""

from __future__ import annotations

import json
import math
import random
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import Failure, ProtocolError
from orrery.fleet.codec import FORMS, MAX_FRAMES, Unknown, decode, encode
from orrery.fleet.messages import AnyFrame, Artifact, Assign, Error, Frame, Ping, Progress, Result, State
from orrery.graph import Blob, Ref, values
from orrery.graph.place import Place
from tests.fleet.frames import FULL, GOLDEN, TYPES, frames

WRITERS: dict[str, Any] = {"json": msgspec.json.encode, "msgpack": msgspec.msgpack.encode}
EACH_FORM = pytest.mark.parametrize("form", FORMS)


def assign(args: bytes = b"\x80", place: Place = Place()) -> Assign:  # noqa: B008 - it is a value
    return Assign(seq=1, work="r@1/t#1", key="r@1/t", run="r", task="t", attempt=1, op="f", args=args, place=place)


@EACH_FORM
@given(sent=st.lists(frames(), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_every_frame_comes_back_as_it_was_sent(form: str, sent: list[AnyFrame]) -> None:
    assert decode(encode(sent, form), form) == sent


@EACH_FORM
@pytest.mark.parametrize("frame", FULL, ids=lambda frame: type(frame).__name__.lower())
def test_the_form_on_the_wire_is_what_it_always_was(frame: AnyFrame, form: str) -> None:
    golden = (GOLDEN / f"{type(frame).__name__.lower()}.{form}").read_bytes()
    golden = golden.removesuffix(b"\n") if form == "json" else golden
    assert decode(golden, form) == [frame]
    assert encode([frame], form) == golden, (
        "the form of the protocol changed: if it was meant, raise its version and run python -m tests.fleet.frames"
    )


def test_there_is_a_golden_frame_of_each_type_with_every_field_set() -> None:
    assert tuple(type(frame) for frame in FULL) == TYPES
    assert [missing for frame in FULL for missing in usual(frame)] == []


def usual(struct: msgspec.Struct) -> list[str]:
    """The fields that have their default, in the struct and in all that it holds."""
    found = []
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        inner = value if isinstance(value, tuple) else (value,)
        found += [name for one in inner if isinstance(one, msgspec.Struct) for name in usual(one)]
        left_out = ("extra", "beside", *(("seq",) if isinstance(struct, Frame) and not struct.sequenced else ()))
        in_chain = isinstance(struct, Failure) and struct.cause is None
        if not field.required and field.name not in left_out and not in_chain:
            default = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
            found += [f"{type(struct).__name__}.{field.name}"] if value == default else []
    return found


def test_what_has_its_default_is_left_out() -> None:
    assert encode([Ping(id=1)], "json") == b'{"type":"ping","id":1}'
    assert encode([Ping(id=1), Ping(id=2)], "json") == b'[{"type":"ping","id":1},{"type":"ping","id":2}]'


@EACH_FORM
def test_unknown_fields_are_kept_and_written_back(form: str) -> None:
    message = WRITERS[form]({"type": "ping", "id": 3, "mood": {"is": ["good", -1]}, "extra": 5})
    [ping] = decode(message, form)
    assert ping == Ping(id=3, extra={"mood": {"is": ["good", -1]}, "extra": 5})
    assert isinstance(ping, Ping)
    assert decode(encode([ping], form), form) == [ping]


@EACH_FORM
def test_a_field_of_ones_own_never_takes_the_place_of_one_of_the_protocol(form: str) -> None:
    sent = Ping(id=3, extra={"id": 4, "type": "ack", "seq": 9})
    assert decode(encode([sent], form), form) == [Ping(id=3)]


@EACH_FORM
def test_a_frame_of_an_unknown_type_keeps_its_number(form: str) -> None:
    message = WRITERS[form]([{"type": "dance", "seq": 4, "steps": ["left"]}, {"type": "ping", "id": 1}])
    unknown, ping = decode(message, form)
    assert unknown == Unknown("dance", 4, {"steps": ["left"]})
    assert unknown.sequenced
    assert ping == Ping(id=1)


def test_json_carries_values_as_plain_data() -> None:
    frame = assign(args=values.encode({"n": 3, "raw": b"\x00", "from": Ref("a"), "$x": [math.inf]}))
    assert json.loads(encode([frame], "json"))["args"] == {
        "n": 3,
        "raw": {"$bytes": "AA=="},
        "from": {"$ref": ["a"]},
        "$$x": [{"$float": "inf"}],
    }
    result = Result(seq=1, work="w", status="succeeded", value=values.encode("done"))
    assert json.loads(encode([result], "json"))["value"] == "done"


@pytest.mark.parametrize("odd", [{1: "a"}, {b"k": 1}, {"n": [{b"k": 3}]}], ids=repr)
def test_json_carries_what_it_has_no_form_for_as_it_is(odd: Any) -> None:
    frame = assign(args=values.encode(odd))
    assert list(json.loads(encode([frame], "json"))["args"]) == ["$msgpack"]
    assert decode(encode([frame], "json"), "json") == [frame]


@pytest.mark.parametrize("garbage", [b"\xc1", b"\x81\xa1", b"", b"\x91" * 5000, b"\xc7\x02\x01\xff\xff"], ids=repr)
def test_a_broken_value_is_passed_on_and_harms_nobody_on_the_way(garbage: bytes) -> None:
    # Whoever reads the value refuses the one attempt; a hub between two forms must not lose its session over it.
    for form in FORMS:
        assert decode(encode([assign(args=garbage)], form), form) == [assign(args=garbage)]


@EACH_FORM
def test_text_that_is_not_unicode_is_mended_not_refused(form: str) -> None:
    sent = Error(error="internal", message="no such file: \udcff", extra={"k\udc80": ["\udc80"]})
    assert decode(encode([sent], form), form) == [
        Error(error="internal", message="no such file: ?", extra={"k?": ["?"]})
    ]


@EACH_FORM
@pytest.mark.parametrize(
    ("plain", "says"),
    [
        (3, "a frame is a map"),
        ([[]], "a frame is a map"),
        ([{"type": "ping", "id": 1}, None], "a frame is a map"),
        ({"id": 1}, "'type'"),
        ({"type": 7}, "'type'"),
        ({"type": "ping"}, "missing required field `id`"),
        ({"type": "ping", "id": "1"}, "Expected `int`, got `str`"),
        ({"type": "ping", "id": True}, "Expected `int`, got `bool`"),
        ({"type": "ping", "id": -1}, "not in 0 to"),
        ({"type": "ping", "id": 2**53 + 1}, "not in 0 to"),
        ({"type": "ping", "id": 1, "answer": 1}, "Expected `bool`"),
        ({"type": "ack", "received": 1.5}, "Expected `int`"),
        ({"type": "drain", "seq": -4}, "not in 0 to"),
        ({"type": "dance", "seq": "4"}, "'seq'"),
        ({"type": "dance", "seq": -1}, "not in 0 to"),
        ({"type": "result", "work": "w", "status": "perhaps"}, "Invalid enum value 'perhaps'"),
        ({"type": "state", "held": [{"work": "w"}]}, "missing required field"),
        ({"type": "state", "holds": [{"digest": "../../etc", "size_bytes": 1}]}, "64 hexadecimal digits"),
        ({"type": "state", "holds": [["a", 1]]}, "Expected `object`"),
        ({"type": "ping", "id": 1, "x": [[[[[[[[[[] for _ in range(2)]]]]]]]]] * 3}, None),
        ({"type": "hello", "token": "t", "role": "king"}, "Invalid enum value"),
    ],
    ids=str,
)
def test_malformed_frames_are_refused_with_a_reason(form: str, plain: Any, says: str | None) -> None:
    message = WRITERS[form](plain)
    if says is None:
        assert decode(message, form)
        return
    with pytest.raises(ProtocolError) as refused:
        decode(message, form)
    assert says in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("message", "form"),
    [
        (b"", "json"),
        (b"\xff", "json"),
        (b'{"type":"ping","id":NaN}', "json"),
        (b'{"type":"ping","id":1e999}', "json"),
        (b'{"type":"progress","seq":1,"work":"w","fraction":null,"note":"\xff"}', "json"),
        (b'{"type":"ping","id":1,"x":123456789012345678901234567890}', "json"),
        (b"[" * 100_000, "json"),
        (b'{"type":"ping","id":1,"x":' + b"[" * 100 + b"]" * 100 + b"}", "json"),
        (b'{"type":"assign","args":{"$what":1}}', "json"),
        (b'{"type":"assign","args":{"$msgpack":"?"}}', "json"),
        (b'{"type":"artifact","step":"chunk","stream":"s","data":"?"}', "json"),
        (b"", "msgpack"),
        (b"\xc1", "msgpack"),
        (b"\x81\xa4type\xa4ping\x00", "msgpack"),
        (b"\x91" * 100_000, "msgpack"),
        (b"\x81\xa4type", "msgpack"),
        (b"\x81\xa4type\xd4\x05a", "msgpack"),
        (b"\x83\xa4type\xa4ping\xa2id\x01\xa1x\xd4\x05a", "msgpack"),
        (b"\x83\xa4type\xa4ping\xa2id\x01\xa1x\xd6\xff\x00\x00\x00\x00", "msgpack"),
        (b"\x83\xa4type\xa4ping\xa2id\x01\x07\x01", "msgpack"),
        (b"\x83\xa4type\xa4ping\xa2id\x01\xa1x\x81\x07\x01", "msgpack"),
        (b"\x84\xa4type\xa8artifact\xa4step\xa5chunk\xa6stream\xa1s\xa4data\xa4aGk=", "msgpack"),
        (b"\xdd\xff\xff\xff\xff", "msgpack"),
    ],
    ids=lambda part: repr(part[:40]),
)
def test_messages_that_are_none_are_refused(message: bytes, form: str) -> None:
    with pytest.raises(ProtocolError):
        decode(message, form)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_a_time_is_a_number(number: float) -> None:
    for plain in (
        {"type": "welcome", "version": 1, "session": "s", "principal": "p", "now": number},
        {"type": "state", "load": {"cpu": number}},
        {"type": "ping", "id": 1, "x": [{"y": number}]},
    ):
        with pytest.raises(ProtocolError, match="not finite"):
            decode(msgspec.msgpack.encode(plain), "msgpack")


@EACH_FORM
def test_a_place_on_the_wire_names_devices(form: str) -> None:
    for place in ({"on": [["a"]]}, {"beside": ["t"]}, {"apart": "pi"}, {"on": [None]}, "pi"):
        plain = {"type": "assign", "work": "w", "key": "k", "run": "r", "task": "t", "attempt": 1, "op": "f"}
        with pytest.raises(ProtocolError, match="place"):
            decode(WRITERS[form](plain | {"place": place}), form)
    with pytest.raises(ProtocolError, match="cannot be written"):
        encode([assign(place=Place(beside=Ref("a")))], form)


@EACH_FORM
def test_a_message_holds_only_so_many_frames(form: str) -> None:
    assert len(decode(WRITERS[form]([{"type": "ping", "id": 1}] * MAX_FRAMES), form)) == MAX_FRAMES
    with pytest.raises(ProtocolError, match=f"holds {MAX_FRAMES + 1} frames"):
        decode(WRITERS[form]([{"type": "ping", "id": 1}] * (MAX_FRAMES + 1)), form)
    with pytest.raises(ProtocolError, match="holds 0 frames"):
        decode(WRITERS[form]([]), form)


def test_what_cannot_be_written_is_our_own_error() -> None:
    with pytest.raises(ProtocolError, match="cannot be written"):
        encode([Ping(id=1, extra={"a": object()})], "json")
    with pytest.raises(ProtocolError, match="cannot be written"):
        encode([Ping(id=2**70)], "msgpack")


@EACH_FORM
def test_a_hundred_thousand_damaged_messages_raise_nothing_but_protocol_errors(form: str) -> None:
    chance = random.Random(f"damage {form}")
    whole = [encode([frame], form) for frame in FULL] + [encode(FULL[:6], form)]
    alphabet = b'{}[],:"\\0123456789.eE-tfn$ \xff\x00\xc1\xdf\xdd\xcb\xca\xd4\xc7\x81\x91'
    refused = read = longest = 0
    ends_at = time.monotonic() + 20
    for _ in range(50_000):
        message = bytearray(chance.choice(whole))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(message) or 1)
            match chance.randrange(5):
                case 0:
                    message[at : at + 1] = bytes([chance.randrange(256)])
                case 1:
                    message[at : at + 1] = bytes([chance.choice(alphabet)])
                case 2:
                    del message[at : at + chance.randint(1, 20)]
                case 3:
                    message[at:at] = message[chance.randrange(len(message) or 1) :][: chance.randint(1, 30)]
                case 4:
                    message[at:at] = chance.randbytes(chance.randint(1, 8))
        try:
            frames_read = decode(bytes(message), form)
        except ProtocolError as error:
            refused += 1
            longest = max(longest, len(str(error)))
        else:
            read += 1
            for frame in frames_read:  # and what was taken in can be passed on, in both forms
                if isinstance(frame, Frame):
                    for other in FORMS:
                        encode([frame], other)
        assert time.monotonic() < ends_at, "a damaged message takes too long"
    assert refused > 5_000
    assert longest < 500
    assert read > 500


def test_blobs_and_artifacts_keep_their_bytes() -> None:
    blob = Blob("a" * 64, 3, "text/plain")
    state, chunk = State(seq=1, holds=(blob,)), Artifact(step="chunk", stream="s", data=b"\x00\xffabc")
    assert json.loads(encode([state], "json"))["holds"] == [
        {"digest": "a" * 64, "size_bytes": 3, "media": "text/plain"}
    ]
    assert json.loads(encode([chunk], "json"))["data"] == "AP9hYmM="
    assert decode(encode([state, chunk, Progress(seq=2, work="w")], "json"), "json")[:2] == [state, chunk]
