"""The guide to benchmarks does what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from orrery.bench import benches

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "benchmarks.md").read_text(encoding="utf-8")


def test_the_guides_bench_runs(capsys: pytest.CaptureFixture[str]) -> None:
    [code] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    exec(compile(code, "benchmarks.md", "exec"), {"__name__": "benchmarks_guide"})
    [row] = json.loads(capsys.readouterr().out)["rows"]
    assert row["unit"] == "comparisons"
    assert row["ok"]


def test_the_guide_has_a_line_for_every_bench() -> None:
    ours = [name for name in benches.names() if getattr(benches.get(name), "__module__", "") == "orrery.bench"]
    assert [name for name in ours if f"| `{name}` |" not in GUIDE] == []
