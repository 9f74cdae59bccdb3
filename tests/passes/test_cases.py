"""Every file of `cases`: a graph, what a pass makes of it, and both run to the same end."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from orrery.graph import Graph
from orrery.graph.text import parse, write
from orrery.passes import Pass, passes
from orrery.passes.pipeline import apply
from orrery.passes.speculate import speculate
from orrery.testing.lookalikes import INPUT_VALUES
from orrery.testing.performing import by_digest, differences, perform
from tests.passes.costs import LONG_TAILED

CASES = Path(__file__).parent / "cases"


class Case(NamedTuple):
    name: str
    one: Pass
    before: Graph
    after: Graph


def read(path: Path) -> Case:
    """The case that a file holds: comments with the pass and its chances, the graph, a line of dashes, the graph."""
    text = path.read_text(encoding="utf-8")
    [name] = re.findall(r"^# pass: (\w+)$", text, re.MULTILINE)
    one = passes.get(name)
    for chances in re.findall(r"^# chances: (.*)$", text, re.MULTILINE):
        one = partial(speculate, chances=json.loads(chances))
    before, after = (parse(part, source=path.name) for part in re.split(r"^---$", text, flags=re.MULTILINE))
    return Case(name, one, before, after)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.txt")), ids=lambda path: path.stem)
def test_a_pass_makes_of_a_graph_what_the_case_says(path: Path) -> None:
    case = read(path)
    step = apply(case.name, case.one, case.before, LONG_TAILED)
    assert step.faults == ()
    assert write(step.after) == write(case.after)
    for failing in (0.0, 0.3, 0.6):
        perform_both(step.before, step.after, step.became, failing)


def perform_both(before: Graph, after: Graph, became: dict[str, str], failing: float) -> None:
    """Both graphs run to the same outputs, effects and end."""
    was, now = (perform(graph, operation=by_digest(failing), inputs=INPUT_VALUES) for graph in (before, after))

    def heir(task: str) -> str | None:
        found = became.get(task, task)
        return found if found in after else None

    assert differences(before, after, was, now, heir) == []


def test_there_is_a_case_for_every_pass_that_rewrites_without_a_platform() -> None:
    named = {read(path).name for path in CASES.glob("*.txt")}
    assert {"canonicalize", "drop_unused", "merge_shared", "speculate"} <= named
