"""`orrery ui` as a process: what it says, who it answers, how it ends, and what goes on without it."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.dashboard.acting.desk import Desk
from tests.dashboard.acting.test_steering import asks
from tests.dashboard.logs import Log

from orrery.cli import main
from orrery.graph import Graph, Task

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups are POSIX here")


class Server:
    """A dashboard that was started by its command.

    Attributes:
        url: where it is; `link` opens it.
    """

    def __init__(self, folder: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "orrery", "ui", "--json", *words],
            cwd=folder,
            env={name: value for name, value in os.environ.items() if name != "ORRERY_STORE"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        said = json.loads(line)
        self.url, self.link = said["url"], said["link"]
        self.port, self.token = int(self.url.rpartition(":")[2]), self.link.partition("token=")[2]
        self.client = httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.token}"}, timeout=30, trust_env=False
        )

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Its exit status and what it said on stderr, after a signal to it and what it started in its session."""
        self.client.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)
        _, err = self.process.communicate(timeout=10)
        return self.process.returncode, err


Serve = Callable[..., Server]


@pytest.fixture
def serve(desk: Desk) -> Iterator[Serve]:
    """Starts dashboards in the folder of the desk; those that run at the end are killed."""
    started: list[Server] = []

    def start(*words: str) -> Server:
        started.append(Server(desk.folder, *words))
        return started[-1]

    yield start
    for server in started:
        server.end(signal.SIGKILL)


