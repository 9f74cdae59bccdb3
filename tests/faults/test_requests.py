"""Wrong requests: each is refused with its place, a stable code and the way out; nothing is started."""

from __future__ import annotations

import json

import pytest

from .conftest import Chair

BOMB = "\n".join(
    f"{name}: &{name} [{','.join([f'*{before}' if before else 'x'] * 9)}]"
    for before, name in zip(["", *"abcdef"], "abcdefg", strict=True)
)
NOTE = 'uses: "py:./work.py:note"'
FILES: dict[str, tuple[str | bytes, list[str]]] = {
    "a cycle": (
        f"tasks:\n  a: {{{NOTE}, with: {{line: a}}, needs: b}}\n  b: {{{NOTE}, with: {{line: b}}, needs: a}}",
        ["flow.yaml:2:", "b -> a -> b; remove one of the edges", "[workflow/graph-cycle]"],
    ),
    "a self-loop": (
        f"tasks:\n  a: {{{NOTE}, with: {{line: a}}, needs: a}}",
        ["flow.yaml:2:", "cannot wait for itself", "[workflow/graph-self-loop]"],
    ),
    "a task named twice": (
        f"tasks:\n  a: {{{NOTE}, with: {{line: a}}}}\n  a: {{{NOTE}, with: {{line: b}}}}",
        ["flow.yaml:3:3", "first in line 2", "[workflow/duplicate-key]"],
    ),
    "a dangling reference": (
        f"tasks:\n  fetch: {{{NOTE}, with: {{line: a}}}}\n  b: {{{NOTE}, with: {{line: '${{{{ tasks.fetsh }}}}'}}}}",
        ["flow.yaml:3:", "did you mean 'fetch'?", "[workflow/reference]"],
    ),
    "a dangling need": (
        f"tasks:\n  fetch: {{{NOTE}, with: {{line: a}}}}\n  b: {{{NOTE}, with: {{line: b}}, needs: fetsh}}",
        ["flow.yaml:3:", "did you mean 'fetch'?", "[workflow/"],
    ),
    "an unknown tool": (
        "tasks: {a: {uses: files.reed, with: {path: x}}}",
        ["flow.yaml:1:", "did you mean 'files.read'", "[workflow/unknown-tool]"],
    ),
    "an unknown function": (
        'tasks: {a: {uses: "py:./work.py:nota", with: {line: x}}}',
        ["flow.yaml:1:", "has no 'nota'; did you mean 'note'", "[workflow/function]"],
    ),
    "a wrong type": (
        "tasks: {a: {uses: files.read, with: {path: [1]}, timeout: soon}}",
        ["expected a path, got a list", "[workflow/argument]", "a time span is wanted", "[workflow/duration]"],
    ),
    "no tasks": ("tasks: {}", ["flow.yaml:1:", "there is no task in it", "[workflow/no-tasks]"]),
    "an empty file": ("", ["flow.yaml:1:1", "the file is empty", "[workflow/empty]"]),
    "a bomb of aliases": (BOMB, ["flow.yaml:7:", "more than 1,000,000 values", "[workflow/too-many-nodes]"]),
    "deep nesting": ("[" * 100_000, ["flow.yaml:1:", "[workflow/"]),
    "a tag that would run code": (
        'tasks: {a: {run: !!python/object/apply:os.system ["touch notes.txt"]}}',
        ["flow.yaml:1:", "data only", "[workflow/tag]"],
    ),
    "invalid UTF-8": (b'tasks: {a: {run: "\xff"}}', ["flow.yaml:1:", "save it as UTF-8", "[workflow/encoding]"]),
    "a condition cut short": (
        f"tasks:\n  a: {{{NOTE}, with: {{line: a}}}}\n  b: {{{NOTE}, with: {{line: b}}, if: 'tasks.a =='}}",
        ["flow.yaml:3:", "invalid syntax [workflow/condition]"],
    ),
}


@pytest.mark.parametrize("fault", FILES)
def test_a_faulty_workflow_file_is_refused_at_its_line(chair: Chair, fault: str) -> None:
    content, parts = FILES[fault]
    chair.write("flow.yaml", content)
    said = chair.orrery("run", "flow.yaml")
    said.fails(2, *parts)
    assert said.out == ""
    assert not (chair.path / ".orrery").exists(), "a store was made for a run that never began"
    assert chair.notes() == []
    assert "Traceback" in chair.orrery("run", "flow.yaml", "--debug").err


