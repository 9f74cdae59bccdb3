"""A flow in which an agent works with another one, with a function, and with what a step found.

python examples/agent_team.py        # without a model of yours, a script plays one
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from orrery import flow, run, task
from orrery.agents import Agent, agent
from orrery.models.simulated import Answer, Asked, Call, SimulatedServer


def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(text.split())


counter = agent(count_words, effects="pure")
critic = Agent(name="critic", instructions="Name the weakest point.", description="Finds the weak point of a text.")
editor = Agent(name="editor", tools=[counter, critic], instructions="Say in one line whether the text is ready.")


@task
def draft(topic: str) -> str:
    return f"Everything about {topic}, in no particular order."


@flow
def publish(topic: str) -> Any:
    return editor("Is this text ready?", data=draft(topic))


def play(asked: Asked) -> Answer:
    """What models would say: the editor asks both of its helpers at once, the critic is hard to please."""
    if "weakest point" in asked.system:
        return Answer("It has no order.")
    if asked.turn == 0:
        goals = {"count_words": "Everything about moons, in no particular order.", "critic": "Find the weak point."}
        return Answer(calls=tuple(Call(name, {"goal": goal}) for name, goal in goals.items()))
    return Answer("Not ready: " + " ".join(result.text for result in asked.results))


def main() -> None:
    print(run(publish, "memory:", topic="moons").output)


if __name__ == "__main__":
    if os.environ.get("ORRERY_MODEL"):
        main()
    else:
        with SimulatedServer(play) as server, tempfile.TemporaryDirectory() as folder:
            settings = Path(folder) / "models.toml"
            settings.write_text(server.config(), encoding="utf-8")
            os.environ["ORRERY_MODELS"] = str(settings)
            main()
