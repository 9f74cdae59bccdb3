"""A damaged store is refused or read as a beginning of what was written: never a wrong event."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from orrery.errors import CorruptionError, StoreError
from orrery.journal.recover import recover, verify
from orrery.journal.sqlite import SqliteJournal
from orrery.testing.damage import Specimen
from orrery.testing.journals import append, as_written, log, started

GROUPS = ((1, 3), (4, 4), (5, 9), (10, 10), (11, 12))
WRITTEN = started(1, 12)


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: the flushes of thousands of small stores cost nothing there."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def specimen(folder: Path, scratch: Path, *, settled: int) -> Specimen:
    """A store of which so many groups have moved into the database while the others are in the WAL."""
    path = folder / "runs.db"
    journal = SqliteJournal(path)
    lease = journal.create("r", 0.0)
    for first, last in GROUPS[:settled]:
        append(journal, (lease, started(first, last)))
    journal.close()
    journal = SqliteJournal(path)
    if GROUPS[settled:]:
        lease = journal.acquire("r", 1.0)
    for first, last in GROUPS[settled:]:
        append(journal, (lease, started(first, last)))
    taken = Specimen(
        [path, Path(f"{path}-wal")],
        scratch=scratch,
        open_copy=lambda copy: SqliteJournal(copy / path.name),
        run="r",
        written=WRITTEN,
    )
    journal.close()
    return taken


def test_a_store_cut_anywhere_is_refused_or_gives_a_beginning(tmp_path: Path, scratch: Path) -> None:
    report = specimen(tmp_path, scratch, settled=2).truncations(step=11)
    assert report.cases > 2_000
    assert not report.broken, report


def test_a_store_cut_anywhere_at_rest_loses_nothing_in_silence(tmp_path: Path, scratch: Path) -> None:
    report = specimen(tmp_path, scratch, settled=5).truncations(step=7)
    assert report.cases > 1_500
    assert not report.broken, report
    assert report.beginning == 0, report


def test_a_flipped_bit_is_noticed_or_harmless(tmp_path: Path, scratch: Path) -> None:
    report = specimen(tmp_path, scratch, settled=2).bit_flips(1_000, seed=1)
    assert not report.broken, report
    assert report.refused > 10, report


def test_a_flipped_bit_at_rest_loses_nothing_in_silence(tmp_path: Path, scratch: Path) -> None:
    report = specimen(tmp_path, scratch, settled=5).bit_flips(1_500, seed=2)
    assert not report.broken, report
    assert report.beginning == 0, report


def test_a_torn_last_commit_is_dropped_and_the_run_goes_on(tmp_path: Path) -> None:
    path, torn = tmp_path / "runs.db", tmp_path / "torn.db"
    journal = SqliteJournal(path)
    lease = journal.create("r", 0.0)
    append(journal, (lease, started(1, 3)))
    append(journal, (lease, started(4, 4)))
    shutil.copy(path, torn)
    wal = Path(f"{path}-wal").read_bytes()
    Path(f"{torn}-wal").write_bytes(wal[:-100])
    journal.close()
    journal = SqliteJournal(torn)
    assert as_written(started(1, 3), log(journal, "r"))
    append(journal, (journal.acquire("r", 1.0), started(4, 6)))
    assert as_written(started(1, 6), log(journal, "r"))
    journal.close()


def damage(path: Path, old: bytes, new: bytes) -> None:
    """Put one text in the place of another of the same length, once."""
    data = path.read_bytes()
    assert data.count(old) == 1
    path.write_bytes(data.replace(old, new))


def test_events_before_the_damage_can_be_read_and_nothing_can_be_added(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    journal = SqliteJournal(path)
    lease = journal.create("r", 0.0)
    for number in range(1, 6):
        append(journal, (lease, started(number, number)))
    journal.save_snapshot(lease, 2, b"state after two")
    journal.close()
    damage(path, b"task 4", b"task 7")
    journal = SqliteJournal(path)
    report = verify(journal, "r")
    assert (report.ok, report.events, report.intact) == (False, 5, 3)
    assert "from 4 are damaged" in report.problem
    with pytest.raises(CorruptionError):
        list(recover(journal, "r").events)
    journal.close()


def test_a_damaged_snapshot_is_ignored_in_favour_of_the_log(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    journal = SqliteJournal(path)
    lease = journal.create("r", 0.0)
    append(journal, (lease, started(1, 5)))
    journal.save_snapshot(lease, 5, b"state after five")
    journal.close()
    damage(path, b"after five", b"after four")
    journal = SqliteJournal(path)
    assert journal.load_snapshot("r") is None
    recovered = recover(journal, "r")
    assert (recovered.seq, recovered.snapshot) == (0, None)
    assert as_written(started(1, 5), list(recovered.events))
    journal.close()


def test_a_store_that_was_emptied_under_its_log_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    journal = SqliteJournal(path)
    append(journal, (journal.create("r", 0.0), started(1, 1)))
    copy = tmp_path / "copy.db"
    copy.touch()
    shutil.copy(f"{path}-wal", f"{copy}-wal")
    journal.close()
    with pytest.raises(CorruptionError, match="emptied"):
        SqliteJournal(copy)


def test_an_owner_from_a_damaged_store_does_not_become_a_path(tmp_path: Path) -> None:
    path, bystander = tmp_path / "runs.db", tmp_path / "bystander"
    bystander.touch()
    journal = SqliteJournal(path)
    append(journal, (journal.create("r", 0.0), started(1, 1)))
    journal.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE runs SET owner = '../bystander'")
    connection.commit()
    connection.close()
    journal = SqliteJournal(path)
    with pytest.raises(CorruptionError, match="owner"):
        journal.acquire("r", 1.0)
    journal.close()
    assert bystander.exists()


@pytest.mark.parametrize("content", [b"x", b"not a database at all\n" * 200])
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "runs.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"runs\.db"):
        SqliteJournal(path)
    assert path.read_bytes() == content
