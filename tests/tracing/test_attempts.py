"""Attempts read off a log, and what ran at once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orrery.scheduler import events as ev
from orrery.tracing import attempts_of, lanes, parallelism

spans = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 10)).map(lambda span: (span[0], span[0] + span[1])))


def test_attempts_that_a_crash_cut_off_are_lost_and_open_ones_running() -> None:
    attempts = attempts_of(
        [
            ev.TaskStarted(1.0, "a", 1),
            ev.TaskStarted(1.0, "b", 1),
            ev.TaskSucceeded(3.0, "a", 1, began_at=1.5),
            ev.RunResumed(10.0, 2),
            ev.TaskStarted(10.0, "b", 2),
            ev.TimeReached(12.0),
        ]
    )
    assert [(one.task, one.number, one.outcome, one.seconds) for one in attempts] == [
        ("a", 1, "succeeded", 1.5),
        ("b", 1, "lost", 2.0),
        ("b", 2, "running", 2.0),
    ]
    together = parallelism(attempts[:2])
    assert (together.wall_s, together.work_s, together.most) == (2.0, 3.5, 2)


def test_an_attempt_never_begins_before_it_was_queued_nor_after_its_end() -> None:
    early, late = attempts_of(
        [
            ev.TaskStarted(5.0, "a", 1),
            ev.TaskStarted(5.0, "b", 1),
            ev.TaskSucceeded(6.0, "a", 1, began_at=4.0),
            ev.TaskSucceeded(6.0, "b", 1, began_at=7.0),
        ]
    )
    assert (early.began_at, early.ended_at, late.began_at, late.ended_at) == (5.0, 6.0, 6.0, 6.0)


@given(spans.map(sorted))
def test_in_one_lane_nothing_overlaps_and_no_lane_is_wasted(spans: list[tuple[int, int]]) -> None:
    placed = lanes(spans)
    for here, (began, _) in enumerate(spans):
        running = {placed[i] for i in range(here) if spans[i][1] > began}
        assert placed[here] == next(lane for lane in range(len(spans)) if lane not in running)
