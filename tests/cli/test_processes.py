"""What takes real processes: signals, crashes, pipes, and a word from one process to another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from .conftest import Folder, _environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups are POSIX here")


def test_a_killed_run_is_interrupted_and_resume_finishes_it_with_nothing_run_again(folder: Folder) -> None:
    process = folder.start("run", "slow.yaml", "--run", "r")
    folder.wait_for(folder.is_waiting, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    runs = json.loads(folder.orrery("runs", "--json").stdout)["runs"]
    assert [(run["run"], run["state"], run["live"]) for run in runs] == [("r", "interrupted", False)]
    folder.write("go.txt", "")
    done = folder.orrery("resume", "last", "--json")
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["outputs"] == {"said": "last"}
    assert folder.lines() == ["first", "last"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run_in_order_and_says_how_to_go_on(
    folder: Folder, number: signal.Signals, status: int
) -> None:
    process = folder.start("run", "slow.yaml", "--run", "r", "--json")
    folder.wait_for(folder.is_waiting, process)
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == status, (out, err)
    assert "interrupted; `orrery resume r` goes on from here" in err
    assert "Traceback" not in err
    assert json.loads(out.splitlines()[-1])["state"] == "interrupted"
    folder.write("go.txt", "")
    assert folder.orrery("resume", "r").returncode == 0
    assert folder.lines() == ["first", "last"]


def test_a_second_signal_ends_it_at_once(folder: Folder) -> None:
    folder.write(
        "stubborn.py",
        "import time\nfrom pathlib import Path\ndef stay():\n    Path('waiting.txt').touch()\n    time.sleep(600)\n",
    )
    folder.write("stubborn.yaml", 'tasks: {stay: {uses: "py:./stubborn.py:stay", executor: thread}}')
    process = folder.start("run", "stubborn.yaml")
    folder.wait_for(folder.is_waiting, process)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    while process.poll() is None and time.monotonic() - began < 20:
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert process.returncode == 130
    assert "Traceback" not in process.communicate()[1]


def test_resuming_a_run_that_another_process_drives_is_refused(folder: Folder) -> None:
    process = folder.start("run", "slow.yaml", "--run", "r")
    folder.wait_for(folder.is_waiting, process)
    done = folder.orrery("resume", "r")
    assert (done.returncode, "[run-locked]" in done.stderr) == (1, True)
    folder.write("go.txt", "")
    assert process.wait(timeout=30) == 0


def test_resuming_a_run_that_has_ended_is_a_wrong_request(folder: Folder) -> None:
    assert folder.orrery("run", "hello.yaml", "--run", "r").returncode == 0
    done = folder.orrery("resume", "r")
    assert (done.returncode, "[run-ended]" in done.stderr) == (2, True)


def test_another_process_answers_a_task_that_waits_for_a_person(folder: Folder) -> None:
    process = folder.start("run", "asks.yaml", "--run", "r", "--json")
    folder.wait_for(lambda: "waits for a person" in folder.orrery("show", "r", "--task", "ask").stdout, process)
    done = folder.orrery("approve", "r", "ask", "--value", '{"when": "now"}')
    assert done.returncode == 0, done
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, (out, err)
    assert json.loads(out)["outputs"] == {"answer": {"when": "now"}}


def test_another_process_cancels_a_run(folder: Folder) -> None:
    process = folder.start("run", "slow.yaml", "--run", "r", "--json")
    folder.wait_for(folder.is_waiting, process)
    assert folder.orrery("cancel", "r", "--because", "enough").returncode == 0
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, json.loads(out)["state"]) == (1, "cancelled")
    assert "enough" in folder.orrery("show", "r", "--task", "last").stdout


def test_output_that_nobody_reads_ends_a_command_quietly_and_does_not_fail_a_run(folder: Folder) -> None:
    process = folder.start("run", "slow.yaml", "--run", "r")
    assert process.stdout is not None
    process.stdout.close()
    folder.write("go.txt", "")
    assert process.stderr is not None
    err = process.stderr.read()
    assert process.wait(timeout=30) in (0, 141)
    assert err == ""
    assert json.loads(folder.orrery("runs", "--json").stdout)["runs"][0]["state"] == "succeeded"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_unicode_gets_signs_it_can_write(folder: Folder, encoding: str) -> None:
    folder.write("snow.yaml", 'tasks: {odd: {uses: "py:./work.py:odd"}}\noutputs: {snow: "${{ tasks.odd.text }}"}')
    done = folder.orrery("run", "snow.yaml", env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done
    assert "ok succeeded" in done.stdout
    assert "snow  ?" in done.stdout
    plain = folder.orrery("run", "snow.yaml", "--json", env={"PYTHONIOENCODING": encoding})
    assert json.loads(plain.stdout)["outputs"] == {"snow": "\u2603"}


def test_help_and_version_are_quick_and_import_neither_parser_nor_rich(folder: Folder) -> None:
    probe = (
        "import sys\nfrom orrery.cli import main\nstatus = main(sys.argv[1:])\n"
        "heavy = {'rich', 'cyclopts', 'asyncio', 'sqlite3'} & set(sys.modules)\n"
        "assert not heavy, heavy\nsys.exit(status)"
    )
    for words, expected in ((["--version"], "orrery 0."), (["--help"], "resume"), ([], "resume")):
        done = subprocess.run(
            [sys.executable, "-c", probe, *words], cwd=folder.path, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert expected in done.stdout


def test_without_the_extra_a_command_names_it(folder: Folder) -> None:
    probe = "import sys\nsys.modules['cyclopts'] = None\nfrom orrery.cli import main\nsys.exit(main(['runs']))"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=folder.path, capture_output=True, text=True, check=False, env=_environment()
    )
    assert done.returncode == 2
    assert "pip install 'orrery[cli]'" in done.stderr


def test_completion_offers_commands_and_the_names_of_runs(folder: Folder) -> None:
    assert folder.orrery("run", "hello.yaml", "--run", "my-run").returncode == 0
    script = folder.orrery("completion", "bash")
    assert script.returncode == 0
    assert "resume" in script.stdout
    offered = folder.orrery("__complete", "show", "").stdout
    assert "my-run" in offered
    assert "last" in offered
