"""Results that cannot be kept, results that are odd, and results that are enormous."""

from __future__ import annotations

import base64
import json
import shutil
import sys
from typing import Any

import pytest
from tests.scheduler.stage import Stage

from orrery.errors import Failure
from orrery.graph import Task
from orrery.scheduler.snapshot import freeze, thaw

from .conftest import Chair, ended

FLOWS = """
from orrery import Context, Graph, Patch, Task, flow, task
from orrery.graph import Add

BIG = 2**100


@task
def keep(value=None):
    return value


@task
def an_object():
    return object()


@task
def an_object_inside():
    return {"rows": [1, {"x": object()}]}


@task
def a_circle():
    value = []
    value.append(value)
    return value


@task
def a_surrogate():
    return "\\udcff"


@task(executor="process")
def an_object_elsewhere():
    return object()


@task
def a_patch():
    return Patch((Add(Task("x", "py:flows:keep", {"value": object()})),))


@task
def a_graph_changed_later():
    args = {"value": []}
    graph = Graph([Task("x", "py:flows:keep", args)])
    args["value"].append(object())
    return graph


@task(executor="process")
def a_patch_elsewhere():
    return Patch((Add(Task("x", "py:flows:keep", {"value": object()})),))


@task
def odd():
    return {"nan": float("nan"), "infinite": [float("inf"), -float("inf")], "big": [BIG, -BIG], "bytes": b"\\x00\\xff"}


@task
def grown():
    return Graph([Task("x", "py:flows:keep", {"value": BIG})], outputs={"result": {"n": -BIG}})


@task(executor="process")
def grown_elsewhere():
    return Graph([Task("x", "py:flows:keep", {"value": {"n": BIG}})])


@flow
def oddities():
    return {
        "result": odd(),
        "argument": keep({"n": BIG, "many": [1, -BIG]}),
        "items": keep.map([1, BIG, -BIG]),
        "grown": grown(),
        "elsewhere": grown_elsewhere(),
    }
"""


@pytest.mark.parametrize(
    "which",
    [
        "an_object",
        "an_object_inside",
        "a_circle",
        "a_surrogate",
        "an_object_elsewhere",
        "a_patch",
        "a_graph_changed_later",
        "a_patch_elsewhere",
    ],
)
def test_a_result_that_cannot_be_written_fails_its_task_and_nothing_else(chair: Chair, which: str) -> None:
    chair.write("flows.py", f"{FLOWS}\n\n@flow\ndef bad():\n    return keep({which}())\n")
    said = chair.orrery("run", "flows.py:bad", "--run", "r", "--json")
    said.fails(1)
    assert said.json["error"]["code"] == "not-serialisable"
    assert said.json["tasks"] == {"failed": 1, "skipped": 1}
    assert chair.states() == {"r": "failed"}
    told = chair.orrery("show", "r", "--task", which)
    assert told.status == 0, told
    assert "NotSerialisableError" in told.out
    assert chair.orrery("replay", "r").status == 0


def test_odd_values_travel_unchanged_through_results_arguments_items_and_growth(chair: Chair) -> None:
    chair.write("flows.py", FLOWS)
    said = chair.orrery("run", "flows.py:oddities", "--run", "r", "--json")
    assert said.status == 0, said
    big, raw = 2**100, base64.b64encode(b"\x00\xff").decode()
    assert said.json["outputs"] == {
        "result": {"nan": None, "infinite": [None, None], "big": [big, -big], "bytes": raw},
        "argument": {"n": big, "many": [1, -big]},
        "items": [1, big, -big],
        "grown": {"n": -big},
        "elsewhere": {"x": {"n": big}},
    }
    assert chair.orrery("replay", "r").status == 0


def test_odd_values_come_out_of_python_as_they_went_in(chair: Chair) -> None:
    chair.write("flows.py", FLOWS)
    said = chair.python("from orrery import run\nimport flows\nprint(run(flows.oddities).outputs)")
    assert said.status == 0, said
    assert "'nan': nan" in said.out
    assert "[inf, -inf]" in said.out
    assert "b'\\x00\\xff'" in said.out


