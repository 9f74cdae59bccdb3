"""What the guide of routes shows is what happens."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest
import yaml

from orrery.planners.routed import answers
from orrery.routing.tool_graph.heal import Compensation, Escalation, Frontier, Made, Reroute, decide
from orrery.routing.tool_graph.health import Failed, Health
from orrery.routing.tool_graph.picture import as_mermaid
from orrery.routing.tool_graph.reading import tool_graph
from orrery.runtime import Session
from orrery.workflow import load_target, loads

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/guides/routes.md").read_text()


def blocks(kind: str) -> list[str]:
    return [block.rstrip("\n") for block in re.findall(rf"^```{kind}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)]


def test_the_pictures_and_the_reasons_are_those_of_the_tools_that_are_shown() -> None:
    graph = tool_graph(yaml.safe_load(blocks("yaml tools")[0]))
    first = decide(graph, Health(), Frontier(), ["trip"], at=0.0)
    assert isinstance(first, Reroute)
    frontier = Frontier((), (Made("1.book", "book", {}, ("booking",)),))
    health = Health().after([Failed("card")], at=0.0)
    second = decide(graph, health, frontier, ["trip"], at=0.0, failed={"1.card": "refused"})
    assert isinstance(second, Reroute)
    assert blocks("mermaid") == [
        as_mermaid(graph, taken=first.way.steps),
        as_mermaid(graph, taken=second.way.steps, made=["book"], dead=["card"]),
    ]
    assert f"`{second.because}`" in GUIDE
    health = health.after([Failed("invoice")], at=0.0)
    third = decide(graph, health, frontier, ["trip"], at=0.0, failed={"2.invoice": "no paper"})
    health = health.after([Failed("tour")], at=0.0)
    last = decide(graph, health, Frontier(), ["trip"], at=0.0, failed={"3.tour": "sold out"})
    assert (type(third), type(last)) == (Compensation, Escalation)
    assert blocks("text")[:2] == [third.because, last.because]


def test_the_program_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(blocks("python heal.py")[0], "heal.py", "exec"), {})
    assert capsys.readouterr().out.strip() == blocks("text")[2]


def test_the_file_is_a_workflow_and_the_example_heals(tmp_path: Path) -> None:
    assert len(loads(blocks("yaml")[0]).graph) == 1

    async def whole() -> None:
        async with Session("memory:") as session:
            run = session.start(load_target("11_route.yaml", ROOT / "examples"), folder=tmp_path)
            result = await asyncio.wait_for(run.wait(), 20)
            assert result.outputs == {
                "rows": [{"town": "Davos", "height_m": "1560"}, {"town": "Bergen", "height_m": "12"}]
            }
            (failure,) = answers([event for _, event in session.journal.read(run.id)])
            assert (failure.tool, type(failure.decisions[0])) == ("recall", Reroute)

    asyncio.run(whole())
