"""The guide to the hierarchical planner: it leaves nothing out, and its example can be run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import ROOT, blocks_of

from orrery.models.prompts import names
from orrery.planners.hierarchical import specialists
from orrery.planners.hierarchical.planner import Staffing

GUIDE = ROOT / "docs" / "guides" / "planner-hierarchical.md"


def test_the_guide_has_every_option_specialist_and_prompt() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for name in (*Staffing.__struct_fields__, *specialists.names()):
        assert f"`{name}`" in text, name
    for name in names():
        if name.startswith("planners/hierarchical-"):
            assert f"`{name}`" in text, name
        if name.startswith("planners/toolmaking-"):
            assert f"-{name.rpartition('-')[2]}`" in text, name


def test_the_example_of_a_specialist_registers_one(tmp_path: Path) -> None:
    (example,) = (block for block in blocks_of(GUIDE) if block.language == "python")
    asked = "\nassert specialists.get('librarian').tool_names(None) == ['files.glob', 'files.read', 'text.grep']\n"
    code = "\n".join(example.lines) + asked
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=30)
