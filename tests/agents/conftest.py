"""Runs of agents against a simulated server, for their tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orrery.agents import Agent
from orrery.runtime import Result, Session
from orrery.scheduler.machine import Machine
from tests.simulated import simulated as simulated  # noqa: PLC0414 - a fixture

Reach = Callable[..., tuple[Result, Machine]]
"""Gives an agent a goal, and returns the result and the end state of the run."""


@pytest.fixture
def reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reach:
    """Runs an agent to its end, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def reach(agent: Agent, goal: str = "do it", **inputs: Any) -> tuple[Result, Machine]:
        async def whole() -> tuple[Result, Machine]:
            async with Session("memory:", watch_s=30) as session:
                run = session.start(agent.workflow(), {"goal": goal, **inputs}, folder=tmp_path)
                return await asyncio.wait_for(run.wait(), 20), run.machine

        return asyncio.run(whole())

    return reach
