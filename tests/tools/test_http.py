"""The http tools against a real server on the loopback."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from orrery.errors import (
    ArgumentError,
    ContentError,
    Failure,
    FileAccessError,
    HttpError,
    LimitReachedError,
    ToolTimeoutError,
)
from orrery.tools import LocalContext, http


class Answers(BaseHTTPRequestHandler):
    """Answers by path."""

    protocol_version = "HTTP/1.1"
    release: ClassVar[threading.Event]
    connections: ClassVar[set[Any]]

    def log_message(self, format: str, *args: Any) -> None:
        return None

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.connections.add(self.client_address)
        path = self.path.partition("?")[0]
        if path == "/json":
            self.answer(200, b'{"a": [1, "\xc3\xa9"]}', Content_Type="application/json; charset=utf-8")
        elif path == "/broken-json":
            self.answer(200, b'{"a": ', Content_Type="application/problem+json")
        elif path == "/latin":
            self.answer(200, b"\xe9", Content_Type="text/plain; charset=latin-1")
        elif path == "/bytes":
            self.answer(200, b"\xff\x00", Content_Type="application/octet-stream")
        elif path == "/echo":
            said = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}
            self.answer(200, json.dumps(said).encode(), Content_Type="application/json")
        elif path.startswith("/status/"):
            _, _, status, *wait = path.split("/")
            headers = {"Retry_After": wait[0]} if wait else {}
            self.answer(int(status), b"because", **headers)
        elif path == "/redirect":
            self.answer(302, b"", Location="/json")
        elif path == "/to-keys":
            self.answer(302, b"", Location="http://169.254.169.254/latest/meta-data")
        elif path == "/loop":
            self.answer(302, b"", Location="/loop")
        elif path == "/slow":
            self.release.wait(20)
            self.close_connection = True
        elif path == "/bomb":
            self.answer(200, gzip.compress(b"\0" * 30_000_000), Content_Encoding="gzip", Content_Type="text/plain")
        elif path == "/endless":
            self.send_response(200)
            self.end_headers()
            self.close_connection = True
            try:
                while not self.release.is_set():
                    self.wfile.write(b"x" * 65536)
            except OSError:
                return
        elif path == "/cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b"half")
            self.close_connection = True

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = {
            "method": self.command,
            "sent": sent.decode(),
            "headers": {k.lower(): v for k, v in self.headers.items()},
        }
        self.answer(201, json.dumps(said).encode(), Content_Type="application/json")

    def do_PUT(self) -> None:
        self.do_POST()


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    daemon_threads = True
    request_queue_size = 50


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that is there for one test."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    Answers.release, Answers.connections = threading.Event(), set()
    made = Server(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{made.server_port}"
    Answers.release.set()
    made.shutdown()
    thread.join()
    made.server_close()


def get(url: str, **options: Any) -> http.Response:
    return asyncio.run(http.get(url, **options))


def test_an_answer_is_read_by_its_media_type(server: str) -> None:
    answer = get(f"{server}/json")
    assert (answer["status"], answer["body"], answer["size_bytes"]) == (200, {"a": [1, "é"]}, 16)
    assert answer["headers"]["content-type"] == "application/json; charset=utf-8"
    assert get(f"{server}/json", parse="text")["body"] == '{"a": [1, "é"]}'
    assert get(f"{server}/latin")["body"] == "é"
    assert get(f"{server}/bytes")["body"] == b"\xff\x00"
    assert get(f"{server}/json", parse="bytes")["body"].startswith(b"{")
    with pytest.raises(ContentError, match=r"calls its answer application/problem\+json, but it is not"):
        get(f"{server}/broken-json")


def test_parameters_and_headers_arrive(server: str) -> None:
    said = get(f"{server}/echo", params={"q": "a b", "n": 3}, headers={"X-Moon": "Io"})["body"]
    assert said["path"] in ("/echo?q=a+b&n=3", "/echo?q=a%20b&n=3")
    assert said["headers"]["x-moon"] == "Io"
    assert "idempotency-key" not in said["headers"]


def test_posting_carries_the_idempotency_key(server: str, ctx: LocalContext) -> None:
    said = asyncio.run(http.post(f"{server}/x", json={"a": "é"}, ctx=ctx))["body"]
    assert json.loads(said["sent"]) == {"a": "é"}
    assert said["headers"]["idempotency-key"] == "by-hand"
    assert said["headers"]["content-type"] == "application/json"
    given = {"Idempotency-Key": "mine", "Content-Type": "text/csv"}
    said = asyncio.run(http.request("PUT", f"{server}/x", content="a,b", headers=given, ctx=ctx))["body"]
    assert (said["method"], said["sent"]) == ("PUT", "a,b")
    assert (said["headers"]["idempotency-key"], said["headers"]["content-type"]) == ("mine", "text/csv")
    with pytest.raises(ArgumentError, match="one body"):
        asyncio.run(http.post(f"{server}/x", json=1, content="x", ctx=ctx))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_status_that_may_pass_is_transient(server: str, status: int) -> None:
    with pytest.raises(
        HttpError, match=rf"GET {server}/status/{status}\?\.\.\. was answered with {status} .*: because"
    ) as caught:
        get(f"{server}/status/{status}?key=secret")
    failure = Failure.of(caught.value)
    assert (failure.severity, failure.retry_after_s, caught.value.status) == ("transient", None, status)
    assert "secret" not in failure.message


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 501])
def test_a_status_that_will_not_pass_is_permanent(server: str, status: int) -> None:
    with pytest.raises(HttpError) as caught:
        get(f"{server}/status/{status}")
    assert Failure.of(caught.value).severity == "permanent"


def test_the_time_to_wait_reaches_the_failure(server: str) -> None:
    with pytest.raises(HttpError) as caught:
        get(f"{server}/status/429/7")
    assert Failure.of(caught.value).retry_after_s == 7.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:20 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2020 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 -0000"}, 30.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
    ],
)
def test_both_forms_of_retry_after_are_read(headers: dict[str, str], expected: float | None) -> None:
    now = datetime(2026, 10, 21, 7, 28, 0, tzinfo=UTC)
    assert http.retry_after_s(headers, now=now) == expected


def test_redirects_are_followed_up_to_a_limit(server: str) -> None:
    answer = get(f"{server}/redirect")
    assert (answer["url"], answer["status"]) == (f"{server}/json", 200)
    assert get(f"{server}/redirect", follow_redirects=False)["status"] == 302
    with pytest.raises(HttpError, match="more than 10 redirects") as caught:
        get(f"{server}/loop")
    assert caught.value.severity == "permanent"


def test_no_answer_leads_to_who_hands_out_the_machines_keys(server: str) -> None:
    for url in (f"{server}/to-keys", "http://169.254.169.254/", "http://2852039166/"):
        with pytest.raises(HttpError, match="hands out this machine's keys") as caught:
            get(url, timeout_s=2)
        assert caught.value.severity == "permanent"


def test_a_slow_server_meets_the_deadline(server: str) -> None:
    begun = time.perf_counter()
    with pytest.raises(ToolTimeoutError, match=r"GET .*/slow did not end within 0\.2 s") as caught:
        get(f"{server}/slow", timeout_s=0.2)
    assert time.perf_counter() - begun < 5
    assert Failure.of(caught.value).severity == "transient"


def test_endless_and_exploding_bodies_meet_the_cap(server: str) -> None:
    with pytest.raises(
        LimitReachedError, match=r"is larger than max_bytes=1000000; raise the cap, or .*http\.download"
    ):
        get(f"{server}/endless", max_bytes=1_000_000)
    with pytest.raises(LimitReachedError, match="larger than max_bytes=1000000"):
        get(f"{server}/bomb", max_bytes=1_000_000)


def test_a_cut_connection_and_a_missing_server_are_transient(server: str) -> None:
    with pytest.raises(HttpError, match="/cut: ") as caught:
        get(f"{server}/cut")
    assert (caught.value.severity, caught.value.status) == ("transient", None)
    with pytest.raises(HttpError) as caught:
        get("http://127.0.0.1:1/")
    assert caught.value.severity == "transient"


@pytest.mark.parametrize("url", ["", "example.org", "file:///etc/passwd", "http://", "http://[::1", "ftp://x/y"])
def test_what_is_no_http_address_is_refused(url: str) -> None:
    with pytest.raises(ArgumentError, match="is no HTTP address"):
        get(url)


def test_what_http_cannot_carry_is_refused() -> None:
    with pytest.raises(ArgumentError, match="the header 'x-a' holds characters that HTTP cannot carry"):
        get("http://127.0.0.1:1", headers={"X-A": "é"})
    with pytest.raises(ArgumentError, match="the header 'x-a' holds"):
        get("http://127.0.0.1:1", headers={"X-A": "a\r\nX-B: c"})
    with pytest.raises(ArgumentError, match="cannot be written as JSON"):
        asyncio.run(http.post("http://127.0.0.1:1", json={"a": object()}))


def test_credentials_stay_out_of_messages() -> None:
    assert http.without_secrets("https://ada:pw@x.org:8/a?token=1#f") == "https://x.org:8/a?..."


def test_connections_are_kept_within_a_loop_and_closed_with_it(server: str) -> None:
    async def thrice() -> None:
        for _ in range(3):
            await http.get(f"{server}/json")

    asyncio.run(thrice())
    assert len(Answers.connections) == 1
    assert len(http._clients) == 0
    asyncio.run(thrice())
    assert len(Answers.connections) == 2


def test_requests_run_side_by_side(server: str) -> None:
    async def many() -> list[http.Response]:
        return await asyncio.gather(*[http.get(f"{server}/json") for _ in range(20)])

    assert {answer["status"] for answer in asyncio.run(many())} == {200}


def test_a_download_is_whole_or_nothing(server: str, ctx: LocalContext) -> None:
    done = asyncio.run(http.download(f"{server}/redirect", Path("d/x.json"), ctx=ctx))
    assert done == {"path": "d/x.json", "url": f"{server}/json", "size_bytes": 16}
    assert (ctx.folder / "d/x.json").read_bytes() == b'{"a": [1, "\xc3\xa9"]}'
    assert ctx.progressed[-1] == (1.0, "")
    with pytest.raises(LimitReachedError):
        asyncio.run(http.download(f"{server}/endless", Path("d/big"), max_bytes=200_000, ctx=ctx))
    with pytest.raises(HttpError):
        asyncio.run(http.download(f"{server}/cut", Path("d/cut"), ctx=ctx))
    with pytest.raises(FileAccessError, match=r"Not a directory|File exists"):
        asyncio.run(http.download(f"{server}/json", Path("d/x.json/y"), ctx=ctx))
    assert [path.name for path in (ctx.folder / "d").iterdir()] == ["x.json"]
