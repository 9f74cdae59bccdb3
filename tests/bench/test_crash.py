"""The judge of the crash bench believes what the tasks wrote down, and notices what must not be."""

from __future__ import annotations

import asyncio
from pathlib import Path

from orrery.bench.crash import swept
from orrery.bench.crash_points import Size, Witness
from orrery.bench.crash_workflow import EFFECTS, executions, planned, reference
from orrery.runtime.result import Result
from orrery.runtime.session import Session

END = Result("r", "succeeded", {"last": 1}, None, 0.0, {"succeeded": 2})


def witness(folder: Path, *lines: str) -> Witness:
    seen = Witness(folder)
    (folder / EFFECTS).write_text("".join(f"{line}\n" for line in lines))
    return seen


def test_the_reference_workflow_executes_what_was_planned(tmp_path: Path) -> None:
    async def live() -> Result:
        async with Session("memory:") as session:
            return await session.start(reference(links=3, width=2), folder=tmp_path).wait()

    result = asyncio.run(live())
    assert result.state == "succeeded"
    assert result.tasks["failed"] == result.tasks["skipped"] == 1
    done = [each.task for each in executions(tmp_path)]
    assert all(done.count(task) == planned(task) for task in done)


def test_an_undisturbed_end_is_in_order(tmp_path: Path) -> None:
    seen = witness(tmp_path, "a\t1\tr/a", "b\t1\tr/b")
    seen.look()
    assert seen.judge(END, END) == 0
    assert seen.violations == []


def test_a_finished_task_that_runs_again_breaks_the_first_promise(tmp_path: Path) -> None:
    seen = witness(tmp_path, "a\t1\tr/a")
    seen.look()
    seen.finished = frozenset({"a"})
    (tmp_path / EFFECTS).write_text("a\t1\tr/a\na\t2\tr/a\n")
    seen.look()
    assert seen.violations == ["P1: a had succeeded durably and was executed again"]


def test_a_task_may_run_again_only_if_it_was_in_flight(tmp_path: Path) -> None:
    seen = witness(tmp_path, "a\t1\tr/a", "a\t2\tr/a", "b\t1\tr/b", "b\t2\tr/b")
    seen.look()
    seen.lost.update(["a"])
    assert seen.judge(END, END) == 2
    assert seen.violations == ["P2: b was executed 2 times, in flight at 0 crashes"]


def test_a_second_key_and_another_end_are_noticed(tmp_path: Path) -> None:
    seen = witness(tmp_path, "flaky0\t1\tr/flaky0", "flaky0\t2\tr/other")
    seen.look()
    seen.judge(Result("r", "failed", {}, None, 0.0, {}), END)
    assert [violation.split(" ")[0] for violation in seen.violations] == ["the", "P2:"]


def test_a_sweep_tries_appends_on_both_sides() -> None:
    findings = swept(Size(links=1, width=1, stride=6, jobs=1))
    crashes = [verdict.crashes[0] for verdict in findings.verdicts]
    assert {crash.side for crash in crashes} == {"before", "after"}
    assert len(crashes) == len(set(crashes)) == 2 * len(range(1, findings.appends + 1, 6))
    assert [verdict.violations for verdict in findings.verdicts if verdict.violations] == []
