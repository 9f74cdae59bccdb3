"""The law of one replica, worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import RequestError
from orrery.models.serving import INSTANT, Replica, Timing

LAW = Timing(first_s=0.5, tokens_per_s=10, prefill_per_s=1000, slots=2, slowdown=0.5)


def test_a_call_alone_keeps_to_the_schedule_of_its_timing() -> None:
    replica = Replica(LAW)
    job = replica.arrive(3.0, prompt_tokens=500, cached=100, answer_tokens=11)
    assert replica.advance(100.0) == [job]
    assert job.first == pytest.approx(3.0 + LAW.due_s(1, uncached=400))
    assert job.ended == pytest.approx(3.0 + LAW.due_s(11, uncached=400)) == pytest.approx(3.0 + 0.5 + 0.4 + 1.0)


def test_a_step_with_two_takes_longer_by_the_slowdown_and_only_as_long_as_there_are_two() -> None:
    replica = Replica(LAW)
    short = replica.arrive(0.0, prompt_tokens=0, answer_tokens=11)
    long = replica.arrive(0.0, prompt_tokens=0, answer_tokens=21)
    replica.advance(100.0)
    assert short.ended == pytest.approx(0.5 + 1.0 * 1.5)
    assert long.ended == pytest.approx(2.0 + 1.0)


def test_while_a_prompt_is_read_no_answer_grows() -> None:
    replica = Replica(LAW)
    first = replica.arrive(0.0, prompt_tokens=0, answer_tokens=11)
    second = replica.arrive(0.25, prompt_tokens=400, answer_tokens=1)
    replica.advance(100.0)
    assert second.first == pytest.approx(0.25 + 0.5 + 0.4)
    assert first.ended == pytest.approx(0.5 + 1.0 + 0.4)


def test_prompts_are_read_one_after_the_other() -> None:
    replica = Replica(LAW)
    one = replica.arrive(0.0, prompt_tokens=1000, answer_tokens=1)
    other = replica.arrive(0.0, prompt_tokens=1000, answer_tokens=1)
    replica.advance(100.0)
    assert [one.first, other.first] == [pytest.approx(1.5), pytest.approx(2.5)]


def test_more_than_the_slots_wait_in_the_order_in_which_they_came() -> None:
    replica = Replica(LAW)
    jobs = [replica.arrive(0.0, prompt_tokens=0, answer_tokens=11) for _ in range(5)]
    assert (replica.working, replica.waiting) == (2, 3)
    assert replica.advance(1000.0) == jobs
    assert [job.started for job in jobs] == [pytest.approx(at) for at in (0, 0, 2, 2, 4)]
    assert replica.working == replica.waiting == 0


def test_who_leaves_gives_up_a_slot_or_a_place_in_line() -> None:
    replica = Replica(LAW)
    endless = replica.arrive(0.0, prompt_tokens=0, answer_tokens=math.inf)
    reading = replica.arrive(0.0, prompt_tokens=10_000, answer_tokens=1)
    waiting, last = (replica.arrive(0.0, prompt_tokens=0, answer_tokens=1) for _ in range(2))
    replica.leave(waiting, 1.0)
    replica.leave(reading, 2.0)
    replica.advance(10.0)
    assert (last.started, last.ended) == (2.0, 2.5)
    replica.leave(endless, 11.0)
    replica.leave(endless, 12.0)
    assert (replica.working, replica.waiting, replica.next_due(), replica.work_s) == (0, 0, math.inf, 0.0)


def test_tokens_are_due_when_the_present_batch_lets_them() -> None:
    replica = Replica(LAW)
    job = replica.arrive(0.0, prompt_tokens=0, answer_tokens=21)
    assert replica.due(job, 1) == math.inf
    replica.advance(0.5)
    assert [replica.due(job, token) for token in (0, 1, 11)] == [0.5, 0.5, pytest.approx(1.5)]
    other = replica.arrive(0.5, prompt_tokens=500, answer_tokens=100)
    replica.advance(1.0)
    assert replica.due(job, 11) == math.inf
    assert replica.due(job, 6) == 1.0
    replica.advance(1.5)
    assert replica.due(job, 11) == pytest.approx(1.5 + 0.5 * 1.5)
    assert replica.due(other, 1) == 1.5


def test_without_slots_no_call_slows_another() -> None:
    replica = Replica(Timing(first_s=0.5, tokens_per_s=10, prefill_per_s=1000))
    jobs = [replica.arrive(0.0, prompt_tokens=500, answer_tokens=11) for _ in range(50)]
    replica.advance(10.0)
    assert {job.ended for job in jobs} == {2.0}


def test_instant_is_instant() -> None:
    replica = Replica(INSTANT)
    job = replica.arrive(1.0, prompt_tokens=10**6, answer_tokens=math.inf)
    replica.advance(1.0)
    assert job.ended == 1.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"slots": 0},
        {"slowdown": 0.1},
        {"slots": 1, "slowdown": -1.0},
        {"slots": 1, "slowdown": math.nan},
        {"first_s": math.nan},
        {"first_s": math.inf},
        {"tokens_per_s": 0},
        {"prefill_per_s": math.nan},
        {"cache_blocks": -1},
    ],
)
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(RequestError):
        Timing(**wrong)  # type: ignore[arg-type]


CALLS = st.lists(
    st.tuples(st.floats(0, 3), st.integers(0, 2000), st.integers(0, 60), st.booleans()), min_size=1, max_size=25
)


@given(CALLS, st.integers(1, 5), st.sampled_from([0.0, 0.1, 1.0]), st.sampled_from([0.0, 0.3]))
def test_work_is_conserved(
    calls: list[tuple[float, int, int, bool]], slots: int, slowdown: float, first_s: float
) -> None:
    """No call is faster than alone, slots are never exceeded, the line is fair, and all end by the slowest bound."""
    timing = Timing(first_s=first_s, tokens_per_s=20, prefill_per_s=1000, slots=slots, slowdown=slowdown)
    replica = Replica(timing)
    jobs, left = [], []
    for at, prompt, answer, leaves in sorted(calls):
        job = replica.arrive(at, prompt_tokens=prompt, answer_tokens=answer)
        jobs.append((job, prompt, answer))
        if leaves:
            replica.leave(job, at)
            left.append(job)
        assert replica.working <= slots
    replica.advance(10_000.0)
    stayed = [(job, prompt, answer) for job, prompt, answer in jobs if job not in left]
    for job, prompt, answer in stayed:
        assert job.ended < math.inf
        assert job.ended - job.at >= timing.due_s(answer, uncached=prompt) - 1e-9
    starts = [job.started for job, _, _ in stayed]
    assert starts == sorted(starts)
    # One after the other is the slowest there is while no step is worse than alone for each: slowdown <= 1.
    last = max((job.at for job, _, _ in stayed), default=0.0)
    alone = sum(timing.due_s(answer, uncached=prompt) for _, prompt, answer in stayed)
    assert max((job.ended for job, _, _ in stayed), default=0.0) <= last + alone + 1e-6
    assert (replica.working, replica.waiting) == (0, 0)
