"""The guide to tools says what is true: its programs run, its output is real, its table is complete."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from orrery.tools import tools
from orrery.tools.toolset import BUILT_IN

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "tools.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\n+(?:It prints `(.*?)`|```text\n(.*?)```)", GUIDE, re.DOTALL)


def test_every_program_of_the_guide_says_what_it_prints() -> None:
    assert len(BLOCKS) == GUIDE.count("```python") == 2


@pytest.mark.parametrize("block", BLOCKS, ids=["first", "second"])
def test_the_programs_of_the_guide_run_as_they_are(block: tuple[str, str, str], tmp_path: Path) -> None:
    program, line, lines = block
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip() == (line or lines).strip()


def test_the_first_program_is_short() -> None:
    lines = [line for line in BLOCKS[0][0].splitlines() if line.strip()]
    assert len(lines) <= 20


def test_the_table_lists_every_built_in_tool_as_it_is() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| (.*?) \| (\w+) \| (\w+) \|", GUIDE, re.MULTILINE)
    found = {name: (said, effects, runs) for name, said, effects, runs in rows}
    built_in = [tools.get(f"{toolset}.{name}") for toolset, names in BUILT_IN.items() for name in names]
    assert found == {
        made.name: (" ".join(made.description.split()).rstrip("."), made.effects.kind, made.executor)
        for made in built_in
    }
