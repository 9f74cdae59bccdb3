"""UFO: a request in words to a desktop agent of UFO³. Only a device that is a bridge to one performs it."""

from __future__ import annotations

from typing import Any

from orrery.errors import ToolError
from orrery.graph import Effects
from orrery.tools.tool import tool

NAME = "ufo.request"


@tool(name=NAME, effects=Effects("once"))
def request(request: str, name: str = "") -> Any:
    """Have a desktop agent of UFO³ do what a request says, and return what it answers.

    Args:
        request: in words; it may do anything that the desktop's user may do.
        name: of the task, for the agent's own log; empty: the task's.

    Raises: ToolError: it was called where there is no such agent.
    """
    raise ToolError(
        f"{name or NAME} ({request:.60}) can only be done by a device that is a bridge to UFO³: give the task "
        "`runs-on: {skills: [ufo]}`, and the run a hub with such a device"
    )
