"""The guide to passes does what it says: its code prints what it shows, its pictures are what the passes make."""

from __future__ import annotations

from pathlib import Path

import pytest

from orrery.graph.text import write
from orrery.passes.pipeline import apply
from tests.docs.blocks import blocks_of, run_program
from tests.passes.costs import LONG_TAILED
from tests.passes.test_cases import perform_both, read

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "passes.md"
PICTURES = [
    "\n".join(block.lines) for block in blocks_of(GUIDE) if block.language == "text" and "# pass: " in block.lines[0]
]


def test_the_guides_code_prints_what_it_says() -> None:
    _, printed = run_program(GUIDE)
    shown = [block for block in blocks_of(GUIDE) if block.language == "text"][1]
    assert printed == "\n".join(shown.lines) + "\n() 100.0\n"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.splitlines()[0].removeprefix("# pass: "))
def test_the_guides_pictures_are_what_the_passes_make(picture: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.txt"
    path.write_text(picture, encoding="utf-8")
    case = read(path)
    step = apply(case.name, case.one, case.before, LONG_TAILED)
    assert step.faults == ()
    assert write(step.after) == write(case.after)
    perform_both(step.before, step.after, step.became, 0.2)


def test_every_pass_of_the_guide_has_its_picture() -> None:
    assert len(PICTURES) == 4
