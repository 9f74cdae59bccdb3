"""What was foreseen of a run against what it took, by nothing but its log; and of a workflow that has not run."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.dashboard.logs import Log, board

from orrery.dashboard.explaining import explain_run, explain_target
from orrery.dashboard.weighed import Spread
from orrery.errors import RequestError, UnknownRunError
from orrery.graph import Graph, Ref, Task
from orrery.graph.task import Estimate
from orrery.journal.memory import MemoryJournal
from orrery.runtime.explain import explain
from orrery.scheduler.events import GraphPatched
from orrery.workflow import load_target

TWICE = """
name: twice
tasks:
  first: {uses: text.count, with: {text: "one two"}}
  second: {uses: text.count, with: {text: "one two"}}
outputs:
  words: ["${{ tasks.first.words }}", "${{ tasks.second.words }}"]
"""


@pytest.fixture(autouse=True)
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORRERY_HUB", raising=False)


def named(spreads: tuple[Spread, ...]) -> dict[str, Spread]:
    return {spread.name: spread for spread in spreads}


def slow_graph() -> Graph:
    return Graph(
        [
            Task("a", "text.count", {"text": "x"}, estimate=Estimate(seconds=2.0)),
            Task("b", "text.count", {"text": Ref("a")}, estimate=Estimate(seconds=3.0)),
        ]
    )


def test_a_run_is_held_against_what_was_thought_of_it_before(tmp_path: Path, journal: MemoryJournal) -> None:
    log = Log(journal, "slow", slow_graph(), target="gone.yaml")  # no such file: it is not needed
    log.did("a", 0.0, 4.0)
    log.did("b", 4.0, 7.0)
    found = explain_run(board(journal, tmp_path), "slow")
    time = named(found.foreseen)["time"]
    assert (time.mean, time.actual) == pytest.approx((5.0, 7.0))
    assert [(row.name, row.mean, row.actual) for row in found.tasks] == [("a", 2.0, 4.0), ("b", 3.0, 3.0)]
    assert found.median_error == pytest.approx(0.25)
    assert named(found.rewritten)["time"].actual is None
    assert [row.id for row in found.before.tasks] == ["a", "b"]
    assert [need.task for need in found.before.tasks[1].needs] == ["a"]


def test_only_earlier_runs_teach_its_estimates(tmp_path: Path, journal: MemoryJournal) -> None:
    for number, run in enumerate(("r1", "r2", "r3")):
        log = Log(journal, run, Graph([Task("a", "text.count", {"text": "x"})]), at=1000.0 * number)
        log.did("a", 1000.0 * number, 1000.0 * number + 5.0 * (number + 1))
        journal.release(log.lease)
    means = [explain_run(board(journal, tmp_path), run).tasks[0] for run in ("r1", "r2", "r3")]
    assert means[0].source == "nothing is known of it"
    assert means[1].mean == pytest.approx(5.0, rel=0.05)
    assert means[1].actual == pytest.approx(10.0)
    assert 5.0 < means[2].mean < 11.0


def test_a_run_that_passes_had_rewritten_is_held_against_the_rewritten_graph(
    tmp_path: Path, journal: MemoryJournal
) -> None:
    (tmp_path / "twice.yaml").write_text(TWICE, encoding="utf-8")
    written = explain_target(board(journal, tmp_path), "twice.yaml")
    assert [(one.name, one.tasks_before, one.tasks_after) for one in written.passes if one.notes] == [
        ("merge_shared", 2, 1)
    ]
    assert (len(written.before.tasks), len(written.after.tasks)) == (2, 1)
    workflow = load_target("twice.yaml", tmp_path)
    log = Log(journal, "merged", workflow.graph)
    for patch in explain(workflow).pipeline.patches:
        log.say(GraphPatched(0.0, patch))
    log.did(written.after.tasks[0].id, 0.0, 9.0, value={"words": 2})
    found = explain_run(board(journal, tmp_path), "merged")
    assert named(found.foreseen)["time"].actual is None
    assert named(found.rewritten)["time"].actual == pytest.approx(9.0)


@pytest.mark.parametrize("target", ["os:getcwd", "../outside.yaml", "/etc/passwd.yaml", "no.py:flow", "say hello"])
def test_code_from_elsewhere_is_not_loaded(tmp_path: Path, journal: MemoryJournal, target: str) -> None:
    (tmp_path.parent / "outside.yaml").write_text(TWICE, encoding="utf-8")
    with pytest.raises(RequestError, match="cannot be loaded from here"):
        explain_target(board(journal, tmp_path), target)


def test_a_file_below_the_folder_may_be_loaded_before_it_was_run(tmp_path: Path, journal: MemoryJournal) -> None:
    with pytest.raises(UnknownRunError):
        explain_run(board(journal, tmp_path), "none")
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "twice.yaml").write_text(TWICE, encoding="utf-8")
    assert len(explain_target(board(journal, tmp_path), "flows/twice.yaml").before.tasks) == 2
