"""Targets: what can be run, and what is said about what cannot."""

from pathlib import Path

import pytest

from orrery.errors import FlowError, GraphError, InputError, OperationError, RequestError, WorkflowFileError
from orrery.graph import INPUTS, Graph, Ref, Task
from orrery.graph.codec import to_json
from orrery.workflow import load_target

FLOWS = """
from orrery.workflow import flow, task

@task
def double(n: int) -> int:
    return 2 * n

@flow
def main(n: int) -> int:
    return double(n)

@flow(static=("n",))
def fan(n: int):
    return [double(k) for k in range(n)]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "build.yaml").write_text("tasks: {a: {run: ls}}")
    (tmp_path / "bad.yaml").write_text("tasks: {a: {runs: ls}}")
    (tmp_path / "graph.json").write_text(to_json(Graph([Task("a", "files.read", {"path": Ref(INPUTS, ("path",))})])))
    (tmp_path / "flows_of_target.py").write_text(FLOWS)
    (tmp_path / "one.py").write_text(FLOWS.partition("@flow(static")[0])
    (tmp_path / "failing.py").write_text("from orrery.workflow import flow\n@flow\ndef main():\n    {}['x']\n")
    (tmp_path / "broken.py").write_text("1 / 0")
    return tmp_path


def test_files_graphs_scripts_and_modules_are_targets(folder: Path) -> None:
    assert load_target("build.yaml", folder).source == "build.yaml"
    stored = load_target("graph.json", folder)
    assert stored.bind_inputs({"path": "x"}) == {"path": "x"}
    assert load_target("one.py", folder).name == "main"
    script = load_target("flows_of_target.py:main", folder)
    assert script.source == "flows_of_target.py:main"
    assert [t.op for t in script.graph] == [f"py:{folder.resolve()}/flows_of_target.py:double"]
    assert [t.op for t in load_target("flows_of_target:main", folder).graph] == ["py:flows_of_target:double"]


def test_static_inputs_are_taken_from_what_is_given(folder: Path) -> None:
    made = load_target("flows_of_target.py:fan", folder, {"n": "3"})
    assert len(made.graph) == 3
    assert made.bind_inputs({"n": "3"}) == {"n": 3}
    with pytest.raises(InputError, match="static"):
        load_target("flows_of_target.py:fan", folder)


@pytest.mark.parametrize(
    ("target", "error", "said"),
    [
        ("biuld.yaml", WorkflowFileError, "did you mean 'build.yaml'"),
        ("bad.yaml", WorkflowFileError, "bad.yaml:1:13"),
        ("grap.json", RequestError, "did you mean 'graph.json'"),
        ("one.py:mian", RequestError, "did you mean 'main'"),
        ("one.py:double", RequestError, "a Step, not a flow"),
        ("oen.py:main", RequestError, "did you mean 'one.py'"),
        ("flows_of_target.py", RequestError, "it holds fan, main"),
        ("failing.py:main", FlowError, "failing.py, line 4)"),
        ("broken.py:main", OperationError, "ZeroDivisionError"),
        ("no_such_module_here:main", OperationError, "there is no module 'no_such_module_here'"),
        ("summarise the news of today", RequestError, "reads like a sentence, which needs a planner"),
        ("build", RequestError, "did you mean 'build.yaml'"),
        ("", RequestError, "names nothing that can be run"),
        (":x", RequestError, "names nothing that can be run"),
    ],
)
def test_what_is_no_target_says_what_one_would_be(
    folder: Path, target: str, error: type[RequestError], said: str
) -> None:
    with pytest.raises(error) as caught:
        load_target(target, folder)
    assert said in str(caught.value)


def test_a_damaged_graph_is_refused(folder: Path) -> None:
    (folder / "graph.json").write_text("{")
    with pytest.raises(GraphError):
        load_target("graph.json", folder)


def test_whatever_says_what_its_workflow_is_can_be_run(folder: Path) -> None:
    (folder / "helper.py").write_text("from orrery.agents import Agent\nhelper = Agent(tools=['files.read'])\n")
    workflow = load_target("helper.py:helper", folder)
    assert (sorted(workflow.inputs), workflow.source) == (["data", "goal"], "helper.py:helper")
    assert load_target("helper.py", folder).name == "agent"
