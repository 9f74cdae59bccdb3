"""An agent with a tool of your own, whose answer has a form. Without a model of yours, a script plays one.

python examples/agent_tools.py
ORRERY_MODEL=openai-chat:gpt-5-mini python examples/agent_tools.py
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from orrery import run, tool
from orrery.agents import Agent
from orrery.models.simulated import Answer, Asked, Call, SimulatedServer

MOONS = {"Mars": 2, "Jupiter": 97, "Saturn": 274}


@tool(effects="pure")
def moons(planet: str) -> int:
    """How many known moons a planet has."""
    return MOONS.get(planet, 0)


@dataclass
class Ranking:
    """What the agent answers."""

    most: str
    total: int


astronomer = Agent(name="astronomer", tools=[moons], output=Ranking)


def play(asked: Asked) -> Answer:
    """What a model would say: it looks three planets up at once, and then answers."""
    if asked.turn == 0:
        return Answer("I look them up.", calls=tuple(Call("moons", {"planet": planet}) for planet in MOONS))
    return Answer(calls=(Call("answer", {"most": "Saturn", "total": sum(MOONS.values())}),))


def main() -> None:
    result = run(
        astronomer, "memory:", goal="Of Mars, Jupiter and Saturn, which has the most moons, and how many in all?"
    )
    print(result.output)


if __name__ == "__main__":
    if os.environ.get("ORRERY_MODEL"):
        main()
    else:
        with SimulatedServer(play) as server, tempfile.TemporaryDirectory() as folder:
            settings = Path(folder) / "models.toml"
            settings.write_text(server.config(), encoding="utf-8")
            os.environ["ORRERY_MODELS"] = str(settings)
            main()
