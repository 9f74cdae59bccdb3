"""Hedges and early beginnings: when they pay, and that a real run shows no difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from orrery import run
from orrery.cost import Cost, Spread
from orrery.errors import Failure
from orrery.graph import Effects, Estimate, Expr, Graph, Ref, Task
from orrery.graph.text import parse
from orrery.passes.pipeline import apply
from orrery.passes.speculate import speculate
from orrery.testing.performing import perform
from tests.passes.costs import Always

ONE = parse("a = f(n=1) [pure]\nreturn a")


@pytest.mark.parametrize(
    ("spread", "source", "hedged"),
    [
        (Spread(0.5, 1.0, 4.0), "learned", 4.0),
        (Spread(0.5, 1.0, 4.0), "default", None),
        (Spread(0.9, 1.0, 1.1), "learned", None),
        (Spread(0.5, 1.0, 1.9), "learned", None),
        (Spread(0.0, 0.0, 5.0), "learned", None),
        (Spread(0.0, 1.0, 1e300), "learned", 1e300),
        (Spread.exactly(1.0), "declared", None),
    ],
)
def test_a_long_tail_that_is_known_is_hedged_at_its_ninetieth_percentile(
    spread: Spread, source: str, hedged: float | None
) -> None:
    attempts = 100.0 if source == "learned" else 0.0
    made = speculate(ONE, Always(Cost(spread, source=source, attempts=attempts)))  # type: ignore[arg-type]
    assert made.graph["a"].limits.hedge_after_s == hedged


def test_a_tail_is_not_known_from_a_few_attempts() -> None:
    few = Always(Cost(Spread(0.5, 1.0, 4.0), source="learned", attempts=19.0))
    assert speculate(ONE, few).graph is ONE


def test_a_hedge_that_wastes_more_than_it_saves_is_rejected_with_its_reason() -> None:
    made = speculate(ONE, Always(Cost(Spread(0.5, 1.0, 4.0), source="learned", attempts=100.0)), waste_weight=100.0)
    assert made.graph is ONE
    assert [note.kind for note in made.notes] == ["rejected"]
    assert "would save" in made.notes[0].because


def test_a_hedge_cuts_the_tail_of_a_run() -> None:
    costs = Always(Cost(Spread(0.5, 1.0, 4.0), source="learned", attempts=100.0))
    made = speculate(ONE, costs)
    attempts = iter([60.0, 1.0])

    def slow_once(_op: str, _args: object) -> tuple[float, object]:
        return next(attempts), "done"

    assert perform(made.graph, operation=slow_once).seconds == 5.0
    assert perform(ONE, operation=lambda _op, _args: (60.0, "done")).seconds == 60.0


BRANCH = parse(
    """
    decide = f(n=1) [once]
    work = f(n=2) [pure, when "d == 'yes'" (d=decide)]
    end = g(work) [once]
    return end, work
    """
)


def _decides(answer: str) -> object:
    def operation(_op: str, args: dict[str, object]) -> tuple[float, object]:
        return (0.0, args["of"]) if "of" in args else (10.0, answer)

    return operation


def test_a_likely_branch_begins_early_and_an_unlikely_one_does_not() -> None:
    costs = Always(Cost(Spread.exactly(10.0), source="learned"))
    likely = speculate(BRANCH, costs, chances={"work": 0.9})
    assert "work-early" in likely.graph
    assert likely.notes[0].saves_s == pytest.approx(9.0)
    for answer, seconds in (("yes", (30.0, 20.0)), ("no", (10.0, 10.0))):
        runs = [perform(graph, operation=_decides(answer)) for graph in (BRANCH, likely.graph)]  # type: ignore[arg-type]
        assert tuple(run.seconds for run in runs) == seconds
        assert runs[0].outputs == runs[1].outputs
    unlikely = speculate(BRANCH, costs, chances={"work": 0.3})
    assert unlikely.graph is BRANCH
    assert "waste" in unlikely.notes[0].because


def test_what_costs_money_is_begun_early_only_if_the_time_is_worth_it() -> None:
    costs = Always(Cost(Spread.exactly(10.0), Spread.exactly(1.0), source="learned"))
    assert speculate(BRANCH, costs, chances={"work": 0.9}).graph is BRANCH
    assert speculate(BRANCH, costs, chances={"work": 0.9}, seconds_per_dollar=1.0).graph is not BRANCH


def _yes() -> str:
    return "yes"


def _no() -> str:
    return "no"


def _breaks() -> str:
    raise KeyError("broken on purpose")


def _fine() -> int:
    return 41


def _seen(failure: object) -> object:
    return [failure.type, failure.message] if isinstance(failure, Failure) else failure


@pytest.mark.parametrize("decide", ["_yes", "_no"])
@pytest.mark.parametrize("work", ["_fine", "_breaks"])
def test_a_real_run_shows_no_difference(tmp_path: Path, decide: str, work: str) -> None:
    module = "py:tests.passes.test_speculate:"
    pure = Effects("pure")
    graph = Graph(
        [
            Task("decide", f"{module}{decide}", effects=Effects("once"), estimate=Estimate(10.0)),
            Task("work", f"{module}{work}", when=Expr("d == 'yes'", {"d": Ref("decide")}), effects=pure),
            Task("seen", f"{module}_seen", {"failure": Ref("work")}, effects=pure),
        ],
        parse("work = f()\nseen = f() [after work.completion]").edges.values(),
        {"seen": Ref("seen"), "work": Ref("work")},
    )
    costs = Always(Cost(Spread.exactly(10.0), source="learned"))
    step = apply("speculate", lambda given, known: speculate(given, known, chances={"work": 0.9}), graph, costs)
    assert step.faults == ()
    assert "work-early" in step.after
    ends = [run(each, store=f"sqlite:///{tmp_path / name}.db") for name, each in (("a", graph), ("b", step.after))]
    assert ends[0].state == ends[1].state
    assert ends[0].outputs == ends[1].outputs
    assert (ends[0].error is None) == (ends[1].error is None)
