"""Stores that are full, read-only, taken, torn, damaged or too new: said plainly, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.forked import Forks

from .conftest import SLOW, Chair, ended

LARGE = """
name: large
tasks:
  first: {uses: "py:./work.py:note", with: {line: first}}
  large: {uses: "py:./work.py:many", with: {letters: 200000}, needs: first}
  last: {uses: "py:./work.py:note", with: {line: last}, needs: large}
"""
STORE = Path(".orrery", "runs.db")


def test_a_run_stopped_by_a_limit_on_file_sizes_is_listed_and_can_be_resumed(chair: Chair) -> None:
    chair.write("large.yaml", LARGE)
    limited = ended(chair.spawn("sh", "-c", f"ulimit -f 300; exec {sys.executable} -m orrery run large.yaml --run r"))
    limited.fails(1, "no space is left", "[store-full]", "was committed before is safe", "`orrery resume r` goes on")
    assert chair.states() == {"r": "interrupted"}
    resumed = chair.orrery("resume", "r", "--json")
    assert resumed.status == 0, resumed
    assert chair.notes() == ["first", "last"]


FULL_DISK = """
set -u
mount -t tmpfs -o size=200k tmpfs disk || exit 77
orrery="{python} -m orrery"
$orrery run large.yaml --run r --store sqlite:///disk/runs.db; echo "run $?"
$orrery runs --store sqlite:///disk/runs.db; echo "runs $?"
mount -o remount,size=10m disk
$orrery resume r --store sqlite:///disk/runs.db; echo "resume $?"
"""


def test_a_run_stopped_by_a_full_disk_is_listed_and_goes_on_once_there_is_room(chair: Chair) -> None:
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("a small disk cannot be made here")
    chair.write("large.yaml", LARGE)
    chair.path.joinpath("disk").mkdir()
    said = ended(chair.spawn("unshare", "-m", "sh", "-c", FULL_DISK.format(python=sys.executable)))
    if said.status == 77:
        pytest.skip("a small disk cannot be mounted here")
    said.fails(0, "[store-full]", "`orrery resume r", "run 1\n", "interrupted", "runs 0\n", "resume 0\n")
    assert chair.notes() == ["first", "last"]


@pytest.fixture
def read_only(one_for_all: Forks) -> Iterator[Chair]:
    """A folder that nobody may write, outside pytest's own, which another user may not enter."""
    with tempfile.TemporaryDirectory() as outer:
        Path(outer).chmod(0o755)
        made = Chair(Path(outer, "folder"), one_for_all)
        made.path.mkdir()
        made.write("work.py", "def echo(value=None):\n    return value\n")
        made.write("flow.yaml", 'tasks: {a: {uses: "py:./work.py:echo"}}')
        yield made
        made.end()
        made.path.chmod(0o755)


