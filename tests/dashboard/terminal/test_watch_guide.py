"""The guide to `orrery watch` says what it does."""

from __future__ import annotations

from pathlib import Path

from tests.docs.blocks import ROOT, check

from orrery.dashboard.terminal.app import Watch

GUIDE = ROOT / "docs" / "guides" / "watch.md"


def test_the_guide_prints_what_it_shows(tmp_path: Path) -> None:
    check(GUIDE, tmp_path)


def test_the_guide_names_every_key_that_is_shown() -> None:
    words = GUIDE.read_text(encoding="utf-8")
    keys = [binding.key_display or binding.key for binding in Watch.BINDINGS if binding.show]  # type: ignore[union-attr]
    assert [key for key in keys if f"`{key}`" not in words] == []
