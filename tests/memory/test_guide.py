"""The guide to memory: its program prints what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "memory.md").read_text(encoding="utf-8")


def test_the_program_of_the_guide_prints_what_it_says(tmp_path: Path) -> None:
    ((program, printed),) = re.findall(r"```python\n(.*?)```\n+It prints `(.*?)`\.", GUIDE, re.DOTALL)
    command = [sys.executable, "-W", "error", "-c", program]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.stdout.strip(), ran.stderr) == (printed, "")
