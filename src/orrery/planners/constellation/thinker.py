"""The thinker that asks a model for its edits. Any other function of a situation can take its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orrery.models import Request
from orrery.models.prompts import prompt
from orrery.planners import evidence
from orrery.planners.asking import model_named
from orrery.planners.devices import listed_devices
from orrery.planners.protocol import Device
from orrery.planners.toolbox import fitting, listed, usable
from orrery.tools.context import ToolContext

MOST_TOOLS = 30
"""That a model is shown, where the situation does not say."""


async def think(situation: dict[str, Any], ctx: ToolContext) -> str:
    """The lines in which a model says what is to change.

    Args:
        situation: `goal`; `turn` and how many are `left`; the `steps` as they stand, each with its `number`, its
            `line` and its `state`; the `results` of those that have ended since the turn before, by number, a
            Failure where one failed; the `problems` with what was said in the turn before; the `tools` that may
            be used, or None for all; the `devices` of the fleet, where there is one.

    Raises:
        ModelError: the model gave no answer.
        PlannerOptionError: there is no model.
    """
    from orrery.models.call import complete, ready

    await ready()
    from orrery.models.messages import prompt as conversation

    goal = situation["goal"]
    tools = fitting(usable(situation["tools"]), goal, situation.get("max_tools", MOST_TOOLS))
    asked = conversation(
        prompt(
            "planners/constellation-turn",
            goal=goal,
            steps=_steps(situation["steps"]),
            results=_results(situation["results"]),
            problems="\n".join(situation["problems"]) or "none",
            left=str(situation["left"]),
        ),
        system=prompt(
            "planners/constellation",
            tools=listed(tools) + listed_devices([Device(**told) for told in situation.get("devices", ())]),
        ),
    )
    # What was thought once would be said again about the same results, also where they are those of another run.
    reply = await complete(Request(model_named(situation.get("model")), tuple(asked), timeout_s=None, cache=False), ctx)
    return reply.text


def _steps(steps: list[Mapping[str, Any]]) -> str:
    return "\n".join(f"{step['line']}   [{step['state']}]" for step in steps) or "none yet"


def _results(results: Mapping[str, Any]) -> str:
    return evidence.block((f"${number}", value) for number, value in results.items()) if results else "none"
