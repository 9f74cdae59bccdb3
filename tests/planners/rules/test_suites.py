"""The two suites: what is understood is run for real, what is refused says why."""

from __future__ import annotations

import asyncio
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import yaml

from orrery.errors import NotUnderstoodError
from orrery.graph import Graph
from orrery.planners.rules import understand
from orrery.runtime.result import Result
from orrery.runtime.session import Session
from orrery.tools.toolset import BUILT_IN

HERE = Path(__file__).parent


def _make(folder: Path) -> None:
    spec = spec_from_file_location("rules_suite_folder", HERE / "folder.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make(folder)


def _suite(name: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = yaml.safe_load((HERE / "suites" / f"{name}.yaml").read_text(encoding="utf-8"))
    return cases


def _id(case: dict[str, Any]) -> str:
    return str(case["request"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _make(tmp_path)
    return tmp_path


def _run(graph: Graph, folder: Path) -> Result:
    async def run() -> Result:
        async with Session("memory://") as session:
            return await asyncio.wait_for(session.start(graph, folder=folder).wait(), 30)

    return asyncio.run(run())


@pytest.mark.parametrize("case", _suite("understood"), ids=_id)
def test_a_request_is_planned_and_does_what_it_says(case: dict[str, Any], folder: Path) -> None:
    graph = understand(case["request"], folder, approve="yes").graph
    result = _run(graph, folder)
    assert result.state == "succeeded", result.error
    answer = result.outputs.get("answer")
    if "answer" in case:
        assert answer == case["answer"]
    if "rows" in case:
        assert isinstance(answer, list)
        assert len(answer) == len(case["rows"]), answer
        shown = [{name: row[name] for name in wanted} for row, wanted in zip(answer, case["rows"], strict=True)]
        assert shown == case["rows"]
    if case.get("kind") == "number":
        assert isinstance(answer, int | float)
    if case.get("kind") == "map":
        assert isinstance(answer, dict)
    for path in case.get("files", []):
        assert (folder / path).stat().st_size > 0
    for path, text in case.get("text", {}).items():
        assert (folder / path).read_text(encoding="utf-8") == text
    for path in case.get("gone", []):
        assert not (folder / path).exists()
    if "parallel" in case:
        assert any(task.op == case["parallel"] and task.each is not None for task in graph)


OWN = [f"{toolset}.{name}" for toolset, names in BUILT_IN.items() for name in names]
"""Orrery's own tools: a reason may be another one where others are registered, as other tests in this process do."""


@pytest.mark.parametrize("case", _suite("refused"), ids=_id)
def test_what_cannot_be_done_is_refused_with_the_reason(case: dict[str, Any], folder: Path) -> None:
    with pytest.raises(NotUnderstoodError) as refused:
        understand(case["request"], folder, OWN)
    assert case["code"] in [problem.code for problem in refused.value.problems], str(refused.value)
    assert case["says"] in str(refused.value)


def test_a_plan_takes_less_than_20_ms(folder: Path) -> None:
    requests = [case["request"] for case in _suite("understood")]
    for request in requests:  # the tools' modules are imported once
        understand(request, folder, approve="yes")
    begun = time.process_time()
    for request in requests:
        understand(request, folder, approve="yes")
    assert (time.process_time() - begun) / len(requests) < 0.020