def test_a_failure_stays_one_when_it_travels_inside_a_graph(chair: Chair) -> None:
    said = chair.python(
        """
from orrery import Failure, Graph, Ref, Session, Task, Edge, run

def fail():
    raise ValueError("boom")

def grow(failure):
    return Graph([Task("inner", "py:script:explain", {"failures": [failure]})], outputs={"result": Ref("inner")})

def explain(failures):
    return [type(failures[0]).__name__, str(failures[0])]

if __name__ == "__main__":
    graph = Graph(
        [Task("fail", "py:script:fail"), Task("grow", "py:script:grow", {"failure": Ref("fail")})],
        [Edge("fail", "grow", on="completion")],
        outputs={"told": Ref("grow")},
    )
    print(run(graph).outputs)
"""
    )
    assert "{'told': ['Failure', 'ValueError: boom']}" in said.out, said


@pytest.mark.parametrize("name", ["n", "many"])
def test_a_long_integer_in_a_file_is_an_argument_like_any_other(chair: Chair, name: str) -> None:
    value: Any = {"n": 2**80, "many": [2**80, {"deep": -(2**80)}]}[name]
    chair.write(
        "flow.yaml",
        f'tasks: {{a: {{uses: "py:./work.py:echo", with: {{value: {json.dumps(value)}}}}}}}\n'
        'outputs: {out: "${{ tasks.a }}"}',
    )
    said = chair.orrery("run", "flow.yaml", "--json")
    assert said.status == 0, said
    assert said.json["outputs"] == {"out": value}


def test_output_that_is_not_utf_8_is_kept_and_said_to_be_so(chair: Chair) -> None:
    chair.write("flow.yaml", r"""tasks: {a: {run: "printf 'a\\377b'"}}""" + '\noutputs: {out: "${{ tasks.a }}"}')
    said = chair.orrery("run", "flow.yaml", "--json")
    assert said.status == 0, said
    assert said.json["outputs"]["out"]["invalid_utf8"] is True


def test_a_file_that_is_not_utf_8_fails_the_task_that_reads_it_as_text(chair: Chair) -> None:
    chair.write("data.txt", b"caf\xe9")
    chair.write("flow.yaml", "tasks: {a: {uses: files.read, with: {path: data.txt}}}")
    said = chair.orrery("run", "flow.yaml", "--json")
    said.fails(1, "data.txt")
    assert said.json["error"]["code"] == "content"


def test_odd_values_survive_the_snapshot_of_a_long_run() -> None:
    # It is taken only after thousands of events, so here it is asked for.
    args = {"n": 2**100, "failures": [Failure("ValueError", "boom", code="odd")], "bytes": b"\xff"}
    stage = Stage(Task("a", "work", args), outputs={"n": -(2**100)})
    again = thaw(freeze(stage.machine))
    assert again is not None
    assert again.graph.tasks["a"].args == args
    assert again.graph.outputs == {"n": -(2**100)}


GIGABYTE = 1_000_000_000
MOST_KB = 150_000

PROBE = """
import resource, subprocess, sys
status = subprocess.run([sys.executable, "-m", "orrery", *sys.argv[1:]]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


def test_a_gigabyte_of_output_streams_to_a_blob_in_little_memory(chair: Chair) -> None:
    chair.write("probe.py", PROBE)
    chair.write(
        "flow.yaml",
        f"tasks: {{big: {{run: 'head -c {GIGABYTE} /dev/zero', with: {{max_output_bytes: {GIGABYTE}}}}}}}\n"
        'outputs: {out: "${{ tasks.big }}"}',
    )
    said = ended(chair.spawn(sys.executable, "probe.py", "run", "flow.yaml", "--json"))
    assert said.status == 0, said
    stdout = said.json["outputs"]["out"]["stdout"]
    assert stdout["size_bytes"] == GIGABYTE
    assert len(stdout["blob"]) == 64
    assert int(said.err.splitlines()[-1]) < MOST_KB
    shutil.rmtree(chair.path / ".orrery")  # a gigabyte: the folders of passed tests are kept for a while


def test_output_beyond_its_cap_ends_the_program_and_names_the_cap(chair: Chair) -> None:
    chair.write("flow.yaml", "tasks: {big: {run: 'yes', with: {max_output_bytes: 1000000}}}")
    said = chair.orrery("run", "flow.yaml", "--run", "r", "--json")
    said.fails(1, "max_output_bytes=1000000", "raise the cap")
    assert said.json["error"]["code"] == "limit-reached"
    assert chair.states() == {"r": "failed"}
