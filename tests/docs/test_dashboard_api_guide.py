"""The guide to the dashboard's API: its script does what it says, against a server that is real."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from orrery.dashboard.board import Board
from orrery.dashboard.web.app import application, endpoints
from orrery.errors import Failure
from orrery.graph import Graph, Ref, Task
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev
from tests.dashboard.acting.desk import Desk
from tests.dashboard.logs import Log, board

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "dashboard-api.md").read_text(encoding="utf-8")


@pytest.fixture
def journal() -> Iterator[MemoryJournal]:
    found = MemoryJournal()
    yield found
    found.close()


@pytest.fixture
def url(journal: MemoryJournal) -> Iterator[str]:
    """The address of a server over the store."""
    with served(board(journal)) as found:
        yield found


@contextmanager
def served(looked: Board) -> Iterator[str]:
    """The address of a server over a board."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(application(looked), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        looked.followers.close()
        server.should_exit = True
        thread.join(10)


def script(function: str) -> Any:
    """A function of a script of the guide."""
    (found,) = [
        text
        for text in re.findall(r"^```python\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
        if f"def {function}(" in text
    ]
    names: dict[str, Any] = {}
    exec(found, names)
    return names[function]


def test_the_guides_script_waits_for_the_end(
    journal: MemoryJournal, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    watch: Callable[[str, str, str], str] = script("watch")
    log = Log(journal, "r", Graph([Task("a", "work"), Task("b", "work", {"x": Ref("a")})]))
    log.say(ev.TaskStarted(1.0, "a", 1))
    ended = threading.Thread(target=lambda: log.say(ev.TaskFailed(2.0, "a", 1, Failure("ValueError", "no luck"))))
    ended.start()
    assert watch(url, "any", "r") == "failed"
    ended.join()
    assert capsys.readouterr().out == "a failed: ValueError: no luck\n"


def test_the_guides_script_begins_a_run_and_approves(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with served(desk.board) as url:
        run = script("ship")(url, "any", "asks.yaml")
        desk.wait_for(lambda machine: machine.state == "succeeded", run)
    assert desk.lines() == ["hello"]
    desk.close()


def test_the_guide_has_every_address_and_no_other() -> None:
    rows = re.findall(r"^\|(.*?)\|", GUIDE, re.MULTILINE)
    told = {path for row in rows for path in re.findall(r"`(/[\w{}/.]+)[?`]", row)}
    assert told - {"/api"} == {endpoint.path for endpoint in endpoints()}
