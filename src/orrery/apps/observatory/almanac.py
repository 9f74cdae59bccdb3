"""A local server that really fails: what is installed in this environment, told by a server that is often busy.

It listens on a free port of loopback and answers `/packages/NAME` with what that distribution says of itself.
For some names, drawn by a seed, the first request is refused with 503 and Retry-After; for one, the connection
is dropped without a word. The next request is answered, so whoever tries again gets everything.

The server lives as long as the process. Its address is asked for at every attempt and never stored, since a
run that is resumed finds another server at another port.
"""

from __future__ import annotations

import json
import os
import random
import re
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from threading import Lock, Thread
from typing import TypedDict
from urllib.parse import unquote

HOST = "127.0.0.1"
SEED = 1781
BUSY_SHARE = 0.3
RETRY_AFTER_S = 1
MAX_NAMES = 16
_LICENCE = re.compile(r"^License :: (?:OSI Approved :: )?(.+)$")


class Package(TypedDict):
    """What a distribution says of itself."""

    name: str
    version: str
    licence: str
    summary: str


def installed_names() -> list[str]:
    """The distributions of this environment, sorted; at most `MAX_NAMES`, those that Orrery asks for first."""
    found = {_canonical(one.metadata["Name"]): one.metadata["Name"] for one in metadata.distributions()}
    try:
        asked_for = {_canonical(re.split(r"[^\w.-]", line)[0]) for line in metadata.requires("orrery") or ()}
    except metadata.PackageNotFoundError:  # run from a folder of source, without being installed
        asked_for = set()
    order = sorted(found, key=lambda key: (key != "orrery" and key not in asked_for, key))
    return sorted((found[key] for key in order[:MAX_NAMES]), key=str.lower)


def package(name: str) -> Package:
    """What the distribution of that name says. Raises PackageNotFoundError."""
    said = metadata.metadata(name)

    def first(field: str) -> str:
        return str((said.get_all(field) or [""])[0])

    classified = [found[1] for line in said.get_all("Classifier") or [] if (found := _LICENCE.match(line))]
    licence = first("License-Expression") or ", ".join(classified) or first("License").partition("\n")[0]
    return {
        "name": said["Name"],
        "version": said["Version"],
        "licence": licence[:80] or "not stated",
        "summary": first("Summary"),
    }


@cache
def address() -> str:
    """Where this process's server listens; it is started when it is first asked for."""
    server = _Server((HOST, 0), _Answer)
    for variable in ("NO_PROXY", "no_proxy"):  # a proxy would look for this server on its own machine
        os.environ[variable] = ",".join(filter(None, (os.environ.get(variable), HOST)))
    Thread(target=server.serve_forever, name="almanac", daemon=True).start()
    return f"http://{HOST}:{server.server_port}"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64  # with the usual 5, connections that come at once wait a second for their turn

    def __init__(self, place: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(place, handler)
        self.packages = {name: package(name) for name in installed_names()}
        self._lock = Lock()
        self._faults = _drawn(list(self.packages))

    def fault(self, name: str) -> str | None:
        """What goes wrong with this request; each thing does so once."""
        with self._lock:
            return self._faults.pop(name, None)


def _drawn(names: list[str]) -> dict[str, str]:
    chance = random.Random(SEED)  # noqa: S311 - the same names fail every time
    chosen = chance.sample(names, min(len(names), 1 + max(1, round(BUSY_SHARE * len(names)))))
    return {name: "dropped" if position == 0 else "busy" for position, name in enumerate(chosen)}


class _Answer(BaseHTTPRequestHandler):
    server: _Server
    server_version = "almanac"

    def do_GET(self) -> None:
        folder, _, name = unquote(self.path).rpartition("/")
        fault = self.server.fault(name) if folder == "/packages" else None
        if fault == "dropped":
            self.close_connection = True
            self.connection.close()
        elif fault == "busy":
            self._send(503, {"error": "busy, come again"}, {"Retry-After": str(RETRY_AFTER_S)})
        elif not name:
            self._send(200, {"packages": len(self.server.packages)})
        elif folder == "/packages" and name in self.server.packages:
            self._send(200, self.server.packages[name])
        else:
            self._send(404, {"error": "there is nothing of that name"})

    def _send(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for key, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the run's log tells what was asked and what came of it."""


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
