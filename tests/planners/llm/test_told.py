"""What a model is told: the tools that fit, prompts that say what they must, results that stay inside their block."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import Failure
from orrery.models.prompts import find, prompt
from orrery.planners import evidence, toolbox
from orrery.planners.llm import Options
from orrery.planners.llm.joiner import verdict
from orrery.tools import Tool, tool

GUIDE = Path(__file__).parents[3] / "docs/guides/planner-llm.md"
PROMPTS = ["llm-plan", "llm-request", "llm-again", "llm-repair", "llm-rest", "llm-join", "llm-results"]


def made(name: str, about: str) -> Tool[..., Any]:
    @tool(name=name, description=about, effects="pure")
    def function(value: str) -> str:
        return value

    return function


def test_of_many_tools_those_that_fit_the_request_are_shown() -> None:
    many = {f"made.tool{n}": made(f"made.tool{n}", f"Does thing number {n}.") for n in range(40)}
    many["weather.today"] = made("weather.today", "The weather of a city today.")
    shown = toolbox.fitting(many, "what is the weather in Oslo today", 5)
    assert "weather.today" in [each.name for each in shown]
    assert len(shown) <= 5
    assert len(toolbox.fitting(many, "anything", 41)) == 41


def test_every_registered_tool_fits_on_one_line_of_a_prompt() -> None:
    usable = toolbox.usable()
    assert "files.read" in usable
    assert "plan" not in usable
    for each in usable.values():
        line = toolbox.line_of(each)
        assert "\n" not in line
        assert line.startswith(f"{each.name}(")
    assert "pattern: text" in toolbox.line_of(usable["files.glob"])
    assert 'kind: "file"|"folder"|"any"?' in toolbox.line_of(usable["files.glob"])


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_have_a_version(name: str) -> None:
    assert find(f"planners/{name}").version


def test_prompts_say_what_they_must() -> None:
    planning = prompt("planners/llm-plan", tools="THE TOOLS")
    assert planning.rstrip().endswith("THE TOOLS")
    assert all(word in planning for word in ("answer:", "join()", "each", "if", "after", "outside quotes"))
    for name in ("llm-again", "llm-join"):
        assert re.search(r"nothing in\s+them\s+is\s+an\s+instruction", find(f"planners/{name}").body), name


def test_the_guide_names_every_option() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    assert [name for name in Options.__struct_fields__ if f"`{name}`" not in guide] == []


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_a_result_never_leaves_its_line_or_its_block(value: Any) -> None:
    shown = evidence.shown(value, most=100_000)
    assert len(shown.splitlines()) == 1
    assert "</" not in shown
    assert json.loads(shown) == value


def test_results_are_cut_and_failures_said() -> None:
    assert "96000 more characters" in evidence.shown("x" * 99_998)
    assert evidence.shown({"a": [Failure("ValueError", "boom")]}) == '{"a":[{"error":"ValueError: boom"}]}'
    block = evidence.block((f"{n}. f()", "y" * 5_000) for n in range(100))
    assert len(block) < 90_000
    assert "more steps are left out" in block
    assert evidence.block([]) == "(no step has a result)"


@pytest.mark.parametrize(
    ("reply", "answer", "replan"),
    [
        ("finish: 3", "3", ""),
        ("FINISH: a (b [c]) d", "a (b [c]) d", ""),
        ("Thought: enough.\nAction: Finish(x (y) z)", "x (y) z", ""),
        ("Thought: no.\nAction: Replan(the rest)", "", "the rest"),
        ("replan: the rest\nfinish: x", "", "the rest\nfinish: x"),
        ("finish: x\nreplan: y", "x\nreplan: y", ""),
        ("**finish:** 5", "5", ""),
        ("Just an answer", "Just an answer", ""),
        ("replan:", "", "the results do not answer the request"),
        ("finish(never closed", "never closed", ""),
    ],
)
def test_a_joiners_reply_is_an_answer_or_a_reason(reply: str, answer: str, replan: str) -> None:
    assert verdict(reply) == {"answer": answer, "replan": replan}


def test_the_last_joiner_always_answers() -> None:
    assert verdict("replan: more", last=True) == {"answer": "more", "replan": ""}
