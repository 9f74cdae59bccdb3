"""The guide to models says what is true: its program runs, its workflow loads, its settings are settings."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from orrery import run
from orrery.models.config import WELL_KNOWN, parse
from orrery.models.simulated import Answer, Asked
from orrery.workflow.loader import load
from tests.simulated import Simulated

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "models.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return str(found)


def test_the_program_runs(simulated: Simulated, tmp_path: Path) -> None:
    simulated(lambda asked: "Io, Europa, Titan")
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", block("python")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.fullmatch(r"Io, Europa, Titan\n\d+ tokens, True\n", ran.stdout)


def test_the_workflow_runs(simulated: Simulated, tmp_path: Path) -> None:
    def script(asked: Asked) -> Answer | str:
        return Answer.json({"good": True}) if asked.output is not None else f"{asked.system} {asked.text}"

    simulated(script)
    (tmp_path / "summary.yaml").write_text(block("yaml"))
    (tmp_path / "news.txt").write_text("A moon was found.")
    workflow = load(tmp_path / "summary.yaml")
    result = run(workflow, store=f"sqlite:///{tmp_path}/runs.db", path=str(tmp_path / "news.txt"))
    assert result.state == "succeeded", result.error
    assert result.outputs == {
        "text": "You are brief. Sum up in one sentence: A moon was found.",
        "good": True,
    }


def test_the_settings_are_settings() -> None:
    found = parse(block("toml"))
    assert found.default == "fast"
    assert found.providers["home"].idle_s == 60
    assert found.models["home:qwen3"].cached_input_per_mtok is not None


def test_the_table_of_providers_is_that_of_the_program() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (?:`(\w+)`|none).*? \| `([\w-]+)`", GUIDE, re.MULTILINE)
    assert {name: (f"env:{key}" if key else "none", kind) for name, key, kind in rows} == {
        name: (provider.key_place, provider.kind) for name, provider in WELL_KNOWN.items()
    }
