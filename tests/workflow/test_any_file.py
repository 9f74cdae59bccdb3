"""Whatever a file holds, it becomes a workflow or is refused with places; nothing else ever happens."""

import contextlib
import re
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import Problem, WorkflowFileError
from orrery.workflow import loads
from orrery.workflow.document import Report, read_document
from orrery.workflow.keys import TASK, WORKFLOW

SEED = """\
name: n
inputs: {a: {type: integer, default: 3}, b: string}
defaults: {retry: 3, timeout: 5m}
budget: {money: 1, wall: 1h}
tasks:
  one: {run: "echo ${{ inputs.a }}", effects: {kind: pure, reads: [x]}, hedge-after: 3}
  two:
    for-each: "${{ tasks.one.stdout }}"
    uses: text.count
    with: {text: "${{ item.x[0] }}"}
    continue-on-error: true
  three: {ask: "ok ${{ tasks.two }}?", needs: {one: failure, two: "len(result) > 3"}, needs-any: 1, if: inputs.a > 3}
outputs: {all: ["${{ tasks.three }}", &x {y: 1}, *x]}
"""


def outcome(text: str) -> None:
    """Read a file and check what is said about it."""
    found: tuple[Problem, ...] = ()
    try:
        loads(text, shown="f.yaml")
    except WorkflowFileError as error:
        found = error.problems or (Problem("none", "nowhere", "refused without a reason"),)
    for problem in found:
        assert re.match(r"f\.yaml:\d+:\d+: .+ \[workflow/[\w-]+\]$", str(problem), re.DOTALL)


def test_the_file_that_is_damaged_below_is_whole() -> None:
    assert len(loads(SEED).graph) == 3


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SEED)), st.integers(0, 6), st.text(max_size=4)), min_size=1, max_size=4))
def test_a_damaged_file_is_refused_with_places(edits: list[tuple[int, int, str]]) -> None:
    text = SEED
    for at, cut, put in edits:
        text = text[:at] + put + text[at + cut :]
    outcome(text)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 10**6)
    | st.floats()
    | st.sampled_from(
        ["a", "b", "ls", "3s", "${{ tasks.a }}", "${{ item }}", "${{", "result.x > 1", "success", "text.count"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "attempts", "kind", "text", "time", "on"]), inner, max_size=3)
    ),
    max_leaves=6,
)
tasks = st.dictionaries(st.sampled_from(sorted(TASK.keys)), values, max_size=6)
files = st.fixed_dictionaries(
    {"tasks": st.dictionaries(st.sampled_from(["a", "b", "c d"]), tasks | values, max_size=3) | values},
    optional={name: values for name in WORKFLOW.keys if name != "tasks"},
)


@settings(max_examples=300, deadline=None)
@given(files)
def test_any_value_under_any_key_is_read_or_refused_with_its_place(value: Any) -> None:
    outcome(yaml.safe_dump(value))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_tree_or_refused(data: bytes) -> None:
    with contextlib.suppress(WorkflowFileError):
        read_document(data, Report("f"))
