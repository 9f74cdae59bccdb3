"""One plan after another on the replicas of a model: what was read where is remembered, and no answer changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from orrery.cost import Model
from orrery.graph import Each, Effects, Graph, Ref, Task
from orrery.models.serving import Call, Piece, Timing
from orrery.routing.replicas import Affinity, assign
from orrery.scheduler.asking import PERSON

LAW = Timing(first_s=0.05, tokens_per_s=50, prefill_per_s=4000, slots=8)
ASKS = Effects("idempotent", ("model:m",))


def servers(*names: str, timing: Timing | None = LAW) -> list[Model]:
    return [Model(name, timing=timing) for name in names]


def affinity(*names: str, timing: Timing | None = LAW) -> Affinity:
    """Of the model "m" with these servers; any other has one that nothing is known of."""
    return Affinity(lambda model: servers(*names, timing=timing) if model == "m" else [Model(model)])


def ask(name: str, prompt: str, **more: object) -> Task:
    return Task(name, "model.ask", {"prompt": prompt, "model": "m", "max_tokens": 50} | more, effects=ASKS)


def document(n: int, *, tokens: int = 1500) -> str:
    return f"Document {n}: " + f"{n} and on. " * (tokens * 4 // 11)


def window(first: int, documents: Sequence[int], *, tokens: int = 1500) -> Graph:
    prompts = [f"{document(one, tokens=tokens)}\nQuestion {first + n}?" for n, one in enumerate(documents)]
    return Graph([ask(f"r{first + n}", prompt) for n, prompt in enumerate(prompts)])


def test_a_later_plan_goes_where_an_earlier_one_was_read() -> None:
    spread = affinity("m", "m2")
    home: dict[int, str] = {}
    for first in range(0, 96, 6):  # six of eight documents in each window, never all of them
        documents = [(first + n) % 8 for n in range(6)]
        placed = spread.place(window(first, documents, tokens=6000))
        for n, one in enumerate(documents):
            assert home.setdefault(one, placed.servers[f"r{first + n}"]) == placed.servers[f"r{first + n}"]
    assert Counter(home.values()) == {"m": 4, "m2": 4}


def test_a_plan_that_was_placed_before_is_taken_in() -> None:
    before = affinity("m", "m2")
    windows = [window(0, [0, 1, 2, 3]), window(4, [4, 5, 6, 7])]
    placed = [before.place(one) for one in windows]
    again = affinity("m", "m2")
    for was in placed:
        again.recall(was.graph)
    for plan, was in zip(windows, placed, strict=True):
        assert again.place(plan).servers == was.servers


def test_only_the_model_and_what_stands_for_it_change() -> None:
    graph = Graph(
        [
            *(ask(f"t{n}", f"{document(n % 2)}{n}") for n in range(8)),
            Task("sum", "add", {"of": [Ref(f"t{n}") for n in range(8)]}),
        ],
        outputs={"sum": Ref("sum"), "third": Ref("t3")},
    )
    made = affinity("m", "m2").place(graph)
    assert set(made.servers.values()) == {"m", "m2"}
    assert (made.graph.outputs, made.graph.edges) == (graph.outputs, graph.edges)
    for task in graph:
        now = made.graph[task.id]
        assert {**now.args, "model": "m"} == {**task.args, "model": "m"}
        if task.op == "model.ask":
            assert now.args["model"] == made.servers[task.id]
            assert now.effects.reads == (f"model:{made.servers[task.id]}",)


def test_replicas_take_turns_and_what_begins_alike_goes_one_after_another() -> None:
    graph = Graph([ask(f"t{n}", f"{document(n % 2)}{n}") for n in range(8)])
    made = affinity("m", "m2").place(graph)
    order = [made.servers[task.id] for task in made.graph]
    assert order == ["m", "m2"] * 4
    alone = affinity("m").place(graph)
    assert [task.id for task in alone.graph] == ["t0", "t2", "t4", "t6", "t1", "t3", "t5", "t7"]
    assert not alone.servers


def test_nothing_is_said_of_one_server_without_a_cache_and_of_what_cannot_be_placed() -> None:
    graph = window(0, [0, 1, 0, 1])
    for nothing in (affinity(), affinity("m", timing=None), affinity("m", timing=Timing(block_tokens=0))):
        assert nothing.place(graph).graph is graph
    other = Graph(
        [
            ask("whom", "Hello", model=Ref("who")),
            Task("who", "name", {}),
            ask("a replica", "Hello", model="m2"),
            Task("each", "model.ask", {"prompt": "Hello", "model": "m"}, each=Each(["a", "b"]), effects=ASKS),
            Task("far", "model.ask", {"prompt": "Hello", "model": "m"}, "fleet", effects=ASKS),
            Task("person", "model.ask", {"prompt": "Hello", "model": "m"}, PERSON, effects=ASKS),
        ]
    )
    assert affinity("m", "m2").place(other).graph is other


def test_the_turns_of_a_conversation_stay_together() -> None:
    def story(n: int) -> list[Task]:
        first, second = f"first {n}", f"second {n}"
        said = [{"question": f"{document(0)}{n}", "answer": Ref(first)}]
        return [ask(first, f"{document(0)}{n}", history=[]), ask(second, "And then?", history=said)]

    made = affinity("m", "m2").place(Graph([task for n in range(6) for task in story(n)]))
    assert all(made.servers[f"first {n}"] == made.servers[f"second {n}"] for n in range(6))
    assert len(set(made.servers.values())) == 2


def test_of_servers_of_which_nothing_is_known_all_are_used() -> None:
    made = affinity("m", "m2", "m3", timing=None).place(window(0, [n % 6 for n in range(30)]))
    assert Counter(made.servers.values()) == {"m": 10, "m2": 10, "m3": 10}


@given(st.lists(st.lists(st.integers(0, 5), max_size=12), max_size=5), st.integers(1, 4))
def test_whatever_comes_every_call_is_made_once_and_the_same_again(windows: list[list[int]], count: int) -> None:
    names = ["m", *(f"m{n}" for n in range(2, count + 1))]

    def all_of_it() -> list[tuple[list[str], dict[str, str]]]:
        spread = affinity(*names)
        placed = [spread.place(window(20 * n, documents)) for n, documents in enumerate(windows)]
        return [([task.id for task in one.graph], dict(one.servers)) for one in placed]

    found = all_of_it()
    assert found == all_of_it()
    for n, (documents, (order, servers)) in enumerate(zip(windows, found, strict=True)):
        assert sorted(order) == sorted(f"r{20 * n + k}" for k in range(len(documents)))
        assert set(servers.values()) <= set(names)


def calls(*prompts: tuple[str, int]) -> list[Call]:
    return [Call((Piece(name, tokens), Piece(("rest", n), 5)), 20) for n, (name, tokens) in enumerate(prompts)]


def test_what_a_replica_has_read_draws_calls_there_and_what_it_has_to_do_drives_them_away() -> None:
    two = calls(("a", 4000), ("b", 4000))
    read = [[0, 4000], [4000, 0]]
    placed = assign(two, LAW, replicas=2, effort=0, read=read)
    assert placed.replica == (1, 0)
    part = assign(two, LAW, replicas=2, effort=0, read=[[0, 3000], [3000, 0]])
    assert part.replica == (1, 0)
    assert part.seconds > placed.seconds, "the end of it is to be read still"
    assert assign(two, LAW, replicas=2, effort=0, read=read, busy_s=[0.0, 99.0]).replica == (0, 0)
    assert max(placed.busy_s) == placed.seconds


def test_replicas_that_know_nothing_are_as_if_nothing_was_said_of_them() -> None:
    some = calls(*((name, 500) for name in "abcabcaab"))
    plain = assign(some, LAW, replicas=3, effort=0)
    assert assign(some, LAW, replicas=3, effort=0, read=[[0] * 9] * 3, busy_s=[0.0] * 3) == plain
