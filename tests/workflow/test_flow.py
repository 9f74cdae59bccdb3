"""Python flows: traced into graphs, with errors that say what to do instead."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orrery.errors import ArgumentError, FlowError, InputError, OperationError
from orrery.graph import INPUTS, ITEM, Edge, Effects, Expr, Ref, Retry, Template
from orrery.tools import tool
from orrery.tools.files import glob
from orrery.workflow import ask, code, flow, task, text, when


@dataclass
class Page:
    url: str
    words: list[str]


@task
def fetch(url: str, tries: int = 1) -> Page:
    """A page."""
    return Page(url, [url] * tries)


@task(retry=3, timeout_s=2.5, effects="pure", executor="process", resources={"cpu": 2}, estimate_s=9, hedge_after_s=1)
def total(numbers: list[int], note: str = "") -> int:
    return sum(numbers)


@task
async def size(word: str, extra: int = 0) -> int:
    return len(word) + extra


@tool
def greet(who: str) -> str:
    """Say hello."""
    return f"hello {who}"


@flow
def summary(url: str, tries: int = 2) -> dict[str, Any]:
    """Sum up a page.

    More about it.
    """
    page = fetch(url, tries)
    doubled = total([page.words[0], 1], note=text("from {} and {}", page.url, url))  # type: ignore[list-item]
    return {"page": page, "doubled": doubled}


def traced(body: Callable[..., Any], **static: Any) -> Any:
    return flow(body, static=tuple(static)).graph(**static) if static else flow(body).graph()


def flow_with(body: Callable[..., Any]) -> str:
    with pytest.raises(FlowError) as caught:
        flow(body).graph()
    return str(caught.value)


def test_a_flow_becomes_a_graph() -> None:
    graph = summary.graph()
    assert list(graph.tasks) == ["fetch", "total"]
    made = graph.tasks["total"]
    assert made.args == {
        "numbers": [Ref("fetch", ("words", 0)), 1],
        "note": Template(("from ", Ref("fetch", ("url",)), " and ", Ref(INPUTS, ("url",)))),
    }
    assert graph.tasks["fetch"].args == {"url": Ref(INPUTS, ("url",)), "tries": Ref(INPUTS, ("tries",))}
    assert graph.outputs == {"page": Ref("fetch"), "doubled": Ref("total")}


def test_a_task_carries_its_options() -> None:
    made = summary.graph().tasks["total"]
    assert made.effects == Effects("pure")
    assert made.executor == "process"
    assert made.limits.retry == Retry(3)
    assert (made.limits.timeout_s, made.limits.hedge_after_s, made.limits.resources) == (2.5, 1, {"cpu": 2})
    assert made.estimate.seconds == 9


def test_outside_a_flow_everything_is_a_plain_function() -> None:
    assert fetch("x", 2) == Page("x", ["x", "x"])
    assert summary.function.__name__ == "summary"
    assert total.map([[1, 2], [3]]) == [3, 3]
    assert asyncio.run(size("abc")) == 3
    assert asyncio.run(size.map(["a", "bc"], extra=1)) == [2, 3]
    assert text("{} and {x}", 1, x=2) == "1 and 2"

    @flow
    def plain(n: int) -> int:
        return total([n, n])

    assert plain(4) == 8


def test_inputs_come_from_the_parameters() -> None:
    made = summary.workflow()
    assert made.name == "summary"
    assert made.description == "Sum up a page."
    assert made.bind_inputs({"url": "u"}) == {"url": "u", "tries": 2}
    assert made.inputs["url"].type == "string"
    with pytest.raises(InputError, match="did you mean 'url'"):
        made.bind_inputs({"ulr": "u"})


def test_hints_say_what_an_input_is() -> None:
    def body(  # type: ignore[no-untyped-def]
        *,
        a: int,
        b: float,
        c: bool,
        d: list[str],
        e: dict[str, int],
        f: Page,
        g: Path,
        h: int | str,
        i: int | None,
        j=(1, 2),
        k: Any = 3,
    ) -> None:
        return None

    kinds = {name: spec.type for name, spec in flow(body).inputs.items()}
    assert kinds == {
        "a": "integer", "b": "number", "c": "boolean", "d": "array", "e": "object", "f": "object", "g": "string",
        "h": "any", "i": "integer", "j": "array", "k": "integer",
    }  # fmt: skip


def test_ids_are_numbered_and_nested_flows_have_their_own() -> None:
    @flow
    def inner(n: int) -> int:
        return total([total([n])])

    @flow
    def outer(n: int) -> list[int]:
        return [total([n]), inner(n), inner(total([n]))]

    graph = outer.graph()
    assert list(graph.tasks) == ["total", "inner/total", "inner/total-2", "total-2", "inner-2/total", "inner-2/total-2"]
    assert graph.tasks["inner-2/total"].args == {"numbers": [Ref("total-2")]}
    assert graph.outputs == {"result": [Ref("total"), Ref("inner/total-2"), Ref("inner-2/total-2")]}


def test_map_runs_a_task_for_every_item() -> None:
    def body(names: list[str]) -> Any:
        first = size.map(names, extra=2)
        return size.options(accept_errors=True).map(["a", first])

    graph = traced(body)
    made = graph.tasks["size"]
    assert made.each is not None
    assert made.each.over == Ref(INPUTS, ("names",))
    assert made.args == {"word": Ref(ITEM), "extra": 2}
    second = graph.tasks["size-2"].each
    assert second is not None
    assert second.over == ["a", Ref("size")]
    assert second.accept_errors


def test_conditions_come_from_comparisons() -> None:
    def body(n: int) -> None:
        page = fetch("x")
        with when((page.words[0] == "a") & ~(page["url"] != "b")):  # type: ignore[index]
            total([1])
            with when(n > 3):
                total([2])
        total.when(page)([3])
        total.when((n <= 1) | (n >= 2.5))([4])

    graph = traced(body)
    conditions = {t.id: t.when and t.when.source for t in graph}
    both = "(tasks_fetch_words_0 == 'a') and (not (tasks_fetch_url != 'b'))"
    assert conditions == {
        "fetch": None,
        "total": both,
        "total-2": f"({both}) and (inputs_n > 3)",
        "total-3": "tasks_fetch",
        "total-4": "(inputs_n <= 1) or (inputs_n >= 2.5)",
    }
    when_ = graph.tasks["total-2"].when
    assert when_ is not None
    assert when_.evaluate({"tasks_fetch_words_0": "a", "tasks_fetch_url": "b", "inputs_n": 4}) is True
    assert set(when_.names.values()) == {Ref("fetch", ("words", 0)), Ref("fetch", ("url",)), Ref(INPUTS, ("n",))}


def test_dependencies_without_data() -> None:
    def body() -> None:
        a, b = fetch("a"), fetch("b")
        total.needs(a, on="failure").needs(b, on="result.n > 3", at_least=1).after(b)([1])

    graph = traced(body)
    assert list(graph.edges.values()) == [
        Edge("fetch", "total", "failure"),
        Edge("fetch-2", "total", Expr("result.n > 3")),
    ]
    assert graph.tasks["total"].join == 1


def test_tools_are_traced_too() -> None:
    def body(folder: str) -> Any:
        found = glob("*.py", root=folder)  # type: ignore[arg-type]
        task(glob, retry=2)("*.md")
        return greet(text("you {}", found))

    graph = traced(body)
    assert [t.op for t in graph][:2] == ["files.glob", "files.glob"]
    assert graph.tasks["files.glob"].args == {"pattern": "*.py", "root": Ref(INPUTS, ("folder",))}
    assert graph.tasks["files.glob-2"].limits.retry == Retry(2)
    assert graph.tasks["greet"].op == f"py:{__name__}:greet"
    assert greet("me") == "hello me"
    with pytest.raises(ArgumentError, match="expected text"):
        traced(lambda: greet(3))  # type: ignore[arg-type]


def test_async_flows_are_traced_without_a_loop_and_inside_one() -> None:
    @flow
    async def inner(word: str) -> int:
        return await size(word)

    @flow
    async def outer(word: str) -> dict[str, Any]:
        first = await size(word)
        return {"first": first, "all": await size.map([word, first]), "inner": await inner(word)}

    async def inside() -> Any:
        return outer.graph()

    for graph in (outer.graph(), asyncio.run(inside())):
        assert list(graph.tasks) == ["size", "size-2", "inner/size"]
        assert graph.outputs == {"first": Ref("size"), "all": Ref("size-2"), "inner": Ref("inner/size")}


def test_a_question_waits_for_a_person() -> None:
    def body(n: int) -> Any:
        return ask(text("Publish {}?", n), needs=[fetch("x")], deadline_s=60)

    made = traced(body).tasks["ask"]
    assert (made.op, made.executor, made.limits.deadline_s) == ("ask", "person", 60)
    assert made.args == {"question": Template(("Publish ", Ref(INPUTS, ("n",)), "?"))}


def test_static_parameters_shape_the_graph() -> None:
    @flow(static=("n",))
    def fan(n: int, word: str) -> list[Any]:
        return [total([k]) for k in range(n)] if n else [word]

    assert len(fan.graph(n=3)) == 3
    made = fan.workflow(n="2")
    assert len(made.graph) == 2
    assert made.bind_inputs({"n": "2", "word": "w"}) == {"n": 2, "word": "w"}
    with pytest.raises(InputError, match="this graph was made for 2, not for 3"):
        made.bind_inputs({"n": 3, "word": "w"})
    with pytest.raises(InputError, match="because it is static"):
        fan.graph()
    with pytest.raises(FlowError, match="did you mean 'word'"):
        flow(fan.function, static=("wrd",))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (lambda n: list(range(n)), "mark it as static: @flow(static=('n',))"),
        (lambda n: [x + 1 for x in n], "task.map(it)"),
        (lambda n: f"{n}", "text('... {}', it)"),
        (lambda n: str(n), "text('... {}', it)"),
        (lambda n: 1 if n else 2, "with when(...)"),
        (lambda n: 1 < n < 3, "with when(...)"),
        (lambda n: n + 1, "computed with"),
        (lambda n: -n, "computed with"),
        (lambda n: len(n), "counted"),
        (lambda n: 3 in n, "searched"),
        (lambda n: {n: 1}, "a key or a member"),
        (lambda n: Path(n), "used as a path"),
        (lambda n: fetch("x").words.sort(), "its methods"),
        (
            lambda n: fetch("x")[n],  # type: ignore[index]
            "indexed with another result",
        ),
        (
            lambda n: fetch(url=n, trees=3),  # type: ignore[call-arg]
            "unexpected keyword argument 'trees'",
        ),
        (
            lambda n: fetch(),  # type: ignore[call-arg]
            "missing a required argument: 'url'",
        ),
        (
            lambda n: fetch(object()),  # type: ignore[arg-type]
            "argument 'url' of task 'fetch': a builtins.object",
        ),
        (
            lambda n: fetch(size.function("x")),  # type: ignore[arg-type]
            "make the flow async and await it",
        ),
        (lambda n: n > 3, "can only be given to `when`"),
        (lambda n: when(True).__enter__(), "already True"),
        (lambda n: when("n > 3").__enter__(), "a comparison of results"),
        (lambda n: n == object(), "can be compared with text, numbers"),
        (lambda n: total.needs(n)([1]), "wait for the result of another task"),
        (lambda n: size.map("abc"), "mapped over a text"),
        (lambda n: text("{:>3}", n), "cannot be formatted with '>3'"),
        (lambda n: setattr(n, "x", 1), "changed"),
    ],
)
def test_what_cannot_be_traced_says_what_to_do_instead(body: Callable[..., Any], said: str) -> None:
    assert said in flow_with(body)


def test_an_async_flow_may_await_nothing_but_tasks() -> None:
    async def body() -> None:
        await asyncio.sleep(0)

    assert "awaits something that is no task" in flow_with(body)


def test_a_result_belongs_to_one_flow() -> None:
    leaked: list[Any] = []
    traced(lambda n: leaked.append(fetch(n)))
    assert "belongs to another flow" in flow_with(lambda: fetch(leaked[0]))
    assert "belongs to another flow" in flow_with(lambda: total.when(leaked[0] > 1)([1]))
    assert repr(leaked[0].words[0]) == "<the result of 'fetch'['words'][0]>"


def test_wiring_outside_a_flow_is_an_error() -> None:
    for use in (lambda: when(True), lambda: ask("?"), lambda: total.when(True)):
        with pytest.raises(FlowError, match="flow"):
            use()


def test_functions_that_cannot_be_tasks_are_refused() -> None:
    def positional(a: int, /) -> None: ...
    def star(*a: int) -> None: ...
    def generator() -> Any:
        yield 1

    for bad in (positional, star, generator):
        with pytest.raises(FlowError, match="task"):
            task(bad)
    with pytest.raises(FlowError, match="inputs are given by name"):
        flow(star)
    with pytest.raises(FlowError, match="did you mean 'pure'"):
        task(effects="pur")(size.function)  # type: ignore[call-overload]


def test_a_context_is_filled_in_when_the_task_runs() -> None:
    @task
    def careful(path: str, ctx: Any) -> str:
        return path

    graph = traced(lambda: careful("x"))  # type: ignore[call-arg]
    assert graph.tasks["careful"].args == {"path": "x"}


def test_functions_without_a_place_are_known_to_this_process_only() -> None:
    def closure(n: int) -> int:
        return n

    (made,) = traced(lambda n: task(closure)(n))
    assert made.op.startswith("local:")
    assert code.find(made.op) is closure
    (again,) = traced(lambda n: task(closure)(n))
    assert again.op == made.op
    with pytest.raises(OperationError, match="cannot be found in this one"):
        code.find("local:another.process")


def test_a_script_names_its_functions_by_its_path(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(
        "from orrery.workflow import code, flow, task\n"
        "@task\ndef double(n: int) -> int: return 2 * n\n"
        "@flow\ndef main(n: int) -> int: return double(n)\n"
        "if __name__ == '__main__':\n"
        "    (made,) = main.graph()\n"
        "    print(made.op, code.find(made.op) is double)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == f"py:{script.resolve()}:double True\n"
    found = code.find(f"py:{script.resolve()}:double")  # in another process: here
    assert found(4) == 8
    assert found is code.find(f"py:{script.resolve()}:double")


def test_a_module_run_with_dash_m_is_named_as_a_module(tmp_path: Path) -> None:
    (tmp_path / "stepmod.py").write_text(
        "from orrery.workflow import code, flow, task\n@task\ndef f() -> int: return 1\n@flow\n"
        "def g() -> int: return f()\nprint([(t.op, code.find(t.op) is f) for t in g.graph()])\n"
    )
    done = subprocess.run([sys.executable, "-m", "stepmod"], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout == "[('py:stepmod:f', True)]\n"
