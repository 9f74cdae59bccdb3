"""Runs of the recursive planner, for its tests."""

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

Solve = Callable[..., tuple[Result, Machine]]


@pytest.fixture
def solve(tmp_path: Path) -> Solve:
    """Solves a request with options, and returns the result and the end state of the run."""

    def solve(text: str, **options: Any) -> tuple[Result, Machine]:
        async def whole() -> tuple[Result, Machine]:
            goal = {"text": text, "options": options}
            plan = Task("plan", "plan", {"goal": goal, "planner": "recursive"}, executor="planner")
            async with Session("memory:") as session:
                run = session.start(Graph([plan]), folder=tmp_path)
                return await asyncio.wait_for(run.wait(), 20), run.machine

        return asyncio.run(whole())

    return solve
