"""A session delivers every sequenced frame once and in order, whatever its connections do."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import ProtocolError
from orrery.fleet.codec import Unknown
from orrery.fleet.messages import Ack, Assign, Frame, Ping, Progress, Result
from orrery.fleet.session import Incoming, Session, SessionSettings

QUICK = SessionSettings(ack_s=0.1, ack_frames=4, resend_s=1.0, max_resend_s=4.0, resend_frames=3, early_frames=3)


def said(session: Session, text: str, at: float = 0.0) -> Frame:
    return session.stamp(Progress(work=text), at)


def works(frames: list[Incoming]) -> list[str]:
    return [frame.work for frame in frames if isinstance(frame, Progress)]


class Network:
    """Two sessions and what is on the way between them, on a connection that does everything a bad one may do."""

    def __init__(self) -> None:
        self.at = 0.0
        self.ends = (Session("s", QUICK), Session("s", QUICK))
        self.sent: tuple[list[str], list[str]] = ([], [])
        self.got: tuple[list[str], list[str]] = ([], [])
        self.on_the_way: list[tuple[int, Frame]] = []
        self.is_up = True

    def send(self, to: int, frames: list[Frame]) -> None:
        if self.is_up:
            self.on_the_way += [(to, frame) for frame in frames]

    def post(self, end: int) -> None:
        text = f"{end}.{len(self.sent[end])}"
        self.sent[end].append(text)
        self.send(1 - end, [said(self.ends[end], text, self.at)])

    def arrive(self, index: int, *, keep: bool = False) -> None:
        if not self.on_the_way:
            return
        index %= len(self.on_the_way)
        to, frame = self.on_the_way[index] if keep else self.on_the_way.pop(index)
        self.got[to].extend(works(self.ends[to].receive(frame, self.at)))  # type: ignore[arg-type]

    def lose(self, index: int) -> None:
        if self.on_the_way:
            self.on_the_way.pop(index % len(self.on_the_way))

    def wait(self, seconds: float) -> None:
        self.at += seconds
        for end in (0, 1):
            self.send(1 - end, self.ends[end].tick(self.at))

    def cut(self) -> None:
        self.on_the_way.clear()
        self.is_up = False

    def connect(self) -> None:
        self.cut()
        self.is_up = True
        far = [end.received for end in self.ends]
        for end in (0, 1):
            self.send(1 - end, self.ends[end].resume(far[1 - end], self.at))

    def settle(self) -> None:
        """From now on nothing is lost."""
        self.connect()
        for _ in range(200):
            while self.on_the_way:
                self.arrive(0)
            due = [at for end in self.ends if (at := end.due()) is not None]
            if not due:
                return
            self.wait(max(0.0, min(due) - self.at))
        pytest.fail(f"it does not come to rest: {self.ends}")


STEPS = st.one_of(
    st.tuples(st.just("post"), st.integers(0, 1)),
    st.tuples(st.just("arrive"), st.integers(0, 5)),
    st.tuples(st.just("arrive"), st.integers(0, 5)),
    st.tuples(st.just("repeat"), st.integers(0, 5)),
    st.tuples(st.just("lose"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from([0.05, 0.2, 1.0, 3.0])),
    st.tuples(st.just("cut"), st.none()),
    st.tuples(st.just("connect"), st.none()),
)


@given(steps=st.lists(STEPS, max_size=80))
@settings(max_examples=400, deadline=None)
def test_each_frame_is_delivered_once_and_in_order(steps: list[tuple[str, Any]]) -> None:
    network = Network()
    for what, how in steps:
        match what:
            case "post":
                network.post(how)
            case "repeat":
                network.arrive(how, keep=True)
            case "cut" | "connect":
                getattr(network, what)()
            case _:
                getattr(network, what)(how)
        for end in (0, 1):  # at any time: nothing out of order, nothing twice, nothing invented
            assert network.got[1 - end] == network.sent[end][: len(network.got[1 - end])]
    network.settle()
    assert network.got == (network.sent[1], network.sent[0])
    assert [list(end.unacknowledged()) for end in network.ends] == [[], []]


@pytest.mark.parametrize("seed", range(10))
def test_half_of_everything_lost_costs_time_only(seed: int) -> None:
    loss, network = random.Random(seed), Network()
    for _ in range(30):
        network.post(0)
        network.post(1)
    for _ in range(3000):
        if network.on_the_way:
            if loss.random() < 0.5:
                network.lose(0)
            else:
                network.arrive(0)
        else:
            network.wait(0.25)
        if len(network.got[0]) == len(network.got[1]) == 30:
            break
    assert network.got == (network.sent[1], network.sent[0])


def test_numbers_begin_with_1_and_go_to_sequenced_frames_only() -> None:
    session = Session("s")
    assert [said(session, "a").seq, session.stamp(Ping(id=1), 0).seq, said(session, "b").seq] == [1, 0, 2]
    assert session.receive(Ping(id=4), 0) == [Ping(id=4)]


def test_one_acknowledgement_stands_for_many_and_waits_a_little() -> None:
    session = Session("s", QUICK)
    assert session.due() is None
    session.receive(Progress(seq=1, work="a"), 10.0)
    session.receive(Progress(seq=2, work="b"), 10.05)
    assert session.due() == 10.1
    assert session.tick(10.09) == []
    assert session.tick(10.1) == [Ack(received=2)]
    assert session.due() is None


def test_after_so_many_frames_an_acknowledgement_waits_no_longer() -> None:
    session = Session("s", QUICK)
    for seq in range(1, 5):
        session.receive(Progress(seq=seq, work="a"), 10.0)
    assert session.due() == 10.0
    assert session.tick(10.0) == [Ack(received=4)]
    session.receive(Progress(seq=5, work="a"), 11.0)
    assert session.due() == 11.1


def test_an_acknowledgement_goes_with_what_is_sent_anyway() -> None:
    session = Session("s", QUICK)
    assert session.owed() is None
    session.receive(Progress(seq=1, work="a"), 10.0)
    assert session.owed() == Ack(received=1)
    assert session.due() is None


def test_a_repeated_frame_is_acknowledged_again() -> None:
    session = Session("s", QUICK)
    session.receive(Progress(seq=1, work="a"), 0)
    assert session.tick(1.0) == [Ack(received=1)]
    assert session.receive(Progress(seq=1, work="a"), 2.0) == []
    assert session.tick(3.0) == [Ack(received=1)]


def test_what_came_too_early_waits_for_the_gap() -> None:
    session = Session("s", QUICK)
    assert session.receive(Progress(seq=3, work="c"), 0) == []
    assert session.receive(Progress(seq=2, work="b"), 0) == []
    assert works(session.receive(Progress(seq=1, work="a"), 0)) == ["a", "b", "c"]
    assert session.received == 3


def test_what_came_too_early_is_bounded_in_number_and_size() -> None:
    session = Session("s", QUICK)
    for seq in (4, 3, 2):  # the first is more than three ahead, and is dropped
        session.receive(Progress(seq=seq, work=str(seq)), 0)
    assert works(session.receive(Progress(seq=1, work="1"), 0)) == ["1", "2", "3"]
    small = Session("s", SessionSettings(early_bytes=1000))
    large = Result(seq=2, work="w", status="succeeded", value=b"x" * 2000)
    assert small.receive(large, 0) == []
    assert small.receive(Result(seq=1, work="w", status="succeeded"), 0) == [
        Result(seq=1, work="w", status="succeeded")
    ]
    assert small.receive(large, 0) == [large]
    for seq in range(3, 40, 2):  # what left makes room again
        fits = [Result(seq=n, work="w", status="succeeded", value=b"x" * 300) for n in (seq + 1, seq)]
        assert [len(small.receive(result, 0)) for result in fits] == [0, 2]


def test_what_is_not_acknowledged_is_sent_again_later_and_later() -> None:
    session = Session("s", QUICK)
    frames = [said(session, text, 0.0) for text in "abcd"]
    assert session.due() == 1.0
    assert session.tick(0.9) == []
    assert session.tick(1.0) == frames[:3]  # three at a time
    assert session.due() == 3.0
    assert session.tick(3.0) == frames[:3]
    assert session.due() == 7.0
    session.receive(Ack(received=0), 3.5)  # says nothing new
    assert session.due() == 7.0
    session.receive(Ack(received=3), 4.0)
    assert session.due() == 1.0  # of the fourth, which is late; the waiting began anew
    assert session.tick(4.0) == frames[3:]
    session.receive(Ack(received=4), 5.0)
    assert session.due() is None


def test_a_resend_is_bounded_in_size() -> None:
    session = Session("s", SessionSettings(resend_s=1.0, resend_bytes=1000))
    for _ in range(4):
        session.stamp(Result(work="w", status="succeeded", value=b"x" * 900), 0.0)
    assert [frame.seq for frame in session.tick(1.0)] == [1]


def test_it_is_full_by_number_and_by_size() -> None:
    session = Session("s", SessionSettings(kept_frames=2))
    said(session, "a")
    assert not session.is_full
    said(session, "b")
    assert session.is_full
    session.receive(Ack(received=1), 0)
    assert not session.is_full
    heavy = Session("s", SessionSettings(kept_bytes=1000))
    heavy.stamp(Assign(work="w", key="k", run="r", task="t", attempt=1, op="f", args=b"x" * 900), 0)
    assert heavy.is_full
    heavy.receive(Ack(received=1), 0)
    assert not heavy.is_full


def test_an_unknown_frame_counts_in_the_order() -> None:
    session = Session("s")
    unknown = Unknown("dance", 1)
    assert session.receive(unknown, 0) == [unknown]
    assert session.received == 1
    assert session.receive(Unknown("dance", 0), 0) == [Unknown("dance", 0)]


def test_resuming_sends_what_the_other_end_lacks() -> None:
    session = Session("s", QUICK)
    for text in "abc":
        said(session, text)
    assert [frame.seq for frame in session.resume(1, 5.0)] == [2, 3]
    assert session.acknowledged == 1
    assert session.due() == 6.0
    session.tick(6.0)
    assert session.due() == 8.0
    session.resume(1, 7.0)  # a new connection is tried with new patience
    assert session.due() == 8.0


def test_a_session_that_cannot_go_on_says_so() -> None:
    session = Session("s")
    for text in "abc":
        said(session, text)
    session.receive(Ack(received=2), 0)
    with pytest.raises(ProtocolError, match="frames 2 to 2 are wanted again, and are gone"):
        session.resume(1, 0)
    with pytest.raises(ProtocolError, match="frame 4 is acknowledged, and 3 is the last"):
        session.resume(4, 0)
    with pytest.raises(ProtocolError, match="frame 9 is acknowledged"):
        session.receive(Ack(received=9), 0)


def test_numbers_where_none_belong_are_refused() -> None:
    session = Session("s")
    with pytest.raises(ProtocolError, match="'ping' has no number"):
        session.receive(Ping(id=1, seq=3), 0)
    with pytest.raises(ProtocolError, match="'progress' has a number from 1"):
        session.receive(Progress(work="w"), 0)


def test_it_knows_when_it_was_heard_for_sure() -> None:
    session = Session("s", QUICK)
    said(session, "a", 1.0)
    said(session, "b", 2.0)
    assert session.answered_at is None
    session.tick(5.0)  # sent again; the acknowledgement may be of the first time
    session.receive(Ack(received=1), 6.0)
    assert session.answered_at == 1.0
    session.receive(Ack(received=2), 6.0)
    session.receive(Ack(received=1), 7.0)  # an old one, overtaken
    assert session.answered_at == 2.0
