"""What is special to the SQLite store: its gate, its limits, its threads, and what other processes may do to it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from orrery.errors import (
    FencedError,
    OrreryError,
    RequestError,
    StoreError,
    StoreFullError,
    StoreUrlError,
    StoreVersionError,
    UnknownNameError,
)
from orrery.journal import Request, open_journal
from orrery.journal.memory import MemoryJournal
from orrery.journal.sqlite import SqliteJournal
from orrery.scheduler.events import TaskStarted
from orrery.testing.journals import append, as_written, log, started


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


# The gate


def test_a_store_of_a_newer_version_is_refused(path: Path) -> None:
    SqliteJournal(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(StoreVersionError, match="upgrade"):
        SqliteJournal(path)


def test_a_database_of_another_program_is_refused_and_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE holidays(day)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        SqliteJournal(path)
    assert path.read_bytes() == before


def test_several_that_find_the_same_new_file_all_open_it(tmp_path: Path) -> None:
    together = threading.Barrier(6, timeout=5)

    def open_it(number: int) -> None:
        together.wait()
        SqliteJournal(tmp_path / f"{number // 6}.db").close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(open_it, range(6 * 40)))


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        SqliteJournal(tmp_path)


def test_urls_name_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for url, made in (("sqlite:///a/b.db", "a/b.db"), (f"sqlite:///{tmp_path}/c.db", "c.db")):
        journal = open_journal(url)
        assert isinstance(journal, SqliteJournal)
        assert (tmp_path / made).exists()
        journal.close()
    memory = open_journal("memory:")
    assert isinstance(memory, MemoryJournal)
    memory.close()


@pytest.mark.parametrize("url", ["runs.db", "sqlite:", "sqlite:///", "sqlite:runs.db", "C:/runs.db", ""])
def test_a_bad_url_is_an_error_that_shows_a_good_one(url: str) -> None:
    with pytest.raises(StoreUrlError, match="sqlite:///"):
        open_journal(url)


def test_an_unknown_scheme_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'sqlite'"):
        open_journal("sqlit:///runs.db")


# Limits


@pytest.mark.parametrize("durability", ["process", "full"])
def test_a_full_store_refuses_the_append_whole_and_can_still_be_used(path: Path, durability: str) -> None:
    journal = SqliteJournal(path, durability="full" if durability == "full" else "process", max_bytes=200_000)
    a, b = journal.create("a", 0.0), journal.create("b", 0.0)
    append(journal, (a, started(1, 2)))
    with pytest.raises(StoreFullError, match=r"runs\.db"):
        append(journal, (a, started(3, 3)), (b, [TaskStarted(1.0, "x" * 300_000, 1)]))
    assert journal.head("b") == 0
    if durability == "full":  # a future that fails takes its leases with it
        with pytest.raises(FencedError):
            append(journal, (a, started(3, 3)))
        journal.release(a)
        a = journal.acquire("a", 1.0)
    append(journal, (a, started(3, 4)))
    assert as_written(started(1, 4), log(journal, "a"))
    journal.close()


FULL_DISK = """
import sys
from pathlib import Path
from orrery.errors import StoreFullError
from orrery.journal.sqlite import SqliteJournal
from orrery.testing.journals import append, as_written, log, started
folder = Path(sys.argv[1])
journal = SqliteJournal(folder / "runs.db")
lease = journal.create("r", 0.0)
append(journal, (lease, started(1, 1)))
filler = (folder / "filler").open("wb", buffering=0)
try:
    while filler.write(bytes(4096)):
        pass
except OSError:
    pass
last = 1
try:
    while True:
        append(journal, (lease, started(last + 1, last + 20)))
        last += 20
except StoreFullError as error:
    print(error)
