"""choose_model: the floor, what nobody knows, a person's choice, and a choice for the whole graph under a limit."""

from __future__ import annotations

import itertools
import random
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.cost import Model, Option, Platform
from orrery.cost.calls import conversations
from orrery.graph import Effects, Graph, Ref, Task
from orrery.graph.query import critical_path
from orrery.graph.ref import INPUTS
from orrery.models.serving import Timing
from orrery.passes.check import faults
from orrery.passes.choose_model import choose_model
from orrery.passes.fold_conversation import fold_conversation
from tests.passes.model_calls import KEEPS, FixedCosts, asking

DOC = Ref(INPUTS, ("doc",))


def speed(tokens_per_s: float) -> Timing:
    return Timing(first_s=0.2, tokens_per_s=tokens_per_s, prefill_per_s=5000.0)


BIG = Model("big", 4.0, 0.4, 16.0, quality=0.9, timing=speed(50))
MINI = Model("mini", 1.0, 0.1, 4.0, quality=0.82, timing=speed(50))
FAST = Model("fast", 8.0, 0.8, 32.0, quality=0.95, timing=speed(400))


def platform(*models: Model, default: str = "big") -> Platform:
    return Platform(models={model.name: model for model in models}, default_model=default)


ALL = FixedCosts(platform(BIG, MINI, FAST))
ONE = Graph([asking("a", "Sum up. ", DOC)], outputs={"x": Ref("a")})


def model_of(graph: Graph, task: str = "a") -> Any:
    return graph[task].args.get("model")


def test_the_cheapest_above_the_floor_is_taken_and_says_why() -> None:
    rewritten = choose_model(ONE, ALL, floor=0.8)
    assert model_of(rewritten.graph) == "mini"
    assert rewritten.graph["a"].effects.reads == ("model:mini",)
    assert rewritten.graph.outputs == ONE.outputs
    (note,) = rewritten.notes
    assert note.kind == "made"
    assert note.because == "mini is 4.0 times cheaper than big at a quality of 0.82 (it has 0.90)"
    assert note.saves_money is not None
    assert note.saves_money > 0


def test_without_a_floor_no_call_gets_a_worse_model_than_it_would_have_had() -> None:
    rewritten = choose_model(ONE, ALL)
    assert rewritten.graph is ONE
    assert [note.because for note in rewritten.notes] == [
        "mini has a quality of 0.82, below 0.90",
        "big stays: the cheapest of 2 that are good enough",
    ]


def test_the_soonest_is_taken_where_time_counts() -> None:
    rewritten = choose_model(ONE, ALL, objective="seconds")
    assert model_of(rewritten.graph) == "fast"
    assert re.search(r"fast is 2\.0 times dearer and \d\.\d times faster than big", rewritten.notes[0].because)


def test_a_person_s_choice_stays_unless_it_may_be_changed() -> None:
    graph = Graph([asking("a", "Sum up.", model="big")])
    kept = choose_model(graph, ALL, floor=0.8)
    assert kept.graph is graph
    assert kept.notes[0].because == "big is named, and so it stays"
    assert model_of(choose_model(graph, ALL, floor=0.8, may_change=True).graph) == "mini"
    by_input = Graph([asking("a", "Sum up.", model=DOC)])
    assert choose_model(by_input, ALL, floor=0.8, may_change=True).graph is by_input


@pytest.mark.parametrize(
    ("unknown", "because"),
    [
        ({"quality": None}, "nobody knows how good mini is"),
        ({"input_per_mtok": None}, "nobody knows what mini costs"),
        ({"output_per_mtok": None}, "nobody knows what mini costs"),
    ],
)
def test_what_nobody_knows_is_never_taken_for_good(unknown: dict[str, Any], because: str) -> None:
    costs = FixedCosts(platform(BIG, msgspec.structs.replace(MINI, **unknown)))
    rewritten = choose_model(ONE, costs, floor=0.5)
    assert rewritten.graph is ONE
    assert because in [note.because for note in rewritten.notes]


