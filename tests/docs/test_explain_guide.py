"""The guide to `orrery explain` works as it is written, and prints what it shows."""

from __future__ import annotations

from pathlib import Path

from tests.docs.blocks import ROOT, check


def test_the_guide_prints_what_it_shows(tmp_path: Path) -> None:
    check(ROOT / "docs" / "guides" / "explain.md", tmp_path)
