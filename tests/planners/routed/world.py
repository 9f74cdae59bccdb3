"""A world of tools that do what a test says: succeed, fail, ask for a pause, or leave nobody knowing."""

from __future__ import annotations

from typing import Any

from orrery.errors import ToolError

HERE = "py:tests.planners.routed.world:"
plans: dict[str, list[str]] = {}
"""What a tool does at its uses, one after the other: "ok", "fail", "limit", "unknown"; then always "ok"."""
called: list[str] = []
"""The tools in the order of their uses, those that failed too."""
in_effect: dict[str, int] = {}
"""How often the effect of each tool stands in the world."""


def reset(**wanted: str) -> None:
    """A new world; `fetch="fail ok"` says what the tool does at its first uses."""
    plans.clear()
    plans.update({name: words.split() for name, words in wanted.items()})
    called.clear()
    in_effect.clear()


async def do(tool: str, **inputs: Any) -> str:
    """Use a tool."""
    _step(tool)
    in_effect[tool] = in_effect.get(tool, 0) + 1
    return f"{tool}({', '.join(f'{value}' for _, value in sorted(inputs.items()))})"


async def undo(tool: str, of: str, **inputs: Any) -> str:
    """Take the effect of a tool back."""
    _step(tool)
    in_effect[of] = in_effect.get(of, 0) - 1
    return "undone"


async def probe_ok() -> bool:
    """A tool that is there."""
    return True


async def probe_dead() -> bool:
    """A tool that is not."""
    raise ToolError("nobody answers", severity="permanent")


def say_again(question: str) -> dict[str, Any]:
    """Somebody who always wants to try again."""
    called.append("asked")
    return {"choice": "again", "because": "it is back", "want": []}


def settle(question: str) -> dict[str, Any]:
    """Somebody who settles for whatever can be reached."""
    called.append("asked")
    possible = question.partition("What of it can still be reached: ")[2].partition("\n")[0]
    return {"choice": "settle", "because": "better than nothing", "want": possible.split(", ")}


def _step(tool: str) -> None:
    called.append(tool)
    words = plans.get(tool, [])
    word = words.pop(0) if words else "ok"
    if word == "fail":
        raise ToolError(f"{tool} is broken", severity="permanent")
    if word == "limit":
        raise ToolError(f"{tool} is asked too often", retry_after_s=0.05)
    if word == "unknown":
        in_effect[tool] = in_effect.get(tool, 0) + 1
        raise ToolError(f"{tool} did not answer", severity="effect-unknown")


def tools(**written: dict[str, Any]) -> dict[str, Any]:
    """A tool graph of this world; `undoes` in place of `gives` makes a tool that takes another's effect back."""
    made = {}
    for name, tool in written.items():
        undoes = tool.pop("undoes", None)
        more = {"tool": name} if undoes is None else {"tool": name, "of": undoes}
        made[name] = {"uses": HERE + ("do" if undoes is None else "undo"), "effects": "pure", "with": more, **tool}
    return made
