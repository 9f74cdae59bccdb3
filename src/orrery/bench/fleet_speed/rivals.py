"""Rivals: what one would write by hand for the same, in a process of its own.

`echo` answers every message of a bare WebSocket with itself. `send FILE` gives a file to whoever connects, by plain
sockets; `fetch PORT` takes such a file for every path that it reads on stdin, and says how many seconds that took; a
path with `+` before it is verified as well: what came goes through SHA-256.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import sys
import time

PIECE_BYTES = 1 << 20


async def echo() -> None:
    """Answer until stdin ends."""
    from websockets.asyncio.server import ServerConnection, serve

    async def answer(ws: ServerConnection) -> None:
        async for message in ws:
            await ws.send(message)

    async with serve(answer, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.readline)


def send() -> None:
    """Give the file that is named on a line of stdin to who connects next, until stdin ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        for line in sys.stdin:
            connection, _ = listener.accept()
            with connection, open(line.rstrip("\n"), "rb", buffering=0) as file:
                while piece := file.read(PIECE_BYTES):
                    connection.sendall(piece)


def fetch(port: int) -> None:
    """Take a file for each path on stdin; says the seconds from the call to the closed file."""
    print("ready", flush=True)
    for line in sys.stdin:
        path, verifies, digest = line.rstrip("\n").removeprefix("+"), line.startswith("+"), hashlib.sha256()
        began = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port)) as connection, open(path, "wb", 0) as file:
            buffer = bytearray(PIECE_BYTES)
            whole = memoryview(buffer)
            while count := connection.recv_into(buffer):
                file.write(whole[:count])
                if verifies:
                    digest.update(whole[:count])
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["echo"]:
            asyncio.run(echo())
        case ["send"]:
            send()
        case ["fetch", port]:
            fetch(int(port))
