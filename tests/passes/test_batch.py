"""Many rows through one plan: equal work once, every row what it would get alone."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import InputError
from orrery.graph import Blob, Graph, Ref
from orrery.graph.text import parse
from orrery.passes.batch import RowKeys, consolidate
from orrery.passes.effects import may_share
from orrery.testing.lookalikes import lookalikes
from orrery.testing.performing import by_digest, perform, said

PLAN = parse(
    """
    load = read(path=@inputs.doc) [pure]
    gist = model.ask(prompt=t"Sum up: {load}") [idempotent, reads "model:m"]
    answer = model.ask(prompt=t"{gist} And: {@inputs.question}") [idempotent, reads "model:m"]
    save = write(answer, path=@inputs.doc) [idempotent, writes "file:{path}"]
    return answer, save
    """
)
ROWS = [{"doc": f"d{number % 2}", "question": f"q{number % 3}"} for number in range(12)]


def test_equal_work_exists_once_and_effects_for_every_row() -> None:
    made = consolidate(PLAN, ROWS)
    tasks = [task.id.split("/")[1] for task in made.graph]
    assert {name: tasks.count(name) for name in tasks} == {"load": 2, "gist": 2, "answer": 6, "save": 12}
    assert made.rows["r0/load"] == [0, 2, 4, 6, 8, 10]
    assert made.rows["r7/save"] == [7]
    assert made.graph["r0/load"].args == {"path": "d0"}
    assert made.outputs[7] == {"answer": "r7.answer", "save": "r7.save"}
    assert made.refused == {}
    assert made.keys.keys() == {task.id for task in made.graph if may_share(task)}


def alone(graph: Graph, row: dict[str, Any]) -> dict[str, Any]:
    return perform(graph, inputs=row).outputs


def test_every_row_gets_what_it_would_get_alone() -> None:
    made = consolidate(PLAN, dict(enumerate(ROWS, start=100)))
    whole = perform(made.graph).outputs
    for number, row in enumerate(ROWS, start=100):
        for name, value in alone(PLAN, row).items():
            assert whole[made.outputs[number][name]] == value


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32), st.lists(st.tuples(st.sampled_from([1, 2, True]), st.sampled_from(["two", 1])), max_size=5)
)
def test_any_workflow_gives_every_row_its_own(seed: int, values: list[tuple[Any, Any]]) -> None:
    graph = lookalikes(seed, tasks=8)
    rows = [{"x": x, "y": y} for x, y in values]
    made = consolidate(graph, rows)
    assert made.refused == {}
    whole = perform(made.graph)
    for number, row in enumerate(rows):
        run = perform(graph, inputs=row)
        if graph.outputs and not run.undecided and not whole.undecided:
            assert {name: whole.outputs.get(made.outputs[number][name]) for name in run.outputs} == run.outputs
    impure = [task.id for task in graph if not may_share(task)]
    assert sum(not may_share(task) for task in made.graph) == len(impure) * len(rows)


def test_keys_are_the_same_in_every_process_and_tell_values_apart() -> None:
    keys = RowKeys(PLAN)
    one = keys.keys(ROWS[0])
    assert list(one) == ["load", "gist", "answer"]
    assert keys.keyed == ("load", "gist", "answer")
    assert one == RowKeys(PLAN).keys(dict(reversed(ROWS[0].items())))
    code = "from tests.passes.test_batch import *; print(RowKeys(PLAN).keys(ROWS[0])['answer'].hex())"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == one["answer"].hex()
    graph = parse("a = f(x=@inputs.x) [pure]\nreturn a")
    values: list[Any] = [1, True, 1.0, "1", 0.0, -0.0, None, [1], (1,), {"x": 1}, b"1"]
    assert len({RowKeys(graph).keys({"x": value})["a"] for value in values}) == len(values) - 1  # a tuple is a list


def test_what_two_tasks_ask_of_two_inputs_is_one_where_the_inputs_are_equal() -> None:
    graph = parse("a = f(x=@inputs.x) [pure]\nb = f(x=@inputs.y) [pure]\nc = g(a, b) [pure]\nreturn c")
    made = consolidate(graph, [{"x": 1, "y": 2}, {"x": 2, "y": 1}, {"x": 1, "y": 1}])
    assert [task.id for task in made.graph] == ["r0/a", "r0/b", "r0/c", "r1/c", "r2/c"]
    assert made.rows["r0/a"] == [0, 1, 2]
    picky = parse(
        "a = f(x=@inputs.x) [pure]\nb = f(x=@inputs.y) [pure]\nc = g() [pure, after a, after b, needs 1]\nreturn c"
    )
    assert len(consolidate(picky, [{"x": 1, "y": 1}]).graph) == 3


def test_rows_that_cannot_be_run_are_named_and_the_others_run() -> None:
    graph = parse("a = f(n=@item) [pure, each @inputs.many]\nb = f(x=@inputs.who.name) [pure]\nreturn a, b")
    good: dict[str, Any] = {"many": [1], "who": {"name": "x"}}
    rows: list[dict[str, Any]] = [
        good,
        {"many": [1]},
        {**good, "many": 3},
        {**good, "who": "x"},
        {**good, "who": {"nam": "x"}},
        good,
    ]
    made = consolidate(graph, rows)
    assert set(made.refused) == {1, 2, 3, 4}
    assert "no 'who'" in made.refused[1]
    assert "for-each needs a list" in made.refused[2]
    assert "did you mean 'nam'" in made.refused[4]
    assert sorted(made.outputs) == [0, 5]
    assert len(made.graph) == 2
    with pytest.raises(InputError, match="no 'who'"):
        RowKeys(graph).keys(rows[1])


def test_a_condition_over_an_input_is_settled_for_the_row() -> None:
    graph = parse('a = f(n=1) [pure, when "x > 1" (x=@inputs.x)]\nreturn a')
    made = consolidate(graph, [{"x": 1}, {"x": 2}, {"x": 3}])
    assert [task.when.source for task in made.graph if task.when] == ["False", "True", "True"]


def test_known_results_are_put_in_and_what_led_to_them_is_left_out() -> None:
    keys = RowKeys(PLAN)
    known = {keys.keys(ROWS[0])["gist"]: "the gist", keys.keys(ROWS[3])["answer"]: "yes"}
    made = consolidate(PLAN, ROWS, known=known, keys=keys)
    assert "r0/load" not in made.graph
    assert "r0/gist" not in made.graph
    assert made.graph["r0/answer"].args == {"prompt": "the gist And: q0"}
    assert made.graph["r3/save"].args["answer"] == "yes"
    assert made.graph.outputs["r9.answer"] == "yes"
    assert made.graph["r1/gist"].op == "model.ask"


def test_known_results_give_the_same_outputs() -> None:
    keys = RowKeys(PLAN)
    whole = consolidate(PLAN, ROWS, keys=keys)
    operation = by_digest(failing=0.0)
    every = Graph(whole.graph, whole.graph.edges.values(), {task.id: Ref(task.id) for task in whole.graph})
    run = perform(every, operation=operation)
    results = {whole.keys[task]: run.outputs[task] for task in whole.keys}
    some = {key: value for number, (key, value) in enumerate(results.items()) if number % 3}
    less = consolidate(PLAN, ROWS, known=some, keys=keys)
    assert len(less.graph) < len(whole.graph)
    assert perform(less.graph, operation=operation).outputs == perform(whole.graph, operation=operation).outputs


def test_a_blob_is_put_in_whole_and_never_looked_into() -> None:
    graph = parse("a = f(x=@inputs.x) [pure]\nb = g(a) [pure]\nc = g(a.rows) [pure]\nreturn b")
    whole = parse("a = f(x=@inputs.x) [pure]\nb = g(a) [pure]\nreturn b")
    blob = Blob("0" * 64, 10**6, "value")
    known = {RowKeys(graph).keys({"x": 1})["a"]: blob}
    assert "r0/a" in consolidate(graph, [{"x": 1}], known=known).graph
    made = consolidate(whole, [{"x": 1}], known={RowKeys(whole).keys({"x": 1})["a"]: blob})
    assert [(task.id, task.args) for task in made.graph] == [("r0/b", {"a": blob})]


def test_what_more_is_asked_of_than_success_is_done_again() -> None:
    graph = parse("a = f(x=@inputs.x) [pure]\nb = g() [pure, after a.failure]\nreturn a, b")
    known = {RowKeys(graph).keys({"x": 1})["a"]: 7}
    assert "r0/a" in consolidate(graph, [{"x": 1}], known=known).graph


def test_ten_thousand_rows_that_ask_few_things_make_few_tasks() -> None:
    rows = [{"doc": f"d{number % 50}", "question": f"q{number % 10}"} for number in range(10_000)]
    plan = parse(
        "load = read(path=@inputs.doc) [pure]\n"
        'gist = model.ask(prompt=t"{load}") [idempotent, reads "m"]\n'
        'ask = model.ask(prompt=t"{gist} {@inputs.question}") [idempotent, reads "m"]\nreturn ask'
    )
    began = time.process_time()
    made = consolidate(plan, rows)
    assert len(made.graph) == 50 + 50 + 50
    assert len(made.outputs) == 10_000
    assert time.process_time() - began < 2.0  # 0.2 s on one core; the bench says more


def test_no_rows_make_an_empty_graph() -> None:
    made = consolidate(PLAN, [])
    assert len(made.graph) == 0
    assert said(dict(made.graph.outputs)) == said({})
