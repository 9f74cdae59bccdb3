"""DeviceJournal: what is written survives the death of the process; what is not ours is never guessed at."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from orrery.errors import CorruptionError, Failure, NotSerialisableError, StoreError, StoreVersionError
from orrery.fleet.device.events import Forget, Record, Remember
from orrery.fleet.device.journal import DeviceJournal
from orrery.fleet.messages import Result
from orrery.graph.values import Blob


def record(key: str, since: float = 1.0, *, done: bool = True) -> Record:
    result = Result(
        work=f"{key}#1", status="failed", failure=Failure("ValueError", "no", cause=Failure("OSError", "why")),
        blobs=(Blob("a" * 64, 3, "value"),), value=b"\x81",
    )  # fmt: skip
    return Record(key, f"{key}#1", "digest", "once", 2**40, since, result if done else None)


def test_what_was_written_is_there_again_oldest_first_and_what_was_forgotten_is_not(tmp_path: Path) -> None:
    journal = DeviceJournal(tmp_path / "device" / "journal.db")
    journal.write([Remember(record("b", 2.0)), Remember(record("a", 3.0, done=False)), Remember(record("c", 1.0))])
    journal.write([Remember(record("a", 4.0)), Forget("c"), Forget("never")])
    journal.close()
    again = DeviceJournal(tmp_path / "device" / "journal.db")
    assert again.records() == [record("b", 2.0), record("a", 4.0)]
    again.close()
    assert (tmp_path / "device" / "journal.db").stat().st_mode & 0o077 == 0


def test_a_killed_process_leaves_what_it_had_written(tmp_path: Path) -> None:
    program = """
import sys, time
from orrery.fleet.device.journal import DeviceJournal
from tests.fleet.test_device_journal import record, Remember
journal = DeviceJournal(sys.argv[1])
journal.write([Remember(record("a"))])
print("written", flush=True)
time.sleep(60)
"""
    path = tmp_path / "journal.db"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"written\n"
        with pytest.raises(StoreError, match="a device works in this folder already"):
            DeviceJournal(path)
        process.send_signal(signal.SIGKILL)
    journal = DeviceJournal(path)
    assert journal.records() == [record("a")]
    journal.close()


def test_all_of_a_commit_or_nothing(tmp_path: Path) -> None:
    journal = DeviceJournal(tmp_path / "journal.db")
    with pytest.raises(NotSerialisableError):
        journal.write([Remember(record("a")), Remember(object())])  # type: ignore[arg-type]
    assert journal.records() == []
    journal.close()


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"short"])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(content)
    with pytest.raises(CorruptionError):
        DeviceJournal(path)
    assert path.read_bytes() == content


def test_the_database_of_another_program_and_of_a_newer_orrery_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs(a)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        DeviceJournal(path)

    path = tmp_path / "newer.db"
    DeviceJournal(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreVersionError, match="99"):
        DeviceJournal(path)


@pytest.mark.parametrize(
    "damage", ["UPDATE records SET body = x'80'", "UPDATE records SET key = 'b'", "UPDATE records SET crc = crc + 1"]
)
def test_a_damaged_record_is_an_error_and_not_a_guess(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "journal.db"
    journal = DeviceJournal(path)
    journal.write([Remember(record("a"))])
    journal.close()
    connection = sqlite3.connect(path)
    connection.execute(damage)
    connection.commit()
    connection.close()
    journal = DeviceJournal(path)
    with pytest.raises(CorruptionError, match="what that task did is unknown"):
        journal.records()
    journal.close()
