"""Scripts that come with the server, and how one is found by name."""

from __future__ import annotations

from orrery.models.simulated.answer import Answer
from orrery.models.simulated.asked import Asked


def echo(asked: Asked) -> Answer:
    """Says what it was told: the script of a server that was given none."""
    return Answer(f"You said: {asked.text}")
