"""Workflows inside workflows: one task each, which grows when it runs."""

from pathlib import Path

import pytest

from orrery.errors import InputError, WorkflowFileError
from orrery.graph import INPUTS, Graph, Ref, Task, Template
from orrery.workflow import load
from orrery.workflow.nesting import GROW, grow, packed

INNER = """
inputs:
  name: string
  tags: {type: array, default: [x, y]}
tasks:
  hello: {uses: text.lines, with: {text: "hi ${{ inputs.name }}"}, if: len(inputs.tags) > 1}
  each: {run: [echo, "${{ item }}"], for-each: "${{ inputs.tags }}", needs: hello}
outputs:
  lines: ${{ tasks.hello }}
  first: ${{ inputs.tags[0] }}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner.yaml").write_text(INNER)
    return tmp_path


def outer(folder: Path, task: str) -> Graph:
    (folder / "outer.yaml").write_text(f"inputs: {{who: any}}\ntasks:\n  a: {{run: ls}}\n  sub: {task}\n")
    return load(folder / "outer.yaml", shown="outer.yaml").graph


def test_another_file_is_one_task_of_this_one(folder: Path) -> None:
    graph = outer(folder, "{uses: ./inner.yaml, with: {name: '${{ tasks.a.stdout }}'}, needs: a, if: inputs.who}")
    sub = graph.tasks["sub"]
    assert sub.op == GROW
    assert sub.args["inputs"] == {"name": Ref("a", ("stdout",)), "tags": ["x", "y"]}
    assert [edge.source for edge in graph.incoming("sub")] == ["a"]


def test_it_grows_with_its_inputs_filled_in(folder: Path) -> None:
    sub = outer(folder, "{uses: ./inner.yaml, with: {name: me}}").tasks["sub"]
    grown = grow(sub.args["graph"], {"name": "me", "tags": ["p", "q"]})
    assert grown.tasks["hello"].args == {"text": "hi me"}
    assert grown.tasks["hello"].when is not None
    assert grown.tasks["hello"].when.evaluate({}) is True
    each = grown.tasks["each"].each
    assert each is not None
    assert each.over == ["p", "q"]
    assert grown.outputs == {"lines": Ref("hello"), "first": "p"}
    assert ("hello", "each") in grown.edges
    assert all(ref.task != INPUTS for task in grown for ref in task.refs())


def test_a_missing_part_of_an_input_is_said() -> None:
    graph = packed(Graph([Task("a", "op", {"x": Template((Ref(INPUTS, ("cfg", "nmae")), "!"))})]))
    with pytest.raises(InputError, match=r"'cfg' has no part 'nmae'; did you mean 'name'"):
        grow(graph, {"cfg": {"name": 1}})


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("{uses: ./inner.yaml}", "outer.yaml:4:15: './inner.yaml' needs the input 'name'"),
        (
            "{uses: ./inner.yaml, with: {name: x, tag: 3}}",
            "outer.yaml:4:45: './inner.yaml' has no input 'tag'; did you mean",
        ),
        ("{uses: ./inner.yaml, with: {name: 3}}", "must be of type string"),
        ("{uses: ./outer.yaml}", "the workflow would contain itself: outer.yaml -> outer.yaml"),
        ("{uses: ./innr.yaml}", "did you mean 'inner.yaml'"),
    ],
)
def test_the_call_of_another_file_is_checked(folder: Path, task: str, said: str) -> None:
    with pytest.raises(WorkflowFileError) as caught:
        outer(folder, task)
    assert said in str(caught.value)


def test_problems_of_the_other_file_are_shown_at_their_place(folder: Path) -> None:
    (folder / "inner.yaml").write_text("tasks:\n  a: {runs: ls}\n")
    with pytest.raises(WorkflowFileError, match=r"inner.yaml:2:7: a task has no key 'runs'"):
        outer(folder, "{uses: ./inner.yaml}")


def test_doubling_files_are_refused_before_they_fill_the_memory(tmp_path: Path) -> None:
    (tmp_path / "f0.yaml").write_text("tasks: {a: {run: ls}}")
    for n in range(1, 40):
        (tmp_path / f"f{n}.yaml").write_text(f"tasks: {{a: {{uses: ./f{n - 1}.yaml}}, b: {{uses: ./f{n - 1}.yaml}}}}")
    with pytest.raises(WorkflowFileError, match="at most 10,000,000 fit into one task"):
        load(tmp_path / "f39.yaml")


def test_a_python_flow_is_used_like_a_file(folder: Path) -> None:
    (folder / "flows.py").write_text(
        "from orrery.workflow import flow, task\n"
        "@task\ndef f(n: int) -> int: return n\n"
        "@flow(static=('k',))\ndef main(n: int, k: int = 1) -> list[int]: return [f(n) for _ in range(k)]\n"
    )
    sub = outer(folder, "{uses: 'py:./flows.py:main', with: {n: '${{ inputs.who }}', k: 2}}").tasks["sub"]
    assert sub.op == GROW
    assert list(grow(sub.args["graph"], {"n": 1, "k": 2}).tasks) == ["f", "f-2"]
    with pytest.raises(WorkflowFileError, match=r"'k' of 'py:./flows.py:main' is static"):
        outer(folder, "{uses: 'py:./flows.py:main', with: {n: 1, k: '${{ inputs.who }}'}}")
