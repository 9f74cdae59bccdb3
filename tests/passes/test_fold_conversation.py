"""fold_conversation: what is folded, how the prompts change, what is refused, and that the answers stay."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.cost.calls import ModelCall
from orrery.graph import Edge, Effects, Expr, Graph, Ref, Task, Template
from orrery.graph.place import Place
from orrery.graph.ref import INPUTS
from orrery.graph.resolve import resolve
from orrery.graph.task import Each, EffectKind
from orrery.models.marks import expanded
from orrery.models.simulated import Asked, Timing
from orrery.passes.check import faults
from orrery.passes.fold_conversation import fold_conversation
from orrery.runtime.session import Session
from tests.passes.model_calls import FORGETS, FixedCosts, asking, one_model
from tests.simulated import Simulated, simulated

__all__ = ["simulated"]

DOC = Ref(INPUTS, ("doc",))


def chain(length: int, **changes: Any) -> Graph:
    """Every call reads its instruction, a document, and all answers before."""
    tasks = []
    for n in range(length):
        before: list[Any] = [part for k in range(n) for part in ("\n\n", Ref(f"t{k}"))]
        tasks.append(asking(f"t{n}", f"Step {n}: go on. Text:\n\n", DOC, *before, **changes))
    return Graph(tasks, outputs={"last": Ref(f"t{length - 1}"), "first": Ref("t0")})


def answer(system: str, question: str) -> str:
    """What a deterministic model says: it depends on the system's words, the instruction and all of the material."""
    return hashlib.sha256(f"{system}|{question}".encode()).hexdigest() * 3


def performed(graph: Graph, inputs: dict[str, Any]) -> dict[str, str]:
    """The answer of every call of a graph, by a model that reads its whole conversation."""
    answers: dict[str, str] = {}

    def value(ref: Ref) -> Any:
        return inputs[str(ref.path[0])] if ref.task == INPUTS else answers[ref.task]

    for task in graph.in_order():
        args = resolve(task.args, value)
        history = args.get("history") or []
        questions = [one["question"] for one in history] + [args["prompt"]]
        answers[task.id] = answer(args.get("system") or "", expanded(questions, [one["answer"] for one in history]))
    return answers


def test_a_chain_becomes_one_conversation() -> None:
    folded = fold_conversation(chain(3), FixedCosts())
    marked = Template(["Step 0: go on. Text:\n\n[text 1.1]\n", DOC, "\n[end of text 1.1]"])
    assert folded.graph["t0"].args == {"prompt": marked}
    second = "Step 1: go on. Text:\n\n[text 1.1 above]\n\n[answer 1 above]"
    assert folded.graph["t1"].args == {"prompt": second, "history": [{"question": marked, "answer": Ref("t0")}]}
    assert folded.graph["t2"].args == {
        "prompt": "Step 2: go on. Text:\n\n[text 1.1 above]\n\n[answer 1 above]\n\n[answer 2 above]",
        "history": [{"question": marked, "answer": Ref("t0")}, {"question": second, "answer": Ref("t1")}],
    }
    assert folded.graph.outputs == chain(3).outputs
    (note,) = folded.notes
    assert note.kind == "made"
    assert note.tasks == ("t0", "t1", "t2")
    assert re.fullmatch(r"1,2\d\d prompt tokens read anew in one conversation, 3,\d\d\d apart", note.because)
    assert note.saves_s is not None
    assert note.saves_s > 0
    assert note.saves_money is not None
    assert note.saves_money > 0


def test_a_paragraph_that_is_repeated_word_for_word_is_said_once() -> None:
    long = "All of this is known to everybody who is asked. " * 8
    graph = Graph([asking("a", f"What is it?\n\n{long}"), asking("b", f"Who says so?\n\n{long}\n\n", Ref("a"))])
    folded = fold_conversation(graph, FixedCosts()).graph
    assert folded["a"].args["prompt"] == f"What is it?\n\n[text 1.1]\n{long}\n[end of text 1.1]"
    assert folded["b"].args["prompt"] == "Who says so?\n\n[text 1.1 above]\n\n[answer 1 above]"
    assert performed(folded, {}) == performed(graph, {})


