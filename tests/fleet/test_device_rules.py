"""DeviceRules: what the owner of a device lets others do, whatever they ask and wherever links lead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orrery.graph.values import Blob
from orrery.runtime.device.machine import offers, profile_of_this_machine
from orrery.runtime.device.rules import DeviceRules


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A device's folder with a file, a hidden one, and links that lead out of it."""
    files = tmp_path / "device" / "files"
    (files / "sub").mkdir(parents=True)
    (files / "here.txt").write_text("here")
    (files / "here.csv").write_text("a,b\n1,2\n")
    (tmp_path / "device" / "device.json").write_text("a key")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "theirs.csv").write_text("a\n1\n")
    (files / "link.csv").symlink_to(tmp_path / "outside" / "theirs.csv")
    (files / "way").symlink_to(tmp_path / "outside")
    (files / "sub" / "here.txt").symlink_to(tmp_path / "outside" / "not-there-yet")
    (files / "new-by-link").symlink_to(tmp_path / "outside" / "not-there-yet")
    return files


def why_not(rules: DeviceRules, op: str, **args: Any) -> str:
    """The message of a refusal; empty if it may be done."""
    no = rules.objection(op, args)
    return "" if no is None else no.message


ALLOWED: list[tuple[str, dict[str, Any]]] = [
    ("text.count", {"text": "/etc/passwd ../.."}),
    ("records.sort", {"records": [], "by": "../x"}),
    ("files.read", {"path": "here.txt"}),
    ("files.read", {"path": "sub/../here.txt"}),
    ("files.read", {"path": "not-there.txt"}),
    ("files.write", {"path": "sub/new.txt", "content": "../../outside"}),
    ("files.glob", {"pattern": "*.txt"}),
    ("files.glob", {"pattern": "*.csv", "root": "sub"}),
    ("data.query", {"sql": "SELECT * FROM t", "tables": {"t": "here.csv"}}),
    ("files.copy", {"source": "here.txt", "target": "copy.txt"}),
]
OUTSIDE: list[tuple[str, dict[str, Any]]] = [
    ("files.read", {"path": "/etc/hostname"}),
    ("files.read", {"path": "../device.json"}),
    ("files.read", {"path": "~/notes.txt"}),
    ("files.read", {"path": "link.csv"}),
    ("files.read", {"path": "way/theirs.csv"}),
    ("files.read_bytes", {"path": "sub/../../device.json"}),
    ("files.hash", {"path": "link.csv"}),
    ("files.stat", {"path": "way"}),
    ("files.write", {"path": "way/new.txt", "content": ""}),
    ("files.write", {"path": "new-by-link", "content": ""}),
    ("files.copy", {"source": "link.csv", "target": "copy.txt"}),
    ("files.copy", {"source": "here.txt", "target": "way"}),
    ("files.copy", {"source": "here.txt", "target": "sub"}),
    ("files.glob", {"pattern": "../*"}),
    ("files.glob", {"pattern": "way/*"}),
    ("files.glob", {"pattern": "*", "root": "way"}),
    ("files.glob", {"pattern": "**/*.csv"}),
    ("data.read_table", {"path": "way/theirs.csv"}),
    ("data.read_table", {"path": "*.csv"}),
    ("data.describe", {"table": "link.csv"}),
    ("data.query", {"sql": "SELECT 1", "tables": {"t": "../device.json"}}),
    ("chart.bar", {"records": [], "x": "a", "y": "b", "path": "way/chart.svg"}),
]


@pytest.mark.parametrize(("op", "args"), ALLOWED)
def test_reading_computing_and_new_files_inside_are_allowed(folder: Path, op: str, args: dict[str, Any]) -> None:
    assert why_not(DeviceRules(folder), op, **args) == ""


@pytest.mark.parametrize(("op", "args"), OUTSIDE)
def test_what_leads_outside_is_refused_even_where_the_tool_is_allowed(
    folder: Path, op: str, args: dict[str, Any]
) -> None:
    assert why_not(DeviceRules(folder), op, **args)
    message = why_not(DeviceRules(folder, allow=("*",)), op, **args)
    assert "outside" in message
    assert "--allow-path" in message


def test_a_path_that_was_allowed_is_open_and_nothing_beside_it(folder: Path, tmp_path: Path) -> None:
    rules = DeviceRules(folder, allow_paths=(tmp_path / "outside",))
    assert why_not(rules, "files.read", path="link.csv") == ""
    assert why_not(rules, "data.read_table", path="*.csv") == ""
    assert why_not(rules, "files.read", path=str(tmp_path / "outside" / "theirs.csv")) == ""
    assert why_not(rules, "files.read", path=str(tmp_path / "outsider"))
    assert "--allow files.write" in why_not(rules, "files.write", path="way/new.txt", content="")


def test_what_a_person_would_be_asked_about_needs_its_name(folder: Path) -> None:
    for op, args in (
        ("files.write", {"path": "here.txt", "content": "other"}),
        ("files.write", {"path": ".hidden", "content": "other"}),
        ("files.append", {"path": "here.txt", "content": "more"}),
        ("files.remove", {"path": "here.txt"}),
        ("shell.run", {"command": "true"}),
        ("python.run", {"code": "result = 1"}),
        ("http.post", {"url": "http://example.org", "json": {}}),
        ("model.ask", {"prompt": "hello"}),
    ):
        assert f"--allow {op}" in why_not(DeviceRules(folder), op, **args), op
        assert why_not(DeviceRules(folder, allow=(op,)), op, **args) == "", op


