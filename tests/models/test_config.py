"""The settings of the models: strict, and every fault has its line."""

from __future__ import annotations

import re
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import ModelSettingsError, UnknownNameError
from orrery.models import config
from orrery.models.config import WELL_KNOWN, ModelFacts, Named, Provider, default_model, parse, settings

FILE = """\
default = "fast"

[providers.home]
kind = "openai-chat"          # vLLM
base_url = "http://localhost:8000/v1"
key = "none"
requests_per_minute = 60
concurrency = 4
idle_s = 2.5

[providers.work]
kind = "anthropic"
key = "keyring:work"

[models."home:qwen3"]
window_tokens = 32768
input_per_mtok = 0.1
output_per_mtok = 0.30
cached_input_per_mtok = 0

[aliases]
fast = "home:qwen3"
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("ORRERY_MODELS", "ORRERY_MODEL"):
        monkeypatch.delenv(name, raising=False)


def test_a_file_is_read_whole() -> None:
    found = parse(FILE)
    assert found.providers["home"] == Provider(
        "openai-chat",
        base_url="http://localhost:8000/v1",
        key="none",
        requests_per_minute=60,
        concurrency=4,
        idle_s=2.5,
    )
    assert found.providers["work"].key_place == "keyring:work"
    assert set(WELL_KNOWN) < set(found.providers)
    assert found.models["home:qwen3"] == ModelFacts(32768, Decimal("0.1"), Decimal("0.30"), Decimal(0))
    assert found.default == "fast"
    assert found.named("fast") == Named("home", "qwen3")
    assert found.named("ollama:llama3:8b") == Named("ollama", "llama3:8b")


@pytest.mark.parametrize(
    ("line", "wrong", "said"),
    [
        (4, 'kind = "openai"', "kind is one of openai-chat, openai-responses, anthropic, google, ollama"),
        (5, 'base_url = "localhost:8000"', "base_url begins with http:// or https:// and a host"),
        (6, 'key = "sk-123456"', 'key says where the key is: "env:NAME", "keyring:SERVICE" or "none"'),
        (6, 'api_key = "sk-123456"', "keys are never written here"),
        (7, "requests_per_minute = 0", "requests_per_minute is more than 0"),
        (7, 'requests_per_minute = "many"', "Expected 'int | null', got 'str'"),
        (8, "concurency = 4", "there is no setting 'concurency' here; did you mean 'concurrency'?"),
        (16, 'window_tokens = "big"', "Expected 'int | null', got 'str'"),
        (17, "input_per_mtok = -1", "input_per_mtok is not below 0"),
        (17, "input_per_mtok = nan", "input_per_mtok is not below 0"),
        (22, 'fast = "hom:qwen3"', "there is no model provider 'hom'; did you mean 'home'?"),
        (22, "fast = 3", "an alias is a name without ':' for one PROVIDER:MODEL"),
        (1, 'default = "fasst"', "there is no model 'fasst'; did you mean 'fast'?"),
        (1, "default = 1", "the default is one PROVIDER:MODEL, or an alias"),
        (1, 'defualt = "fast"', "there is no setting 'defualt'; did you mean 'default'?"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line: int, wrong: str, said: str) -> None:
    lines = FILE.splitlines()
    lines[line - 1] = wrong
    with pytest.raises(ModelSettingsError) as caught:
        parse("\n".join(lines), Path("models.toml"))
    first = next(problem for problem in caught.value.problems if said in problem.message)
    assert first.place == f"models.toml:{line}"
    assert "sk-123456" not in str(caught.value), "a key that stands there by mistake is not repeated"


def test_a_file_may_say_how_good_and_how_fast_a_model_is() -> None:
    said = "quality = 0.8\nfirst_s = 0.2\ntokens_per_s = 80\nblock_tokens = 16\nslots = 4\nthinking = [0, 2048]\n"
    facts = parse(f'[models."openai:x"]\n{said}replica_of = "openai:y"\n').models["openai:x"]
    assert (facts.quality, facts.first_s, facts.tokens_per_s, facts.slots) == (0.8, 0.2, 80.0, 4)
    assert (facts.thinking, facts.replica_of) == ((0, 2048), "openai:y")


def test_a_model_and_its_replicas_are_known_by_each_other() -> None:
    same = '[models."openai:b"]\nreplica_of = "it"\n[models."google:c"]\nreplica_of = "openai:a"\n[models."openai:d"]\n'
    found = parse(f'{same}[aliases]\nit = "openai:a"\n')
    a, b, c, d = (found.named(name) for name in ("it", "openai:b", "google:c", "openai:d"))
    assert found.replicas(a) == [a, b, c]
    assert [found.replicas(one) for one in (b, c, d)] == [[b], [c], [d]], "who names a replica means that one"
    assert [found.original(one) for one in (a, b, c, d)] == [a, a, a, d]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ('replica_of = "y"', "there is no model 'y'"),
        ('replica_of = "openai:z"\n[models."openai:z"]\nreplica_of = "openai:y"', "'openai:z' is a replica too"),
        ("quality = 1.5", "quality is a share, in [0, 1]"),
        ("tokens_per_s = 0", "tokens_per_s is above 0; leave it out if nobody knows"),
        ("first_s = inf", "first_s is not below 0"),
        ("thinking = [-1]", "thinking holds numbers of tokens, none below 0"),
        ("slots = 0", "slots is above 0"),
    ],
)
def test_facts_that_cannot_be_are_refused(wrong: str, said: str) -> None:
    with pytest.raises(ModelSettingsError, match=re.escape(said)):
        parse(f'[models."openai:x"]\n{wrong}\n')


def test_everything_is_said_at_once() -> None:
    text = '[providers.a]\nkind = "x"\n[providers.b]\nkynd = "google"\n[models."c:d"]\nwindow_tokens = 1\n'
    with pytest.raises(ModelSettingsError) as caught:
        parse(text)
    assert [problem.place for problem in caught.value.problems] == [
        "models.toml:2",
        "models.toml:4",
        "models.toml:3",
        "models.toml:5",
    ]


def test_what_is_no_toml_is_said_with_its_line_and_column() -> None:
    with pytest.raises(ModelSettingsError) as caught:
        parse('default = "a:b"\n[providers.x\n', Path("m.toml"))
    assert caught.value.problems[0].place.startswith("m.toml:2:")


def test_what_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ModelSettingsError, match="nested too deeply"):
        parse("default = " + "[" * 5_000)


def test_a_mark_of_its_encoding_in_front_is_no_part_of_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.toml"
    path.write_text('default = "openai:x"\n', encoding="utf-8-sig")
    monkeypatch.setenv("ORRERY_MODELS", str(path))
    assert settings().default == "openai:x"


def test_a_price_needs_both_sides() -> None:
    with pytest.raises(ModelSettingsError, match="a price needs both"):
        parse('[models."openai:x"]\ninput_per_mtok = 1\n')


@given(st.text(alphabet=st.sampled_from('[]="\n.:#abdefiklmnoprstuv_ 01\\'), max_size=120))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ModelSettingsError):
        parse(text)


def test_the_file_that_is_named_comes_first_then_the_folders_then_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings().path is None
    assert settings().providers == WELL_KNOWN
    mine = tmp_path / "home" / ".config" / "orrery" / "models.toml"
    mine.parent.mkdir(parents=True)
    mine.write_text('default = "openai:mine"')
    assert settings().default == "openai:mine"
    here = tmp_path / ".orrery" / "models.toml"
    here.parent.mkdir()
    here.write_text('default = "openai:here"')
    assert settings().default == "openai:here"
    named = tmp_path / "named.toml"
    named.write_text('default = "openai:named"')
    monkeypatch.setenv("ORRERY_MODELS", str(named))
    assert settings().default == "openai:named"
    named.write_text('default = "openai:changed"')
    assert settings().default == "openai:changed", "a changed file is read again"


def homeless(_uid: int) -> NoReturn:
    raise KeyError("nobody knows that user")


def test_a_user_without_a_home_has_no_file_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORRERY_MODELS", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", homeless)
    assert settings().path is None


def test_a_file_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORRERY_MODELS", "nowhere.toml")
    with pytest.raises(ModelSettingsError, match=r"nowhere\.toml: cannot be read: No such file"):
        settings()


def test_the_default_comes_from_the_environment_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_model() is None
    (tmp_path / "m.toml").write_text('default = "openai:a"')
    monkeypatch.setenv("ORRERY_MODELS", str(tmp_path / "m.toml"))
    assert default_model() == "openai:a"
    monkeypatch.setenv("ORRERY_MODEL", "openai:b")
    assert default_model() == "openai:b"


def test_names_that_lead_nowhere_say_what_is_near() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'anthropic'"):
        config.Settings().named("antropic:claude")
