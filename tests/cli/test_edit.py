"""Editing a run: from an editor, from a file, from words; while it goes on, and where nobody drives it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orrery.graph import Replace
from orrery.journal import open_journal
from orrery.runtime.history import fold
from orrery.scheduler import events as ev

from .conftest import Call, Folder
from .test_terminal import Terminal
from .test_terminal import pytestmark as needs_tmux

EDITOR = '''
"""An editor without a screen: shows that it is open, waits for its orders, and edits as they say."""

import re
import sys
import time
from pathlib import Path

path = Path(sys.argv[1])
text = path.read_text()
Path("seen.txt").write_text(text)
orders = Path("orders.txt")
while not orders.exists():
    time.sleep(0.01)
lines = orders.read_text().splitlines()
orders.unlink()
for line in lines:
    pattern, _, new = line.partition(" => ")
    assert re.search(pattern, text), (pattern, text)
    text = re.sub(pattern, lambda _: new.replace("\\\\n", "\\n"), text)
path.write_text(text)
'''


@pytest.fixture
def running(folder: Folder) -> Folder:
    """A run `r` of slow.yaml whose second task is running."""
    process = folder.start("run", "slow.yaml", "--run", "r")
    folder.wait_for(folder.is_waiting, process)
    folder.write("editor.py", EDITOR)
    return folder


@pytest.fixture
def interrupted(running: Folder) -> Folder:
    """The same, its process killed."""
    os.killpg(running.started[0].pid, signal.SIGKILL)
    running.started[0].communicate()
    return running


def edit(folder: Folder, *words: str) -> subprocess.Popen[str]:
    return folder.start("edit", "r", *words, env={"VISUAL": f"{sys.executable} editor.py"})


def said(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def log_of(folder: Folder) -> list[ev.AnyEvent]:
    journal = open_journal(f"sqlite:///{folder.path}/.orrery/runs.db")
    try:
        return [event for _, event in journal.read("r")]
    finally:
        journal.close()


def happened(folder: Folder, kind: type[ev.Event], task: str = "") -> Callable[[], bool]:
    return lambda: any(type(e) is kind and task in ("", getattr(e, "task", "")) for e in log_of(folder))


def test_the_text_has_what_has_started_as_comments_and_the_rest_as_statements(running: Folder) -> None:
    running.write("orders.txt", "")
    status, out, _ = said(edit(running, "--yes"))
    assert (status, "nothing was changed" in out) == (0, True)
    text = (running.path / "seen.txt").read_text()
    assert [line.split()[1:3] for line in text.splitlines() if re.match(r"# \w+ +\w+ = ", line)] == [
        ["succeeded", "first"],
        ["running", "slow"],
    ]
    assert re.findall(r"^(\w+) = ", text, re.MULTILINE) == ["last"]
    assert "return said=last" in text


def test_what_arrives_while_the_editor_is_open_is_kept_and_the_edit_still_comes_in(running: Folder) -> None:
    """`slow` ends while the person writes; `last` is held, changed, and reads what has arrived."""
    editor = edit(running, "--yes", "--hold", "last")
    running.wait_for(happened(running, ev.EditOpened), editor)
    running.write("go.txt", "")
    running.wait_for(happened(running, ev.TaskSucceeded, "slow"), editor)
    assert not happened(running, ev.TaskStarted, "last")()
    running.write("orders.txt", "line=.last. => line=slow")
    status, out, err = said(editor)
    assert (status, "has taken the change" in out) == (0, True), (out, err)
    assert said(running.started[0])[0] == 0
    assert running.lines() == ["first", "go.txt"], "`last` wrote down what `slow` had returned"


def test_a_run_does_not_end_while_an_editor_is_open_and_goes_on_with_what_is_added(running: Folder) -> None:
    editor = edit(running, "--yes")
    running.wait_for(happened(running, ev.EditOpened), editor)
    running.write("go.txt", "")
    running.wait_for(happened(running, ev.TaskSucceeded, "last"), editor)
    assert not happened(running, ev.RunEnded)()
    work = running.path / "work.py"
    # `last` is still in the text, since it had not started then; only what is changed counts.
    running.write("orders.txt", f"return => more = `py:{work}:note`(line=last)\\nreturn more, ")
    status, out, err = said(editor)
    assert (status, "has taken the change" in out) == (0, True), (out, err)
    assert said(running.started[0])[0] == 0
    assert running.lines() == ["first", "last", "last"]


def test_a_hold_ends_by_itself(running: Folder) -> None:
    editor = edit(running, "--yes", "--hold", "last", "--hold-seconds", "0.5")
    running.wait_for(happened(running, ev.EditOpened), editor)
    running.write("go.txt", "")
    assert said(running.started[0])[0] == 0, "the run ended, though the editor is open still"
    running.write("orders.txt", "line=.last. => line=1")
    status, _, err = said(editor)
    assert (status, "run-ended" in err) == (2, True)
    assert running.lines() == ["first", "last"]


def test_an_edit_of_what_has_started_meanwhile_is_refused_whole_and_the_text_is_kept(running: Folder) -> None:
    editor = edit(running, "--yes", "--json")
    running.wait_for(happened(running, ev.EditOpened), editor)
    running.write("go.txt", "")
    running.wait_for(happened(running, ev.TaskSucceeded, "last"), editor)
    work = running.path / "work.py"
    running.write("orders.txt", f"line=.last. => line=1\nreturn => more = `py:{work}:note`(line=slow)\\nreturn ")
    status, out, err = said(editor)
    assert status == 2
    assert "patch/locked" in err
    refused = json.loads(out.splitlines()[-1])
    assert (refused["outcome"], [p["code"] for p in refused["problems"]]) == ("refused", ["patch/locked"])
    kept = Path(re.search(r"what you wrote is in (\S+)", err)[1])  # type: ignore[index]
    assert "more = " in kept.read_text()
    kept.unlink()
    assert said(running.started[0])[0] == 0
    assert running.lines() == ["first", "last"]


def test_what_is_wrong_with_the_text_is_said_with_its_line_and_nothing_is_sent(running: Folder) -> None:
    running.write("orders.txt", "last = => slow = f()\\nlast = ( = ")
    status, _, err = said(edit(running, "--yes"))
    assert status == 2
    assert "text/locked" in err
    assert "line 10" in err
    Path(re.search(r"what you wrote is in (\S+)", err)[1]).unlink()  # type: ignore[index]


def test_words_on_the_command_line_are_a_change_too(interrupted: Folder, call: Call) -> None:
    patch = interrupted.write("more.txt", f"more = `py:{interrupted.path}/work.py:note`(line=slow) [after slow]\n")
    assert call("edit", "r", "--patch", str(patch), "--drop", "first", "--yes").status == 2, "first has ended"
    dry = call("edit", "r", "--patch", str(patch), "--dry-run")
    assert (dry.status, "+ more = " in dry.out, "nothing was sent" in dry.out) == (0, True, True)
    assert [e for e in log_of(interrupted) if isinstance(e, ev.PatchRejected)] == []
    taken = call("edit", "r", "--patch", str(patch), "--yes", "--json")
    assert (taken.status, taken.json["outcome"]) == (0, "taken")
    assert [edit["type"] for edit in taken.json["edits"]] == ["add", "link"]
    interrupted.write("go.txt", "")
    assert call("resume", "r").status == 0
    assert sorted(interrupted.lines()) == ["first", "go.txt", "last"]
    assert call("replay", "r").status == 0


def test_a_task_is_dropped_where_nothing_needs_it(interrupted: Folder, call: Call) -> None:
    needed = call("edit", "r", "--drop", "last", "--yes")
    assert (needed.status, "output 'said'" in needed.err) == (2, True)
    patch = interrupted.write(
        "patch.json",
        json.dumps(
            {
                "orrery": 1,
                "edits": [
                    {"type": "outputs", "outputs": {"said": {"$ref": ["slow"]}}},
                    {"type": "drop", "task": "last"},
                ],
            }
        ),
    )
    done = call("edit", "r", "--patch", str(patch), "--yes", "--because", "it is not wanted")
    assert done.status == 0, done
    assert "`orrery resume r` goes on" in done.out
    interrupted.write("go.txt", "")
    assert call("resume", "r", "--json").json["outputs"] == {"said": "go.txt"}
    patched = [e for e in log_of(interrupted) if isinstance(e, ev.GraphPatched)][-1]
    assert patched.patch.because.startswith("it is not wanted (edit-")


def test_a_patch_comes_from_stdin_too(interrupted: Folder) -> None:
    patch = '{"orrery": 1, "edits": [{"type": "drop", "task": "last"}, {"type": "outputs", "outputs": {"x": 1}}]}'
    done = subprocess.run(
        [sys.executable, "-m", "orrery", "edit", "r", "--patch", "-", "--yes"],
        cwd=interrupted.path,
        input=patch,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "- last = " in done.stdout) == (0, True), done


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--drop", "last"], "nobody is there to be asked"),
        (["--patch", "nowhere.txt", "--yes"], "cannot be read"),
        (["--patch", "work.py", "--yes"], "text/"),
        (["--patch", "empty.txt", "--yes"], "there is nothing in empty.txt"),
        (["--drop", "lats", "--yes"], "did you mean 'last'"),
        (["--hold", "lats", "--yes"], "did you mean 'last'"),
        (["--drop", "last", "--hold", "last"], "--hold is for the time while an editor is open"),
        (["--hold-seconds", "nan"], "--hold-seconds"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_reason(
    interrupted: Folder, call: Call, words: list[str], why: str
) -> None:
    interrupted.write("empty.txt", " \n")
    answer = call("edit", "r", *words)
    assert (answer.status, why in answer.err) == (2, True), answer


def test_an_editor_that_fails_changes_nothing(interrupted: Folder, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for editor, why in (("false", "ended with status 1"), ("no-such-editor", "cannot be started")):
        monkeypatch.setenv("VISUAL", editor)
        answer = call("edit", "r")
        assert (answer.status, why in answer.err) == (2, True), answer
    monkeypatch.setenv("VISUAL", "cp /dev/null")
    emptied = call("edit", "r")
    assert (emptied.status, "nothing was changed" in emptied.out) == (0, True), "an empty text drops nothing"


def test_a_run_that_has_ended_cannot_be_edited(folder: Folder, call: Call) -> None:
    assert call("run", "hello.yaml", "--run", "r").status == 0
    answer = call("edit", "r", "--drop", "greet", "--yes")
    assert (answer.status, "run-ended" in answer.err) == (2, True)


def test_a_process_that_does_not_answer_is_told_of(
    running: Folder, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orrery.cli.edit.ANSWER_S", 0.3)
    os.kill(running.started[0].pid, signal.SIGSTOP)
    patch = running.write("more.txt", f"more = `py:{running.path}/work.py:note`(line=slow)\n")
    answer = call("edit", "r", "--patch", str(patch), "--yes", "--json")
    assert (answer.status, answer.json["outcome"]) == (1, "unanswered")
    os.kill(running.started[0].pid, signal.SIGCONT)
    running.write("go.txt", "")
    assert said(running.started[0])[0] == 0
    assert sorted(running.lines()) == ["first", "go.txt", "last"], "it took the change in when it woke up"


def test_the_log_of_an_edited_run_folds(interrupted: Folder, call: Call) -> None:
    patch = interrupted.write("more.txt", f"last = `py:{interrupted.path}/work.py:note`(line=slow) [after slow]\n")
    assert call("edit", "r", "--patch", str(patch), "--yes").status == 0
    journal = open_journal(f"sqlite:///{interrupted.path}/.orrery/runs.db")
    try:
        assert fold(journal, "r").machine.graph.tasks["last"].args.keys() == {"line"}
    finally:
        journal.close()


@needs_tmux
def test_at_a_terminal_a_refusal_can_be_put_right_and_a_change_is_asked_about(interrupted: Folder) -> None:
    screen = Terminal(interrupted, "edit", "r", VISUAL=f"'{sys.executable} editor.py'", LC_ALL="C.UTF-8")
    try:
        interrupted.write("orders.txt", "after slow => after slwo")
        screen.until("edit it again?")
        screen.press("y")
        screen.press("Enter")
        interrupted.write("orders.txt", 'after slwo => after slow, label "mine"')
        lines = screen.until("send it?")
        assert any(line.startswith("+ last = ") or 'label "mine"' in line for line in lines), lines
        assert (interrupted.path / "seen.txt").read_text().startswith("#! "), "the reasons stand above the text"
        screen.press("y")
        screen.press("Enter")
        screen.until("status 0")
    finally:
        screen.close()
    patched = [e for e in log_of(interrupted) if isinstance(e, ev.GraphPatched)][-1]
    assert [edit.task.label for edit in patched.patch.edits if isinstance(edit, Replace)] == ["mine"]