AS_NOBODY = """
import os, sys, tempfile
from orrery.cli import main
with tempfile.TemporaryDirectory() as folder:  # load what a run and an error need while it can be read
    main(["run", "flow.yaml", "--store", f"sqlite:///{folder}/runs.db"])
    main(["run", "missing.yaml"])
if os.getuid() == 0:  # to whom every folder is writable
    os.setgid(65534)
    os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_cannot_be_written_is_named_with_the_way_out(read_only: Chair, there: bool) -> None:
    if there:
        assert read_only.orrery("run", "flow.yaml").status == 0
        for path in (read_only.path / ".orrery").rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        (read_only.path / ".orrery").chmod(0o555)
    read_only.path.chmod(0o555)
    said = ended(read_only.spawn(sys.executable, "-c", AS_NOBODY, "run", "flow.yaml"))
    said.fails(1, str(read_only.path / STORE), "name another store", "[store-read-only]")
    debug = ended(read_only.spawn(sys.executable, "-c", AS_NOBODY, "run", "flow.yaml", "--debug"))
    assert "Traceback" in debug.err


def test_of_two_processes_on_one_run_the_second_is_told_and_the_first_goes_on(chair: Chair) -> None:
    chair.write("slow.yaml", SLOW)
    first = chair.start("run", "slow.yaml", "--run", "r", "--json")
    chair.wait_for_file("waiting.txt", first)
    chair.orrery("resume", "r").fails(1, "'r' is being driven by", str(first.pid), "[run-locked]")
    chair.orrery("run", "slow.yaml", "--run", "r").fails(2, "'r' already; choose another name", "[run-exists]")
    assert "Traceback" in chair.orrery("resume", "r", "--debug").err
    assert chair.states() == {"r": "running"}
    (chair.path / "go.txt").touch()
    said = ended(first)
    assert (said.status, said.json["outputs"]) == (0, {"said": "last"}), said
    assert chair.notes() == ["first", "last"]
    chair.orrery("resume", "r").fails(2, "nothing left to resume", "[run-ended]")


def test_a_run_whose_log_lost_its_last_bytes_goes_on_from_what_is_whole(chair: Chair) -> None:
    chair.killed_halfway()
    wal = chair.path / f"{STORE}-wal"
    os.truncate(wal, wal.stat().st_size - 100)
    assert chair.states() == {"r": "interrupted"}
    said = chair.orrery("resume", "r", "--json")
    assert (said.status, said.json["outputs"]) == (0, {"said": "last"}), said
    assert chair.notes() in (["first", "last"], ["first", "first", "last"]), "its last commit may be gone"


def test_a_flipped_bit_is_said_and_the_other_runs_are_untouched(chair: Chair) -> None:
    chair.write("flow.yaml", 'tasks: {a: {uses: "py:./work.py:note", with: {line: untouched}}}')
    assert chair.orrery("run", "flow.yaml", "--run", "other").status == 0
    chair.killed_halfway()
    assert chair.states() == {"other": "succeeded", "r": "interrupted"}, "and the log is in the database now"
    data = bytearray((chair.path / STORE).read_bytes())
    place = data.rindex(b"wait_for")  # in the graph of run r, as its log has it
    data[place] ^= 1
    (chair.path / STORE).write_bytes(data)
    for command in ("resume", "show", "replay", "trace"):
        chair.orrery(command, "r").fails(1, "run 'r'", "are damaged", "[corruption]")
    assert "Traceback" in chair.orrery("resume", "r", "--debug").err
    assert chair.notes() == ["untouched", "first"], "nothing ran on a guess"
    assert chair.states()["other"] == "succeeded"
    assert chair.orrery("replay", "other").status == 0


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(chair: Chair) -> None:
    chair.killed_halfway()
    assert chair.states() == {"r": "interrupted"}
    connection = sqlite3.connect(chair.path / STORE)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    before = (chair.path / STORE).read_bytes()
    for words in (["run", "slow.yaml"], ["resume", "r"], ["runs"], ["show", "r"]):
        chair.orrery(*words).fails(1, "runs.db has format 2, written by a newer Orrery", "upgrade", "[store-version]")
    assert "Traceback" in chair.orrery("runs", "--debug").err
    assert (chair.path / STORE).read_bytes() == before
    assert chair.notes() == ["first"]


def test_a_run_resumed_from_another_folder_finds_its_modules_also_in_worker_processes(chair: Chair) -> None:
    chair.write("parts/words.py", "def join(a, b):\n    return f'{a} {b}'\n")
    chair.write(
        "parts/flow.yaml",
        """
tasks:
  ask: {ask: "Which?"}
  here: {uses: "py:words:join", with: {a: "${{ tasks.ask }}", b: here}}
  there: {uses: "py:words:join", with: {a: "${{ tasks.here }}", b: there}, executor: process}
outputs:
  out: ${{ tasks.there }}
""",
    )
    (chair.path / "elsewhere").mkdir()
    store = f"sqlite:///{chair.path}/runs.db"
    asking = chair.start("run", "parts/flow.yaml", "--run", "r", "--store", store)
    assert asking.stdout is not None
    for line in asking.stdout:
        if "Which?" in line:
            break
    asking.terminate()
    asking.wait()
    answered = chair.orrery("approve", "r", "ask", "--value", "both", "--store", store, folder="elsewhere")
    assert answered.status == 0, answered
    said = chair.orrery("resume", "r", "--store", store, "--json", folder="elsewhere")
    assert (said.status, said.json["outputs"]) == (0, {"out": "both here there"}), said
