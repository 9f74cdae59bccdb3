"""Link: the driver and one worker process, talking in frames over a socket pair.

A frame is 8 bytes of length, big-endian, and that many bytes. Down go a `Hello` and then `Work`; up go
groups of events as the journal's codec writes them.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator

import msgspec

from orrery.graph.ref import TaskId
from orrery.graph.task import Limits
from orrery.runtime.executors.limits import WorkerLimits

_LENGTH = struct.Struct(">Q")
RECEIVE_BYTES = 1 << 18


class Hello(msgspec.Struct, array_like=True, tag=True):
    """What the worker takes over from the driver: the first frame, and again when the import path changes.

    Args:
        path: where modules are found.
        python_path: the environment variable PYTHONPATH as it was before it was used to find Orrery.
        blobs: the blob store, pickled.
        limits: what the worker may use; set once.
    """

    path: list[str]
    python_path: str | None
    blobs: bytes
    limits: WorkerLimits | None = None


class Work(msgspec.Struct, array_like=True, tag=True):
    """An invocation, with its arguments encoded, and what time it is for the driver."""

    now: float
    run: str
    task: TaskId
    attempt: int
    key: str
    op: str
    args: msgspec.Raw
    limits: Limits
    folder: str


encode_down = msgspec.msgpack.Encoder().encode
decode_down = msgspec.msgpack.Decoder(Hello | Work).decode


def frames_in(buffer: bytearray) -> Iterator[bytes]:
    """Take the whole frames out of what was received so far."""
    while len(buffer) >= _LENGTH.size:
        end = _LENGTH.size + _LENGTH.unpack_from(buffer)[0]
        if len(buffer) < end:
            return
        frame = bytes(memoryview(buffer)[_LENGTH.size : end])
        del buffer[:end]
        yield frame


def send_frame(connection: socket.socket, data: bytes) -> None:
    """Send a frame on a blocking socket."""
    if len(data) < RECEIVE_BYTES:
        connection.sendall(_LENGTH.pack(len(data)) + data)
    else:
        connection.sendall(_LENGTH.pack(len(data)))
        connection.sendall(data)


def receive_frames(connection: socket.socket) -> Iterator[bytes]:
    """The frames that arrive on a blocking socket, until the other side closes it."""
    buffer = bytearray()
    while received := connection.recv(RECEIVE_BYTES):
        buffer += received
        yield from frames_in(buffer)


class Link:
    """The driver's end: never blocks, calls back on the event loop.

    Args:
        connection: a connected socket; the link owns it from here on.
        on_frame: takes each frame that arrives.
        on_lost: is called once, when the other side is gone.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: socket.socket,
        *,
        on_frame: Callable[[bytes], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._loop, self._connection = loop, connection
        self._on_frame, self._on_lost = on_frame, on_lost
        self._received = bytearray()
        self._unsent: deque[memoryview] = deque()
        self._is_writing = False  # the socket was full, and the loop says when it is not
        connection.setblocking(False)
        loop.add_reader(connection, self._read)

    def send(self, data: bytes) -> None:
        """Send a frame, now as far as the socket takes it, the rest when it can."""
        idle = not self._unsent
        self._unsent.append(memoryview(_LENGTH.pack(len(data)) + data[:RECEIVE_BYTES]))
        if len(data) > RECEIVE_BYTES:
            self._unsent.append(memoryview(data)[RECEIVE_BYTES:])
        if idle:
            self._write()

    def drain(self) -> None:
        """Take in whatever has arrived, when nothing more will come."""
        while self._connection.fileno() >= 0 and self._receive():
            pass

    def close(self) -> None:
        """Hang up; nothing is called back any more."""
        if self._connection.fileno() >= 0:
            self._loop.remove_reader(self._connection)
            self._loop.remove_writer(self._connection)
            self._connection.close()

    def _write(self) -> None:
        try:
            while self._unsent:
                piece = self._unsent[0]
                sent = self._connection.send(piece)
                if sent < len(piece):
                    self._unsent[0] = piece[sent:]
                else:
                    self._unsent.popleft()
        except BlockingIOError:
            self._is_writing = True
            self._loop.add_writer(self._connection, self._write)
            return
        except OSError:  # the worker is gone; the reading side hears of it and says so
            self._unsent.clear()
        if self._is_writing:
            self._is_writing = False
            self._loop.remove_writer(self._connection)

    def _read(self) -> None:
        self._receive()

    def _receive(self) -> bool:
        """Receive once; false if there was nothing."""
        try:
            received = self._connection.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return False
        except OSError:  # reset by the worker's death
            received = b""
        if not received:
            self.close()
            self._on_lost()
            return False
        self._received += received
        for frame in frames_in(self._received):
            self._on_frame(frame)
        return True