def test_parallel_calls_go_on_with_the_same_conversation_beside_each_other() -> None:
    a = asking("a", "Sum up. ", DOC)
    b, c = (asking(name, f"{name}? ", DOC, Ref("a")) for name in "bc")
    d = asking("d", "Both? ", DOC, Ref("a"), Ref("b"), Ref("c"))
    graph = Graph([a, b, c, d])
    folded = fold_conversation(graph, FixedCosts()).graph
    assert {edge.source for edge in folded.incoming("b")} == {"a"}
    assert {edge.source for edge in folded.incoming("c")} == {"a"}
    assert {edge.source for edge in folded.incoming("d")} == {"a", "b", "c"}
    assert folded["d"].args["prompt"] == Template(["Both? [text 1.1 above][answer 1 above][answer 2 above]", Ref("c")])
    assert performed(folded, {"doc": "D" * 400}) == performed(graph, {"doc": "D" * 400})


def test_a_server_without_a_prefix_cache_has_no_gain() -> None:
    graph = chain(6)
    rewritten = fold_conversation(graph, FixedCosts(one_model(FORGETS)))
    assert rewritten.graph is graph
    (note,) = rewritten.notes
    assert note.kind == "rejected"
    assert "'m' keeps nothing of what it has read" in note.because
    assert note.saves_tokens is not None
    assert note.saves_tokens < 0  # both figures are there, and the conversation reads more


def test_a_server_of_which_nothing_is_known_is_left_alone() -> None:
    graph = chain(4)
    for platform in (one_model(None), msgspec.structs.replace(one_model(), default_model="")):
        rewritten = fold_conversation(graph, FixedCosts(platform))
        assert rewritten.graph is graph
        assert "nobody knows" in rewritten.notes[0].because


def test_prompts_that_share_their_beginnings_already_are_left_alone() -> None:
    tasks = [asking("t0", DOC, "Step 0")]
    tasks += [asking(f"t{n}", DOC, f"Step {n}", Ref(f"t{n - 1}")) for n in range(1, 5)]
    graph = Graph(tasks)
    rewritten = fold_conversation(graph, FixedCosts(answers=5.0))
    assert rewritten.graph is graph
    assert [note.kind for note in rewritten.notes] == ["rejected"] * 4
    assert all(note.saves_tokens is not None and note.saves_tokens <= 0 for note in rewritten.notes)


def test_what_saves_too_little_is_left_alone() -> None:
    rewritten = fold_conversation(chain(3), FixedCosts(), least_saved=0.9)
    assert rewritten.notes[0].kind == "rejected"
    assert "that saves less than 90%" in rewritten.notes[0].because


def test_what_is_kept_may_not_cost_more_money() -> None:
    once, often = "x" * 20_000, "\n\n" + "y" * 400 + "\n\n"
    calls = [asking("a", once, often), asking("b", "b", often, DOC, Ref("a")), asking("c", "c", often, DOC, Ref("b"))]
    graph = Graph(calls)
    same_price = fold_conversation(graph, FixedCosts(one_model(cached_per_mtok=1.0)), least_saved=0.05)
    assert same_price.notes[0].kind == "rejected"
    assert "but what is kept costs $0.0" in same_price.notes[0].because
    for_free = fold_conversation(graph, FixedCosts(one_model(cached_per_mtok=0.0)), least_saved=0.05)
    assert for_free.notes[0].kind == "made"


def test_folding_twice_is_folding_once() -> None:
    folded = fold_conversation(chain(5), FixedCosts())
    again = fold_conversation(folded.graph, FixedCosts())
    assert again.graph is folded.graph
    assert all("t0 is part of a conversation already" in note.because for note in again.notes)


