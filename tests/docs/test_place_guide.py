"""The guide to `place`: what it shows is what is printed."""

from __future__ import annotations

import contextlib
import io

from tests.docs.blocks import ROOT, blocks_of


def test_the_example_of_the_guide_prints_what_is_shown() -> None:
    blocks = blocks_of(ROOT / "docs" / "guides" / "place.md")
    program = next(block for block in blocks if block.language == "python" and "import" in block.lines[0])
    shown = blocks[blocks.index(program) + 1]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec("\n".join(program.lines), {})
    assert printed.getvalue().splitlines() == shown.lines
