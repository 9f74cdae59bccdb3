"""DeviceCore: stories in events, asserted on commands; then generated orders of events under invariants."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import Failure
from orrery.fleet.device.core import DeviceCore
from orrery.fleet.device.events import (
    Answered,
    AttemptEnded,
    AttemptProgressed,
    Command,
    Connected,
    Disconnected,
    DrainWanted,
    Drop,
    Forget,
    FrameCame,
    Leave,
    Perform,
    Record,
    Remember,
    Report,
    Send,
    Stop,
    Ticked,
)
from orrery.fleet.device.settings import DeviceSettings
from orrery.fleet.messages import (
    Accept,
    Assign,
    Cancel,
    Credit,
    Desired,
    Drain,
    Held,
    Progress,
    Reject,
    Result,
    Welcome,
)
from orrery.graph.values import Blob

HUB_AHEAD_S = 1_000_000.0


def asked(key: str = "r@1/a", attempt: int = 1, **fields: Any) -> Assign:
    fields = {"fence": 1, "digest": "d", "effects": "keyed", **fields}
    return Assign(work=f"{key}#{attempt}", key=key, run="r", task=key[4:], attempt=attempt, op="text.count", **fields)


def welcome(at: float, **fields: Any) -> Connected:
    fields = {"lease_s": 30.0, **fields}
    return Connected(at, at, Welcome(version=1, session="s", principal="pi", now=at + HUB_AHEAD_S, **fields))


def a_device(*remembered: Record, **limits: Any) -> DeviceCore:
    """A device that has just been let in."""
    core = DeviceCore(DeviceSettings(**limits), remembered)
    core.handle(welcome(0.0))
    return core


def came(core: DeviceCore, frame: Any, at: float = 1.0, refusal: Reject | None = None) -> list[Command]:
    return core.handle(FrameCame(at, frame, refusal))


def ended(core: DeviceCore, work: str = "r@1/a#1", at: float = 2.0, **fields: Any) -> list[Command]:
    return core.handle(AttemptEnded(at, Result(work=work, **{"status": "succeeded", "value": b"\x07", **fields})))


def sent(commands: list[Command]) -> list[Any]:
    return [one.frame for one in commands if isinstance(one, Send)]


def only(commands: list[Command]) -> Any:
    (frame,) = sent(commands)
    return frame


def test_an_attempt_is_accepted_written_down_performed_and_its_result_kept_until_it_is_forgotten() -> None:
    core = a_device()
    accept, begun, perform = came(core, asked())
    assert accept == Send(Accept(work="r@1/a#1", fence=1, device="pi"))
    assert isinstance(begun, Remember)
    assert begun.record.result is None
    assert perform == Perform(asked())
    assert core.working == ("r/a",)

    kept, said = ended(core, at=5.0)
    assert isinstance(said, Send)
    result: Any = said.frame
    assert (result.status, result.value, result.fence, result.device) == ("succeeded", b"\x07", 1, "pi")
    assert (result.began_at, result.ended_at) == (1 + HUB_AHEAD_S, 5 + HUB_AHEAD_S)
    assert isinstance(kept, Remember)
    assert kept.record.result is not None
    assert list(core.held) == [Held("r@1/a#1", "r@1/a", "d", "done", 1)]

    assert came(core, Cancel(work="r@1/a#1", forget=True)) == [Forget("r@1/a")]
    assert core.held == ()


def test_a_pure_attempt_is_not_written_down_before_it_begins() -> None:
    commands = came(a_device(), asked(effects="pure"))
    assert [type(one) for one in commands] == [Send, Perform]


def test_a_duplicate_of_what_runs_is_accepted_again_and_performed_once() -> None:
    core = a_device()
    came(core, asked())
    assert sent(came(core, asked())) == [Accept(work="r@1/a#1", fence=1, device="pi")]
    again = came(core, asked(fence=4))
    assert sent(again) == [Accept(work="r@1/a#1", fence=4, device="pi")]
    assert not [one for one in again if isinstance(one, Perform)]
    assert only(came(core, asked(fence=3))).reason == "fenced"
    assert only(ended(core)).fence == 4


def test_a_duplicate_of_what_is_done_is_answered_with_its_result() -> None:
    core = a_device()
    came(core, asked())
    ended(core)
    answer = only(came(core, asked(fence=9), at=4.0))
    assert (answer.status, answer.value, answer.fence, answer.remembered) == ("succeeded", b"\x07", 9, True)
    assert only(came(core, asked(fence=8))).reason == "fenced"


def test_what_is_only_to_be_learnt_is_answered_and_never_begun() -> None:
    core = a_device()
    frame = asked(effects="once", known_only=True)
    assert came(core, frame) == [Send(Result(work="r@1/a#1", fence=1, status="lost", effect="unknown", device="pi"))]
    came(core, asked(effects="once"))
    assert Send(Accept(work="r@1/a#1", fence=1, device="pi")) in came(core, frame)
    ended(core)
    [send] = came(core, frame)
    assert isinstance(send, Send)
    assert isinstance(send.frame, Result)
    assert (send.frame.status, send.frame.remembered) == ("succeeded", True)


def test_a_failed_attempt_answers_its_own_work_only() -> None:
    core = a_device()
    came(core, asked())
    ended(core, status="failed", failure=Failure("ValueError", "no"))
    assert only(came(core, asked())).failure == Failure("ValueError", "no")
    assert Perform(asked(attempt=2)) in came(core, asked(attempt=2))


def test_a_later_attempt_takes_over_the_success_of_an_earlier_one() -> None:
    core = a_device()
    came(core, asked())
    ended(core)
    answer = only(came(core, asked(attempt=2, fence=7)))
    assert (answer.work, answer.status, answer.fence, answer.remembered) == ("r@1/a#2", "succeeded", 7, True)
    assert came(core, Cancel(work="r@1/a#2", forget=True)) == [Forget("r@1/a")]


def test_other_arguments_under_the_same_work_are_refused_and_under_another_attempt_performed() -> None:
    core = a_device()
    came(core, asked())
    assert only(came(core, asked(digest="other"))).reason == "arguments"
    ended(core)
    assert only(came(core, asked(digest="other"))).reason == "arguments"
    assert [one for one in came(core, asked(attempt=2, digest="other")) if isinstance(one, Perform)]


def test_one_end_answers_every_attempt_at_a_key() -> None:
    """A client that was started again asks for the next attempt while the first one is still under way."""
    core = a_device()
    came(core, asked())
    assert sent(came(core, asked(attempt=2, fence=5))) == [Accept(work="r@1/a#2", fence=5, device="pi")]
    assert core.working == ("r/a",)
    assert [(one.work, one.fence, one.status) for one in sent(ended(core))] == [
        ("r@1/a#1", 1, "succeeded"),
        ("r@1/a#2", 5, "succeeded"),
    ]


def test_one_of_two_that_wait_for_an_end_can_be_cancelled_alone() -> None:
    core = a_device()
    came(core, asked())
    came(core, asked(attempt=2, fence=5))
    commands = came(core, Cancel(work="r@1/a#1"))
    assert [(one.work, one.status, one.effect) for one in sent(commands)] == [("r@1/a#1", "stopped", "none")]
    assert not [one for one in commands if isinstance(one, Stop)]
    assert only(ended(core)).work == "r@1/a#2"


def test_slots_and_the_queue_are_bounded_and_the_highest_rank_goes_first() -> None:
    core = a_device(slots=1, waiting=2)
    came(core, asked("r@1/a"))
    came(core, asked("r@1/b", rank=1.0))
    came(core, asked("r@1/c", rank=2.0))
    full = only(came(core, asked("r@1/d")))
    assert (full.reason, full.retry_after_s) == ("full", 1.0)
    performed = [one.assign.task for one in ended(core) if isinstance(one, Perform)]
    assert performed == ["c"]


def test_what_the_owner_does_not_allow_is_refused_and_what_was_done_before_is_answered_all_the_same() -> None:
    core = a_device()
    refusal = Reject(work="", reason="not-allowed", message="no programs here")
    answer = only(came(core, asked(fence=3), refusal=refusal))
    assert (answer.work, answer.fence, answer.reason) == ("r@1/a#1", 3, "not-allowed")
    came(core, asked())
    ended(core)
    assert only(came(core, asked(), refusal=refusal)).status == "succeeded"


def test_a_cancelled_attempt_ends_as_stopped_and_one_that_waits_at_once() -> None:
    core = a_device()
    came(core, asked("r@1/a", effects="pure"))
    came(core, asked("r@1/b"))
    assert (only(came(core, Cancel(work="r@1/b#1"))).status, len(core.held)) == ("stopped", 1)
    assert came(core, Cancel(work="r@1/a#1", because="enough")) == [Stop("r@1/a#1", "enough")]
    assert came(core, Cancel(work="r@1/a#1")) == []
    result = only(ended(core, status="stopped", value=b"\xc0"))
    assert (result.status, result.effect) == ("stopped", "none")
    assert core.held == ()


def test_what_was_ended_before_it_began_says_so() -> None:
    core = a_device()
    came(core, asked(effects="once"))
    result = only(ended(core, status="failed", effect="none", value=b"\xc0"))
    assert (result.effect, result.began_at) == ("none", None)
    assert result.ended_at is not None


def test_a_cancellation_of_an_earlier_placement_changes_nothing() -> None:
    core = a_device()
    came(core, asked(fence=5))
    assert came(core, Cancel(work="r@1/a#1", fence=4)) == []
    assert only(came(core, Cancel(work="r@1/z#1"))).status == "stopped"
    assert came(core, Cancel(work="r@1/z#1", forget=True)) == []


def test_it_stops_what_runs_before_the_hub_could_give_it_away() -> None:
    core = a_device(slots=1)
    came(core, asked("r@1/a", effects="pure"), at=1.0)
    came(core, asked("r@1/b", effects="pure"), at=1.0)
    core.handle(Answered(12.0, sent_at=10.0, hub_ahead_s=HUB_AHEAD_S))
    core.handle(Disconnected(13.0))
    assert core.due() == 37.0  # 27 of 30 s after what was last answered had been sent
    assert core.handle(Ticked(36.9)) == []
    commands = core.handle(Ticked(37.0))
    assert Stop("r@1/a#1", "the hub was not heard of for as long as the lease ran") in commands
    assert (only(commands).work, only(commands).reason, only(commands).retry_after_s) == ("r@1/b#1", "lease", 0.0)
    result = only(ended(core, status="stopped", at=37.1))
    assert (result.status, result.effect) == ("lost", "none")
    assert core.held == ()


def test_what_was_lost_with_its_lease_is_done_again_under_a_higher_fence_if_that_does_no_harm() -> None:
    for effects, again in (("pure", True), ("idempotent", True), ("keyed", False), ("once", False)):
        core = a_device()
        came(core, asked(effects=effects))
        core.handle(Ticked(50.0))
        ended(core, status="stopped", at=50.1)
        core.handle(welcome(60.0))
        commands = came(core, asked(effects=effects, fence=2), at=61.0)
        assert bool([one for one in commands if isinstance(one, Perform)]) == again, effects
        if not again:
            assert (only(commands).status, only(commands).effect) == ("lost", "unknown")


def test_time_limits_end_an_attempt_as_failed_and_are_counted_by_the_hubs_clock() -> None:
    core = a_device(slots=1)
    came(core, asked("r@1/a", timeout_s=4.0, deadline=HUB_AHEAD_S + 20), at=1.0)
    came(core, asked("r@1/b", deadline=HUB_AHEAD_S + 3), at=1.0)
    assert only(came(core, asked("r@1/c", deadline=HUB_AHEAD_S + 0.5), at=1.0)).reason == "deadline"
    assert core.due() == 3.0
    assert only(core.handle(Ticked(3.0))).reason == "deadline"
    assert [type(one) for one in core.handle(Ticked(5.0))] == [Stop]
    result = only(ended(core, status="stopped", at=5.1))
    assert (result.status, result.failure.type, result.failure.code) == ("failed", "TimeoutError", "timeout")
    assert "4 s" in result.failure.message


def test_after_a_new_session_everything_is_said_again() -> None:
    core = a_device(slots=2)
    came(core, asked("r@1/a"))
    ended(core)
    came(core, asked("r@1/b", effects="pure"))
    core.handle(Disconnected(3.0))
    assert [type(one) for one in sent(core.handle(welcome(4.0, resumed=True)))] == [Credit]
    commands = core.handle(welcome(5.0))
    phases = {one.work: one.phase for report in commands if isinstance(report, Report) for one in report.held}
    assert phases == {"r@1/b#1": "running", "r@1/a#1": "done"}
    assert [one.work for one in sent(commands) if isinstance(one, Result)] == ["r@1/a#1"]


def test_progress_is_passed_on_while_there_is_a_connection() -> None:
    core = a_device()
    came(core, asked(fence=2))
    progress = core.handle(AttemptProgressed(2.0, "r@1/a#1", 0.5, "half"))
    assert sent(progress) == [Progress(work="r@1/a#1", fence=2, fraction=0.5, note="half")]
    core.handle(Disconnected(3.0))
    assert core.handle(AttemptProgressed(4.0, "r@1/a#1", 0.6)) == []


def test_what_was_begun_before_the_device_died_is_broken() -> None:
    begun = Record("r@1/a", "r@1/a#1", "d", "once", 3, 10.0)
    core = a_device(begun)
    assert core.held == (Held("r@1/a#1", "r@1/a", "d", "broken", 3),)
    lost = only(came(core, asked(effects="once", fence=4)))
    assert (lost.status, lost.effect, lost.fence) == ("lost", "unknown", 4)
    # Whoever asks for the next attempt has been told, and wants it done.
    assert [one for one in came(core, asked(attempt=2, effects="once", fence=5)) if isinstance(one, Perform)]
    harmless = a_device(msgspec.structs.replace(begun, effects="idempotent"))
    assert [one for one in came(harmless, asked(effects="idempotent", fence=4)) if isinstance(one, Perform)]


def test_a_result_from_before_the_device_died_is_answered() -> None:
    done = Record("r@1/a", "r@1/a#1", "d", "once", 3, 10.0, Result(work="r@1/a#1", status="succeeded", value=b"\x01"))
    core = DeviceCore(DeviceSettings(), [done])
    assert [one.value for one in sent(core.handle(welcome(0.0))) if isinstance(one, Result)] == [b"\x01"]
    assert only(came(core, asked(effects="once", attempt=2, fence=9))).remembered


def test_draining_finishes_what_runs_gives_back_what_waits_and_leaves() -> None:
    core = a_device(slots=1)
    came(core, asked("r@1/a", effects="pure"))
    came(core, asked("r@1/b"))
    commands = core.handle(DrainWanted(5.0, "SIGTERM", grace_s=10.0))
    assert [type(one) for one in sent(commands)] == [Drain, Reject]
    assert only(came(core, asked("r@1/c"))).reason == "draining"
    assert core.due() == 15.0
    assert [type(one) for one in core.handle(Ticked(15.0))] == [Stop]
    commands = ended(core, status="stopped", at=15.1)
    assert (only(commands).status, commands[-1]) == ("lost", Leave("SIGTERM"))
    assert core.handle(Ticked(16.0)) == []


def test_a_device_with_nothing_to_do_leaves_at_once() -> None:
    assert a_device().handle(DrainWanted(5.0))[-1] == Leave("it was told to leave")


def test_a_hub_may_want_fewer_slots_no_new_work_and_blobs_dropped_but_not_those_of_results_that_it_lacks() -> None:
    core = a_device(slots=4, waiting=0)
    needed, other = "a" * 64, "b" * 64
    came(core, asked("r@1/z"))
    ended(core, "r@1/z#1", blobs=(Blob(needed, 3),))
    assert came(core, Desired(version=2, slots=2, drop=(needed, other))) == [Send(Credit(slots=2)), Drop((other,))]
    assert came(core, Desired(version=1, slots=4)) == []
    for key in ("r@1/a", "r@1/b"):
        came(core, asked(key))
    assert only(came(core, asked("r@1/c"))).reason == "full"
    came(core, Desired(version=3, slots=99, accepting=False))
    assert core.slots == 4
    assert only(came(core, asked("r@1/c"))).reason == "draining"
    came(core, Desired(version=4, accepting=True))
    assert [one for one in came(core, asked("r@1/c")) if isinstance(one, Perform)]


def test_a_new_session_begins_with_what_the_device_is_by_itself() -> None:
    core = a_device(slots=4)
    came(core, Desired(version=7, slots=1, accepting=False))
    core.handle(welcome(2.0, resumed=True))
    assert core.slots == 1
    assert only(came(core, asked())).reason == "draining"
    core.handle(welcome(3.0))
    assert core.slots == 4
    assert isinstance(sent(came(core, asked()))[0], Accept)
    came(core, Desired(version=1, slots=2))  # of a hub that counts anew
    assert core.slots == 2


def test_no_more_is_kept_than_the_limits_say_and_the_oldest_goes_first() -> None:
    core = a_device(kept_most=2, kept_bytes=10, kept_s=100.0)
    for count, key in enumerate(("r@1/a", "r@1/b", "r@1/c")):
        came(core, asked(key), at=count)
        commands = ended(core, f"{key}#1", at=count, value=b"123")
    assert Forget("r@1/a") in commands
    came(core, asked("r@1/d"), at=4)
    assert Forget("r@1/b") in ended(core, "r@1/d#1", at=4, value=b"12345678")
    came(core, asked("r@1/e"), at=5)
    assert Forget("r@1/d") in ended(core, "r@1/e#1", at=500.0, value=b"1")
    assert [one.work for one in core.held] == ["r@1/e#1"]


# -- any order ------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(["r@1/a", "r@1/b", "r@1/c"])
STEPS = st.one_of(
    st.tuples(
        st.just("assign"),
        KEYS,
        st.integers(1, 2),
        st.sampled_from(["pure", "idempotent", "keyed", "once"]),
        st.booleans(),
    ),
    st.tuples(st.just("cancel"), KEYS, st.integers(1, 2), st.booleans()),
    st.tuples(st.just("end"), st.integers(0, 3), st.sampled_from(["succeeded", "failed", "lost"])),
    st.tuples(st.just("wait"), st.floats(0.1, 40.0)),
    st.tuples(st.just("cut")),
    st.tuples(st.just("connect"), st.booleans()),
    st.tuples(st.just("crash")),
    st.tuples(st.just("drain")),
)


class World:
    """A device with a performer that does what it is told, a journal, and a hub that only counts."""

    def __init__(self) -> None:
        self.at = 0.0
        self.fence = 0
        self.journal: dict[str, Record] = {}
        self.running: dict[str, Assign] = {}
        self.stopping: list[str] = []
        self.done_once: dict[tuple[str, int], int] = {}
        self.owed: dict[str, int] = {}
        self.core = DeviceCore(DeviceSettings(slots=2, waiting=1))
        self.do(welcome(0.0))

    def do(self, event: Any) -> None:
        for command in self.core.handle(event):
            match command:
                case Remember(record):
                    self.journal[record.key] = record
                case Forget(key):
                    self.journal.pop(key, None)
                case Perform(assign):
                    assert len(self.running) < 2
                    assert assign.key not in {one.key for one in self.running.values()}
                    if assign.effects != "pure":
                        assert self.journal[assign.key].result is None, "it is written down before it begins"
                    self.running[assign.work] = assign
                case Stop(work):
                    assert work in self.running
                    self.stopping.append(work)
                case Send(Accept(work=work, fence=fence)):
                    self.owed[work] = fence
                case Send(Reject(work=work, fence=fence) | Result(work=work, fence=fence)):
                    if self.owed.get(work) == fence:  # else it is about another placement
                        del self.owed[work]
        held = self.core.held
        assert len({one.work for one in held}) == len(held)
        assert {one.key for one in held if one.phase == "running"} == {one.key for one in self.running.values()}
        assert len(self.core.working) == len(self.running)
        assert len({one.key for one in held if one.phase in ("queued", "running")}) <= 3
        under_way = {one.work: one.fence for one in held if one.phase in ("queued", "running")}
        assert self.owed == under_way, "no end is forgotten"
        # What is known survives: the journal says the same as the core.
        for one in held:
            if one.phase in ("done", "broken"):
                assert self.journal[one.key].work == one.work
                assert (self.journal[one.key].result is None) == (one.phase == "broken")

    def step(self, step: tuple[Any, ...]) -> None:
        match step:
            case ("assign", key, attempt, effects, other):
                self.fence += 1
                effects = {"r@1/a": effects, "r@1/b": "keyed", "r@1/c": "once"}[key]
                assign = asked(
                    key, attempt, fence=self.fence, effects=effects, digest="other" if other else "d", timeout_s=60.0
                )
                self.do(FrameCame(self.at, assign))
            case ("cancel", key, attempt, forget):
                self.do(FrameCame(self.at, Cancel(work=f"{key}#{attempt}", forget=forget)))
            case ("end", which, status) if self.running:
                work = list(self.running)[which % len(self.running)]
                del self.running[work]
                said: Any = "stopped" if work in self.stopping else status
                self.stopping = [one for one in self.stopping if one != work]
                self.do(AttemptEnded(self.at, Result(work=work, status=said)))
            case ("wait", seconds):
                self.at += seconds
                self.do(Ticked(self.at))
                due = self.core.due()
                assert due is None or due > self.at, "what was due has been done"
            case ("cut",):
                self.do(Disconnected(self.at))
            case ("connect", resumed):
                self.do(welcome(self.at, resumed=resumed))
            case ("crash",):
                self.running.clear()
                self.stopping.clear()
                self.owed.clear()
                self.core = DeviceCore(
                    DeviceSettings(slots=2, waiting=1), sorted(self.journal.values(), key=lambda one: one.since)
                )
                self.do(welcome(self.at))
            case ("drain",):
                self.do(DrainWanted(self.at, grace_s=5.0))


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_in_any_order_each_key_runs_once_at_a_time_and_everything_accepted_ends(steps: list[tuple[Any, ...]]) -> None:
    world = World()
    for step in steps:
        world.step(step)
    for _ in range(20):
        world.step(("wait", 100.0))
        world.step(("end", 0, "succeeded"))
    assert not world.running
    assert not world.owed
