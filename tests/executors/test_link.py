"""Frames arrive whole and in order, however the bytes are cut."""

from __future__ import annotations

import asyncio
import socket
import threading

from hypothesis import given
from hypothesis import strategies as st

from orrery.runtime.executors.link import Link, frames_in, receive_frames, send_frame


def sent(frames: list[bytes]) -> bytes:
    return b"".join(len(frame).to_bytes(8, "big") + frame for frame in frames)


@given(st.lists(st.binary(max_size=50), max_size=8), st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_frames_are_found_however_the_bytes_are_cut(frames: list[bytes], cuts: list[int]) -> None:
    data, buffer = sent(frames), bytearray()
    found: list[bytes] = []
    at = 0
    while at < len(data):
        step = cuts[at % len(cuts)]
        buffer += data[at : at + step]
        found += frames_in(buffer)
        at += step
    assert found == frames
    assert not buffer


def test_large_frames_go_both_ways_at_once_without_a_deadlock() -> None:
    big = bytes(range(256)) * 20_000

    def echo(connection: socket.socket) -> None:
        with connection:
            for frame in receive_frames(connection):
                send_frame(connection, frame)

    async def story() -> None:
        ours, theirs = socket.socketpair()
        answers: list[bytes] = []
        enough = asyncio.Event()

        def take(frame: bytes) -> None:
            answers.append(frame)
            if len(answers) == 4:
                enough.set()

        other = threading.Thread(target=echo, args=(theirs,))
        other.start()
        link = Link(asyncio.get_running_loop(), ours, on_frame=take, on_lost=lambda: None)
        for frame in (b"", big, b"small", big):
            link.send(frame)
        async with asyncio.timeout(20):
            await enough.wait()
        link.close()
        other.join()
        assert answers == [b"", big, b"small", big]

    asyncio.run(story())


def test_the_other_sides_end_is_noticed_once() -> None:
    async def story() -> None:
        ours, theirs = socket.socketpair()
        ends: list[str] = []
        lost = asyncio.Event()

        def on_lost() -> None:
            ends.append("lost")
            lost.set()

        link = Link(asyncio.get_running_loop(), ours, on_frame=lambda _: None, on_lost=on_lost)
        theirs.close()
        async with asyncio.timeout(10):
            await lost.wait()
        link.drain()
        link.close()
        assert ends == ["lost"]

    asyncio.run(story())
