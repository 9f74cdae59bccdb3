"""The guide to the recursive planner: what it shows is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.docs.blocks import ROOT, check

from orrery.models.prompts import names
from orrery.planners.recursive import Method

GUIDE = ROOT / "docs" / "guides" / "planner-recursive.md"


def test_the_guide_can_be_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # no model is configured, whoever runs this
    check(GUIDE, tmp_path)


def test_the_guide_has_every_option_and_prompt() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for option in Method.__struct_fields__:
        assert f"`{option}`" in text or option in ("tools", "approve"), option
    for name in names():
        if name.startswith("planners/recursive-"):
            assert f"-{name.rpartition('-')[2]}`" in text, name