def test_a_conversation_has_a_longest_length() -> None:
    folded = fold_conversation(chain(10), FixedCosts(), most_turns=4).graph
    assert max(len(task.args.get("history", ())) for task in folded) == 3
    assert performed(folded, {"doc": "D" * 99}) == performed(chain(10), {"doc": "D" * 99})


def test_a_soft_edge_gives_way_to_the_reference() -> None:
    graph = chain(3)
    third = msgspec.structs.replace(graph["t2"], args={"prompt": Template(["And? ", DOC, Ref("t1")])})
    graph = Graph([graph["t0"], graph["t1"], third], [Edge("t0", "t2", hard=False)], {"last": Ref("t2")})
    folded = fold_conversation(graph, FixedCosts()).graph
    assert [edge.hard for edge in folded.incoming("t2")] == [True, True]


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"model": "other"}, "they ask differently"),
        ({"system": "Be brief."}, "they ask differently"),
        ({"temperature": 0.0}, "they ask differently"),
        ({"thinking_tokens": 2048}, "they ask differently"),
        ({"history": []}, "says what was said before it"),
        ({"cache": False}, "is to be answered anew"),
        ({"schema": {"type": "object"}}, "answered as data"),
        ({"model": Ref(INPUTS, ("m",))}, "known only when it runs"),
        ({"temperature": Ref(INPUTS, ("t",))}, "known only when it runs"),
        ({"effects": Effects("once")}, "has effects"),
        ({"effects": Effects("idempotent", writes=("file:x",))}, "has effects"),
        ({"executor": "person"}, "has effects"),
        ({"executor": "thread"}, "they ask differently"),
        ({"when": Expr("x", {"x": DOC})}, "depends on a condition"),
        ({"each": Each([1, 2])}, "once per item"),
        ({"join": 1}, "depends on a condition"),
        ({"place": Place(on=("pi",))}, "says where it runs"),
        ({"unheard_of": 1}, "argument 'unheard_of'"),
    ],
)
def test_what_is_refused(change: dict[str, Any], because: str) -> None:
    second = asking("b", "And now? ", DOC, Ref("a"), **change)
    graph = Graph([asking("a", "Sum up. ", DOC), second])
    rewritten = fold_conversation(graph, FixedCosts())
    assert rewritten.graph is graph
    (note,) = rewritten.notes
    assert (note.kind, note.tasks) == ("rejected", ("a", "b"))
    assert because in note.because


@pytest.mark.parametrize("on", ["failure", "completion", Expr("result == 'x'")])
def test_an_edge_on_anything_but_success_is_refused(on: Any) -> None:
    graph = Graph([asking("a", "Sum up. ", DOC), asking("b", "And? ", DOC)], [Edge("a", "b", on=on)])
    rewritten = fold_conversation(graph, FixedCosts())
    assert rewritten.graph is graph
    assert "depends on a condition" in rewritten.notes[0].because


