"""`orrery models`: what can be asked, at which price, and whether the key is there; never the key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orrery.cli import main

SETTINGS = """\
default = "fast"

[providers.home]
kind = "openai-chat"
base_url = "http://localhost:8000/v1"
key = "env:HOME_KEY"
concurrency = 4

[models."home:qwen3"]
window_tokens = 32768
input_per_mtok = 0.1
output_per_mtok = 0.30

[aliases]
fast = "home:qwen3"
other = "home:unknown"
"""

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORRERY_MODEL", raising=False)
    monkeypatch.setenv("ORRERY_MODELS", str(tmp_path / "models.toml"))
    monkeypatch.setenv("HOME_KEY", "sk-very-secret")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    (tmp_path / "models.toml").write_text(SETTINGS)

    def run(*words: str) -> tuple[int, str, str]:
        status = main(["models", *words])
        said = capsys.readouterr()
        assert "sk-very-secret" not in said.out + said.err
        return status, said.out, said.err

    return run


def lines(out: str) -> list[str]:
    return [" ".join(line.split()) for line in out.splitlines()]


def test_it_lists_providers_keys_and_prices(say: Say, tmp_path: Path) -> None:
    status, out, _ = say()
    assert status == 0
    said = lines(out)
    assert "home openai-chat found in env:HOME_KEY http://localhost:8000/v1" in said
    assert "anthropic anthropic not in env:ANTHROPIC_API_KEY" in said
    assert "ollama ollama needs none http://localhost:11434/v1" in said
    assert f"home:qwen3 0.1 0.1 0.3 32,768 {tmp_path / 'models.toml'}" in said
    assert "home:unknown unknown" in said
    assert "default: fast" in said
    assert "fast: home:qwen3" in said
    assert any("the table is genai-prices" in line for line in said)


def test_json_says_the_same(say: Say, tmp_path: Path) -> None:
    status, out, _ = say("--json")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert status == 0
    assert (found["default"], found["settings"]) == ("fast", str(tmp_path / "models.toml"))
    home = next(one for one in found["providers"] if one["name"] == "home")
    assert (home["key"], home["key_found"], home["concurrency"]) == ("env:HOME_KEY", True, 4)
    assert found["models"] == [
        {
            "name": "home:qwen3",
            "window_tokens": 32768,
            "input_per_mtok": 0.1,
            "cached_input_per_mtok": 0.1,
            "output_per_mtok": 0.3,
            "source": str(tmp_path / "models.toml"),
        },
        {
            "name": "home:unknown",
            "window_tokens": None,
            "input_per_mtok": None,
            "cached_input_per_mtok": None,
            "output_per_mtok": None,
            "source": None,
        },
    ]


def test_one_provider_is_listed_with_every_model_of_the_table(say: Say) -> None:
    status, out, _ = say("anthropic", "--json")
    found = json.loads(out.splitlines()[-1])
    assert status == 0
    assert [one["name"] for one in found["providers"]] == ["anthropic"]
    assert len(found["models"]) > 5
    assert all(one["name"].startswith("anthropic:") for one in found["models"])


def test_an_unknown_provider_and_a_faulty_file_are_wrong_requests(say: Say, tmp_path: Path) -> None:
    status, _, err = say("antropic")
    assert (status, "did you mean 'anthropic'" in err) == (2, True)
    (tmp_path / "models.toml").write_text('[providers.home]\nkind = "open-ai"\n')
    status, _, err = say()
    assert status == 2
    assert "models.toml:2: kind is one of openai-chat" in err


def test_without_settings_it_says_how_to_make_some(say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ORRERY_MODELS")
    monkeypatch.setenv("HOME", str(tmp_path))
    status, out, _ = say()
    assert status == 0
    assert "default: none; set $ORRERY_MODEL" in out
    assert "settings: none" in out
