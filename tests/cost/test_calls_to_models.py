"""A workflow that asks models, at a server that is simulated: what it is thought to take after it ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from orrery import Graph, Ref, Task, run
from orrery.cost import Estimates, compare, learn, platform_of, predict
from orrery.graph import Template
from orrery.graph.task import Each
from orrery.journal.memory import MemoryJournal
from tests.simulated import Simulated

GRAPH = Graph(
    [
        Task("plan", "model.ask", {"prompt": "Plan this. " * 50, "cache": False}),
        Task(
            "do",
            "model.ask",
            {"prompt": Template(["Do ", Ref("@item"), " of ", Ref("plan")]), "cache": False},
            each=Each(["a", "b", "c"]),
        ),
        Task("sum", "model.ask", {"prompt": Template(["Sum up: ", Ref("do")]), "cache": False}),
    ]
)


def test_tokens_are_foreseen_after_a_few_runs(
    simulated: Simulated,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    simulated(lambda _request: "word " * 60)
    journal = MemoryJournal()
    for number in range(3):
        assert run(GRAPH, store=journal, run_id=f"r{number}").state == "succeeded"
    found = predict(GRAPH, Estimates(platform_of(GRAPH), learn(journal), graph=GRAPH))
    run(GRAPH, store=journal, run_id="last")
    last = [event for _, event in journal.read("last")]
    was = compare(GRAPH, found, last)
    assert was.tokens.actual > 900
    assert was.tokens.error < 0.05
    assert [row.attempts for row in was.tasks] == [1, 3, 1]
    journal.close()