assert as_written(started(1, last), log(journal, "r"))
filler.close()
(folder / "filler").unlink()
append(journal, (lease, started(last + 1, last + 1)))
assert as_written(started(1, last + 1), log(journal, "r"))
journal.close()
print("went on")
"""


def test_a_run_goes_on_once_a_full_disk_has_room_again(tmp_path: Path) -> None:
    script = tmp_path / "full.py"
    script.write_text(FULL_DISK)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=1m tmpfs {disk} && {sys.executable} {script} {disk}"
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("a small disk cannot be made here")
    done = subprocess.run(["unshare", "-m", "sh", "-c", mount], check=False, capture_output=True, text=True)
    if "mount" in done.stderr and not done.stdout:
        pytest.skip("a small disk cannot be mounted here")
    assert done.returncode == 0, done.stderr
    assert "no space is left" in done.stdout
    assert "went on" in done.stdout


LIMITED = """
import resource, sys
from orrery.errors import StoreFullError
from orrery.journal.sqlite import SqliteJournal
from orrery.testing.journals import append, as_written, log, started
journal = SqliteJournal(sys.argv[1])
lease = journal.create("r", 0.0)
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
last = 0
try:
    while True:
        append(journal, (lease, started(last + 1, last + 20)))
        last += 20
except StoreFullError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
append(journal, (lease, started(last + 1, last + 1)))
assert as_written(started(1, last + 1), log(journal, "r"))
journal.close()
"""


def test_a_limit_on_file_sizes_is_reported_as_a_full_disk(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED, path], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "no space is left" in done.stdout


READ_ONLY = """
import os, sys
from orrery.errors import StoreReadOnlyError
from orrery.journal.sqlite import SqliteJournal
if os.getuid() == 0:  # to whom every folder is writable
    os.setgid(65534)
    os.setuid(65534)
try:
    SqliteJournal(sys.argv[1]).create("r", 0.0)
except StoreReadOnlyError as error:
    print(error)
