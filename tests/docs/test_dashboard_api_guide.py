"""The guide to the dashboard's API: its script does what it says, against a server that is real."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from orrery.dashboard.web.app import application, endpoints
from orrery.errors import Failure
from orrery.graph import Graph, Ref, Task
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev
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
    looked = board(journal)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(application(looked), log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        looked.followers.close()
        server.should_exit = True
        thread.join(10)


def test_the_guides_script_waits_for_the_end(
    journal: MemoryJournal, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = re.search(r"^```python\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)
    watch: Callable[[str, str, str], str] = names["watch"]
    log = Log(journal, "r", Graph([Task("a", "work"), Task("b", "work", {"x": Ref("a")})]))
    log.say(ev.TaskStarted(1.0, "a", 1))
    ended = threading.Thread(target=lambda: log.say(ev.TaskFailed(2.0, "a", 1, Failure("ValueError", "no luck"))))
    ended.start()
    assert watch(url, "any", "r") == "failed"
    ended.join()
    assert capsys.readouterr().out == "a failed: ValueError: no luck\n"


def test_every_address_of_the_guide_is_there() -> None:
    known = {endpoint.path for endpoint in endpoints()}
    told = re.findall(r"^\| `(/[\w{}/]+)", GUIDE, re.MULTILINE)
    assert len(told) == 9
    assert [path for path in told if path not in known] == []
