"""`orrery run` and what it leaves behind."""

from __future__ import annotations

import base64
import json
import subprocess
import sys

import pytest

from orrery.journal import Durability, Journal, stores

from .conftest import Call, Folder


def test_a_run_that_succeeds_prints_its_outputs_and_exits_with_0(call: Call) -> None:
    said = call("run", "hello.yaml", "-i", "who=you")
    assert said.status == 0, said
    assert "hello you" in said.out
    assert "succeeded" in said.out
    assert "sqlite:///.orrery/runs.db" in said.out
    assert said.err == ""


def test_json_is_one_object_on_the_last_line_of_stdout(call: Call) -> None:
    said = call("run", "hello.yaml", "--json", "--run", "r1")
    assert said.status == 0, said
    assert len(said.out.splitlines()) == 1
    assert said.err == "", "progress is for terminals"
    seconds = said.json.pop("seconds")
    assert seconds > 0
    assert {**said.json, "seconds": 0} == {
        "run": "r1",
        "state": "succeeded",
        "outputs": {"said": "hello world"},
        "tasks": {"succeeded": 2},
        "seconds": 0,
    }


def test_outputs_that_json_has_no_form_for_become_null_base64_and_long_integers(call: Call, folder: Folder) -> None:
    folder.write("odd.yaml", 'tasks: {odd: {uses: "py:./work.py:odd"}}\noutputs: {odd: "${{ tasks.odd }}"}')
    odd = call("run", "odd.yaml", "--json").json["outputs"]["odd"]
    assert odd == {"nan": None, "bytes": base64.b64encode(b"\x00\xff").decode(), "big": 2**200, "text": "\u2603"}


def test_a_run_that_fails_says_why_and_exits_with_1(call: Call) -> None:
    said = call("run", "fails.yaml")
    assert said.status == 1
    assert "ValueError: no such luck" in said.out
    assert "--task bad" in said.out
    assert "Traceback" not in said.out + said.err


def test_json_of_a_failed_run_has_its_error(call: Call) -> None:
    found = call("run", "fails.yaml", "--json").json
    assert found["state"] in ("failed", "partial")
    assert found["error"]["type"] == "ValueError"
    assert found["tasks"] == {"succeeded": 1, "failed": 1}


def test_piped_output_has_a_line_for_each_task_that_ends_and_each_retry(call: Call, folder: Folder) -> None:
    folder.write("flaky.yaml", 'tasks: {flaky: {uses: "py:./work.py:fail_once", retry: {attempts: 2, backoff: "1ms"}}}')
    lines = call("run", "flaky.yaml").out.splitlines()
    assert [line.split()[:4] for line in lines if line.startswith("[")] == [
        ["[0/1]", "retrying", "flaky", lines[1].split()[3]],
        ["[1/1]", "succeeded", "flaky", lines[2].split()[3]],
    ]


def test_a_large_run_has_few_lines(call: Call, folder: Folder) -> None:
    items = json.dumps(list(range(1000)))
    folder.write("large.yaml", f'tasks: {{all: {{for-each: {items}, uses: "py:./work.py:greet", with: {{who: x}}}}}}')
    said = call("run", "large.yaml")
    assert said.status == 0
    assert "1001 succeeded" in said.out
    assert len(said.out.splitlines()) < 60


def test_a_budget_of_wall_time_ends_the_run(call: Call, folder: Folder) -> None:
    folder.write("long.yaml", 'tasks: {long: {run: "sleep 30"}}\noutputs: {x: "${{ tasks.long }}"}')
    said = call("run", "long.yaml", "--budget-wall", "0.2", "--json")
    assert said.status == 1
    assert said.json["error"]["code"] == "budget"
    assert said.json["seconds"] < 15


def test_a_task_that_asks_for_a_resource_runs_only_where_there_is_enough(call: Call, folder: Folder) -> None:
    folder.write("gpu.yaml", 'tasks: {train: {uses: "py:./work.py:greet", with: {who: x}, resources: {gpu: 2}}}')
    assert call("run", "gpu.yaml", "--resources", "gpu=2", "--json").status == 0
    said = call("run", "gpu.yaml", "--resources", "gpu=1", "--json")
    assert (said.status, said.json["error"]["code"]) == (1, "never-fits")