GRAPHS: dict[str, tuple[str | bytes, list[str]]] = {
    "broken JSON": ('{"orrery": 1, "tasks": [{"id": "a"', ["graph.json", "line 1, column", "[json/syntax]"]),
    "something else": ("[1, 2]", ["graph.json", "[json/kind]"]),
    "invalid UTF-8": (b'{"orrery": 1, "tasks": "\xff"}', ["graph.json", "[json/syntax]"]),
    "no tasks": ('{"orrery": 1, "tasks": []}', ["graph", "there is no task in it", "[graph/empty]"]),
    "a cycle": (
        json.dumps(
            {
                "orrery": 1,
                "tasks": [{"id": name, "op": "py:work:note", "args": {"line": name}} for name in "ab"],
                "edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "a"}],
            }
        ),
        ["graph.json", "wait for each other", "[graph/cycle]"],
    ),
    "a task twice": (
        json.dumps({"orrery": 1, "tasks": [{"id": "a", "op": "py:work:note", "args": {"line": "x"}}] * 2}),
        ["graph.json", "'a'", "[graph/duplicate-id]"],
    ),
    "a dangling reference": (
        json.dumps({"orrery": 1, "tasks": [{"id": "a", "op": "py:work:note", "args": {"line": {"$ref": ["b"]}}}]}),
        ["graph.json", "'b'", "[graph/unknown-task]"],
    ),
    "a number for a name": ('{"orrery": 1, "tasks": [{"id": 7, "op": "x"}]}', ["graph.json", "tasks[0]", "[json/"]),
}


@pytest.mark.parametrize("fault", GRAPHS)
def test_a_faulty_graph_is_refused_with_its_file(chair: Chair, fault: str) -> None:
    content, parts = GRAPHS[fault]
    chair.write("graph.json", content)
    said = chair.orrery("run", "graph.json")
    said.fails(2, *parts)
    assert chair.notes() == []
    assert chair.states() == {}
    assert "Traceback" in chair.orrery("run", "graph.json", "--debug").err


def test_a_hundred_thousand_tasks_are_planned_and_an_error_among_them_is_found(chair: Chair) -> None:
    tasks = [{"id": f"t{i}", "op": "py:work:echo"} for i in range(100_000)]
    chair.write("wide.json", json.dumps({"orrery": 1, "tasks": tasks}))
    said = chair.orrery("plan", "wide.json")
    assert (said.status, "100000" in said.out) == (0, True), said
    edges = [{"source": f"t{i}", "target": f"t{(i + 1) % 100_000}"} for i in range(100_000)]
    chair.write("loop.json", json.dumps({"orrery": 1, "tasks": tasks, "edges": edges}))
    said = chair.orrery("run", "loop.json")
    said.fails(2, "loop.json", "more) -> t", "[graph/cycle]")
    assert len(said.err) < 1000, "who reads a circle of 100,000 tasks?"


FLOWS = {
    "an unwritable constant": (
        "keep(object())",
        ["argument 'x' of task 'keep'", "builtins.object", "return plain data", "[flow]"],
    ),
    "a task made outside": ("1 if keep(1) else 2", ["keep", "[flow]"]),
    "an error of its own": ("1 / 0", ["'flow.py:main' failed while it was traced", "flow.py, line", "[flow]"]),
}


@pytest.mark.parametrize("fault", FLOWS)
def test_a_faulty_flow_is_refused_with_its_reason(chair: Chair, fault: str) -> None:
    body, parts = FLOWS[fault]
    chair.write(
        "flow.py",
        "from orrery import flow, task\n\n@task\ndef keep(x: object) -> object:\n    return x\n\n"
        f"@flow\ndef main() -> object:\n    return {body}\n",
    )
    said = chair.orrery("run", "flow.py:main")
    said.fails(2, *parts)
    assert chair.states() == {}
    assert "Traceback" in chair.orrery("run", "flow.py:main", "--debug").err
