"""Wire: a WebSocket of the library `websockets` whose ordinary messages take a shorter way.

The library copies each message four or five times on its way in, and counts what waits to be read in messages, not
in bytes. Here a message in one frame, which is what our ends send, is taken from the stream with one copy, or two
where it is masked, and reading stops when `ROOM_BYTES` wait. Everything else goes through the library as it came: the
handshake, pings, closing, messages in several frames, and whatever breaks the rules, so that there is one place
that knows the rules.
"""

from __future__ import annotations

import ctypes
import os
from collections import deque
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from websockets.frames import DATA_OPCODES, Frame, Opcode, apply_mask  # type: ignore[attr-defined]
from websockets.protocol import CLIENT, CONNECTING, OPEN, SERVER, Event

from orrery.fleet.transports.bell import Bell

if TYPE_CHECKING:
    from websockets.asyncio.connection import Connection as _Mixed
else:
    _Mixed = object

ROOM_BYTES = 1 << 20
"""How much may wait to be read before the other end is made to wait."""
KEPT_BYTES = 1 << 24
"""How much freed memory the process keeps."""
_JOIN_BYTES = 1 << 14  # below, to copy costs less than to write twice
_COST_BYTES = 64  # of any message, so that many empty ones are bounded too
_SMALL_BYTES = 1 << 12
_MOST_FRAGMENTS = 4096
_FIN = _MASKED = 0x80
_MESSAGES = frozenset((_FIN | Opcode.TEXT, _FIN | Opcode.BINARY))
_PARTS = frozenset((Opcode.TEXT, Opcode.BINARY, Opcode.CONT, _FIN | Opcode.CONT))
_WHOLE_FRAMES = _MESSAGES | _PARTS | {_FIN | Opcode.PING, _FIN | Opcode.PONG}
"""First bytes of frames of which the library gets to see no part: it is given those that are not messages whole."""


@cache
def keep_freed_memory() -> None:
    """Let the process keep what a message took for the next one, where its C library can be told so (glibc).

    Otherwise memory of this size goes back to the kernel each time, and to get a page of it anew costs more than to
    copy it: 1 MB messages moved at 0.5 instead of 1.2 GB/s.
    """
    trim_threshold, mmap_threshold = -1, -3  # of malloc.h
    with suppress(AttributeError, OSError, TypeError):  # other systems have no such thing
        adjust = ctypes.CDLL(None).mallopt
        adjust(trim_threshold, KEPT_BYTES)
        adjust(mmap_threshold, KEPT_BYTES)


