"""The guide to estimates does what it says: its cost model runs, is one, and is as short as it says."""

from __future__ import annotations

import re
from pathlib import Path

from orrery.cost import Estimates, learned, sketch
from orrery.cost import estimates as sources
from orrery.workflow.loader import loads
from tests.docs.blocks import program_of, run_program

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "cost.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def test_the_guides_code_prints_what_it_says() -> None:
    _, printed = run_program(GUIDE)
    [promised] = re.findall(r"^ *print\(.*\)  # (.*)$", TEXT, re.MULTILINE)
    assert printed == promised + "\n"
    code = program_of(GUIDE)
    body = code[code.index("class DiskCosts") : code.index("with NamedTemporaryFile")]
    assert len([line for line in body.splitlines() if line.strip()]) <= 20


def test_the_numbers_in_the_guide_are_those_in_the_code() -> None:
    assert f"the last {learned.RUNS} runs" in TEXT
    assert f"weighs half after {learned.HALF_LIFE} more runs" in TEXT
    assert f"At most {learned.KINDS:,} kinds" in TEXT
    assert f"not after {sources.PROVEN} attempts" in TEXT
    assert f"right to\n  {sketch.ERROR:.0%}".replace("%", " %") in TEXT


def test_the_guides_workflow_declares_what_it_says() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    graph = loads(text).graph
    cost = Estimates(graph=graph).estimate(graph["convert"])
    assert (cost.seconds.mid, cost.source) == (90.0, "declared")