LABELS: st.SearchStrategy[EffectKind] = st.sampled_from(["pure", "idempotent", "keyed", "once"])
OTHERWISE: dict[str, Any] = {"model": "other", "system": "S", "cache": False, "temperature": 0.0}


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Calls with random effects, models and settings, each of which reads some of those before it."""
    tasks: list[Task] = []
    for n in range(draw(st.integers(1, 8))):
        read = [Ref(f"t{k}") for k in range(n) if draw(st.booleans())]
        writes = ("file:x",) if draw(st.integers(0, 4)) == 0 else ()
        effects = Effects(draw(LABELS) if draw(st.booleans()) else "idempotent", writes=writes)
        args = {name: value for name, value in OTHERWISE.items() if draw(st.integers(0, 5)) == 0}
        pieces: list[str | Ref] = [f"Do {n}. ", DOC, *read]
        parts = draw(st.permutations(pieces))
        tasks.append(asking(f"t{n}", *parts, effects=effects, **args))
    return Graph(tasks, outputs={"all": [Ref(task.id) for task in tasks]})


@settings(max_examples=150, deadline=None)
@given(graphs(), st.sampled_from([0.1, 1.0, 10.0]))
def test_whatever_the_labels_only_alike_and_harmless_calls_are_folded_and_answers_stay(
    graph: Graph, wrong: float
) -> None:
    rewritten = fold_conversation(graph, FixedCosts(wrong=wrong), least_saved=0.0)
    folded = rewritten.graph
    assert faults(graph, rewritten) == []
    for task in folded:
        history = task.args.get("history")
        if not history:
            continue
        for source in [ref.task for ref in (one["answer"] for one in history)]:
            for name in ("system", "temperature", "cache"):
                assert graph[source].args.get(name) == task.args.get(name)
            assert (graph[source].args.get("model") or "m") == (task.args.get("model") or "m")
            for one in (graph[source], task):
                assert one.effects.kind in ("pure", "idempotent")
                assert not one.effects.writes
                assert one.args.get("cache", True)
    inputs = {"doc": "A document.\n\n" * 40}
    assert performed(folded, inputs) == performed(graph, inputs)
    for edge in (edge for task in graph for edge in graph.incoming(task.id)):
        assert any(now.source == edge.source and now.hard for now in folded.incoming(edge.target))
    assert {name: list(value) for name, value in folded.outputs.items()} == graph.outputs


def test_an_empty_graph_and_a_graph_without_calls_stay_as_they_are() -> None:
    for graph in (Graph(), Graph([Task("x", "text.count", {"text": "a"})]), Graph([asking("a", "hi")])):
        assert fold_conversation(graph, FixedCosts()).graph is graph


def test_time_is_proportional_to_the_calls() -> None:
    def seconds(length: int) -> float:
        tasks = [asking("t0", "Go. ", DOC)]
        tasks += [asking(f"t{n}", f"Go on {n}. ", DOC, Ref(f"t{n - 1}")) for n in range(1, length)]
        graph = Graph(tasks)
        began = time.process_time()
        rewritten = fold_conversation(graph, FixedCosts())
        took = time.process_time() - began
        assert len(rewritten.notes) == length // 16
        assert sum(len(task.args.get("history", ())) for task in rewritten.graph) == length // 16 * sum(range(16))
        return took

    small = min(seconds(320) for _ in range(3))
    assert seconds(3200) < 30 * small  # of ten times as many


def by_material(asked: Asked) -> str:
    """A model that answers by what it is asked and the material it finds, wherever in the conversation it stands."""
    questions = [message.text for message in asked.messages if message.role == "user"]
    answers = [message.text for message in asked.messages if message.role == "assistant"]
    return answer(asked.system, expanded(questions, answers))


@pytest.mark.parametrize(("block_tokens", "gain"), [(16, True), (0, False)])
def test_over_http_a_chain_of_six_answers_the_same_and_reads_half(
    simulated: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block_tokens: int, gain: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    timing = Timing(first_s=0.0, tokens_per_s=float("inf"), block_tokens=block_tokens)
    graph = chain(6, system="You are careful.")
    folded = fold_conversation(graph, FixedCosts(answers=48.0, inputs=500.0), least_saved=0.0).graph

    async def read(what: Graph) -> tuple[dict[str, Any], int]:
        server = simulated(by_material, timing=timing)
        (tmp_path / "simulated-models.toml.db").unlink(missing_ok=True)  # answers of the other server
        async with Session("memory:") as session:
            result = await session.start(what, {"doc": "word " * 400}).wait()
        assert result.state == "succeeded", result.error
        return result.outputs, server.counts.input_tokens - server.counts.cached_tokens

    before, apart = asyncio.run(read(graph))
    after, together = asyncio.run(read(folded))
    assert after == before
    assert (together <= apart / 2) is gain


def test_what_is_read_of_a_folded_call_is_its_conversation() -> None:
    call = ModelCall.of(fold_conversation(chain(2), FixedCosts()).graph["t1"])
    assert call is not None
    assert [part for part in call.parts if isinstance(part, Ref)] == [DOC, Ref("t0")]
