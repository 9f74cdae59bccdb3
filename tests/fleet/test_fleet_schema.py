"""The published schema of messages is current, takes every frame, and refuses what the codec refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from orrery.errors import ProtocolError
from orrery.fleet.codec import decode, encode
from orrery.fleet.messages import AnyFrame
from orrery.fleet.schema import json_schema, text
from tests.fleet.frames import GOLDEN, frames

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "fleet.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


def test_the_published_schema_is_current() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert SCHEMA.read_text(encoding="utf-8") == text(), (
        "run: python -m orrery.fleet.schema > docs/reference/fleet.schema.json"
    )


def test_every_golden_frame_is_valid() -> None:
    golden = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(GOLDEN.glob("*.json"))]
    assert len(golden) == 16
    for message in (*golden, golden):
        VALIDATOR.validate(message)


@given(frame=frames())
@settings(max_examples=60, deadline=None)
def test_every_frame_that_can_be_written_is_valid(frame: AnyFrame) -> None:
    numbered = {"seq": 0} if not frame.sequenced else {}
    VALIDATOR.validate(json.loads(encode([frame], "json")) | numbered)


@pytest.mark.parametrize(
    "wrong",
    [
        3,
        [],
        {"id": 1},
        {"type": "ping"},
        {"type": "ping", "id": "1"},
        {"type": "ping", "id": -1},
        {"type": "result", "seq": 1, "work": "w", "status": "perhaps"},
        {"type": "state", "seq": 1, "holds": [{"digest": "short", "size_bytes": 1}]},
        {"type": "assign", "work": "w", "key": "k", "run": "r", "task": "t", "attempt": 1, "op": "f", "args": {"$": 1}},
    ],
    ids=str,
)
def test_it_refuses_what_the_codec_refuses(wrong: Any) -> None:
    assert not VALIDATOR.is_valid(wrong)
    with pytest.raises(ProtocolError):
        decode(json.dumps(wrong).encode(), "json")


def test_later_versions_may_say_more() -> None:
    VALIDATOR.validate([{"type": "ping", "id": 1, "mood": "good"}, {"type": "dance", "steps": 3}])
