"""Rates: limits hold over every minute, nobody overtakes, nobody starves."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import ModelError
from orrery.models import Request
from orrery.models.call import complete
from orrery.models.config import Provider
from orrery.models.messages import prompt
from orrery.models.rates import WINDOW_S, Allowance, Gate, Ticket, gate
from orrery.models.simulated import Fault
from tests.simulated import Simulated

limits = st.fixed_dictionaries(
    {
        "requests_per_minute": st.none() | st.integers(1, 8),
        "tokens_per_minute": st.none() | st.integers(1, 500),
        "concurrency": st.none() | st.integers(1, 4),
    }
)
calls = st.lists(
    # When each comes after the one before, how long it takes, what is expected of it, what it takes.
    st.tuples(st.floats(0, 20), st.floats(0, 90), st.integers(0, 700), st.integers(0, 700)),
    min_size=1,
    max_size=30,
)


class Played:
    """A run of calls against an allowance, under a clock of its own."""

    def __init__(self, allowance: Allowance, arrivals: list[tuple[float, float, int, int]]) -> None:
        self.admitted: list[tuple[float, Ticket]] = []
        self.tickets: list[Ticket] = []
        self.most_inside = 0
        now, due = 0.0, 0.0
        comings: list[tuple[float, Ticket, float, int]] = []
        for gap, takes, expected, used in arrivals:
            due += gap
            comings.append((due, Ticket(expected), takes, used))
        goings: list[tuple[float, Ticket, int]] = []
        plan = {id(ticket): (takes, used) for _, ticket, takes, used in comings}
        self.tickets = [ticket for _, ticket, _, _ in comings]
        while comings or goings or allowance.waiting:
            times = [comings[0][0]] if comings else []
            times += [min(goings, key=lambda one: one[0])[0]] if goings else []
            next_due = allowance.next_due(now)
            times += [next_due] if next_due is not None else []
            assert times, "somebody waits for nothing"
            now = max(now, min(times))
            while comings and comings[0][0] <= now:
                allowance.enter(comings.pop(0)[1])
            for one in [one for one in goings if one[0] <= now]:
                goings.remove(one)
                allowance.leave(one[1], tokens=one[2])
            for ticket in allowance.admit(now):
                takes, used = plan[id(ticket)]
                self.admitted.append((now, ticket))
                goings.append((now + takes, ticket, used))
            self.most_inside = max(self.most_inside, allowance.inside)


@settings(deadline=None)
@given(limits, calls)
def test_every_call_is_let_in_in_turn_and_within_the_limits(
    given_limits: dict[str, int | None], arrivals: list[tuple[float, float, int, int]]
) -> None:
    played = Played(Allowance(**given_limits), arrivals)
    assert [ticket for _, ticket in played.admitted] == played.tickets, "nobody overtakes, and nobody starves"
    times = [at for at, _ in played.admitted]
    most = given_limits["requests_per_minute"]
    if most is not None:
        for first, last in zip(times, times[most:], strict=False):
            assert last - first >= WINDOW_S - 1e-6, "no window of a minute has more"
    if given_limits["concurrency"] is not None:
        assert played.most_inside <= given_limits["concurrency"]


@settings(deadline=None)
@given(st.integers(1, 500), calls)
def test_no_minute_has_more_tokens_than_allowed(most: int, arrivals: list[tuple[float, float, int, int]]) -> None:
    as_expected = [(gap, takes, expected, expected) for gap, takes, expected, _ in arrivals]
    played = Played(Allowance(tokens_per_minute=most), as_expected)
    for at, _ in played.admitted:
        window = [ticket for when, ticket in played.admitted if at <= when < at + WINDOW_S - 1e-6]
        spent = sum(min(ticket.tokens, most) for ticket in window)
        assert spent <= most, "what is larger than a minute goes alone"


def test_what_a_call_really_took_makes_room_or_takes_it() -> None:
    allowance = Allowance(tokens_per_minute=100)
    first, second = Ticket(80), Ticket(80)
    allowance.enter(first)
    allowance.enter(second)
    assert allowance.admit(0) == [first]
    assert allowance.next_due(0) == WINDOW_S
    allowance.leave(first, tokens=10)
    assert allowance.admit(1) == [second], "it took less than was feared"


def test_a_call_that_took_more_than_expected_holds_up_the_next() -> None:
    allowance = Allowance(tokens_per_minute=100)
    first, second = Ticket(10), Ticket(10)
    allowance.enter(first)
    assert allowance.admit(0) == [first]
    allowance.leave(first, tokens=95)
    allowance.enter(second)
    assert allowance.admit(1) == []
    assert allowance.next_due(1) == WINDOW_S


def test_a_pause_holds_everybody_up() -> None:
    allowance = Allowance()
    allowance.close(5)
    ticket = Ticket(1)
    allowance.enter(ticket)
    assert allowance.admit(4.9) == []
    assert allowance.next_due(4.9) == 5
    assert allowance.admit(5) == [ticket]


def test_who_goes_away_while_waiting_holds_nobody_up() -> None:
    async def scene() -> list[int]:
        door = Gate(Allowance(concurrency=1))
        order: list[int] = []
        inside = asyncio.Event()
        leave = asyncio.Event()

        async def call(number: int) -> None:
            async with door.passing(1):
                order.append(number)
                inside.set()
                await leave.wait()

        tasks = [asyncio.create_task(call(number)) for number in range(4)]
        await inside.wait()
        tasks[1].cancel()  # waits
        tasks[0].cancel()  # is inside
        leave.set()
        await asyncio.wait(tasks)
        return order

    assert asyncio.run(scene()) == [0, 2, 3]


def test_a_seeded_crowd_passes_in_its_order() -> None:
    dice = random.Random(7)

    async def scene() -> list[int]:
        door = Gate(Allowance(concurrency=3))
        order: list[int] = []

        async def call(number: int, turns: int) -> None:
            async with door.passing(1):
                order.append(number)
                for _ in range(turns):
                    await asyncio.sleep(0)

        await asyncio.gather(*(call(number, dice.randint(0, 9)) for number in range(200)))
        return order

    assert asyncio.run(scene()) == list(range(200))


def test_a_429_holds_up_the_calls_that_follow(simulated: Simulated) -> None:
    server = simulated(faults=[Fault("status", 429, retry_after_s=0.3, first=1)])

    async def scene() -> tuple[float, str]:
        loop = asyncio.get_running_loop()
        request = Request("sim-openai-chat:simulated", tuple(prompt("hi")), cache=False)
        with pytest.raises(ModelError, match="429"):
            await complete(request)
        began = loop.time()
        reply = await complete(request)
        return loop.time() - began, reply.text

    waited, said = asyncio.run(scene())
    assert said == "You said: hi"
    assert waited > 0.25
    assert server.counts.calls == 2


def test_a_provider_is_asked_no_more_at_once_than_its_settings_say(simulated: Simulated) -> None:
    server = simulated(lambda asked: "word " * 5, first_s=0.02)
    path = Path(os.environ["ORRERY_MODELS"])
    path.write_text(path.read_text().replace('key = "none"', 'key = "none"\nconcurrency = 2'))

    async def scene() -> None:
        requests = [Request("sim-openai-chat:simulated", tuple(prompt(f"{n}"))) for n in range(8)]
        await asyncio.gather(*map(complete, requests))

    asyncio.run(scene())
    assert server.counts.most_running == 2


def test_a_gate_stays_until_its_limits_change() -> None:
    async def scene() -> None:
        one = gate("p", Provider("ollama", concurrency=1))
        assert gate("p", Provider("ollama", concurrency=1)) is one
        assert gate("p", Provider("ollama", concurrency=2)) is not one

    asyncio.run(scene())


def test_a_window_is_a_minute() -> None:
    allowance = Allowance(requests_per_minute=2)
    times = [at for at, _ in Played(allowance, [(0.0, 0.0, 0, 0)] * 6).admitted]
    assert times == [0, 0, 60, 60, 120, 120]


def test_a_call_that_would_pass_the_tokens_of_a_minute_waits(simulated: Simulated) -> None:
    server = simulated(lambda asked: "word " * 5)
    path = Path(os.environ["ORRERY_MODELS"])
    path.write_text(path.read_text().replace('key = "none"', 'key = "none"\ntokens_per_minute = 1500'))

    async def scene() -> int:
        def request(number: int) -> Request:
            return Request("sim-openai-chat:simulated", tuple(prompt(f"{number}")), settings={"max_tokens": 700})

        # Each is expected to take 700 and takes 8, so all pass one after the other, but no three at once.
        for number in range(4):
            await complete(request(number))
        together = [asyncio.create_task(complete(request(number))) for number in range(4, 7)]
        done, waiting = await asyncio.wait(together, timeout=1.0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return len(done)

    assert asyncio.run(scene()) == 3, "what the first two really took made room for the third"
    assert server.counts.calls == 7
