"""Events as bytes and back: MessagePack, one array per event."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from orrery.graph.values import from_ext, to_ext
from orrery.scheduler.events import AnyEvent, Event

_encoder = msgspec.msgpack.Encoder(enc_hook=to_ext)
_decoder = msgspec.msgpack.Decoder(list[AnyEvent], ext_hook=from_ext)


def encode_events(events: Sequence[Event]) -> bytes:
    """The bytes of a group of events."""
    return _encoder.encode(events)


def decode_events(data: bytes) -> list[AnyEvent]:
    """The events that `encode_events` wrote. Raises msgspec.DecodeError if the bytes are none."""
    return _decoder.decode(data)