def test_a_model_of_unknown_speed_is_not_taken_for_a_fast_one() -> None:
    costs = FixedCosts(platform(BIG, msgspec.structs.replace(FAST, timing=None)))
    rewritten = choose_model(ONE, costs, objective="seconds")
    assert rewritten.graph is ONE
    assert "nobody knows how fast fast is" in [note.because for note in rewritten.notes]


def test_a_call_whose_own_model_is_unknown_is_left_alone() -> None:
    for known in (msgspec.structs.replace(BIG, input_per_mtok=None), msgspec.structs.replace(BIG, quality=None)):
        rewritten = choose_model(ONE, FixedCosts(platform(known, MINI)))
        assert rewritten.graph is ONE
        assert rewritten.notes[0].because.startswith("nobody knows")


def test_no_choice_no_change_no_note() -> None:
    for costs in (FixedCosts(platform(BIG)), FixedCosts(Platform())):
        assert choose_model(ONE, costs, floor=0.8) == choose_model(ONE, costs, floor=0.8)
        assert choose_model(ONE, costs, floor=0.8).notes == ()
    assert choose_model(Graph(), ALL).graph == Graph()
    other = Graph([Task("x", "text.count", {"text": "a"})])
    assert choose_model(other, ALL, floor=0.0).graph is other


def test_a_floor_that_no_model_reaches_changes_nothing() -> None:
    rewritten = choose_model(ONE, ALL, floor=0.99)
    assert rewritten.graph is ONE
    assert "no model of the platform has a quality of 0.99, so big stays" in [n.because for n in rewritten.notes]


def test_the_turns_of_a_conversation_get_one_model() -> None:
    calls = [asking("a", "Sum up. ", DOC), asking("b", "And? ", DOC, Ref("a")), asking("c", "Or? ", DOC, Ref("a"))]
    keeping = FixedCosts(platform(*(msgspec.structs.replace(model, timing=KEEPS) for model in (BIG, MINI))))
    folded = fold_conversation(Graph(calls), keeping).graph
    assert [[turn.id for turn in turns] for turns in conversations(folded)] == [["a", "b", "c"]]
    rewritten = choose_model(folded, keeping, floor=0.8)
    assert [model_of(rewritten.graph, task) for task in "abc"] == ["mini"] * 3
    assert [note.tasks for note in rewritten.notes] == [("a", "b", "c")]
    named = msgspec.structs.replace(folded["c"], args={**folded["c"].args, "model": "big"})
    mixed = Graph([folded["a"], folded["b"], named])
    assert choose_model(mixed, keeping, floor=0.8).graph is mixed


def diamond() -> Graph:
    """A long branch and a short one between two calls."""
    a = asking("a", "Begin. ", DOC)
    b = asking("b", "Long. ", DOC, Ref("a"))
    c = asking("c", "Longer. ", DOC, Ref("b"))
    d = asking("d", "Short. ", DOC, Ref("a"))
    return Graph([a, b, c, d, asking("e", "End. ", Ref("c"), Ref("d"))])


def test_under_a_deadline_only_the_longest_path_is_sped_up() -> None:
    graph = diamond()
    slow = critical_path(graph, lambda task: ALL.estimate(task, Option(model="mini")).seconds.mid)[1]
    rewritten = choose_model(graph, ALL, floor=0.8, deadline_s=slow * 0.6)
    chosen = {task: model_of(rewritten.graph, task) for task in "abcde"}
    assert chosen["d"] == "mini"  # it waits for nobody's sake
    assert "fast" in chosen.values()
    assert critical_path(rewritten.graph, lambda task: ALL.estimate(task).seconds.mid)[1] <= slow * 0.6
    assert all(note.kind == "made" for note in rewritten.notes if note.tasks == ("d",))


def test_limits_that_cannot_be_met_say_what_it_takes() -> None:
    late = choose_model(diamond(), ALL, floor=0.8, deadline_s=0.001)
    assert re.match(r"the limits cannot be met: it takes \d.* s of the 0.001 s that there are", late.notes[0].because)
    poor = choose_model(diamond(), ALL, floor=0.8, objective="seconds", budget_money=0.0)
    assert re.match(r"the limits cannot be met: it takes \$0\.\d+ of the \$0 that there are", poor.notes[0].because)
    assert {model_of(poor.graph, task) for task in "abcde"} == {"mini"}


