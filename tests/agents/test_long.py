"""An agent of many turns stays flat, its log grows with the turns and not with their square, and it is compacted."""

from __future__ import annotations

import asyncio
import re
from collections import Counter

import pytest

from orrery.agents import Agent
from orrery.models.simulated import Answer, Asked, Call
from orrery.runtime import Session
from orrery.scheduler.codec import encode_events
from tests.agents import deeds
from tests.agents.conftest import Reach
from tests.simulated import Simulated

PAGE = "All work and no play. " * 40
TURN = re.compile(r"agent/(\d+)")


@pytest.mark.usefixtures("reach")
def test_fifty_turns_are_no_deeper_than_one_and_their_log_is_linear_in_them(simulated: Simulated) -> None:
    def script(asked: Asked) -> Answer:
        if asked.turn == 49:
            return Answer("done")
        return Answer(f"Page {asked.turn} is next.", calls=(Call("page", {"text": PAGE}),))

    simulated(script, split="lines")
    agent = Agent(tools=[deeds.page], max_turns=50, window_tokens=10**6, cache=False)

    async def whole() -> tuple[int, list[int]]:
        async with Session("memory:", watch_s=30) as session:
            run = session.start(agent.workflow(), {"goal": "read"})
            result = await asyncio.wait_for(run.wait(), 60)
            assert result.output == "done"
            bytes_of: Counter[int] = Counter()
            for _, event in session.journal.read(run.id):
                turn = TURN.match(getattr(event, "task", ""))
                bytes_of[int(turn[1]) if turn else 0] += len(encode_events([event]))
            depth = max(record.depth for record in run.machine.records.values())
            return depth, [bytes_of[turn] for turn in range(1, 51)]

    depth, bytes_of = asyncio.run(whole())
    assert depth == 1
    early, late = sum(bytes_of[4:9]) / 5, sum(bytes_of[44:49]) / 5
    print(f"bytes of a turn in the log: {early:.0f} at the 7th, {late:.0f} at the 47th")
    # A turn refers to those before it: that is all by which a later one is longer, and it is less than its text.
    assert late - early < 40 * 100
    assert late < 1.6 * early


@pytest.mark.parametrize("by", ["digest", "model"])
def test_a_conversation_that_fills_the_window_goes_on_with_a_summary(
    simulated: Simulated, reach: Reach, by: str
) -> None:
    def script(asked: Asked) -> Answer:
        if "has become too long" in asked.text or any("has become too long" in m.text for m in asked.messages):
            return Answer("SUMMARY: pages were read.")
        words = sum(len(message.text) + sum(len(r.text) for r in message.results) for message in asked.messages)
        assert words / 4 < 6_000, "the conversation outgrew its window"
        if len(server.requests) > 14:
            return Answer("done")
        return Answer(calls=(Call("page", {"text": PAGE * 3}),))

    server = simulated(script, split="lines")
    agent = Agent(tools=[deeds.page], max_turns=60, window_tokens=6_000, summary=by, cache=False)
    result, machine = reach(agent, "read all pages")
    assert result.output == "done", result.error
    compacted = [task for task in machine.records if task.endswith(".compact")]
    assert len(compacted) >= 2
    assert max(record.depth for record in machine.records.values()) == (1 if by == "digest" else 2)
    last = server.requests[-1]
    assert last.messages[1].text.startswith("read all pages")
    assert "a summary of the earlier turns" in last.messages[1].text + last.messages[2].text
    assert not any("too long" in message.text for message in last.messages)
    calls = [call.id for message in last.messages for call in message.calls]
    assert calls == [result.id for message in last.messages for result in message.results]
