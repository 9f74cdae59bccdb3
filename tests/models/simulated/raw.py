"""A client that sees what is really on the wire: statuses, headers, bytes as they come, and how a connection ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orrery.models.simulated import SimulatedServer

End = Literal["whole", "reset", "closed", "open"]


@dataclass
class Heard:
    """What came back.

    Args:
        times: of the pieces of the body, in seconds after the request was sent.
        end: "whole" by HTTP's own count, "reset" by RST, "closed" before the end, "open" if nothing more came.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    times: list[float] = field(default_factory=list)
    end: End = "open"

    @property
    def events(self) -> list[Any]:
        """The server-sent events that are JSON."""
        found = [line.removeprefix(b"data: ") for line in self.body.split(b"\n") if line.startswith(b"data: ")]
        return [json.loads(data) for data in found if data != b"[DONE]"]

    @property
    def text(self) -> str:
        """What a chat stream says, as far as it came."""
        choices = [event["choices"] for event in self.events]
        return "".join(one["delta"].get("content") or "" for few in choices for one in few)


async def send(server: SimulatedServer, request: bytes, *, wait_s: float = 10.0, most: int = 1 << 24) -> Heard:
    """Send bytes and hear the answer, until it ends, `most` bytes have come, or nothing comes for `wait_s`."""
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port))
    heard = Heard()
    loop = asyncio.get_running_loop()
    try:
        writer.write(request)
        start = loop.time()
        async with asyncio.timeout(wait_s):
            await _read(reader, heard, most, lambda: loop.time() - start)
    except TimeoutError:
        heard.end = "open"
    except ConnectionResetError:
        heard.end = "reset"
    except asyncio.IncompleteReadError as error:
        heard.body += error.partial
        heard.end = "closed"
    finally:
        writer.transport.abort()
    return heard


async def _read(reader: asyncio.StreamReader, heard: Heard, most: int, passed: Any) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    heard.status = int(head[0].split()[1])
    for line in filter(None, head[1:]):
        name, _, value = line.partition(":")
        heard.headers[name.lower()] = value.strip()
    if "content-length" in heard.headers:
        left = int(heard.headers["content-length"])
        heard.body = await reader.readexactly(left)
        heard.times.append(passed())
        heard.end = "whole"
        return
    while len(heard.body) < most:
        size = int(await reader.readuntil(b"\r\n"), 16)
        chunk = await reader.readexactly(size)
        await reader.readexactly(2)
        if size == 0:
            heard.end = "whole"
            return
        heard.body += chunk
        heard.times.append(passed())


def post(
    path: str, body: Mapping[str, Any] | bytes, *, headers: Mapping[str, str] | None = None, host: str = "localhost"
) -> bytes:
    """The bytes of a request."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def chat(text: str = "Hello", *, stream: bool = True, **more: Any) -> bytes:
    """The bytes of a chat request."""
    body = {"model": "simulated", "messages": [{"role": "user", "content": text}], "stream": stream, **more}
    return post("/v1/chat/completions", body)


def get(path: str) -> bytes:
    """The bytes of a request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
