"""Prompts are files with a version; fields are filled once; a user's file takes the place of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import PromptError, UnknownNameError
from orrery.models import prompts
from orrery.models.prompts import prompt, versions


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's folder of prompts, with a place for those of agents."""
    monkeypatch.setenv("ORRERY_PROMPTS", str(tmp_path))
    (tmp_path / "agents").mkdir()
    return tmp_path / "agents"


def test_a_prompt_is_found_by_package_and_file_and_filled() -> None:
    text = prompt("agents/summary", goal="count the lines", words=200)
    assert "in 200 words at most" in text
    assert text.rstrip().endswith("count the lines")
    assert "version" not in text


def test_data_with_braces_stays_data() -> None:
    text = prompt("agents/summary", goal="{{words}} {words} ${{ x }} {{goal}}", words=5)
    assert text.rstrip().endswith("{{words}} {words} ${{ x }} {{goal}}")


@given(st.text())
def test_whatever_fills_a_field_stands_in_the_text_as_it_is(goal: str) -> None:
    text = prompt("agents/summary", goal=goal, words=1)
    assert goal in text
    assert len(text) - len(goal) == len(prompt("agents/summary", goal="", words=1))


def test_what_is_no_text_is_written_as_json() -> None:
    assert '{"a":[1,null]}' in prompt("agents/correct", problems={"a": [1, None]})


def test_a_missing_and_an_unknown_field_are_errors_that_name_it() -> None:
    with pytest.raises(PromptError, match="needs the field 'words'"):
        prompt("agents/summary", goal="x")
    with pytest.raises(PromptError, match=r"has no field 'gaol'; did you mean 'goal'\?"):
        prompt("agents/summary", gaol="x", words=1)


@pytest.mark.parametrize("name", ["agents/reakt", "nowhere/react", "agents/../react", "react", ""])
def test_an_unknown_prompt_is_an_error_with_the_known_ones(name: str) -> None:
    with pytest.raises(UnknownNameError, match="there is no prompt"):
        prompt(name)


def test_a_file_of_the_user_takes_the_place_of_ours_and_may_leave_fields_out(mine: Path) -> None:
    (mine / "summary.md").write_bytes(b"\xef\xbb\xbf---\r\nversion: 7\r\n---\r\nBriefly: {{ goal }}\r\n")
    assert prompt("agents/summary", goal="x", words=1) == "Briefly: x\n"
    assert versions()["agents/summary"] == f"7 ({mine / 'summary.md'})"
    assert versions()["agents/last"] == "1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Briefly: {{goal}}", "must begin with a line '---'"),
        ("---\nabout: x\n---\nBriefly", "version"),
        ("---\nversion: 1\n---\n{{goals}}", r"a field 'goals' that nothing fills; did you mean 'goal'\?"),
    ],
)
def test_a_file_of_the_user_that_is_no_prompt_is_an_error_with_its_place(mine: Path, text: str, said: str) -> None:
    (mine / "summary.md").write_text(text)
    with pytest.raises(PromptError, match=said) as caught:
        prompt("agents/summary", goal="x", words=1)
    assert "summary.md" in str(caught.value)


def test_a_file_that_is_no_text_is_an_error(mine: Path) -> None:
    (mine / "summary.md").write_bytes(b"---\nversion: 1\n---\n\xff")
    with pytest.raises(PromptError, match="cannot be read"):
        prompt("agents/summary", goal="x", words=1)


def test_the_working_folder_is_looked_into_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORRERY_PROMPTS", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".orrery/prompts/agents").mkdir(parents=True)
    (tmp_path / ".orrery/prompts/agents/last.md").write_text("---\nversion: 2\n---\nEnough.\n")
    assert prompt("agents/last") == "Enough.\n"


def test_every_prompt_of_the_package_has_a_version_and_uses_the_fields_that_it_declares() -> None:
    assert prompts.names()
    for name in prompts.names():
        found = prompts.find(name)
        filled = found.filled(dict.fromkeys(found.fields, "FILLED"))
        assert found.version.isdigit(), name
        assert filled.count("FILLED") >= len(found.fields), name
        assert "{{" not in filled, name
