"""What merging says: whom it left apart and why, and which calls begin alike."""

from __future__ import annotations

from orrery.cost import Cost, Estimates, Model, Platform, Spread
from orrery.graph import Effects, Graph, Ref, Task
from orrery.graph.text import parse
from orrery.models.serving import Timing
from orrery.passes.merge_shared import merge_shared
from tests.passes.costs import LONG_TAILED, Always

WORDS = "You are careful and brief, and say where each claim is from. " * 8


def asks(timing: Timing | None) -> Always:
    platform = Platform({"m": Model("m", timing=timing)}, default_model="m")
    return Always(Cost(Spread.exactly(1.0), Spread.exactly(0.5), Spread.exactly(90.0), source="learned"), platform)


def test_what_is_saved_is_every_execution_but_one() -> None:
    graph = parse("a = f(n=1) [pure]\nb = f(n=1) [pure]\nc = f(n=1) [pure]\nreturn a, b, c")
    [note] = merge_shared(graph, asks(None)).notes
    assert (note.kind, note.tasks) == ("made", ("a", "b", "c"))
    assert (note.saves_s, note.saves_money, note.saves_tokens) == (2.0, 1.0, 180.0)


def test_of_a_for_each_every_item_is_saved() -> None:
    graph = parse("a = f(n=@item) [pure, each [1, 2, 3]]\nb = f(n=@item) [pure, each [1, 2, 3]]\nreturn a, b")
    [note] = merge_shared(graph, Estimates()).notes
    once = Estimates().estimate(graph["a"]).seconds.mid
    assert note.saves_s == 3 * once


def test_those_left_apart_are_told_with_the_reason() -> None:
    graph = parse("a = f(n=1) [pure]\nb = f(n=1) [pure]\nc = g() [after a, after b, needs 1]\nreturn a, b")
    made = merge_shared(graph, LONG_TAILED)
    assert made.graph is graph
    assert [(note.kind, note.tasks) for note in made.notes] == [("rejected", ("a", "b"))]
    assert "'c' needs some of its edges" in made.notes[0].because


def test_calls_that_begin_alike_are_told_with_what_a_prefix_cache_spares() -> None:
    calls = [
        Task(f"t{number}", "model.ask", {"prompt": f"{WORDS}Question {number}"}, effects=Effects("idempotent"))
        for number in range(4)
    ]
    graph = Graph([*calls, Task("other", "model.ask", {"prompt": "Hello"}, effects=Effects("idempotent"))])
    keeps = merge_shared(graph, asks(Timing(prefill_per_s=1000.0, block_tokens=16))).notes
    tokens = len(WORDS + "Question ") // 4 // 16 * 16
    assert [(note.tasks, note.saves_tokens) for note in keeps] == [(("t0", "t1", "t2", "t3"), 3.0 * tokens)]
    assert keeps[0].saves_s == 3 * tokens / 1000
    for forgetful in (Timing(block_tokens=0), None):
        [note] = merge_shared(graph, asks(forgetful)).notes
        assert note.saves_tokens is None


def test_a_hundred_equal_chains_become_one() -> None:
    chains = [
        Task(f"c{chain}t{step}", "f", {"x": Ref(f"c{chain}t{step - 1}")} if step else {}, effects=Effects("pure"))
        for chain in range(100)
        for step in range(50)
    ]
    graph = Graph(chains, outputs={f"c{chain}": Ref(f"c{chain}t49") for chain in range(100)})
    made = merge_shared(graph, LONG_TAILED)
    assert list(made.graph.tasks) == [f"c0t{step}" for step in range(50)]
    assert set(made.graph.outputs.values()) == {Ref("c0t49")}
