"""A model is asked with the proof, by a schema, and only when no way is left."""

from __future__ import annotations

from tests.planners.routed.test_route import go, two_ways
from tests.planners.routed.world import reset
from tests.simulated import Simulated
from tests.simulated import simulated as simulated  # noqa: PLC0414 - a fixture

from orrery.models.simulated import Answer, Asked


def test_a_model_settles_for_what_can_be_reached(simulated: Simulated) -> None:
    questions: list[str] = []

    def model(asked: Asked) -> Answer:
        questions.append(asked.messages[-1].text)
        return Answer('{"because": "y is of use alone", "choice": "settle", "want": ["y"]}')

    simulated(model)
    reset()
    assert go(two_ways(), ["z", "y"], ask="model").out == {"z": "c(a(X))", "y": "a(X)"}
    assert questions == []
    reset(c="fail")
    assert go(two_ways(), ["z", "y"], ask="model").out == {"y": "a(X)"}
    (question,) = questions
    assert "What of it can still be reached: y" in question
    assert "every way leads through c, and that is dead" in question
