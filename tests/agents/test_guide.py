"""The guide to agents and the examples say what is true: what they show runs."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from orrery.agents import Agent, AgentSpec
from orrery.graph import Graph
from orrery.models import prompts
from orrery.workflow import loader
from tests.simulated import Simulated

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guides/agents.md").read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


def test_the_programs_of_the_guide_can_be_run_as_they_are(
    simulated: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated(lambda asked: f"I would look into it: {asked.text}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORRERY_STORE", "memory:")
    found: list[dict[str, Any]] = []
    for number, program in enumerate(PROGRAMS):
        path = tmp_path / f"part_{number}.py"
        path.write_text(program, encoding="utf-8")
        found.append(runpy.run_path(str(path), run_name="__main__"))
    assert capsys.readouterr().out == "I would look into it: Which of the files here is the longest?\n"
    assert len(found[1]["review"].workflow().graph) == 2
    assert [each.name for each in found[2]["head"].spec.tools] == ["count_words", "archive", "critic"]


def test_the_file_of_the_guide_is_a_workflow(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    path = tmp_path / "flow.yaml"
    path.write_text(f"name: look\ninputs: {{folder: {{type: string}}}}\n{text}")
    assert isinstance(loader.load(path).graph, Graph)


def test_the_table_of_the_guide_has_every_argument_with_its_default() -> None:
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", GUIDE, re.MULTILINE)
    named = {name for names, _ in rows for name in re.findall(r"`(\w+)`", names)}
    assert named == {*AgentSpec.__struct_fields__, "description", "output"}
    defaults = {re.findall(r"`(\w+)`", names)[0]: default for names, default in rows}
    own = Agent().spec
    for name in ("max_turns", "corrections", "tool_timeout_s", "result_chars", "depth"):
        assert float(defaults[name].replace(",", "")) == getattr(own, name)


def test_the_guide_names_every_prompt_of_agents() -> None:
    assert all(f"`{name}`" in GUIDE for name in prompts.names() if name.startswith("agents/"))


@pytest.mark.parametrize(
    ("example", "said"),
    [
        ("agent_tools.py", "{'most': 'Saturn', 'total': 373}"),
        ("agent_team.py", "Not ready: "),
    ],
)
def test_the_examples_run_without_a_model(
    example: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORRERY_MODELS", "")
    monkeypatch.delenv("ORRERY_MODEL", raising=False)
    runpy.run_path(str(ROOT / "examples" / example), run_name="__main__")
    assert capsys.readouterr().out.startswith(said)
