"""Matching, health, trust, queues: each alone."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.fleet.hub import match
from orrery.fleet.hub.attempt import Attempt, State
from orrery.fleet.hub.health import Health
from orrery.fleet.hub.known import KnownDevice
from orrery.fleet.hub.match import Need
from orrery.fleet.hub.queue import Queue
from orrery.fleet.hub.reputation import FLOOR, UNTRUE, Trust
from orrery.fleet.hub.timers import Timers
from orrery.fleet.messages import Assign, Source
from orrery.fleet.profile import Load, Offer, Profile
from orrery.graph.place import Place


def device(name: str = "pi", *, tools: tuple[str, ...] = ("work",), **profile: Any) -> KnownDevice:
    health = Health(0.0, heartbeat_s=5.0, lease_s=30.0)
    health.came(0.0)
    known = KnownDevice(name, health, 0.0)
    known.take(Profile(tools=tuple(Offer(tool) for tool in tools), **profile))
    known.level = health.level
    known.usable = known.hopeful = known.reported = True
    return known


def attempt(number: int = 1, **fields: Any) -> Attempt:
    fields.setdefault("op", "work")
    return Attempt(
        Assign(work=f"{number}#1", key=str(number), run="r", task=str(number), attempt=1, **fields), "run", number
    )


def chosen(wanted: Attempt, *devices: KnownDevice) -> str:
    holders: dict[str, dict[str, KnownDevice]] = {}
    for one in devices:
        for digest in one.holds:
            holders.setdefault(digest, {})[one.name] = one
    return match.choose(wanted, {one.name: one for one in devices}, holders).device.name


# -- hard requirements --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        (Place(on=("mac",)), "is not the device that it must be on"),
        (Place(apart=("pi",)), "is a device that it must not be on"),
        (Place(skills=("gpu",)), "lacks the skill 'gpu'"),
        (Place(os="windows"), "runs linux, not windows"),
        (Place(cpus=8), "has 4 of 8 processors"),
        (Place(memory_bytes=8_000_000_000), "has 4.0 of 8.0 GB of memory"),
    ],
)
def test_what_a_device_does_not_meet_is_a_sentence(place: Place, problem: str) -> None:
    pi = device(os="linux", cpus=4, memory_bytes=4_000_000_000)
    assert match.problems(Need("work", place), pi, 0.0) == [problem]
    assert not match.fits(Need("work", place), pi)
    assert match.fits(Need("work", Place()), pi)


def test_an_offer_may_stand_for_many() -> None:
    assert device(tools=("py:*",)).does("py:module:function")
    assert not device(tools=("py:*",)).does("shell")


def test_a_device_that_is_away_or_leaving_has_a_problem() -> None:
    pi = device()
    pi.draining, pi.level = True, "away"
    assert match.problems(Need("work", Place()), pi, 12.0) == ["takes nothing new", "is away for 12 s"]


def test_many_devices_are_not_all_listed() -> None:
    fleet = [device(f"d{number:02}") for number in range(12)]
    told = match.missing(Need("work", Place(skills=("gpu",))), fleet, {}, 0.0)
    assert told.startswith("no device that is here has the skill 'gpu' (d00 lacks")
    assert told.endswith("; and 4 more)")


def test_requirements_that_no_device_meets_at_once() -> None:
    fleet = [device("mac", os="darwin"), device("pi", os="linux", skills=("gpu",))]
    told = match.missing(Need("work", Place(skills=("gpu",), os="darwin")), fleet, {}, 0.0)
    assert told.startswith("no device can do 'work': none meets all requirements at once (mac lacks the skill 'gpu'; ")


# -- the best -----------------------------------------------------------------------------------------------------


def test_the_faster_device_wins_and_equal_ones_go_by_their_names() -> None:
    assert chosen(attempt(), device("b", speed=2.0), device("a")) == "b"
    assert chosen(attempt(), device("b"), device("a")) == "a"


def test_a_choice_says_why() -> None:
    free = {one.name: one for one in (device("a", speed=4.0), device("b"), device("c", speed=2.0))}
    choice = match.choose(attempt(seconds=8.0), free, {})
    assert choice.because == "expected in 2 s, c in 4 s"
    assert choice.seconds == 2.0


def test_load_latency_cost_shakiness_and_distrust_count() -> None:
    loaded, far, dear, shaky, doubtful = (device(name) for name in ("aloaded", "afar", "adear", "ashaky", "adoubtful"))
    loaded.load = Load(cpu=0.8)
    far.latency_s = 2.0
    dear.take(Profile(tools=(Offer("work"),), cost=100.0))
    shaky.health.shaky = True
    doubtful.trust.fall(UNTRUE, 0.0)
    for worse in (loaded, far, dear, shaky, doubtful):
        assert chosen(attempt(seconds=2.0), worse, device("z-plain")) == "z-plain"


def test_data_is_moved_where_that_is_faster() -> None:
    here, fast = device("z-here"), device("fast", speed=10.0)
    here.holds["d"] = 100_000_000
    assert chosen(attempt(seconds=1.0, sources=(Source("d"),)), here, fast) == "z-here"
    assert chosen(attempt(seconds=100.0, sources=(Source("d"),)), here, fast) == "fast"


def test_data_moves_faster_within_a_zone() -> None:
    holder = device("holder", zone="lab", tools=())
    holder.holds["d"] = 1_000_000_000
    near, far = device("z-near", zone="lab"), device("a-far", zone="home")
    holders = {"d": {"holder": holder}}
    wanted = attempt(sources=(Source("d"),))
    assert match.choose(wanted, {"a-far": far, "z-near": near}, holders).device is near


def test_a_device_that_works_already_is_slower_when_it_has_no_processor_left() -> None:
    busy = device("a-busy", cpus=1, slots=4)
    busy.leases["x"] = attempt(9)
    assert chosen(attempt(), busy, device("z-idle")) == "z-idle"


# -- lines --------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.booleans()), max_size=40))
def test_a_line_gives_the_highest_rank_and_then_the_earliest(steps: list[tuple[str, int, bool]]) -> None:
    queue, waiting = Queue(), list[Attempt]()
    for number, (op, rank, takes) in enumerate(steps):
        one = attempt(number, op=op, rank=float(rank))
        one.step(State.QUEUED)
        queue.push(queue.line(Need.of(one.assign), ()), one)
        waiting.append(one)
        if takes:
            line = next(iter(queue.busy.values()))
            expected = min(
                (other for other in waiting if other.line is line), key=lambda it: (-it.assign.rank, it.arrival)
            )
            head = line.head()[2]
            assert head is expected
            queue.remove(head)
            head.step(State.LEASED)
            waiting.remove(head)
    assert len(queue) == len(waiting)
    assert set(queue.attempts()) == set(waiting)


def test_lines_in_which_nobody_waits_do_not_pile_up() -> None:
    queue = Queue()
    for number in range(5_000):
        queue.line(Need(f"op{number}", Place()), ())
    assert len(queue.lines) <= 1025


def test_many_free_devices_are_not_all_compared() -> None:
    queue = Queue()
    fleet = [device(f"d{number}") for number in range(500)]
    for one in fleet:
        queue.note_room(one)
    line = queue.line(Need("work", Place()), fleet)
    found = queue.free_for(line, near=["d499", "nobody"])
    assert len(found) == match.LOOK + 1
    assert list(found)[:2] == ["d499", "d0"]


# -- health and trust ---------------------------------------------------------------------------------------------


def test_one_drop_out_is_forgiven_and_more_are_not() -> None:
    health = Health(0.0, heartbeat_s=5.0, lease_s=30.0)
    health.came(0.0)
    for at, level in ((10.0, "online"), (11.0, "shaky"), (12.0, "shaky")):
        health.went(at, clean=False)
        assert health.level == "away"
        health.came(at + 0.5)
        assert health.level == level
    at = 12.5
    while health.shaky:
        at += 1.0
        health.heard(at)
        health.passed(at)
    assert health.level == "online"
    assert 40 < at < 100


def test_a_clean_goodbye_is_no_drop_out() -> None:
    health = Health(0.0, heartbeat_s=5.0, lease_s=30.0)
    for at in range(10):
        health.came(float(at))
        health.went(at + 0.5, clean=True)
    assert not health.shaky


def test_a_lease_ends_once_and_is_renewed_by_being_heard() -> None:
    health = Health(0.0, heartbeat_s=5.0, lease_s=30.0)
    health.came(0.0)
    assert not health.passed(29.0)
    health.heard(29.0)
    assert not health.passed(58.0)
    assert health.passed(59.0)
    assert not health.passed(60.0)


@given(st.lists(st.floats(0.1, 1.0), max_size=10), st.floats(0, 1e5))
def test_trust_stays_between_nothing_and_one_and_recovers(falls: list[float], later: float) -> None:
    trust = Trust()
    for factor in falls:
        trust.fall(factor, 0.0)
    low = trust.now(0.0)
    assert 0.0 <= low <= trust.now(later) <= 1.0
    at = trust.suffices_at(0.0)
    assert trust.now(at) >= FLOOR
    assert at == 0.0 or trust.now(at - 1.0) < FLOOR
    trust.rise(later)
    assert trust.now(later) >= low


# -- timers -------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20), st.booleans()), max_size=60))
def test_timers_come_in_order_and_what_is_cancelled_does_not(steps: list[tuple[int, int, bool]]) -> None:
    timers, expected = Timers(), dict[tuple[str, str], int]()
    for number, due, cancels in steps:
        timer = ("kind", str(number))
        if cancels:
            timers.cancel(timer)
            expected.pop(timer, None)
        else:
            timers.set(timer, float(due))
            expected[timer] = due
    assert len(timers) == len(expected)
    assert timers.next_due() == min(expected.values(), default=None)
    came = []
    while (timer_ := timers.pop_due(10.0)) is not None:
        came.append(expected[timer_])
        assert timer_ not in timers
    assert came == sorted(due for due in expected.values() if due <= 10)


def test_setting_a_timer_again_and_again_leaves_nothing_behind() -> None:
    timers = Timers()
    for due in range(10_000):
        timers.set(("health", "pi"), float(due))
    assert len(timers) == 1
    assert len(timers._heap) <= 70