def test_its_link_opens_it_and_only_its_names_are_answered(desk: Desk, serve: Serve) -> None:
    server = serve("--port", "0", "--allow-host", "Orrery.Example")
    kept = desk.folder / ".orrery" / "ui.token"
    assert (kept.read_text().strip(), stat.S_IMODE(kept.stat().st_mode)) == (server.token, 0o600)
    with httpx2.Client(base_url=server.url, trust_env=False) as browser:
        assert browser.get("/api/runs").status_code == 401
        assert browser.get(server.link).status_code == 303
        assert browser.get("/api/runs").status_code == 200, "the cookie opens it"
    hosts = {
        f"localhost:{server.port}": 200,
        "orrery.example": 200,
        "evil.example": 421,
        f"127.0.0.1:{server.port + 1}": 421,
    }
    assert {host: server.client.get("/api/runs", headers={"Host": host}).status_code for host in hosts} == hosts
    foreign = server.client.get("/api/runs/r/stream", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403


def test_two_at_once_have_ports_of_their_own_and_the_link_is_of_the_last_that_runs(
    desk: Desk, serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.journal.release(Log(desk.journal, "r", Graph([Task("a", "work")])).lease)
    first, second = serve("--port", "0"), serve()
    assert first.port != second.port
    assert [server.client.get("/api/runs").json()["runs"][0]["run"] for server in (first, second)] == ["r", "r"]
    assert first.client.post("/api/runs/r/pause", json={}).status_code == 200
    assert second.client.get("/api/runs/r/events").json()["events"][-1]["type"] == "RunPaused"
    monkeypatch.chdir(desk.folder)

    def link() -> tuple[int, str]:
        status = main(["ui", "--link"])
        return status, capsys.readouterr().out.strip()

    assert link() == (0, second.link)
    assert second.end()[0] == 0
    assert link() == (0, first.link)
    assert first.end(signal.SIGKILL)[0] == -signal.SIGKILL
    assert link()[0] == 2
    assert not list((desk.folder / ".orrery").glob("ui-*"))


def test_who_listened_hears_all_that_happened_while_it_was_started_anew(desk: Desk, serve: Serve) -> None:
    log = Log(desk.journal, "r", Graph([Task(f"t{number}", "work") for number in range(6)]))
    log.did("t0", 1.0, 2.0)
    first = serve("--port", "0")
    rows: dict[str, Any] = {}
    seen: list[int] = []

    def take(change: dict[str, Any]) -> None:
        rows.update({row["id"]: row for row in change.get("tasks", ())})
        seen.append(change["seq"])

    stream = listen(first, 0)
    take(next(stream))
    log.did("t1", 3.0, 4.0)
    while seen[-1] < desk.journal.head("r"):
        take(next(stream))
    first.end(signal.SIGKILL)
    with pytest.raises((httpx2.HTTPError, StopIteration)):
        next(stream)
    log.did("t2", 5.0, 6.0)
    log.did("t3", 7.0, 8.0)
    second = serve("--port", str(first.port))
    assert (second.url, second.link) == (first.url, first.link)
    stream, last = listen(first, seen[-1]), seen[-1]
    take(next(stream))
    assert (seen[-1], [row["id"] for row in rows.values() if row["changed"] > last]) == (last + 4, ["t2", "t3"])
    log.did("t4", 9.0, 10.0)
    log.did("t5", 11.0, 12.0)
    for change in stream:
        take(change)
    assert seen == sorted(seen)
    whole = second.client.get("/api/runs/r/rows").json()
    assert rows == {row["id"]: row for row in whole["tasks"]}
    assert (seen[-1], whole["head"]["state"]) == (whole["seq"], "succeeded")


def listen(server: Server, after: int) -> Iterator[dict[str, Any]]:
    """The changes of run `r` after an event, as a browser asks for them that comes back, until the run has ended."""
    headers = {"Authorization": f"Bearer {server.token}", "Last-Event-ID": str(after)}
    address = f"{server.url}/api/runs/r/stream?after=0"
    with httpx2.stream("GET", address, headers=headers, timeout=30, trust_env=False) as answer:
        answer.raise_for_status()
        event = number = ""
        for line in answer.iter_lines():
            name, _, rest = line.partition(": ")
            if name == "id":
                number = rest
            elif name == "event":
                event = rest
            elif name == "data" and event == "ended":
                return
            elif name == "data":
                change: dict[str, Any] = json.loads(rest)
                assert change["seq"] == int(number)
                yield change


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_a_signal_with_its_streams_and_runs_that_it_began_go_on(
    desk: Desk, serve: Serve, number: signal.Signals
) -> None:
    server = serve("--port", "0")
    assert server.client.post("/api/runs", json={"target": "asks.yaml", "run": "r"}).status_code == 200
    heard: list[list[int]] = []
    began = threading.Barrier(3)

    def follow() -> None:
        changes = listen(server, 0)
        seen = [next(changes)["seq"]]
        began.wait(20)
        seen += [change["seq"] for change in changes]
        heard.append(seen)

    listeners = [threading.Thread(target=follow) for _ in "ab"]
    for listener in listeners:
        listener.start()
    desk.wait_for(asks)
    began.wait(20)
    status, err = server.end(number)  # as Ctrl-C in a terminal does, to all that is in its session
    assert (status, err) == (0, "")
    for listener in listeners:
        listener.join(10)
    assert len(heard) == 2, "the streams ended in order"
    assert len(desk.processes()) == 1, "the run goes on"
    desk.post("/runs/r/tasks/ask/answer", verdict="approve")
    desk.wait_for(lambda machine: machine.state == "succeeded")
    assert desk.lines() == ["shipped"]


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (["--port", "{taken}"], (2, "port {taken} of 127.0.0.1 cannot be used: ")),
        (["--port", "70000"], (2, "there is no port 70000")),
        (["--port", "0", "--host", "0.0.0.0"], (2, "can be reached by others")),
        (["--port", "0", "--host", "no host"], (2, "'no host' is no address of this machine")),
        (["--port", "0", "--tls-cert", "none.pem"], (2, "the certificate none.pem cannot be used")),
        (["--port", "0", "--store", "nothing:x"], (2, "there is no store 'nothing'")),
        (["--port", "0", "--store", "sqlite:///work.py"], (1, "work.py is not a store")),
        (["--port", "0", "--store", "sqlite:///work.py/x.db"], (1, "cannot be made")),
        (["--link"], (2, "no dashboard runs in this folder")),
    ],
)
def test_what_it_cannot_do_it_says_at_once(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    refusal: tuple[int, str],
) -> None:
    status, said = refusal
    monkeypatch.chdir(desk.folder)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert main(["ui", "--no-browser", *(word.format(taken=taken) for word in words)]) == status
    told = capsys.readouterr()
    assert said.format(taken=taken) in told.err
    assert told.out == ""
    assert not list((desk.folder / ".orrery").glob("ui-*"))


def test_a_folder_without_a_store_shows_no_runs(tmp_path: Path) -> None:
    server = Server(tmp_path, "--port", "0")
    try:
        assert server.client.get("/api/runs").json()["runs"] == []
        assert server.client.get("/api/runs/r/rows").status_code == 404
        with httpx2.stream("GET", f"{server.url}/api/runs/r/stream", headers=server.client.headers) as gone:
            assert b"event: gone" in gone.read()
    finally:
        assert server.end()[0] == 0
