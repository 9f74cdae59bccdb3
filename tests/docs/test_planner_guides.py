"""The guides of the command line and of planners: what they show is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, agree, blocks_of, check, commands_of, expected_status, run, run_program

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


def test_the_planner_of_the_guide_plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "short.txt").write_text("a needle\n")
    (tmp_path / "long.txt").write_text("hay\nhay\na needle in it\n")
    monkeypatch.chdir(tmp_path)
    module, _ = run_program(GUIDES / "planners.md")
    assert module.result.state == "succeeded"
    assert [match["text"] for match in module.result.outputs["answer"]] == ["a needle in it"]


def test_the_planner_of_the_guide_is_as_short_as_it_says() -> None:
    [block] = [block for block in blocks_of(GUIDES / "planners.md") if "class LongestText:" in block.lines]
    assert len([line for line in block.lines if line.strip()]) <= 22