def random_calls(dice: random.Random) -> tuple[Graph, FixedCosts]:
    models = [
        Model(
            f"m{n}",
            price := dice.uniform(0.5, 8.0),
            price / 10,
            price * 4,
            quality=0.9,
            timing=speed(dice.uniform(20.0, 60.0) * price**0.5),
        )
        for n in range(3)
    ]
    tasks: list[Task] = []
    for n in range(dice.randint(3, 5)):
        read = [Ref(f"t{k}") for k in range(n) if dice.random() < 0.4]
        tasks.append(asking(f"t{n}", "x" * dice.randint(40, 20_000), *read))
    return Graph(tasks), FixedCosts(platform(*models, default="m0"), answers=dice.uniform(50, 800))


def figures(graph: Graph, costs: FixedCosts, choice: dict[str, str]) -> tuple[float, float]:
    def option(task: Task) -> Option:
        return Option(model=choice[task.id])

    money = sum(costs.estimate(task, option(task)).money.mid for task in graph)
    return money, critical_path(graph, lambda task: costs.estimate(task, option(task)).seconds.mid)[1]


@pytest.mark.parametrize("objective", ["money", "seconds"])
def test_on_small_graphs_the_choice_is_within_two_percent_of_the_best_in_the_mean(objective: Any) -> None:
    gaps: list[float] = []
    for seed in range(40):
        dice = random.Random(seed)
        graph, costs = random_calls(dice)
        names = list(graph.tasks)
        everything = [
            figures(graph, costs, dict(zip(names, chosen, strict=True)))
            for chosen in itertools.product(costs.platform.models, repeat=len(names))
        ]
        part = dice.random()
        limited = 1 if objective == "money" else 0
        least, most = (pick(each[limited] for each in everything) for pick in (min, max))
        limit = least + part * (most - least)
        best = min(each[1 - limited] for each in everything if each[limited] <= limit)
        limits: dict[str, Any] = {"deadline_s": limit} if limited else {"budget_money": limit}
        after = choose_model(graph, costs, floor=0.0, objective=objective, **limits).graph
        found = figures(graph, costs, {name: model_of(after, name) or "m0" for name in names})
        assert found[limited] <= limit * (1 + 1e-9)
        gaps.append(found[1 - limited] / best - 1)
    assert sum(gaps) / len(gaps) <= 0.02
    assert max(gaps) <= 0.35


KINDS = st.sampled_from([Effects("pure"), Effects("once"), Effects("idempotent", writes=("file:x",))])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(KINDS, st.sampled_from([None, "big", "mini"])), max_size=6), st.sampled_from([0.1, 1, 10]))
def test_whatever_is_estimated_only_the_model_changes(kinds: list[tuple[Effects, str | None]], wrong: float) -> None:
    tasks = []
    for n, (effects, model) in enumerate(kinds):
        named = {} if model is None else {"model": model}
        tasks.append(asking(f"t{n}", "Go. ", *([Ref(f"t{n - 1}")] if n else []), effects=effects, **named))
    graph = Graph(tasks)
    costs = FixedCosts(ALL.platform, wrong=wrong)
    rewritten = choose_model(graph, costs, floor=0.5, deadline_s=5.0)
    after = rewritten.graph
    assert faults(graph, rewritten) == []
    for task in graph:
        now = after[task.id]
        assert {**now.args, "model": None} == {**task.args, "model": None}
        assert (now.effects.kind, now.effects.writes) == (task.effects.kind, task.effects.writes)
        assert task.args.get("model") in (None, now.args["model"])


def test_hundreds_of_calls_under_a_deadline() -> None:
    tasks = [asking("t0", "Go. ", DOC)] + [asking(f"t{n}", "Go on. ", Ref(f"t{n // 3}")) for n in range(1, 600)]
    rewritten = choose_model(Graph(tasks), ALL, floor=0.8, deadline_s=12.0)
    assert {note.kind for note in rewritten.notes} == {"made"}
