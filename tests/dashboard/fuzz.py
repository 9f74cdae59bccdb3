"""Random requests over ASGI: whatever comes, the answer is a clear one, and only those who may get it.

`python -m tests.dashboard.fuzz 100000 7` sends so many; the seed, 7, makes the same ones again.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from tests.dashboard.logs import Log

from orrery.dashboard.board import Board
from orrery.dashboard.launching import Launcher
from orrery.dashboard.web.access import Access, Guard
from orrery.dashboard.web.app import application, endpoints
from orrery.dashboard.web.endpoint import Endpoint
from orrery.graph import Graph, Task
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev

TOKEN = "a-token-that-is-long-enough-for-this"
PORT = 8642
HOSTS = ("127.0.0.1:8642", "localhost:8642", "[::1]:8642", "LOCALHOST:8642")
FOREIGN_HOSTS = (
    "evil.example",
    "127.0.0.1",
    "127.0.0.1:80",
    "localhost.evil.example:8642",
    "",
    "127.0.0.1:8642@evil",
    "é",
)
FOREIGN_ORIGINS = (
    "null",
    "https://evil.example",
    "http://127.0.0.1",
    "http://localhost:9",
    "https://{host}",
    "",
    "\x00",
)
WRONG_TOKENS = ("", TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "é" * 40, "x" * 5000)
RUNS = ("asks", "a/b", "over", "no such run", "..", "%", "☃", "x" * 300)
TASKS = ("ask", "ship", "x/y", "..", "☃", "x" * 3000)
TEXTS = (
    "",
    "0",
    "-1",
    "1",
    "3",
    "1e400",
    "NaN",
    str(2**70),
    "true",
    "null",
    "[]",
    "☃",
    "\x00",
    "a b c",
    "flow.yaml",
    "../x",
)
REQUESTS_A_BOARD = 1000
"""After so many another board with fresh runs is asked, since answers, edits and ends leave little to ask."""


class Asked(NamedTuple):
    """One request, and whether it may be answered."""

    method: str
    path: bytes
    query: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes
    own_host: bool
    own_origin: bool
    token: bool


class Told(NamedTuple):
    """An answer: its status, its headers and its body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Fuzz:
    """A source of random requests, the same for the same seed.

    Args:
        only: the path of the only endpoint that is asked; every one where empty.
    """

    def __init__(self, seed: int, only: str = "") -> None:
        self.chance = random.Random(seed)
        self.endpoints = [endpoint for endpoint in endpoints() if only in ("", endpoint.path)]

    def request(self) -> Asked:
        """The next request."""
        chance = self.chance
        endpoint = chance.choice(self.endpoints)
        method: str = endpoint.method
        if chance.random() < 0.1:
            method = chance.choice(["GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "X"])
        path = self._path(endpoint) if chance.random() < 0.85 else self._any_path()
        headers, own_host, own_origin, token = self._headers()
        return Asked(
            method, path, self._query(endpoint), headers, self._body(endpoint, method), own_host, own_origin, token
        )

    def _path(self, endpoint: Endpoint) -> bytes:
        chance, path = self.chance, f"/api{endpoint.path}"
        for name, words in (("run", RUNS), ("task", TASKS), ("device", RUNS)):
            path = path.replace(f"{{{name}}}", quote(chance.choice(words), safe=chance.choice(["", "%/"])))
        return path.encode()

    def _any_path(self) -> bytes:
        chance = self.chance
        if chance.random() < 0.5:
            names = ["/", "/login", "/assets/x.js", "/assets/../app.py", "/..%2f..%2fetc/passwd", "//", "/api", "/api/"]
            return chance.choice(
                [*names, "/api/openapi.json", "/favicon.svg", "/%00", "/assets/%2e%2e/x", "*"]
            ).encode()
        return b"/" + bytes(chance.randrange(33, 256) for _ in range(chance.randrange(60)))

    def _query(self, endpoint: Endpoint) -> bytes:
        chance = self.chance
        if chance.random() < 0.4:
            return b""
        if chance.random() < 0.1:
            return bytes(chance.randrange(1, 256) for _ in range(chance.choice([3, 30, 9000])))
        names = [field.name for field in msgspec.structs.fields(endpoint.asked)] if endpoint.asked is not None else []
        pairs = [
            (chance.choice([*names, "x", "token"]), chance.choice([*TEXTS, *RUNS])) for _ in range(chance.randrange(4))
        ]
        return "&".join(f"{name}={quote(text)}" for name, text in pairs).encode()

    def _headers(self) -> tuple[list[tuple[bytes, bytes]], bool, bool, bool]:
        chance = self.chance
        own_host, own_origin, token = (chance.random() < share for share in (0.9, 0.9, 0.85))
        host = chance.choice(HOSTS if own_host else FOREIGN_HOSTS)
        headers = [("host", host)]
        if not own_host and chance.random() < 0.2:
            headers = [] if chance.random() < 0.5 else [("host", HOSTS[0]), ("host", "evil.example")]
        if not own_origin:
            headers.append(("origin", chance.choice(FOREIGN_ORIGINS).replace("{host}", host)))
            own_origin = False
        elif chance.random() < 0.3:
            headers.append(("origin", f"http://{host}"))
        given = TOKEN if token else chance.choice(WRONG_TOKENS)
        if token or chance.random() < 0.7:
            headers.append(
                ("authorization", f"Bearer {given}")
                if chance.random() < 0.6
                else ("cookie", f"a=b; orrery-{PORT}={given}")
            )
        media = ["application/json"] * 9 + [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "",
        ]
        headers.append(("content-type", chance.choice(media)))
        if chance.random() < 0.1:
            headers += [(chance.choice(["x", "accept", "last-event-id", "range", "cookie"]), chance.choice(TEXTS))] * 2
        if chance.random() < 0.005:
            headers += [("x", "y" * 1000)] * 40
        coded = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers]
        return coded, own_host, own_origin, token

    def _body(self, endpoint: Endpoint, method: str) -> bytes:
        chance = self.chance
        if method == "GET" or chance.random() < 0.05:
            return b""
        if chance.random() < 0.1:
            deep = b"[" * 5000 + b"]" * 5000
            raw = bytes(chance.randrange(256) for _ in range(40))
            return chance.choice(
                [b"{", b"null", b"[]", b"\xff", deep, b'{"value":' + deep + b',"verdict":"approve"}', raw]
            )
        names = [field.name for field in msgspec.structs.fields(endpoint.said)] if endpoint.said is not None else []
        said = {name: self._value(name) for name in names if chance.random() < 0.7}
        if chance.random() < 0.05:
            said["more"] = self._value("")
        return json.dumps(said).encode()

    def _value(self, name: str) -> Any:
        chance = self.chance
        known: dict[str, list[Any]] = {
            "verdict": ["approve", "deny", "rerun"],
            "seq": [1, 2, 3, 4, 0, -1, 2**63],
            "preview": [True, False],
            "text": ["", "return answer=ask\n", "ship = text.count(text=1)\n", "a = b(", "x" * 2000],
            "target": ["flow.yaml", "no words", "../flow.yaml", "os:system", "-h", "x" * 3000],
        }
        if name in known and chance.random() < 0.8:
            return chance.choice(known[name])
        simple = [*TEXTS, None, True, 0, -1, 1.5, 2**64, -(2**63), 1e308]
        return chance.choice([*simple, [chance.choice(simple)], {chance.choice(TEXTS): chance.choice(simple)}])


async def fuzz(count: int, *, seed: int = 0, only: str = "") -> Counter[int]:
    """How often each status was answered to so many requests. Raises AssertionError at one that it should not be."""
    source, statuses = Fuzz(seed, only), Counter[int]()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "flow.yaml").write_text('name: x\ntasks:\n  ask: {ask: "Go on?"}\n', encoding="utf-8")
        while (left := count - statuses.total()) > 0:
            board = fresh_board(Path(folder))
            app = Guard(application(board), Access(TOKEN, PORT))
            for _ in range(min(left, REQUESTS_A_BOARD)):
                asked = source.request()
                told = await ask(app, asked)
                check(asked, told)
                statuses[told.status] += 1
            board.close()
    return statuses


