"""One frame of each type with every field set, and Hypothesis strategies for frames.

`python -m tests.fleet.frames` writes the golden files anew. They are the form that other programs rely on: one that
changes means a new version of the protocol, or a mistake.
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

from orrery.errors import Failure
from orrery.fleet.codec import FORMS, MAX_INTEGER, encode
from orrery.fleet.messages import (
    Accept,
    Ack,
    AnyFrame,
    Artifact,
    Assign,
    Cancel,
    Credit,
    Desired,
    Drain,
    Error,
    Frame,
    Held,
    Hello,
    Ping,
    Progress,
    Reject,
    Result,
    Source,
    State,
    Welcome,
)
from orrery.fleet.profile import DeviceView, Load, Offer, Profile
from orrery.graph import Blob, Ref, values
from orrery.graph.place import Place
from orrery.graph.task import Effects
from orrery.testing import graphs

GOLDEN = Path(__file__).parent / "golden"
TYPES: tuple[type[Frame], ...] = get_args(AnyFrame)

_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_BLOB = Blob(_DIGEST, 1_048_576, "text/csv")
_PROFILE = Profile(
    version=3,
    os="linux",
    arch="x86_64",
    host="pi",
    cpus=4,
    memory_bytes=8_000_000_000,
    gpus=("A1",),
    skills=("camera", "warehouse"),
    tools=(
        Offer(
            "text.upper",
            "Upper case.",
            {"type": "object", "properties": {"text": {"type": "string"}}},
            Effects("pure", ("file:a",), ("file:b",)),
        ),
    ),
    slots=2,
    zone="lab",
    cost=0.25,
    speed=0.5,
    blobs="ws://10.0.0.7:9000",
)
_WORK = "report@1764021600/count#1"
_ARGS = {
    "text": "Übung",
    "raw": b"\x00\xff",
    "big": 2**70,
    "odd": float("nan"),
    "$key": [1, 2.5, None, True],
    "from": Ref("a", ("b", 0)),
    "large": _BLOB,
}
_FAILURE = Failure(
    "FileAccessError",
    "no such file: a.csv",
    code="file-access",
    bases=("ToolError", "OutsideError"),
    severity="permanent",
    retry_after_s=1.5,
    cause=Failure("FileNotFoundError", "a.csv"),
    detail="Traceback ...",
)

FULL: tuple[AnyFrame, ...] = (
    Hello(
        token="enrol.secret",
        role="client",
        versions=(2, 1),
        features=("artifacts", "later"),
        name="pi",
        session="s1",
        received=41,
        profile=_PROFILE,
    ),
    Welcome(
        version=1,
        session="s1",
        principal="pi",
        resumed=True,
        received=17,
        features=("artifacts",),
        key="device.secret",
        epoch=3,
        now=1764021600.5,
        heartbeat_s=2.5,
        lease_s=15.0,
        max_frame_bytes=1_000_000,
        ticket_secret="0a1b2c3d",
    ),
    Ack(received=41),
    Ping(id=7, answer=True, at=1764021600.5),
    Error(error="malformed", message="a frame is a map", retryable=True, retry_after_s=2.5, about="42"),
    Assign(
        seq=1,
        work=_WORK,
        key="report@1764021600/count",
        run="report",
        task="count",
        attempt=1,
        op="text.count",
        args=values.encode(_ARGS),
        digest=_DIGEST,
        effects="pure",
        fence=3 * 2**32 + 1,
        place=Place(
            on=("pi", "mac"),
            skills=("camera",),
            os="linux",
            cpus=2,
            memory_bytes=1_000_000,
            apart=("tower",),
            prefer="mac",
        ),
        rank=12.5,
        seconds=2.5,
        timeout_s=60.0,
        deadline=1764025200.0,
        sources=(Source(_DIGEST, "mac", "ws://10.0.0.8:9000", "ticket"),),
        seen_on="pi",
        known_only=True,
    ),
    Accept(seq=2, work=_WORK, fence=5, device="pi", because="done soonest"),
    Reject(seq=3, work=_WORK, reason="full", fence=5, message="2 of 2 slots are taken", retry_after_s=2.5),
    Progress(seq=4, work=_WORK, fence=5, fraction=0.5, note="half"),
    Result(
        seq=5,
        work=_WORK,
        status="failed",
        fence=5,
        value=values.encode({"lines": 12}),
        failure=_FAILURE,
        effect="unknown",
        device="pi",
        began_at=1764021600.5,
        ended_at=1764021601.5,
        money=0.25,
        tokens=100,
        cpu_s=0.75,
        blobs=(_BLOB,),
        remembered=True,
        grows=True,
    ),
    Cancel(seq=6, work=_WORK, fence=5, because="the run was cancelled", forget=True),
    Credit(slots=2, stream="b1", upto=262_144),
    State(
        seq=7,
        asks=True,
        whole=True,
        profile=_PROFILE,
        load=Load(0.25, 4_000_000_000, 100_000_000_000),
        held=(Held(_WORK, "report@1764021600/count", _DIGEST, "running", 5),),
        holds=(_BLOB,),
        dropped=(_DIGEST,),
        devices=(
            DeviceView(
                "pi",
                "online",
                1764021600.5,
                _PROFILE,
                Load(0.25, 4_000_000_000, 100_000_000_000),
                ("report/count",),
                0.125,
                0.5,
                12,
                1,
                1_048_576,
                1764021599.5,
            ),
        ),
    ),
    Desired(seq=8, version=2, slots=1, accepting=False, drop=(_DIGEST,)),
    Drain(seq=9, because="closing time", deadline=1764025200.0),
    Artifact(
        step="chunk",
        stream="b1",
        digest=_DIGEST,
        offset=65_536,
        size_bytes=1_048_576,
        media="text/csv",
        data=b"a,b\n\x00\xff",
        ticket="ticket",
        error="gone",
    ),
)

_TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | _FINITE | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=4,
)
_BLOBS = st.builds(Blob, st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 2**40), _TEXT)
_NAMES = st.lists(_TEXT, max_size=2).map(tuple)
_PLACES = st.builds(Place, on=_NAMES, skills=_NAMES, os=_TEXT, cpus=st.integers(0, 9), apart=_NAMES)
_ODD_VALUES = st.dictionaries(st.integers(0, 9) | st.binary(max_size=2), st.integers(), max_size=2)


def frames() -> st.SearchStrategy[AnyFrame]:
    """Frames of every type, whose fields hold anything that they may."""
    return cast("st.SearchStrategy[AnyFrame]", st.one_of([_structs(kind) for kind in TYPES]))


def _structs(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    fields = {name: _of(name, hints[name]) for name in kind.__struct_fields__ if name != "extra"}
    if issubclass(kind, Frame):
        known = {*kind.__struct_fields__, "type"} - {"extra"}
        fields["extra"] = st.dictionaries(_TEXT.filter(lambda name: name not in known), _PLAIN, max_size=2)
    optional = dict(zip(reversed(kind.__struct_fields__), reversed(kind.__struct_defaults__), strict=False))
    return st.fixed_dictionaries(
        {name: inner for name, inner in fields.items() if name not in optional},
        optional={name: inner for name, inner in fields.items() if name in optional},
    ).map(lambda given: kind(**given))


def _of(name: str, hint: Any) -> st.SearchStrategy[Any]:
    if name in ("args", "value"):
        return (graphs.values(refs="ab", max_leaves=6) | _ODD_VALUES).map(values.encode) | st.binary(max_size=4)
    plain = {
        int: st.integers(0, MAX_INTEGER),
        float: _FINITE,
        str: _TEXT,
        bool: st.booleans(),
        bytes: st.binary(max_size=8),
        type(None): st.none(),
        Blob: _BLOBS,
        Place: _PLACES,
        Failure: st.builds(Failure, _TEXT, _TEXT, code=_TEXT, bases=_NAMES),
        dict[str, Any]: st.dictionaries(_TEXT, _PLAIN, max_size=2),
    }
    if hint in plain:
        return plain[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin is tuple:
        return st.lists(_of("", inner[0]), max_size=2).map(tuple)
    if origin in (Union, types.UnionType):
        return st.one_of([_of("", one) for one in inner])
    return _structs(hint)


def write() -> None:
    """Write the golden files."""
    for frame in FULL:
        for form in FORMS:
            path = GOLDEN / f"{type(frame).__name__.lower()}.{form}"
            path.write_bytes(encode([frame], form) + b"\n" * (form == "json"))


if __name__ == "__main__":
    write()