def test_what_may_never_be_agreed_to_stays_refused(folder: Path) -> None:
    (folder / ".ssh").mkdir()
    rules = DeviceRules(folder, allow=("*",), allow_paths=(Path("/"),))
    assert "keys" in why_not(rules, "files.read", path=".ssh/id_rsa")
    assert "keys" in why_not(rules, "files.read", path="/root/.ssh/id_rsa")
    assert "passwords" in why_not(rules, "files.read", path="/etc/shadow")
    assert "folder" in why_not(rules, "files.remove", path=".", recursive=True)
    assert "keys" in why_not(rules, "http.get", url="http://169.254.169.254/latest")


def test_functions_are_called_only_where_a_pattern_names_them(folder: Path) -> None:
    assert "--allow 'py:os:getcwd'" in why_not(DeviceRules(folder), "py:os:getcwd")
    assert why_not(DeviceRules(folder, allow=("py:os:*",)), "py:os:getcwd")  # it comes from posix
    assert why_not(DeviceRules(folder, allow=("py:tempfile:*",)), "py:tempfile:gettempdir") == ""
    assert why_not(DeviceRules(folder, allow=("py:tempfile:*",)), "py:shutil:which")
    assert "the process that started the run" in why_not(DeviceRules(folder, allow=("*",)), "local:f")


def test_an_argument_that_decides_what_is_touched_must_be_plain(folder: Path) -> None:
    blob = Blob("a" * 64, 10)
    rules = DeviceRules(folder, allow=("*",))
    for op, args in (
        ("files.glob", {"pattern": blob}),
        ("files.read", {"path": blob}),
        ("http.get", {"url": blob}),
    ):
        assert "judged" in why_not(rules, op, **args)
    assert why_not(rules, "files.write", path="new.txt", content=blob) == ""


def test_a_read_only_device_writes_nothing_and_runs_nothing(folder: Path) -> None:
    rules = DeviceRules(folder, allow=("*",), read_only=True)
    for op in ("files.write", "files.append", "files.remove", "shell.run", "python.run", "http.post", "http.download"):
        assert why_not(rules, op, path="x", content="x", url="x", command="x", code="x"), op
    assert "read-only" in why_not(rules, "py:os:getcwd")
    assert why_not(rules, "files.read", path="here.txt") == ""


def test_only_what_could_be_done_is_offered(folder: Path) -> None:
    usual = {one.name for one in offers(DeviceRules(folder))}
    assert {"files.read", "files.write", "text.count", "http.get"} <= usual
    assert not {"shell.run", "python.run", "files.remove", "files.append", "model.ask", "agent.run", "plan"} & usual
    assert "shell.run" in {one.name for one in offers(DeviceRules(folder, allow=("shell.*",)))}
    assert {one.name for one in offers(DeviceRules(folder, offer=("text.c*",)))} == {"text.count", "text.csv"}
    assert "not allowed" in why_not(DeviceRules(folder, offer=("text.*",)), "files.read", path="here.txt")
    assert "no tool" in why_not(DeviceRules(folder), "files.tickle")


def test_a_profile_says_what_the_machine_is(folder: Path) -> None:
    profile = profile_of_this_machine(DeviceRules(folder), skills=("camera",), zone="home", cost=0.5)
    assert profile.os in ("linux", "darwin", "windows")
    assert profile.cpus >= 1
    assert profile.slots == profile.cpus
    assert profile.memory_bytes > 100_000_000
    read = next(one for one in profile.tools if one.name == "files.read")
    assert read.effects.kind == "idempotent"
    assert "path" in read.parameters["properties"]


def test_what_the_device_keeps_is_touched_by_no_task_whatever_is_allowed(folder: Path) -> None:
    device = folder.parent
    (device / "blobs" / "aa").mkdir(parents=True)
    (folder / "to-key").symlink_to(device / "device.json")
    for allowed in (Path("/"), device.parent, device):
        rules = DeviceRules(folder, allow=("*",), allow_paths=(allowed,), keeps=device)
        for op, args in (
            ("files.read", {"path": "../device.json"}),
            ("files.read", {"path": str(device / "device.json")}),
            ("files.read", {"path": "to-key"}),
            ("files.hash", {"path": "../journal.db"}),
            ("files.write", {"path": "../journal.db-wal", "content": ""}),
            ("files.copy", {"source": "here.txt", "target": ".."}),
            ("files.copy", {"source": "../device.json", "target": "mine"}),
            ("files.remove", {"path": "../blobs", "recursive": True}),
            ("files.remove", {"path": str(device.parent), "recursive": True}),
            ("files.glob", {"root": str(device), "pattern": "*"}),
            ("files.glob", {"root": str(device.parent), "pattern": "device/*"}),
            ("data.read_table", {"path": "../dev*.json"}),
            ("data.query", {"sql": "select * from t", "tables": {"t": "../device.json"}}),
        ):
            assert why_not(rules, op, **args), (allowed, op, args)
        assert why_not(rules, "files.read", path="here.txt") == ""
        assert why_not(rules, "files.glob", root=".", pattern="*.txt") == ""
