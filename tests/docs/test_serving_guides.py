"""The guides to the serving model and to consolidated plans: what they show is what is printed."""

from __future__ import annotations

import contextlib
import io

import pytest

from tests.docs.blocks import ROOT, blocks_of


@pytest.mark.parametrize("guide", ["serving-model", "consolidated-plans"])
def test_the_example_prints_what_is_shown(guide: str) -> None:
    blocks = blocks_of(ROOT / "docs" / "guides" / f"{guide}.md")
    program = next(block for block in blocks if block.language == "python")
    shown = blocks[blocks.index(program) + 1]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec("\n".join(program.lines), {})
    assert printed.getvalue().splitlines() == shown.lines