"""


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_cannot_be_written_is_said_so(there: bool) -> None:
    with tempfile.TemporaryDirectory() as outer:  # not below pytest's own folder, which another user may not enter
        Path(outer).chmod(0o755)
        folder = Path(outer, "folder")
        folder.mkdir()
        if there:
            SqliteJournal(folder / "runs.db").close()
            (folder / "runs.db").chmod(0o444)
        folder.chmod(0o555)
        command = [sys.executable, "-c", READ_ONLY, str(folder / "runs.db")]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        folder.chmod(0o755)
    assert done.returncode == 0, done.stderr
    assert "cannot be" in done.stdout


# Who may write


def test_a_writer_that_lost_its_lock_unaware_is_fenced_off(path: Path) -> None:
    zombie = SqliteJournal(path)
    old = zombie.create("r", 0.0)
    append(zombie, (old, started(1, 1)))
    shutil.rmtree(f"{path}.locks")  # as a network file system may lose them
    heir = SqliteJournal(path)
    new = heir.acquire("r", 1.0)
    with pytest.raises(FencedError, match="taken over"):
        append(zombie, (old, started(2, 2)))
    with pytest.raises(FencedError, match="taken over"):
        zombie.save_snapshot(old, 1, b"")
    append(heir, (new, started(2, 3)))
    with pytest.raises(FencedError, match="taken over"):
        append(zombie, (old, started(2, 2)))
    assert as_written(started(1, 3), log(heir, "r"))
    zombie.close()
    heir.close()


def test_many_runs_take_one_lock_which_goes_with_the_journal(path: Path) -> None:
    journal, locks = SqliteJournal(path), Path(f"{path}.locks")
    assert not locks.exists()  # who only reads, locks nothing
    for number in range(2_000):
        journal.create(f"run {number}", 0.0)
    assert len(list(locks.iterdir())) == 1
    assert all(summary.live for summary in journal.runs())
    journal.close()
    assert list(locks.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_can_neither_use_the_journal_nor_keep_the_lock(path: Path) -> None:
    script = (
        "import os, sys\n"
        "from orrery.errors import StoreError\n"
        "from orrery.journal.sqlite import SqliteJournal\n"
        "journal = SqliteJournal(sys.argv[1])\n"
        "journal.create('r', 0.0)\n"
        "if os.fork():\n"
        "    os._exit(0)\n"  # the parent dies and the child lives on
        "try:\n"
        "    journal.head('r')\n"
        "except StoreError as error:\n"
        "    print(error, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert "forked" in process.stdout.readline()
        process.wait()  # the child may speak before its parent has ended
        journal = SqliteJournal(path)
        assert journal.acquire("r", 1.0).epoch == 2
        journal.close()


# Full durability


def test_with_full_durability_an_append_returns_a_future(path: Path) -> None:
    journal = SqliteJournal(path, durability="full")
    lease = journal.create("r", 0.0)
    futures = [journal.append([(lease, started(number, number))]) for number in range(1, 200)]
    assert all(isinstance(future, Future) for future in futures)
    assert not any(future.cancel() for future in futures if future is not None)
    for future in futures:
        assert future is not None
        future.result(timeout=30)
    assert as_written(started(1, 199), log(journal, "r"))
    journal.close()


def test_closing_waits_for_what_was_appended(path: Path) -> None:
    journal = SqliteJournal(path, durability="full")
    lease = journal.create("r", 0.0)
    for number in range(1, 100):
        journal.append([(lease, started(number, number))])
    journal.close()
    again = SqliteJournal(path)
    assert as_written(started(1, 99), log(again, "r"))
    again.close()


def test_one_failed_group_does_not_take_its_neighbours_with_it(path: Path) -> None:
    journal = SqliteJournal(path, durability="full", max_bytes=300_000)
    leases = [journal.create(f"run {number}", 0.0) for number in range(10)]
    outcomes: list[tuple[int, Future[None]]] = []
    for round_no in range(1, 4):
        for number, lease in enumerate(leases):
            too_large = number == 4 and round_no == 2
            events = [TaskStarted(1.0, "x" * 400_000, 1)] if too_large else started(round_no, round_no)
            try:
                future = journal.append([(lease, events)])
            except FencedError:
                assert (number, round_no) == (4, 3)
                continue
            assert future is not None
            outcomes.append((number, future))
    failed = [(number, future.exception(timeout=30)) for number, future in outcomes if future.exception(timeout=30)]
    assert {number for number, _ in failed} == {4}
    assert all(isinstance(error, OrreryError) for _, error in failed)
    assert [journal.head(f"run {number}") for number in range(10)] == [3, 3, 3, 3, 1, 3, 3, 3, 3, 3]
    journal.close()


# The file


def test_the_log_is_checkpointed_behind_the_writer(path: Path) -> None:
    journal = SqliteJournal(path)
    lease = journal.create("r", 0.0)
    event = [TaskStarted(1.0, "x" * 50_000, 1)]
    for _ in range(600):  # 30 MB
        append(journal, (lease, event))
    journal.close()
    assert path.stat().st_size > 29_000_000
    assert not Path(f"{path}-wal").exists()
    again = SqliteJournal(path)
    assert again.head("r") == sum(1 for _ in again.read("r")) == 600
    again.close()


def test_a_request_with_what_cannot_be_written_is_refused(path: Path) -> None:
    journal = SqliteJournal(path)
    journal.create("r", 0.0)
    with pytest.raises(RequestError):
        journal.post("r", Request("answer", {"value": object()}))
    journal.close()


def test_many_journals_find_one_new_store_at_once(path: Path) -> None:
    script = (
        "import sys\n"
        "from orrery.journal.sqlite import SqliteJournal\n"
        "journal = SqliteJournal(sys.argv[1])\n"
        "journal.create(sys.argv[2], 0.0)\n"
        "journal.close()\n"
    )
    crowd = [subprocess.Popen([sys.executable, "-c", script, path, f"run {number}"]) for number in range(6)]
    assert [process.wait(timeout=60) for process in crowd] == [0] * 6
    journal = SqliteJournal(path)
    assert sorted(summary.run for summary in journal.runs()) == [f"run {number}" for number in range(6)]
    journal.close()
