"""Runs and workshops for the tests of the hierarchical planner and of toolmaking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.simulated import simulated as simulated  # noqa: PLC0414 - a fixture

from orrery.graph import Graph, Task
from orrery.runtime import Result, Session
from orrery.scheduler.machine import Machine
from orrery.tools import LocalContext

Solve = Callable[..., tuple[Result, Machine]]


@pytest.fixture
def solve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Solve:
    """Plans a request with options, and returns the result and the end state of the run."""
    monkeypatch.chdir(tmp_path)

    def solve(text: str, *, tools: list[str] | None = None, **options: Any) -> tuple[Result, Machine]:
        async def whole() -> tuple[Result, Machine]:
            goal: dict[str, Any] = {"text": text, "options": options, "tools": tools}
            plan = Task("plan", "plan", {"goal": goal, "planner": "hierarchical"}, executor="planner")
            async with Session("memory:", watch_s=30) as session:
                run = session.start(Graph([plan]), folder=tmp_path)
                return await asyncio.wait_for(run.wait(), 60), run.machine

        return asyncio.run(whole())

    return solve


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalContext:
    """A context in a folder of its own, whose library of tools is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORRERY_TOOLS", raising=False)
    return LocalContext(tmp_path)
