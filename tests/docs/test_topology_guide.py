"""The guide to the shapes of a graph does what it says: its program prints the block behind it, its workflow loads."""

from __future__ import annotations

from pathlib import Path

from orrery.workflow import loads
from tests.docs.blocks import blocks_of, run_program

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "choose-topology.md"


def _block(language: str) -> str:
    return next("\n".join(block.lines) for block in blocks_of(GUIDE) if block.language == language)


def test_the_guides_code_prints_what_it_says() -> None:
    _, printed = run_program(GUIDE)
    assert printed == _block("text") + "\n"


def test_the_guides_workflow_is_one() -> None:
    vote = loads(_block("yaml")).graph["vote"]
    assert vote.op == "synthesis.agree"
    assert vote.args["reroutes"] == 3