class Wire(_Mixed):
    """What is mixed into the library's connections of either side."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__(*args, **options)  # type: ignore[arg-type]
        self._is_shaken = self._is_for_library = False
        self._rest = b""  # of a header, or of the end of the handshake, that is not whole
        self._parts: list[bytes | bytearray] = []  # what comes in small pieces is one of them
        self._missing = 0
        self._mask = b""
        self._header: bytes | None = None  # of a frame that goes to the library when it is whole
        self._fragments: list[bytes] = []
        self._messages: deque[bytes] = deque()
        self._waits_bytes = 0
        self._is_full = False
        self._bell = Bell()
        self._keys = b""

    async def take(self) -> bytes:
        """The next message. Raises ConnectionClosed."""
        while not self._messages:
            if self.connection_lost_waiter.done():
                raise self.close_exc
            await self._bell.rung()
        message = self._messages.popleft()
        self._waits_bytes -= len(message) + _COST_BYTES
        if self._is_full and self._waits_bytes < ROOM_BYTES // 2:
            self._is_full = False
            self.transport.resume_reading()
        return message

    async def put(self, message: bytes, *, text: bool) -> None:
        """Send a message in one frame, and wait until there is room for another. Raises ConnectionClosed."""
        if self.protocol.state is not OPEN:
            await self.send(message, text=text)  # says what is wrong
        header, payload = self._framed(message, Opcode.TEXT if text else Opcode.BINARY)
        if len(payload) < _JOIN_BYTES:
            self.transport.write(header + payload)
        else:
            self.transport.write(header)
            self.transport.write(payload)
        try:
            await self.drain()
        except OSError as error:
            self.set_connection_exc(error)
        if self.connection_lost_waiter.done():
            raise self.close_exc

    def forget(self) -> None:
        """Drop what waits to be read, so that the end of the connection can be heard of."""
        self._messages.clear()
        self._waits_bytes = 0
        if self._is_full:
            self._is_full = False
            self.transport.resume_reading()

    # What the event loop calls

    def data_received(self, data: bytes) -> None:
        if not self._is_shaken:
            data = self._shake_hands(data)
        if not data:
            return
        if self.protocol.state is CONNECTING:  # nobody may say more yet; what the library makes of it is right
            self._is_for_library = True
        if self._is_for_library:
            super().data_received(data)
        else:
            self._take_in(data)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._bell.ring()

    def process_event(self, event: Event) -> None:
        """Take from the library what went through it."""
        if not isinstance(event, Frame) or event.opcode not in DATA_OPCODES:
            super().process_event(event)
            return
        self._fragments.append(bytes(event.data))
        if len(self._fragments) > _MOST_FRAGMENTS:
            self.transport.abort()
        if event.fin:
            self._keep(b"".join(self._fragments))
            self._fragments.clear()

    # Frames

    def _shake_hands(self, data: bytes) -> bytes:
        """Give the library the other end's part of the handshake; what lies behind it is returned."""
        seen = self._rest + data
        end = seen.find(b"\r\n\r\n")
        if end < 0:
            self._rest = seen[-3:]
            super().data_received(data)
            return b""
        behind = end + 4 - len(self._rest)
        self._rest, self._is_shaken = b"", True
        super().data_received(data[:behind])
        return data[behind:]

    def _take_in(self, data: bytes) -> None:
        """Take frames from a piece of the stream; they begin and end anywhere in it."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        at, end = 0, len(data)
        while at < end:
            if not self._missing:
                at = self._begin(data, at)
                if at < 0:
                    return
                continue
            part = data[at : at + self._missing] if at or end > self._missing else data
            at += len(part)
            if len(part) >= _SMALL_BYTES:
                self._parts.append(part)
            elif self._parts and isinstance(self._parts[-1], bytearray):
                self._parts[-1] += part
            else:
                self._parts.append(bytearray(part))
            self._missing -= len(part)
            if not self._missing:
                self._finish()

    def _begin(self, data: bytes, at: int) -> int:
        """Read a header: where what follows it begins; negative if nothing does that is ours to read."""
        if len(data) - at < 2:
            self._rest = data[at:]
            return -1
        first, second = data[at], data[at + 1]
        size, behind = second & 0x7F, at + 2
        if size > 125:
            behind += 2 if size == 126 else 8
            size = int.from_bytes(data[at + 2 : behind], "big")
        is_masked = bool(second & _MASKED)
        if is_masked:
            behind += 4
        if behind > len(data):
            self._rest = data[at:]
            return -1
        protocol = self.protocol
        before = protocol.current_size  # of a message of which parts are there
        is_good = (before or 0) + size <= (protocol.max_message_size or 0) and is_masked is (protocol.side is SERVER)
        if not is_good or first not in _WHOLE_FRAMES or (first in _MESSAGES and before is not None):
            self._is_for_library = True  # the last frame, or one that breaks the rules
            super().data_received(data[at:])
            return -1
        if first in _MESSAGES:
            self._mask = data[behind - 4 : behind] if is_masked else b""
        else:
            self._header = data[at:behind]
        self._missing = size
        if not size:
            self._finish()
        return behind

    def _finish(self) -> None:
        """A frame is whole."""
        only = self._parts[0] if len(self._parts) == 1 else None
        payload = only if isinstance(only, bytes) else b"".join(self._parts)
        self._parts.clear()
        if self._header is None:
            self._keep(apply_mask(payload, self._mask) if self._mask else payload)
            return
        header, self._header = self._header, None
        if header[0] == _FIN | Opcode.PING and self.paused:
            return  # it asks, and does not read the answers
        super().data_received(header + payload)
        self._is_for_library = self.protocol.parser_exc is not None

    def _keep(self, message: bytes) -> None:
        self._messages.append(message)
        self._waits_bytes += len(message) + _COST_BYTES
        if self._waits_bytes > ROOM_BYTES and not self._is_full:
            self._is_full = True
            self.transport.pause_reading()
        self._bell.ring()

    def _framed(self, message: bytes, opcode: int) -> tuple[bytes, bytes]:
        """The header of a frame, and what follows it."""
        size = len(message)
        masked = _MASKED if self.protocol.side is CLIENT else 0
        if size < 126:
            header = bytes((_FIN | opcode, masked | size))
        elif size < 1 << 16:
            header = bytes((_FIN | opcode, masked | 126)) + size.to_bytes(2, "big")
        else:
            header = bytes((_FIN | opcode, masked | 127)) + size.to_bytes(8, "big")
        if not masked:
            return header, message
        if not self._keys:
            self._keys = os.urandom(1024)
        mask, self._keys = self._keys[:4], self._keys[4:]
        return header + mask, apply_mask(message, mask)