def test_a_store_can_be_named_by_option_and_by_environment(
    call: Call, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("run", "hello.yaml", "--store", "sqlite:///a.db", "--json").status == 0
    monkeypatch.setenv("ORRERY_STORE", "sqlite:///b.db")
    assert call("run", "hello.yaml", "--json").status == 0
    assert sorted(path.name for path in folder.path.glob("*.db")) == ["a.db", "b.db"]
    assert not (folder.path / ".orrery").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run", "missing.yaml"], "missing.yaml: the file cannot be read"),
        (["run", "hello.yaml", "-i", "whom=you"], "did you mean 'who'?"),
        (["run", "hello.yaml", "-i", "who"], "write it as NAME=VALUE"),
        (["run", "hello.yaml", "--resources", "gpu"], "write it as NAME=COUNT"),
        (["run", "make me a sandwich"], "sandwich"),
        (["run", "hello.yaml", "--planner", "rules"], "--planner is for requests in plain words"),
        (["run"], "requires an argument"),
        (["run", "hello.yaml", "--bogus"], "--bogus"),
        (["run", "hello.yaml", "--store", "nowhere"], "is not the URL of a store"),
        (["rum", "hello.yaml"], "did you mean 'run'"),
        (["--bogus"], "there is no option '--bogus'"),
        (["show", "nothing"], "there is no store at"),
    ],
)
def test_a_wrong_request_is_explained_and_exits_with_2(call: Call, words: list[str], expected: str) -> None:
    said = call(*words)
    assert said.status == 2, said
    assert expected in said.err
    assert said.out == ""
    assert "Traceback" not in said.err


def test_problems_of_a_file_have_their_lines_and_are_capped(call: Call, folder: Folder) -> None:
    broken = "\n".join(f"  t{i}: {{uses: files.reed}}" for i in range(30))
    folder.write("broken.yaml", f"tasks:\n{broken}\n")
    said = call("run", "broken.yaml")
    lines = said.err.splitlines()
    assert said.status == 2
    assert lines[0].startswith("broken.yaml:2:")
    assert lines[0].endswith("[workflow/unknown-tool]")
    assert "files.read" in lines[0]
    assert (len(lines), lines[-1]) == (21, "and 10 more")


def test_a_name_that_is_taken_is_refused(call: Call) -> None:
    assert call("run", "hello.yaml", "--run", "same").status == 0
    said = call("run", "hello.yaml", "--run", "same")
    assert (said.status, "choose another name" in said.err) == (2, True)


def test_debug_shows_the_traceback(call: Call) -> None:
    said = call("run", "missing.yaml", "--debug")
    assert said.status == 2
    assert "Traceback" in said.err


def test_a_store_that_is_damaged_is_an_error_with_status_1_and_no_traceback(call: Call, folder: Folder) -> None:
    folder.write("bad.db", "this is no database, but it is long enough to look like one" * 100)
    said = call("run", "hello.yaml", "--store", "sqlite:///bad.db")
    assert said.status == 1, said
    assert "[" in said.err
    assert "Traceback" not in said.err


def test_a_failing_module_is_a_wrong_request(call: Call, folder: Folder) -> None:
    folder.write("broken_flow.py", "raise RuntimeError('at import')")
    said = call("run", "broken_flow:flow")
    assert said.status == 2, said
    assert "at import" in said.err


def test_an_error_that_is_ours_leaves_a_report_without_values_and_no_traceback(call: Call, folder: Folder) -> None:
    def broken(url: str, durability: Durability) -> Journal:
        raise RuntimeError("a promise was broken")

    if "broken-for-a-test" not in stores:
        stores.add("broken-for-a-test", broken)
    said = call("run", "hello.yaml", "-i", "who=secret", "--store", "broken-for-a-test:x")
    assert said.status == 1
    assert "internal error: a promise was broken" in said.err
    assert "Traceback" not in said.err
    (report,) = (folder.path / ".orrery").glob("report-*.txt")
    text = report.read_text(encoding="utf-8")
    assert "Traceback" in text
    assert "-i who=..." in text
    assert "secret" not in text


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files by a shell")
def test_a_full_disk_stops_the_run_and_says_what_is_safe(folder: Folder) -> None:
    folder.write(
        "big.yaml",
        "tasks: {many: {for-each: [" + ", ".join(map(str, range(400))) + '], uses: "py:./work.py:large"}}\n',
    )
    folder.write("work.py", "import os\n\n\ndef large() -> bytes:\n    return os.urandom(20_000)\n")
    done = subprocess.run(
        ["/bin/sh", "-c", 'ulimit -f 2000; exec "$0" -m orrery run big.yaml --run r', sys.executable],
        cwd=folder.path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done
    assert "[store-full]" in done.stderr
    assert "Traceback" not in done.stderr
    assert "`orrery resume r` goes on once that is put right" in done.stderr
    again = folder.orrery("resume", "r", "--json")
    assert again.returncode == 0, again
