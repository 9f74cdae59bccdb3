"""The guides of the command line and of planners: what they show is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, agree, blocks_of, check, commands_of, expected_status, run

GUIDES = ROOT / "docs" / "guides"


@pytest.fixture(autouse=True)
def no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No model is configured, whoever runs these tests."""
    monkeypatch.setenv("HOME", str(tmp_path))


def test_the_guide_to_constellations_can_be_followed(tmp_path: Path) -> None:
    check(GUIDES / "planner-constellation.md", tmp_path)


def test_what_the_guide_to_the_command_line_shows_is_printed(tmp_path: Path) -> None:
    sessions = [block for block in blocks_of(GUIDES / "cli.md") if block.language == "console"]
    assert sessions
    for command in (command for block in sessions for command in commands_of(block)):
        ran = run(command, tmp_path)
        assert ran.status in expected_status(command), ran
        assert agree(command.shown, ran.printed), ran
