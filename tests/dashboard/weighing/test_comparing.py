"""Two runs beside each other: what differs comes first, with its difference as lines."""

from __future__ import annotations

import time

import pytest
from tests.dashboard.logs import Log, board

from orrery.dashboard.comparing import compare_runs, line_diff
from orrery.dashboard.weighed import Comparison
from orrery.errors import UnknownRunError
from orrery.graph import Blob, Graph, Ref, Task
from orrery.graph.values import encode
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev


def graph(*, what: str = "lines", extra: bool = False) -> Graph:
    tasks = [
        Task("load", "files.read", {"path": "a.txt"}),
        Task("count", "text.count", {"text": Ref("load"), "what": what}),
        Task("say", "text.join", {"parts": [Ref("count")]}),
    ]
    more = [Task("check", "text.count", {"text": Ref("load")})] if extra else [Task("old", "text.count", {"text": ""})]
    return Graph([*tasks, *more], outputs={"text": Ref("say"), "figures": {"count": Ref("count")}})


@pytest.fixture
def compared(journal: MemoryJournal) -> Comparison:
    first = Log(journal, "first", graph())
    first.did("load", 0.0, 1.0, value="a\nb")
    first.did("count", 1.0, 2.0, value=2, usage=ev.Usage(0.5, 10))
    first.did("say", 2.0, 2.5, value="there are\n2\nlines")
    first.did("old", 2.5, 2.6, value=0)
    second = Log(journal, "second", graph(what="words", extra=True))
    second.did("load", 0.0, 4.0, value="a\nb")
    second.did("count", 4.0, 4.5, value=3)
    second.did("say", 4.5, 5.0, value="there are\n3\nlines")
    second.did("check", 5.0, 6.0, value=1)
    return compare_runs(board(journal), "first", "second")


def test_tasks_that_differ_come_first_and_say_how(compared: Comparison) -> None:
    pairs = {pair.task: pair for pair in compared.tasks}
    assert [pair.task for pair in compared.tasks][-1] == "load"
    assert (compared.differing, compared.total) == (4, 5)
    assert {name: pair.change for name, pair in pairs.items()} == {
        "load": "same",
        "count": "changed",
        "say": "same",
        "old": "removed",
        "check": "added",
    }
    assert [line[:2] for line in pairs["count"].definition] == ["- ", "+ "]
    assert 'what="words"' in pairs["count"].definition[1]
    assert (pairs["load"].output, pairs["say"].output, pairs["old"].output) == ("same", "differs", "")
    assert (pairs["load"].seconds_a, pairs["load"].seconds_b) == (1.0, 4.0)
    assert (pairs["count"].money_a, pairs["count"].money_b) == (0.5, 0.0)
    assert (pairs["old"].state_a, pairs["old"].state_b) == ("succeeded", "")


def test_totals_have_the_first_run_as_mean_and_the_second_as_actual(compared: Comparison) -> None:
    totals = {one.name: (one.mean, one.actual) for one in compared.totals}
    assert totals["time"] == pytest.approx((2.6, 6.0))
    assert totals["money"] == (0.5, 0.0)
    assert totals["tokens"] == (10, 0)
    assert "failed" not in totals


def test_outputs_are_compared_line_by_line(compared: Comparison) -> None:
    outputs = {pair.name: pair for pair in compared.outputs}
    assert outputs["text"].lines == ("  there are", "- 2", "+ 3", "  lines")
    assert outputs["figures"].lines == ("  {", '-  "count": 2', '+  "count": 3', "  }")
    assert not outputs["text"].same


def test_a_run_is_the_same_as_itself(journal: MemoryJournal) -> None:
    log = Log(journal, "only", graph())
    log.did("load", 0.0, 1.0, value={"b": 1, "a": float("nan")})
    found = compare_runs(board(journal), "only", "only")
    assert found.differing == 0
    assert {pair.change for pair in found.tasks} == {"same"}
    assert found.graph_a == found.graph_b
    with pytest.raises(UnknownRunError):
        compare_runs(board(journal), "only", "never")


def test_an_output_that_is_lost_is_told_beside_the_other(journal: MemoryJournal) -> None:
    for run, digest in (("a", "0" * 64), ("b", journal.blobs.put(encode("kept")).digest)):
        log = Log(journal, run, Graph([Task("t", "work")], outputs={"text": Ref("t"), "more": {"in": Ref("t")}}))
        log.did("t", 0.0, 1.0, value=Blob(digest, 5, "value"))
    pairs = {pair.name: pair for pair in compare_runs(board(journal), "a", "b").outputs}
    assert not pairs["text"].same
    assert [value.kind for value in (pairs["text"].a, pairs["text"].b) if value is not None] == ["error", "text"]
    assert not pairs["more"].same


def test_long_and_hostile_texts_are_compared_in_bounded_time() -> None:
    began = time.perf_counter()
    lines = line_diff("same\n" * 50_000, "other\nsame\n" * 50_000)
    line_diff("\n".join("ab"[n % 2] for n in range(1000)), "\n".join("ba"[n % 3 % 2] for n in range(1000)))
    assert time.perf_counter() - began < 2.0
    assert len(lines) <= 2_000
