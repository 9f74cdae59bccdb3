"""Services: a small HTTP server for each device, with the slowness and the faults that a fixture wants.

Run as `python -m orrery.bench.fleet.services ROOT`: one process, a port for each device, told on stdout as one line of
JSON. It ends when stdin does. What a service answers is read anew at every request from `ROOT/services/DEVICE.json`, a
map of routes, and every request is a line of `ROOT/services/DEVICE.log`; so that between two requests of the suite
nothing has to be restarted. A route holds:

* `text`, `json` or `file` (of the device's folder): what a GET is answered with, Range included;
* `delay_s`: how long it takes;
* `status` and `times`: the answer to the first so many requests, 503 for example;
* `cut_after`: the connection breaks after so many bytes, for the first `times` requests (always without `times`);
* `healthy_if`: {"file", "key", "at_most"}: 200 while the number in that JSON file is no larger, else 503;
* `appends`: a file of the device's folder to which the body of a POST is added as a line.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from orrery.bench.fleet.setting import CALLS, PROFILES, device_folder

_log_lock = threading.Lock()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, root: Path, device: str) -> None:
        self.root, self.device = root, device
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is none of the server's business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are written where checks find them."""

    def do_GET(self) -> None:
        route, earlier = self._route()
        if route is None:
            self._answer(404, b"there is no such page")
            return
        time.sleep(route.get("delay_s", 0.0))
        faulty = earlier < route.get("times", sys.maxsize)
        if "status" in route and faulty:
            self._answer(route["status"], b"not now")
        elif "healthy_if" in route:
            healthy = self._is_healthy(route["healthy_if"])
            self._answer(200 if healthy else 503, b"healthy" if healthy else b"too much is asked of this host")
        else:
            self._send(self._body(route), cut_after=route.get("cut_after") if faulty else None)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        route, earlier = self._route()
        if route is None or "appends" not in route:
            self._answer(404, b"nothing is taken here")
            return
        time.sleep(route.get("delay_s", 0.0))
        if "status" in route and earlier < route.get("times", sys.maxsize):
            self._answer(route["status"], b"not now")
            return
        path = self._folder / route["appends"]
        path.parent.mkdir(parents=True, exist_ok=True)
        with _log_lock, path.open("ab") as file:
            file.write(body.strip() + b"\n")
        self._answer(200, b"taken")

    @property
    def _folder(self) -> Path:
        return device_folder(self.server.root, self.server.device)

    def _route(self) -> tuple[Mapping[str, Any] | None, int]:
        """The route that is asked for, and how often it was asked for before."""
        known = self.server.root / CALLS / f"{self.server.device}.json"
        routes = msgspec.json.decode(known.read_bytes()) if known.exists() else {}
        call = f"{self.command} {self.path.partition('?')[0]}"
        with _log_lock:
            log = self.server.root / CALLS / f"{self.server.device}.log"
            lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{call} from {self._start()}\n" if self._start() else f"{call}\n")
        return routes.get(self.path.partition("?")[0]), sum(line.partition(" from ")[0] == call for line in lines)

    def _start(self) -> int:
        """The offset that a Range header names."""
        asked = self.headers.get("Range", "")
        return int(asked.removeprefix("bytes=").partition("-")[0]) if asked.startswith("bytes=") else 0

    def _is_healthy(self, rule: Mapping[str, Any]) -> bool:
        settings = msgspec.json.decode((self._folder / rule["file"]).read_bytes())
        return bool(settings[rule["key"]] <= rule["at_most"])

    def _body(self, route: Mapping[str, Any]) -> bytes:
        if "file" in route:
            return bytes((self._folder / route["file"]).read_bytes())
        return bytes(msgspec.json.encode(route["json"])) if "json" in route else str(route.get("text", "")).encode()

    def _send(self, body: bytes, *, cut_after: int | None) -> None:
        """Answer with a body, or the rest of it from the offset that was asked for."""
        start = self._start()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if cut_after is None:
            self.wfile.write(memoryview(body)[start:])
        else:
            self.wfile.write(memoryview(body)[start : start + cut_after])
            self.close_connection = True

    def _answer(self, status: int, text: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def main(root: Path) -> None:
    """Serve until stdin ends."""
    servers = {device: _Server(root, device) for device in PROFILES}
    for server in servers.values():
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ports = {device: server.server_address[1] for device, server in servers.items()}
    print(msgspec.json.encode(ports).decode(), flush=True)
    sys.stdin.buffer.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
