"""The tools of the healing bench: three graphs, and a world in which each tool does what a scenario says.

The world is one of this process, for one run at a time: what a tool has done, and what stands in effect, is counted
where it happens and not where it is decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from orrery.errors import ToolError

_HERE: Final = "py:orrery.bench.optimiser.healing_world:"
ACT, ADVISE, THINK = f"{_HERE}act", f"{_HERE}advise", "py:orrery.bench.optimiser.healing_runs:think"
SLOW_S, PATIENCE_S, LATE_S = 30.0, 1.0, 0.1
"""What a slow use would take, after how long it is given up, and after how long one fails that fails late."""


@dataclass
class World:
    """What the tools do, and what they have done.

    Attributes:
        words: of each tool, what its uses come to, one after the other; "ok" once they are used up.
        in_effect: of each tool with an effect, how often that stands.
        answers: what whoever is asked says, one after the other; "give-up" once they are used up.
    """

    words: dict[str, list[str]] = field(default_factory=dict)
    in_effect: dict[str, int] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)

    async def use(self, tool: str) -> None:
        """Do what the scenario says; raises what it says."""
        words = self.words.get(tool, [])
        word = words.pop(0) if words else "ok"
        if word == "slow":
            await asyncio.sleep(SLOW_S)
        if word == "late":
            await asyncio.sleep(LATE_S)
        if word in ("fail", "late"):
            raise ToolError(f"{tool} is broken", severity="permanent")
        if word == "limit":
            raise ToolError(f"{tool} is asked too often", retry_after_s=0.02)
        if word == "unknown":
            self.in_effect[tool] = self.in_effect.get(tool, 0) + 1
            raise ToolError(f"{tool} did not answer", severity="effect-unknown")


world = World()


def begin(words: Mapping[str, str], answers: Sequence[Mapping[str, Any]]) -> World:
    """A new world, which is the world from now on."""
    world.words = {tool: line.split() for tool, line in words.items()}
    world.in_effect = {}
    world.answers = [dict(answer) for answer in answers]
    return world


async def act(tool: str, **inputs: Any) -> str:
    """Use a tool of the graph."""
    await world.use(tool)
    world.in_effect[tool] = world.in_effect.get(tool, 0) + 1
    return f"{tool}({', '.join(str(value) for _, value in sorted(inputs.items()))})"


async def undo(tool: str, of: str, **inputs: Any) -> None:  # noqa: ARG001 - what it needs is its receipt
    """Take the effect of a tool back."""
    await world.use(tool)
    world.in_effect[of] = world.in_effect.get(of, 0) - 1


async def probe_mail() -> None:
    """Whether mail could be sent."""
    await world.use("probe-mail")


async def probe_sms() -> None:
    """Whether a short message could be sent."""
    await world.use("probe-sms")


async def advise(question: str) -> dict[str, Any]:  # noqa: ARG001 - the scenario knows what it is about
    """The model that is asked when no way is left."""
    return world.answers.pop(0) if world.answers else {"choice": "give-up", "because": "no way", "want": []}


def _tool(name: str, needs: str, gives: str, seconds: float, effects: str = "pure", **more: Any) -> dict[str, Any]:
    return {
        "uses": ACT,
        "with": {"tool": name},
        "needs": needs.split(),
        "gives": dict.fromkeys(gives.split(), ""),  # what serves two branches serves each whole
        "seconds": seconds,
        "effects": effects,
        "timeout": PATIENCE_S if effects == "pure" else 5.0,
        **more,
    }


def _undo(of: str, needs: str) -> dict[str, Any]:
    name = f"undo-{of}"
    return {"uses": f"{_HERE}undo", "with": {"tool": name, "of": of}, "needs": needs.split(), "effects": "idempotent"}


def _graph(*tools: dict[str, Any], **undos: dict[str, Any]) -> dict[str, Any]:
    return {tool["with"]["tool"]: tool for tool in tools} | {undo["with"]["tool"]: undo for undo in undos.values()}


LINEAR: Final = _graph(
    _tool("validate", "order", "valid", 1.0),
    _tool("validate-by-hand", "order", "valid", 9.0),
    _tool("reserve", "valid", "stock", 1.0, "keyed", undo="undo-reserve"),
    _tool("charge-card", "stock", "receipt", 1.0, "keyed", undo="undo-charge-card"),
    _tool("charge-bank", "stock", "receipt", 4.0, "keyed", undo="undo-charge-bank"),
    _tool("ship-post", "receipt", "parcel", 2.0, "once"),
    _tool("ship-courier", "receipt", "parcel", 6.0, "once"),
    _tool("supplier", "valid", "parcel", 40.0, "once"),
    _tool("mail", "parcel", "told", 1.0, probe=f"{_HERE}probe_mail"),
    _tool("sms", "parcel", "told", 2.0, probe=f"{_HERE}probe_sms"),
    reserve=_undo("reserve", "stock"),
    card=_undo("charge-card", "stock"),
    bank=_undo("charge-bank", "stock"),
)
"""An order: checked, reserved, paid, sent, told. What is sent cannot be called back; a supplier does it all, dearly."""

DAG: Final = _graph(
    _tool("search", "question", "sources", 1.0),
    _tool("archive", "question", "sources", 5.0),
    _tool("fetch", "sources", "texts", 2.0),
    _tool("crawl", "sources", "texts", 6.0),
    _tool("extract", "texts", "facts", 2.0),
    _tool("skim", "texts", "facts", 5.0),
    _tool("outline", "sources", "plan", 1.0),
    _tool("write", "facts plan", "report", 3.0),
)
"""Research: sources lead to facts and to a plan at once, and a report needs both."""

FAN_OUT: Final = _graph(
    _tool("locate", "region", "place", 1.0),
    _tool("weather-near", "place", "weather", 1.0),
    _tool("weather-wide", "region", "weather", 4.0),
    _tool("traffic", "place", "roads", 2.0),
    _tool("feed", "region", "roads news", 4.0),
    _tool("news", "place", "news", 1.0),
    _tool("merge", "weather roads news", "brief", 1.0),
)
"""A briefing from three branches that share a step; one feed serves two of them."""

TOPOLOGIES: Final = {
    "linear": (LINEAR, "order", "told"),
    "DAG": (DAG, "question", "report"),
    "fan-out": (FAN_OUT, "region", "brief"),
}
"""Each graph, what there is, and what is wanted."""
