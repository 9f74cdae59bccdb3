"""The registry: tokens, devices, the audit log, and what another process sees of them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orrery.errors import EnrolmentError, HubLockedError, HubRefusedError, StoreError, StoreVersionError
from orrery.fleet.hub.registry import MOST_RECORDS, Registry
from orrery.fleet.hub.tokens import token_kind

NOW = 1_800_000_000.0


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path / "hub")
    yield made
    made.close()


def enrolled(registry: Registry, name: str) -> str:
    """A device that has spoken with its key."""
    _, key = registry.enrol(registry.enrolment_token(at=NOW, name=name), at=NOW)
    registry.prove(name, at=NOW)
    return key


def test_an_enrolment_token_becomes_a_device_once(registry: Registry) -> None:
    token = registry.enrolment_token(at=NOW, name="pi", skills=("camera", "gpu"))
    device, key = registry.enrol(token, at=NOW + 1, name="another name")
    assert (device.name, device.skills) == ("pi", ("camera", "gpu"))
    assert token_kind(token) == "enrol"
    assert token_kind(key) == "device"
    assert registry.principal(key) == ("device", "pi", ("camera", "gpu"))
    with pytest.raises(HubRefusedError, match="used already, by 'pi'"):
        registry.enrol(token, at=NOW + 2, name="thief")
    assert list(registry.devices()) == ["pi"]


def test_an_enrolment_token_expires(registry: Registry) -> None:
    token = registry.enrolment_token(at=NOW, minutes=10)
    with pytest.raises(HubRefusedError, match="expired"):
        registry.enrol(token, at=NOW + 600)
    device, _ = registry.enrol(token, at=NOW + 599.9)
    assert device.name == "device-1"


def test_a_name_that_is_taken_leaves_the_token_usable(registry: Registry) -> None:
    enrolled(registry, "pi")
    token = registry.enrolment_token(at=NOW)
    with pytest.raises(EnrolmentError, match="there is a device 'pi' already"):
        registry.enrol(token, at=NOW, name="pi")
    device, _ = registry.enrol(token, at=NOW, name="pi2")
    assert device.name == "pi2"


def test_a_device_that_never_got_its_key_can_enrol_again(registry: Registry) -> None:
    _, lost = registry.enrol(registry.enrolment_token(at=NOW, name="pi"), at=NOW)
    _, key = registry.enrol(registry.enrolment_token(at=NOW, name="pi"), at=NOW)
    assert registry.principal(key).name == "pi"
    with pytest.raises(HubRefusedError):
        registry.principal(lost)


@pytest.mark.parametrize("name", ["", "..", "a b", "a/b", "-a", "a" * 65, "é", "a\nb", "a+", "#"])
def test_names_that_could_be_mistaken_are_refused(registry: Registry, name: str) -> None:
    token = registry.enrolment_token(at=NOW)
    if not name:
        assert registry.enrol(token, at=NOW, name=name)[0].name == "device-1"
        return
    with pytest.raises(EnrolmentError, match="no name for a device"):
        registry.enrol(token, at=NOW, name=name)


@pytest.mark.parametrize(
    "token", ["", "device.", "device.x", "enrol", "client." + "A" * 43, "x" * 9999, "device.\udcff"]
)
def test_tokens_that_are_none_are_refused(registry: Registry, token: str) -> None:
    registry.client_token(at=NOW)
    enrolled(registry, "pi")
    with pytest.raises(HubRefusedError):
        registry.principal(token)
    with pytest.raises(HubRefusedError):
        registry.enrol(token, at=NOW)


def test_a_revoked_device_speaks_no_more_and_can_be_let_in_again(registry: Registry) -> None:
    key = enrolled(registry, "pi")
    registry.revoke("pi", at=NOW)
    with pytest.raises(HubRefusedError, match="revoked"):
        registry.principal(key)
    with pytest.raises(EnrolmentError, match="revoked already"):
        registry.drain("pi", at=NOW)
    assert registry.principal(enrolled(registry, "pi")).name == "pi"
    with pytest.raises(HubRefusedError):
        registry.principal(key)


def test_unknown_devices_are_named(registry: Registry) -> None:
    for act in (registry.drain, registry.revoke):
        with pytest.raises(EnrolmentError, match="no device 'mac'"):
            act("mac", at=NOW)


def test_the_operators_token_is_made_once(registry: Registry) -> None:
    token = registry.client_token(at=NOW)
    assert registry.client_token(at=NOW) == token
    assert registry.principal(token) == ("client", "operator", ())
    (registry.folder / "client.token").write_text("rubbish")
    fresh = registry.client_token(at=NOW)
    assert fresh != token
    with pytest.raises(HubRefusedError):
        registry.principal(token)


def test_no_token_is_in_the_file(registry: Registry) -> None:
    used = registry.enrolment_token(at=NOW, name="pi")
    _, key = registry.enrol(used, at=NOW)
    tokens = [used, key, registry.enrolment_token(at=NOW), registry.client_token(at=NOW)]
    registry.close()
    content = b"".join(path.read_bytes() for path in registry.folder.glob("registry.db*"))
    assert b"pi" in content
    for token in tokens:
        assert token.partition(".")[2].encode() not in content


@pytest.mark.skipif(sys.platform == "win32", reason="rights of files are another matter there")
def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        registry = Registry(tmp_path / "hub")
        registry.client_token(at=NOW)
    finally:
        os.umask(before)
    assert stat.S_IMODE(registry.folder.stat().st_mode) == 0o700
    files = [path for path in registry.folder.iterdir() if path.is_file()]
    assert {path.name for path in files} >= {"registry.db", "registry.db-wal", "client.token"}
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    registry.close()


def test_a_folder_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir(mode=0o755)
    (tmp_path / "hub").chmod(0o755)
    Registry(tmp_path / "hub").close()
    assert stat.S_IMODE((tmp_path / "hub").stat().st_mode) == 0o700


def test_another_process_is_heard_of(registry: Registry) -> None:
    enrolled(registry, "pi")
    assert registry.has_changed()
    assert not registry.has_changed()
    registry.note(NOW, "refused", "somebody")
    assert not registry.has_changed()  # our own writing is no news
    program = "import sys; from orrery.fleet.hub.registry import Registry; Registry(sys.argv[1]).drain('pi', at=1.0)"
    subprocess.run([sys.executable, "-c", program, registry.folder], check=True, timeout=60)
    assert registry.has_changed()
    assert registry.devices()["pi"].draining
    registry.drain("pi", at=NOW, undo=True)
    assert not registry.devices()["pi"].draining


def test_one_hub_at_a_time_and_each_with_a_higher_epoch(registry: Registry) -> None:
    assert registry.begin() == 1
    other = Registry(registry.folder)
    assert other.is_running()
    with pytest.raises(HubLockedError, match=f"process {os.getpid()} runs a hub"):
        other.begin()
    registry.close()
    assert not other.is_running()
    assert other.begin() == 2
    other.close()


def test_a_hub_that_was_killed_is_no_obstacle(registry: Registry) -> None:
    program = (
        "import os, sys; from orrery.fleet.hub.registry import Registry; "
        "print(Registry(sys.argv[1]).begin()); sys.stdout.flush(); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", program, registry.folder], capture_output=True, timeout=60)
    assert killed.stdout.strip() == b"1"
    assert registry.begin() == 2


def test_the_audit_log_is_bounded_and_steers_no_terminal(registry: Registry) -> None:
    for number in range(3):
        registry.note(NOW + number, "refused", f"peer {number}", "\x1b[2J" + "x" * 1000)
    records = registry.audit(2)
    assert [record.principal for record in records] == ["peer 1", "peer 2"]
    assert "\x1b" not in records[0].detail
    assert len(records[0].detail) <= 300
    with registry._writing() as connection:
        connection.executemany(
            "INSERT INTO audit(at, kind, principal, detail) VALUES (?, 'x', 'x', 'x')", [(NOW,)] * (MOST_RECORDS + 500)
        )
    for _ in range(100):
        registry.note(NOW, "last", "x")
    assert MOST_RECORDS <= len(registry.audit(10**6)) <= MOST_RECORDS + 100


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), 1e9])
def test_a_tokens_time_must_be_sensible(registry: Registry, minutes: float) -> None:
    with pytest.raises(EnrolmentError, match="minutes"):
        registry.enrolment_token(at=NOW, minutes=minutes)


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    import sqlite3

    folder = tmp_path / "hub"
    folder.mkdir()
    connection = sqlite3.connect(folder / "registry.db")
    connection.execute("CREATE TABLE other(x)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        Registry(folder)
    (folder / "registry.db").unlink()
    Registry(folder).close()
    connection = sqlite3.connect(folder / "registry.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreVersionError):
        Registry(folder)
