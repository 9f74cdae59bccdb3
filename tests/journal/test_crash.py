"""A writer dies at any instant: what it was told is safe is there, and somebody else can go on."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from orrery.errors import RunLockedError
from orrery.journal.recover import verify
from orrery.journal.sqlite import SqliteJournal
from orrery.testing.journals import append, as_written, log, started

WRITER = Path(__file__).with_name("writer.py")


def writer(path: Path, durability: str = "process") -> subprocess.Popen[bytes]:
    """A writing process, and in its standard output what it knows to be safe."""
    return subprocess.Popen([sys.executable, WRITER, path, durability], stdout=subprocess.PIPE)


def last_number(process: subprocess.Popen[bytes], lines: int) -> int:
    """What the process said in that many lines."""
    assert process.stdout is not None
    return max(int(process.stdout.readline()) for _ in range(lines))


def rest(process: subprocess.Popen[bytes], said: int) -> int:
    """The last number that the dead process said in a whole line."""
    assert process.stdout is not None
    whole, _, _ = process.stdout.read().rpartition(b"\n")
    process.stdout.close()
    process.wait()
    return max([said, *map(int, whole.split())])


@pytest.mark.parametrize("durability", ["process", "full"])
@pytest.mark.parametrize("seed", range(10))
def test_after_kill_9_every_acknowledged_event_is_there(tmp_path: Path, durability: str, seed: int) -> None:
    path = tmp_path / "runs.db"
    process = writer(path, durability)
    said = last_number(process, random.Random(seed).randrange(1, 400 if durability == "process" else 20))
    process.kill()
    acknowledged = rest(process, said)
    journal = SqliteJournal(path)
    found = log(journal, "r")
    assert as_written(started(1, len(found)), found)
    assert acknowledged <= len(found) <= acknowledged + 5  # at most one group was written and not yet announced
    assert verify(journal, "r").ok
    append(journal, (journal.acquire("r", 9.0), started(len(found) + 1, len(found) + 1)))
    assert journal.head("r") == len(found) + 1
    journal.close()


def test_a_process_that_dies_while_it_makes_the_store_leaves_one_that_can_be_used(tmp_path: Path) -> None:
    script = "import sys, os; from orrery.journal.sqlite_file import connect; c = connect(sys.argv[1], flush=False)"
    script = f"from pathlib import Path; {script.replace('sys.argv[1]', 'Path(sys.argv[1])')}; os._exit(9)"
    path = tmp_path / "runs.db"
    assert subprocess.run([sys.executable, "-c", script, path], check=False).returncode == 9
    journal = SqliteJournal(path)
    append(journal, (journal.create("r", 0.0), started(1, 2)))
    journal.close()


def test_of_two_processes_one_drives_a_run_and_the_other_is_told(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    process = writer(path)
    said = last_number(process, 3)
    journal = SqliteJournal(path)
    with pytest.raises(RunLockedError, match=f"process {process.pid}"):
        journal.acquire("r", 1.0)
    assert journal.runs()[0].live
    lease = journal.create("mine", 0.0)  # the same store takes another run meanwhile
    for number in range(1, 50):
        append(journal, (lease, started(number, number)))
    assert as_written(started(1, 49), log(journal, "mine"))
    said = last_number(process, 20)
    process.kill()
    rest(process, said)
    assert not journal.runs()[0].live
    assert journal.acquire("r", 2.0).epoch == 2
    journal.close()
