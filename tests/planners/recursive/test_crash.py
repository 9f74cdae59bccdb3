"""A process that dies in the middle of a tree: what was answered is not asked again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.planners.recursive.test_asked import PLANS, script
from tests.simulated import Simulated

from orrery.models.simulated import Answer, Asked
from orrery.runtime import resume

RUN = """
import asyncio, os
from orrery import Graph, Task
from orrery.runtime import Session

async def main():
    options = {"executor": "model.ask"}
    goal = {"text": "whole", "options": options}
    plan = Task("plan", "plan", {"goal": goal, "planner": "recursive"}, executor="planner")
    async with Session("sqlite:///runs.db") as session:
        await session.start(Graph([plan]), run="r").wait()

print(os.getpid(), flush=True)
asyncio.run(main())
"""


@pytest.mark.parametrize("dies_at", [4, 9])
def test_after_kill_9_the_tree_goes_on_and_nothing_answered_is_asked_again(
    simulated: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = script(PLANS)
    children: list[int] = []

    def deadly(asked: Asked) -> Answer | str:
        if asked.number == dies_at:
            os.kill(children[0], signal.SIGKILL)
        return answer(asked)

    server = simulated(deadly)
    with subprocess.Popen([sys.executable, "-c", RUN], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        children.append(int(child.stdout.readline()))
        assert child.wait(timeout=30) == -signal.SIGKILL
    before = [asked.text for asked in server.requests]
    for cached in tmp_path.glob("simulated-models.toml.db*"):  # the log alone must do
        cached.unlink()
    result = resume("r", "sqlite:///runs.db")
    assert result.outputs["answer"] == "summary of whole"
    counted = Counter(asked.text for asked in server.requests)
    twice = [text for text, count in counted.items() if count > 1]
    assert set(twice) <= set(before)
    assert len(twice) <= 3, "only what was in flight: at most three parts are worked on at once"
    assert max(counted.values()) <= 2
