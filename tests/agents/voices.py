"""Operations that answer, for the tests of synthesis; at the top of a module, so that any process can find them."""

from __future__ import annotations

from typing import Any

from orrery.tools import tool


@tool(effects="pure")
def stubborn(name: str, others: list[Any]) -> str:
    """Says always the same, whatever others say."""
    return f"{name} {name} {name}"


@tool(effects="pure")
def follower(others: list[Any]) -> Any:
    """Takes over what the first of the others says."""
    return others[0]


@tool(effects="pure")
def scripted(says: list[str], others: list[Any]) -> str:
    """Says the next of its words: as many as others are in view, counted by their rounds."""
    return says[len(others) % len(says)]


@tool(effects="pure")
def reader(text: str) -> str:
    """Says what it was asked, word for word."""
    return text


@tool(effects="pure")
def same_first_letter(answers: list[str]) -> float:
    """How far answers agree: whether all begin alike."""
    return 1.0 if len({answer[0] for answer in answers}) == 1 else 0.0


@tool(effects="pure")
def picks_last(answers: list[str]) -> dict[str, Any]:
    """Finds that they agree, and that the last is best."""
    return {"score": 1, "best": len(answers) - 1}


@tool(effects="pure")
def unsure(answers: list[str]) -> float:
    """Returns no number at all."""
    return float("nan")


@tool(effects="pure")
def broken(others: list[Any]) -> str:
    """Fails."""
    raise ValueError("out of order")