def fresh_board(folder: Path) -> Board:
    """A board over runs that ask, that can be edited, and that have ended; what it starts says that it cannot."""
    journal = MemoryJournal()
    for run in ("asks", "a/b", "over"):
        tasks = [Task("ask", "ask", {"question": "?"}, executor="person"), Task("ship", "text.count", {"text": "a"})]
        log = Log(journal, run, Graph([*tasks, Task("x/y", "text.count", {"text": "a"})]), target="flow.yaml")
        if run == "over":
            log.say(ev.RunCancelRequested(1.0))
        journal.release(log.lease)
    board = Board(journal, "memory:", folder, hub_state=folder / "hub")
    board.launcher = Launcher(journal, "memory:", folder, program=("/bin/sh", "-c", "exit 2"))
    return board


async def ask(app: Guard, asked: Asked) -> Told:
    """The answer to one request; the other end is gone once it has heard the beginning of a stream."""
    sent: list[dict[str, Any]] = []
    messages = [{"type": "http.request", "body": asked.body, "more_body": False}]
    heard = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await heard.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            heard.set()

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": asked.path.decode("latin-1"),
        "raw_path": asked.path,
        "root_path": "",
        "query_string": asked.query,
        "headers": asked.headers,
        "server": ("127.0.0.1", PORT),
        "client": ("127.0.0.1", 1),
    }
    await asyncio.wait_for(app(scope, receive, send), 30)
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Told(sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:]))


def check(asked: Asked, told: Told) -> None:
    """Whether this may be the answer to that. Raises AssertionError."""
    about = f"{told.status} {told.body[:300]!r}\nto {asked}"
    assert told.status < 500 or (told.status == 503 and asked.path == b"/"), about  # the page may not be built
    assert told.headers["x-content-type-options"] == "nosniff", about
    assert "frame-ancestors 'none'" in told.headers["content-security-policy"], about
    assert TOKEN.encode() not in told.body, about
    if told.status in (414, 431):
        return
    if not asked.own_host:
        assert told.status == 421, about
    elif not asked.own_origin:
        assert told.status == 403, about
    elif not asked.token:
        assert told.status in (401, 403), about
    if told.headers.get("content-type", "").startswith("text/event-stream") and asked.method != "HEAD":
        assert told.body.startswith(b"retry: "), about
    if told.status >= 400 and asked.method != "HEAD" and told.headers["content-type"] == "application/json":
        refusal = json.loads(told.body)
        assert refusal["code"], about
        assert refusal["message"], about


def main() -> None:
    """Send as many requests as the command line says, with the seed that it says."""
    count, seed = map(int, [*sys.argv[1:], *("1000", "0")[len(sys.argv) - 1 :]])
    began = time.monotonic()
    statuses = asyncio.run(fuzz(count, seed=seed))
    took = time.monotonic() - began
    print(f"{statuses.total():,} requests in {took:.0f} s: {dict(sorted(statuses.items()))}")


if __name__ == "__main__":
    main()
