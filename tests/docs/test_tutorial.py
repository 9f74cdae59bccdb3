"""The tutorial works as it is written, and prints what it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, blocks_of, check

TUTORIAL = ROOT / "docs" / "tutorial.md"


@pytest.mark.timeout(180)
def test_the_tutorial_prints_what_it_shows(tmp_path: Path) -> None:
    check(TUTORIAL, tmp_path)


def test_every_program_of_the_tutorial_is_a_file_that_is_run() -> None:
    named = {block.name for block in blocks_of(TUTORIAL) if block.language in ("python", "yaml")}
    commands = "\n".join(line for block in blocks_of(TUTORIAL) for line in block.lines)
    assert "" not in named
    assert [name for name in named if name.rpartition(".")[0] not in commands] == []
