"""Where in a fleet a task may run, as workflow files and flows say it."""

import pytest

from orrery.errors import ArgumentError, GraphError, WorkflowFileError
from orrery.graph import INPUTS, ITEM, Graph, Place, Ref, Task
from orrery.workflow import flow, loads, task

ALL = """
inputs: {host: string}
tasks:
  pinned: {run: "true", runs-on: web1}
  either: {run: "true", runs-on: [web1, "${{ inputs.host }}"]}
  free: {run: "true", runs-on: any}
  needy:
    run: "true"
    runs-on: {skills: [gpu, big], os: linux, cpus: 4, memory: 2GB, beside: pinned, apart: free}
  each: {for-each: [a, b], run: "true", runs-on: "${{ item }}"}
  here: {run: "true"}
"""


def test_a_file_says_where_its_tasks_may_run() -> None:
    graph = loads(ALL).graph
    assert graph["pinned"].place == Place(on=("web1",))
    assert graph["either"].place == Place(on=("web1", Ref(INPUTS, ("host",))))
    assert graph["free"].place == Place()
    assert graph["needy"].place == Place((), ("gpu", "big"), "linux", 4, 2 * 10**9, Ref("pinned"), (Ref("free"),))
    assert graph["each"].place == Place(on=(Ref(ITEM),))
    assert {task.id: task.executor for task in graph} == dict.fromkeys(graph.tasks, "fleet") | {"here": "inline"}
    assert {edge.source for edge in graph.incoming("needy")} == {"pinned", "free"}


@pytest.mark.parametrize(
    ("place", "because"),
    [
        ("{beside: nobody}", "there is no task 'nobody'"),
        ("{memory: much}", "an amount of memory is wanted"),
        ("{os: beos}", "not one of the words"),
        ("{gpu: yes}", "no key 'gpu'"),
        ("${{ inputs.host }}", "no input 'host'"),
    ],
)
def test_what_is_wrong_with_a_place_is_said_with_its_line(place: str, because: str) -> None:
    with pytest.raises(WorkflowFileError, match=because) as caught:
        loads(f'tasks:\n  a:\n    run: "true"\n    runs-on: {place}\n')
    assert caught.value.problems[0].place.startswith("workflow:4:")


def test_a_question_has_no_place() -> None:
    with pytest.raises(WorkflowFileError, match="has no place"):
        loads("tasks:\n  a: {ask: 'Go on?', runs-on: web1}\n")


@task
def build() -> str:
    return "built"


@task
def check(what: str) -> str:
    return what


def test_a_flow_says_it_with_on() -> None:
    @flow
    def release(host: str) -> str:
        made = build.on(host)()
        first = check.on(beside=made)(made)
        return check.on("web1", "web2", skills=["big"], apart=[first])(made)

    graph = release.workflow().graph
    made, first, last = (graph[name].place for name in ("build", "check", "check-2"))
    assert made == Place(on=(Ref(INPUTS, ("host",)),))
    assert first == Place(beside=Ref("build"))
    assert last == Place(on=("web1", "web2"), skills=("big",), apart=(Ref("check"),))
    assert {task.executor for task in graph} == {"fleet"}


def test_names_take_the_place_of_references_when_it_starts() -> None:
    ran = {"a": "web1", "b": "web2", "c": ""}
    values = {Ref("x"): ["web1", "web3"], Ref("y"): 7}
    place = Place(on=(Ref("x"), "web1"), apart=(Ref("b"), Ref("c")))
    assert place.settled(values.__getitem__, ran.__getitem__) == Place(on=("web1", "web3"), apart=("web2",))
    assert Place(beside=Ref("a")).settled(values.__getitem__, ran.__getitem__) == Place(on=("web1",))
    here = Place(beside=Ref("c"), apart=(Ref("b"),)).settled(values.__getitem__, ran.__getitem__)
    assert here == Place(beside=Ref("c"), apart=("web2",)), "what ran on this machine is no device's neighbour"
    for wrong, because in (
        (Place(on=(Ref("y"),)), "a device's name is wanted"),
        (Place(on=("web2",), beside=Ref("a")), "which ran on web1"),
    ):
        with pytest.raises(ArgumentError, match=because):
            wrong.settled(values.__getitem__, ran.__getitem__)


@pytest.mark.parametrize(
    "place",
    [Place(on=(3,)), Place(beside=Ref("a", ("x",))), Place(apart=("a",)), Place(cpus=-1), Place(prefer=Ref("a"))],  # type: ignore[arg-type]
)
def test_a_graph_refuses_a_place_that_is_none(place: Place) -> None:
    with pytest.raises(GraphError, match="graph/place"):
        Graph([Task("a", "work"), Task("b", "work", place=place)])


def test_a_place_is_shown_in_a_few_words() -> None:
    assert Place().shown() == "on any device"
    assert Place(on=("web1", Ref(ITEM))).shown() == "on web1 or {item}"
    assert Place(on=(Ref(INPUTS, ("host",)),)).shown() == "on {inputs.host}"
    assert Place(beside=Ref("build")).shown() == "beside build"
    assert Place(prefer="big").shown() == "prefers big"
    assert Place(skills=("gpu",), prefer="big").shown() == "on a device with gpu, prefers big"
    assert Place(skills=("gpu",), cpus=4, memory_bytes=2 * 10**9).shown() == "on a device with gpu, 4 cpus, 2 GB"
