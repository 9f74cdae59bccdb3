"""Others' agents, at the top of a module as users have them."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.models.test import TestModel

from orrery import flow
from orrery.agents import Agent, agent
from tests.agents import deeds


def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


async def slow_count(text: str, extra: Any = None) -> str:
    """Count, and take a moment."""
    await asyncio.sleep(0)
    return f"{len(text.split())} words, {extra}"


counting = agent(count_words)
slow = agent(slow_count, effects="pure")
parrot = agent(PydanticAgent(TestModel(custom_output_text="I am a test."), name="parrot"), effects="idempotent")
adder = Agent(name="adder", tools=[deeds.add], description="Adds numbers.")


@flow
def counted(text: str) -> Any:
    """The number of words, twice over."""
    return {"words": counting(text), "said": slow(text, data=[1])}


@flow
def chained(goal: str) -> Any:
    """An agent of others reads what one of ours says."""
    return counting(adder(goal, data={"a": 1}))
