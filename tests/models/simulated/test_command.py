"""`orrery models simulate` as a process, and the guide to it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from orrery.cli import main
from orrery.models.simulated import Asked
from orrery.models.simulated.asked import Message, Result
from orrery.models.simulated.faults import FAULT_KINDS
from orrery.models.simulated.rules import When
from orrery.models.simulated.scripts import read_script
from tests.docs.blocks import run_program

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "simulated-models.md"
SCRIPT = "def answer(asked):\n    return f'{asked.text}? Yes.'\n"


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The command in a folder, and what it said at its beginning."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orrery", "models", "simulate", "--json", "--first", "0", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def test_it_serves_until_it_is_interrupted_and_says_what_it_counted(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(SCRIPT)
    words = ("--script", "py:./work.py:answer", "--record", "kept.json", "--config", "conf/models.toml")
    with serving(tmp_path, *words, "--fault", "503,call=2", "--rate", "1e6") as (process, began):
        url = began["environment"]["OPENAI_BASE_URL"] + "/chat/completions"
        body = {"model": "m", "messages": [{"role": "user", "content": "Well"}]}
        answers = [httpx2.post(url, json=body) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 503, 200]
        assert answers[0].json()["choices"][0]["message"]["content"] == "Well? Yes."
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    counts = json.loads(out.splitlines()[-1])["counts"]
    assert (counts["calls"], counts["answered"], counts["failed"]) == (3, 2, 1)
    assert (tmp_path / "conf" / "models.toml").read_text() == began["config"]
    asked = Asked("m", (Message("user", "Well"),))
    assert getattr(read_script(tmp_path / "kept.json")(asked), "text", None) == "Well? Yes."


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--fault", "rest"), "did you mean 'reset'"),
        (("--script", "nowhere.yaml"), "nowhere.yaml: cannot be read"),
        (("--host", "0.0.0.0"), "--exposed --token"),
        (("--rate", "0"), "the rates above 0"),
        (("--frist", "1"), "--first"),
    ],
)
def test_what_is_asked_wrongly_is_explained(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "simulate", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_guides_program_prints_what_it_says() -> None:
    assert run_program(GUIDE)[1].split() == ["/v1", "0"]


def test_the_guides_rules_say_what_they_should(tmp_path: Path) -> None:
    rules = GUIDE.read_text(encoding="utf-8").split("```yaml rules.yaml\n")[1].split("```")[0]
    (tmp_path / "rules.yaml").write_text(rules)
    script = read_script(tmp_path / "rules.yaml")
    asked = Asked("m", (Message("user", "the weather in Oslo"),))
    said = script(asked)
    assert [(call.name, call.args) for call in getattr(said, "calls", ())] == [("weather", {"place": "Oslo"})]
    results = Message("tool", results=(Result("1", "weather", "rain"),))
    said = script(Asked("m", (*asked.messages, Message("assistant"), results)))
    assert getattr(said, "text", None) == "The service says: rain"


def test_the_guides_tables_are_complete() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert [kind for kind in FAULT_KINDS if kind != "status" and f"| `{kind}` |" not in text] == []
    assert [name for name in When.__struct_fields__ if f"| `{name}` |" not in text] == []
