"""The fleet as the dashboard tells of it: a real hub with a device, and what can be asked without one."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.dashboard.logs import board

from orrery.dashboard.board import Board
from orrery.dashboard.fleet import drain, enrol, fleet_of, revoke
from orrery.dashboard.weighed import DeviceRow
from orrery.errors import EnrolmentError, HubNotHereError, RequestError, UnknownNameError
from orrery.fleet.hub.registry import Registry
from orrery.fleet.hubs import HUB_FILE, HubAddress, NearbyHub, write_nearby_hub
from orrery.journal.memory import MemoryJournal

WITHIN_S = 30.0


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORRERY_HUB", raising=False)
    monkeypatch.delenv("ORRERY_HUB_TOKEN", raising=False)


@dataclass
class Programs:
    """Orrery's own programs, started in a folder; all of them have ended with the test."""

    folder: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "HOME": str(self.folder)}
        process = subprocess.Popen(
            [sys.executable, "-m", "orrery", *words], cwd=self.folder, env=environment, stdout=subprocess.PIPE
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        for process in self.started:
            process.kill()
            process.communicate()


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    found = Programs(tmp_path)
    yield found
    found.end()


def awaited(what: Callable[[], DeviceRow | None]) -> DeviceRow:
    """The row, as soon as the hub tells of it."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        if (row := what()) is not None:
            return row
    raise TimeoutError


def test_a_device_comes_by_the_command_that_was_given_rests_and_goes(
    tmp_path: Path, journal: MemoryJournal, programs: Programs
) -> None:
    here = board(journal, tmp_path)
    hub = programs.start("hub", "--listen", "ws://127.0.0.1:0", "--json")
    assert hub.stdout is not None
    assert hub.stdout.readline()  # it listens, and has said so
    assert fleet_of(here).running
    assert fleet_of(here).devices == ()

    given = enrol(here, "pi", ("gpu", " camera "))
    assert given.token in given.command
    words = shlex.split(given.command)
    assert words[0] == "orrery"
    programs.start(*words[1:], "--folder", str(tmp_path / "pi"), "--slots", "3")

    def pi(state: str) -> Callable[[], DeviceRow | None]:
        return lambda: next((row for row in fleet_of(here).devices if (row.name, row.state) == ("pi", state)), None)

    row = awaited(pi("online"))
    assert (row.slots, row.skills, row.enrolled, row.cpus > 0) == (3, ("gpu", "camera"), True, True)
    assert "files.read" in row.tools
    assert drain(here, "pi").text == "pi finishes what it has and takes nothing new"
    assert awaited(pi("draining")).draining
    drain(here, "pi", undo=True)
    awaited(pi("online"))
    revoke(here, "pi")
    assert awaited(pi("revoked")).revoked
    with pytest.raises(EnrolmentError, match="revoked already"):
        drain(here, "pi")
    hub.terminate()
    hub.wait(WITHIN_S)
    asleep = fleet_of(here)
    assert (asleep.running, [row.state for row in asleep.devices]) == (False, ["revoked"])
    assert "orrery hub" in asleep.text


def test_without_a_hub_it_says_how_to_start_one(tmp_path: Path, journal: MemoryJournal) -> None:
    here = board(journal, tmp_path)
    found = fleet_of(here)
    assert (found.devices, found.running) == ((), False)
    assert "`orrery hub` starts one" in found.text
    with pytest.raises(HubNotHereError, match="orrery hub"):
        enrol(here, "pi")
    assert not (tmp_path / ".orrery").exists()


def test_the_registry_of_a_hub_elsewhere_is_not_changed_from_here(tmp_path: Path, journal: MemoryJournal) -> None:
    here = Board(journal, "", tmp_path, hub=HubAddress("ws://127.0.0.1:9", "client.none"))
    asked = fleet_of(here)
    assert (asked.running, asked.url) == (False, "ws://127.0.0.1:9")
    assert "no hub was reached" in asked.text
    for deed in (lambda: enrol(here, "pi"), lambda: drain(here, "pi"), lambda: revoke(here, "pi")):
        with pytest.raises(HubNotHereError, match="on its machine"):
            deed()


def test_a_hub_that_was_named_and_is_of_this_folder_can_be_changed(tmp_path: Path, journal: MemoryJournal) -> None:
    with contextlib.closing(Registry(tmp_path / "state")) as registry:
        registry.listens(("ws://192.168.1.5:8765", "ws://127.0.0.1:8765"))
    near = NearbyHub(("ws://127.0.0.1:8765",), "client.t", str(tmp_path / "state"))
    write_nearby_hub(near, tmp_path / HUB_FILE)
    here = Board(journal, "", tmp_path, hub=HubAddress("ws://127.0.0.1:8765", "client.t"))
    assert "--hub ws://192.168.1.5:8765 " in enrol(here, "pi").command
    named = Board(journal, "", tmp_path / "elsewhere", hub_state=tmp_path / "state")
    assert enrol(named, "").token.startswith("enrol.")
    with pytest.raises(UnknownNameError, match="no device 'pi'"):  # it was invited, and has not come
        drain(named, "pi")


@pytest.mark.parametrize(
    ("name", "skills", "error"),
    [
        ("-", (), EnrolmentError),
        ("a b", (), EnrolmentError),
        ("../x", (), EnrolmentError),
        ("pi", ("a b",), RequestError),
    ],
)
def test_names_and_skills_that_are_none_are_refused(
    tmp_path: Path, journal: MemoryJournal, name: str, skills: tuple[str, ...], error: type[Exception]
) -> None:
    Registry(tmp_path / ".orrery" / "hub").close()
    with pytest.raises(error):
        enrol(board(journal, tmp_path), name, skills)
