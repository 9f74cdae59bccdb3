"""The core of a hub: stories in events, asserted on commands; its invariants hold after every event."""

from __future__ import annotations

from typing import Any

import pytest

from orrery.errors import Failure, IllegalTransitionError
from orrery.fleet.hub import events as ev
from orrery.fleet.hub.attempt import STEPS, Attempt
from orrery.fleet.hub.attempt import State as Standing
from orrery.fleet.hub.commands import Command, Cut, Noted, ToClient, ToDevice
from orrery.fleet.hub.core import Hub
from orrery.fleet.hub.invariants import check
from orrery.fleet.hub.settings import Settings
from orrery.fleet.messages import (
    ANYWHERE,
    Accept,
    Assign,
    Cancel,
    Credit,
    Desired,
    Drain,
    Frame,
    Held,
    Progress,
    Reject,
    Result,
    Source,
    State,
)
from orrery.fleet.profile import DeviceView, Load, Offer, Profile
from orrery.graph.place import Place
from orrery.graph.values import Blob

LEASE_S = Settings().lease_s
AWAY_S = Settings().away_s
PATIENCE_S = Settings().patience_s


class Stage:
    """A hub with a clock, and short ways to tell it things."""

    def __init__(self, *, epoch: int = 1, expected: tuple[str, ...] = ()) -> None:
        self.hub = Hub(epoch=epoch, expected=expected)
        self.at = 1000.0
        self.assigned: dict[str, tuple[str, Assign]] = {}

    def tell(self, event: ev.Event) -> list[Command]:
        commands = self.hub.handle(event)
        check(self.hub)
        for command in commands:
            if isinstance(command, ToDevice) and isinstance(command.frame, Assign):
                known = self.assigned.get(command.frame.work)
                assert known is None or known[1].fence < command.frame.fence, "fences grow"
                self.assigned[command.frame.work] = (command.device, command.frame)
        return commands

    def wait(self, seconds: float, *heard: str) -> list[Command]:
        """Let time pass second by second; the devices in `heard` go on being heard of."""
        commands: list[Command] = []
        end = self.at + seconds
        while self.at < end:
            self.at = min(end, self.at + 1.0)
            for name in heard:
                commands += self.tell(ev.DeviceHeard(self.at, name))
            commands += self.tell(ev.Ticked(self.at))
        return commands

    def device(self, name: str = "pi", *held: Held, resumed: bool = False, **profile: Any) -> list[Command]:
        tools = profile.pop("tools", ("work",))
        known = Profile(tools=tuple(Offer(tool) for tool in tools), **profile)
        commands = self.tell(ev.DeviceCame(self.at, name, known, resumed))
        return commands if resumed else commands + self.said(name, State(whole=True, held=held))

    def went(self, name: str = "pi", *, clean: bool = False) -> list[Command]:
        return self.tell(ev.DeviceWent(self.at, name, "its wire is gone", clean))

    def said(self, name: str, frame: Frame) -> list[Command]:
        return self.tell(ev.DeviceSaid(self.at, name, frame))  # type: ignore[arg-type]

    def client(self, name: str = "run", *, resumed: bool = False) -> list[Command]:
        return self.tell(ev.ClientCame(self.at, name, resumed))

    def asks(self, work: str = "a#1", client: str = "run", **fields: Any) -> list[Command]:
        key = work.rpartition("#")[0]
        fields.setdefault("op", "work")
        fields.setdefault("digest", key)
        attempt = int(work.rpartition("#")[2])
        frame = Assign(work=work, key=key, run="run", task=key, attempt=attempt, **fields)
        return self.tell(ev.ClientSaid(self.at, client, frame))

    def cancels(self, work: str = "a#1", client: str = "run", *, forget: bool = False) -> list[Command]:
        return self.tell(ev.ClientSaid(self.at, client, Cancel(work=work, forget=forget)))

    def on(self, work: str = "a#1") -> str:
        """The device that was given an attempt last."""
        return self.assigned[work][0]

    def fence(self, work: str = "a#1") -> int:
        return self.assigned[work][1].fence

    def accepts(self, work: str = "a#1") -> list[Command]:
        return self.said(self.on(work), Accept(work=work, fence=self.fence(work)))

    def ends(self, work: str = "a#1", status: Any = "succeeded", **fields: Any) -> list[Command]:
        return self.said(self.on(work), Result(work=work, fence=self.fence(work), status=status, **fields))

    def rejects(self, work: str = "a#1", reason: str = "not-offered", **fields: Any) -> list[Command]:
        return self.said(self.on(work), Reject(work=work, fence=self.fence(work), reason=reason, **fields))

    def views(self) -> dict[str, DeviceView]:
        return {view.name: view for view in self.hub.views()}


def begun(*devices: str, **fields: Any) -> Stage:
    """A stage with devices, on which the attempt a#1 has begun."""
    stage = Stage()
    for name in devices or ("pi",):
        stage.device(name)
    stage.client()
    stage.asks(**fields)
    stage.accepts()
    return stage


def to_devices(commands: list[Command]) -> list[tuple[str, Frame]]:
    return [(command.device, command.frame) for command in commands if isinstance(command, ToDevice)]


def to_clients(commands: list[Command], client: str = "run") -> list[Any]:
    return [command.frame for command in commands if isinstance(command, ToClient) and command.client == client]


def results(commands: list[Command], client: str = "run") -> list[Result]:
    return [frame for frame in to_clients(commands, client) if isinstance(frame, Result)]


def result(commands: list[Command], client: str = "run") -> Result:
    [only] = results(commands, client)
    return only


# -- the plain way ------------------------------------------------------------------------------------------------


def test_an_attempt_goes_to_a_device_and_its_result_comes_back() -> None:
    stage = Stage()
    stage.device()
    stage.client()
    [(device, assign)] = to_devices(stage.asks(seconds=2.0))
    assert (device, type(assign)) == ("pi", Assign)
    [accept] = to_clients(stage.accepts())
    assert (accept.device, accept.because) == ("pi", "free; expected in 2 s")
    [progress] = to_clients(stage.said("pi", Progress(work="a#1", fence=stage.fence(), fraction=0.5)))
    assert progress.fraction == 0.5
    ended = result(stage.ends(value=b"\x01", device="somebody else"))
    assert (ended.value, ended.device, ended.effect) == (b"\x01", "pi", "done"), "who it was is not read from the frame"
    [(device, cancel)] = to_devices(stage.cancels(forget=True))
    assert (device, cancel) == ("pi", Cancel(work="a#1", fence=stage.fence(), forget=True))
    assert stage.views()["pi"].done == 1


def test_one_device_is_enough() -> None:
    stage = begun("pi")
    assert stage.on() == "pi"


def test_an_error_of_a_task_fails_the_attempt_at_once() -> None:
    failure = Failure("ValueError", "no such column")
    assert result(begun().ends(status="failed", failure=failure)).failure == failure


def test_everything_may_come_twice() -> None:
    stage = begun()
    [again] = to_clients(stage.asks())
    assert (again.device, again.fence) == ("pi", stage.fence())
    assert stage.accepts() == []
    assert result(stage.ends()).status == "succeeded"
    assert stage.ends() == []
    assert result(stage.asks()).status == "succeeded"
    assert to_devices(stage.cancels(forget=True))
    assert stage.cancels(forget=True) == []
    assert stage.ends() == []


def test_other_arguments_under_the_same_name_are_refused() -> None:
    stage = begun()
    [reject] = to_clients(stage.asks(digest="something else"))
    assert (type(reject), reject.reason) == (Reject, "arguments")
    assert result(stage.ends()).status == "succeeded"


def test_nothing_is_kept_of_what_was_forgotten() -> None:
    stage = Stage()
    stage.device(slots=8)
    stage.client()
    ledger = stage.hub.ledger
    for number in range(100_000):
        work = f"t{number}#1"
        deadline = stage.at + 1e6
        assign = Assign(work=work, key=f"t{number}", run="r", task="t", attempt=1, op="work", deadline=deadline)
        [given] = stage.hub.handle(ev.ClientSaid(stage.at, "run", assign))
        assert isinstance(given, ToDevice)
        assert isinstance(given.frame, Assign)
        fence = given.frame.fence
        if number % 8 == 0:  # or it comes with the result
            stage.hub.handle(ev.DeviceSaid(stage.at, "pi", Accept(work=work, fence=fence)))
        stage.hub.handle(ev.DeviceSaid(stage.at, "pi", Result(work=work, fence=fence, status="succeeded")))
        stage.hub.handle(ev.ClientSaid(stage.at, "run", Cancel(work=work, forget=True)))
    check(stage.hub)
    left = (
        ledger.attempts,
        ledger.latest,
        ledger.sought,
        ledger.kept,
        ledger.queue.busy,
        ledger.clients["run"].attempts,
    )
    assert [len(one) for one in left] == [0] * len(left)
    assert len(ledger.timers) <= 2
    assert len(ledger.timers._heap) < 200, "nor of its deadlines"


# -- the queue ----------------------------------------------------------------------------------------------------


def test_the_highest_rank_goes_first_and_then_the_earliest() -> None:
    stage = begun()
    for work, rank in (("low#1", 1.0), ("high#1", 9.0), ("low2#1", 1.0), ("high2#1", 9.0)):
        [waits] = to_clients(stage.asks(work, rank=rank))
        assert waits.device == ""
    order = ["a#1"]
    for _ in range(4):
        stage.ends(order[-1])
        order.append(next(work for work in stage.assigned if work not in order))
    assert order == ["a#1", "high#1", "high2#1", "low#1", "low2#1"]


def test_nobody_waits_behind_an_attempt_that_needs_another_device() -> None:
    stage = Stage()
    stage.device("pi")
    stage.device("gpu", skills=("gpu",), tools=("train",))
    stage.client()
    stage.asks("first#1", op="train", rank=9.0)
    stage.asks("second#1", op="train", rank=9.0)
    assert to_devices(stage.asks("small#1", rank=0.0))[0][0] == "pi"


def test_slots_are_never_exceeded() -> None:
    stage = Stage()
    stage.device(slots=2)
    stage.client()
    given = [to_devices(stage.asks(f"{number}#1")) for number in range(5)]
    assert [len(one) for one in given] == [1, 1, 0, 0, 0]
    assert len(to_devices(stage.ends("0#1"))) == 1


def test_a_device_says_itself_how_much_it_may_be_given() -> None:
    stage = Stage()
    stage.device(slots=4)
    stage.said("pi", Credit(slots=1))
    stage.client()
    stage.asks("a#1")
    assert not to_devices(stage.asks("b#1"))
    assert len(to_devices(stage.said("pi", Credit(slots=2)))) == 1


def test_only_short_and_harmless_work_waits_in_a_devices_own_queue() -> None:
    stage = begun(seconds=1.0)
    stage.said("pi", Credit(slots=5))
    assert not to_devices(stage.asks("long#1", seconds=1.0, effects="pure"))
    assert not to_devices(stage.asks("kept#1", seconds=0.01, effects="once"))
    assert to_devices(stage.asks("short#1", seconds=0.01, effects="pure"))


# -- choosing, refusing, trust ------------------------------------------------------------------------------------


def test_a_device_that_lies_is_not_asked_again_and_trusted_less() -> None:
    stage = begun("liar", "mac")
    assert stage.on() == "liar"
    assert to_devices(stage.rejects(message="no such tool"))[0][0] == "mac"
    assert stage.views()["liar"].trust < 0.7
    stage.ends()
    stage.cancels(forget=True)
    stage.asks("b#1")
    assert stage.on("b#1") == "mac", "and somebody who did not lie is preferred"


def test_who_lies_all_the_time_gets_nothing_until_it_is_trusted_again() -> None:
    stage = Stage()
    stage.device("liar")
    stage.client()
    asked = 0
    for number in range(10):
        if to_devices(stage.asks(f"{number}#1", deadline=stage.at + 1000)):
            asked += 1
            stage.rejects(f"{number}#1")
    assert asked == 4
    said = stage.wait(PATIENCE_S, "liar")
    failed = [one.failure.message for one in results(said) if one.failure is not None]
    assert len(failed) == 10
    assert "liar refused it (not-offered)" in failed[0]
    assert "liar is trusted too little (0.14)" in failed[9]
    stage.wait(3600, "liar")
    assert to_devices(stage.asks("later#1"))


def test_a_result_that_says_it_is_not_offered_counts_as_a_refusal() -> None:
    stage = begun("liar", "mac")
    failure = Failure("NotAllowedError", "not here", code="not-allowed")
    assert to_devices(stage.ends(status="failed", failure=failure, effect="none"))[0][0] == "mac"


def test_what_an_owner_does_not_allow_costs_no_trust() -> None:
    stage = begun("pi", "mac")
    stage.rejects(reason="not-allowed", message="it replaces a file")
    assert stage.views()["pi"].trust == 1.0


def test_when_all_that_may_do_it_have_refused_nobody_is_waited_for() -> None:
    stage = begun("mac", "pi", "web", place=Place(on=("mac", "pi")))
    assert to_devices(stage.rejects(reason="not-allowed", message="it replaces a file"))[0][0] == "pi"
    ended = result(stage.rejects(reason="not-allowed", message="it is not mine"))
    assert ended.status == "failed"
    assert ended.failure is not None
    assert ended.failure.code == "no-device"
    assert "mac refused it (it replaces a file)" in ended.failure.message
    assert "pi refused it (it is not mine)" in ended.failure.message


def test_a_full_device_is_asked_again_when_it_said() -> None:
    stage = begun()
    assert not to_devices(stage.rejects(reason="full", retry_after_s=3.0))
    assert not to_devices(stage.wait(2.0))
    assert to_devices(stage.wait(1.0))[0][0] == "pi"
    assert stage.views()["pi"].trust == 1.0


def test_an_attempt_that_nobody_can_do_fails_with_what_is_missing() -> None:
    stage = Stage()
    stage.device("pi", os="linux", cpus=4)
    stage.device("mac", tools=("work", "train"), os="darwin", cpus=8)
    stage.client()
    [waits] = to_clients(stage.asks(op="train", place=Place(skills=("gpu",), os="linux", cpus=16)))
    assert "the skill 'gpu'" in waits.because
    assert not results(stage.wait(PATIENCE_S - 1, "pi", "mac"))
    failed = result(stage.wait(1, "pi", "mac"))
    assert failed.failure is not None
    assert (failed.failure.code, failed.effect) == ("no-device", "none")
    assert failed.failure.message == (
        "no device that is here has the skill 'gpu', 16 processors "
        "(mac lacks the skill 'gpu' and runs darwin, not linux and has 8 of 16 processors; "
        "pi does not offer the tool 'train' and lacks the skill 'gpu' and has 4 of 16 processors)"
    )


def test_an_empty_fleet_is_said_to_be_empty() -> None:
    stage = Stage()
    stage.client()
    stage.asks()
    failed = result(stage.wait(PATIENCE_S))
    assert failed.failure is not None
    assert failed.failure.message == "the fleet has no device yet; the tool 'work' is needed"


def test_patience_is_rewarded() -> None:
    stage = Stage()
    stage.client()
    stage.asks()
    assert not results(stage.wait(PATIENCE_S - 1))
    assert to_devices(stage.device())
    assert not results(stage.wait(PATIENCE_S, "pi"))


def test_a_busy_device_is_waited_for_as_long_as_it_takes() -> None:
    stage = begun()
    stage.asks("b#1")
    assert not results(stage.wait(10 * PATIENCE_S, "pi"))


def test_a_tool_that_is_learned_later_is_used() -> None:
    stage = Stage()
    stage.device("pi", tools=())
    stage.client()
    stage.asks()
    learned = Profile(version=2, tools=(Offer("work"),))
    assert to_devices(stage.said("pi", State(profile=learned)))


def test_a_stale_profile_is_not_taken() -> None:
    stage = Stage()
    stage.device("pi", version=5)
    stage.said("pi", State(profile=Profile(version=4)))
    stage.client()
    assert to_devices(stage.asks())


def test_an_attempt_keeps_away_from_where_it_must_not_be() -> None:
    stage = Stage()
    stage.device("a-first")
    stage.device("b-second")
    stage.client()
    stage.asks("a#1", place=Place(apart=("a-first",)))
    stage.asks("b#1", place=Place(on=("a-first",)))
    assert (stage.on("a#1"), stage.on("b#1")) == ("b-second", "a-first")


def test_data_draws_the_work_to_where_it_is() -> None:
    stage = Stage()
    stage.device("big", speed=2.0)
    stage.device("here")
    stage.said("here", State(holds=(Blob("d1", 500_000_000),)))
    stage.client()
    [(device, assign)] = to_devices(stage.asks(seconds=10.0, sources=(Source("d1"),)))
    assert device == "here"
    assert isinstance(assign, Assign)
    assert stage.accepts()
    stage.said("here", State(dropped=("d1",)))
    stage.ends()
    stage.asks("b#1", seconds=10.0, sources=(Source("d1"),))
    assert stage.on("b#1") == "big"


def test_an_assign_says_from_whom_the_inputs_can_be_had() -> None:
    stage = Stage()
    stage.device("holder", blobs="ws://10.0.0.1:1", tools=())
    stage.said("holder", State(holds=(Blob("d1", 10),)))
    stage.device("worker")
    stage.client()
    [(_, assign)] = to_devices(stage.asks(sources=(Source("d1"), Source("d2"))))
    assert isinstance(assign, Assign)
    assert assign.sources == (Source("d1", "holder", "ws://10.0.0.1:1"), Source("d1"), Source("d2"))
    assert stage.hub.holders("d1") == ("holder",)
    stage.ends(blobs=(Blob("d3", 5),))
    assert stage.hub.holders("d3") == ("worker",)


# -- what is lost -------------------------------------------------------------------------------------------------


def test_losing_the_connection_loses_nothing() -> None:
    stage = begun("pi", "mac")
    stage.went()
    assert not to_devices(stage.wait(LEASE_S - 1))
    stage.device(resumed=True)
    assert result(stage.ends()).status == "succeeded"


def test_losing_the_lease_moves_what_may_be_done_again() -> None:
    stage = begun("a-pi", "mac", effects="idempotent")
    first = stage.fence()
    stage.went("a-pi")
    said = stage.wait(LEASE_S, "mac")
    assert [(device, type(frame)) for device, frame in to_devices(said)] == [("mac", Assign)]
    assert stage.fence() > first
    assert any(isinstance(one, Cut) and one.principal == "a-pi" for one in said), "what was sent must not arrive late"
    stage.accepts()
    # The zombie comes back: it is told to stop, and what it says under its old fence changes nothing.
    back = stage.device("a-pi", Held("a#1", "a", "a", "running", first))
    assert to_devices(back) == [("a-pi", Cancel(work="a#1", fence=first, because="the lease on it has ended"))]
    assert stage.said("a-pi", Result(work="a#1", fence=first, status="succeeded", value=b"\x07")) == []
    assert result(stage.ends(value=b"\x08")).value == b"\x08"


@pytest.mark.parametrize("effects", ["keyed", "once"])
def test_what_must_not_be_done_twice_waits_for_its_device(effects: str) -> None:
    stage = begun("a-pi", "mac", effects=effects)
    stage.went("a-pi")
    assert not to_devices(stage.wait(LEASE_S + AWAY_S - 1, "mac"))
    lost = result(stage.wait(1, "mac"))
    assert (lost.status, lost.effect, lost.device) == ("lost", "unknown", "a-pi")
    late = stage.device("a-pi", Held("a#1", "a", "a", "done", stage.fence()))
    assert not results(late), "the client has been told already"


@pytest.mark.parametrize(
    ("phase", "expected"), [("done", "asked for the result"), ("broken", "lost"), ("running", "goes on"), ("", "moved")]
)
def test_a_device_that_comes_back_in_time_says_what_became_of_it(phase: Any, expected: str) -> None:
    stage = begun("a-pi", "mac", effects="once")
    first = stage.fence()
    stage.went("a-pi")
    stage.wait(LEASE_S + 10, "mac")
    held = (Held("a#1", "a", "a", phase, first),) if phase else ()
    said = stage.device("a-pi", *held)
    match expected:
        case "asked for the result":
            assert stage.on() == "a-pi"
            assert stage.fence() > first
            assert result(stage.ends(remembered=True)).status == "succeeded"
        case "lost":
            assert result(said).status == "lost"
            assert "a-pi died while it did a#1" in str(result(said).failure)
        case "goes on":
            assert to_devices(said) == []
            assert result(stage.ends()).status == "succeeded"
        case "moved":
            assert stage.fence() > first, "nothing was done, so it is given away anew"


def test_an_attempt_that_a_device_gives_back_unbegun_goes_to_another() -> None:
    stage = begun("a-pi", "mac", effects="once")
    stage.went("a-pi")
    stage.wait(LEASE_S + 1, "mac")
    stage.device("a-pi", Held("a#1", "a", "a", "queued", stage.fence()))
    stage.rejects(reason="lease", retry_after_s=0.0)
    assert stage.views()["a-pi"].trust == pytest.approx(0.9, abs=0.01)
    assert not results(stage.accepts())


def test_a_dropped_device_is_never_chosen() -> None:
    stage = Stage()
    stage.device()
    stage.client()
    stage.went()
    assert not to_devices(stage.asks())
    assert not to_devices(stage.wait(LEASE_S - 2))
    assert to_devices(stage.device(resumed=True))[0][0] == "pi"


def test_a_silent_device_is_not_chosen_though_its_connection_stands() -> None:
    stage = Stage()
    stage.device()
    stage.client()
    stage.wait(13)
    assert stage.views()["pi"].state == "shaky"
    assert not to_devices(stage.asks())
    assert to_devices(stage.tell(ev.DeviceHeard(stage.at, "pi")))
    said = stage.wait(LEASE_S)
    assert Cut("pi", "nothing was heard for 30 s") in said
    assert stage.views()["pi"].state == "gone"


def test_being_heard_of_renews_the_leases() -> None:
    stage = begun("a-pi", "mac", effects="pure")
    assert not to_devices(stage.wait(10 * LEASE_S, "a-pi", "mac"))


def test_dropping_out_once_a_second_makes_a_device_shaky_all_the_time() -> None:
    stage = Stage()
    stage.device("flaky", speed=2.0)
    stage.device("steady")
    stage.client()
    chosen, states = [], set()
    for number in range(60):
        if number > 2:
            states.add(stage.views()["flaky"].state)
            stage.asks(f"{number}#1", effects="pure")
            chosen.append(stage.on(f"{number}#1"))
            stage.ends(f"{number}#1")
            stage.cancels(f"{number}#1", forget=True)
        stage.went("flaky")
        stage.wait(1, "steady")
        stage.device("flaky", resumed=True, speed=2.0)
    assert set(chosen) == {"steady"}
    assert states == {"shaky"}
    stage.wait(70, "flaky", "steady")
    assert stage.views()["flaky"].state == "online"
    stage.asks("calm#1")
    assert stage.on("calm#1") == "flaky"


def test_a_device_that_never_answers_is_not_waited_for() -> None:
    stage = Stage()
    stage.device("a-deaf")
    stage.device("mac")
    stage.client()
    stage.asks(effects="pure")
    assert stage.on() == "a-deaf"
    stage.wait(2 * LEASE_S, "a-deaf", "mac")
    assert stage.on() == "mac"
    assert stage.views()["a-deaf"].trust < 0.7


def test_a_worker_that_died_goes_back_to_the_client_which_counts_that() -> None:
    lost = result(begun("pi", "mac", effects="pure").ends(status="lost", effect="none", began_at=1.0))
    assert lost.status == "lost"


# -- deadlines and cancelling -------------------------------------------------------------------------------------


def test_waiting_counts_against_the_deadline() -> None:
    stage = begun()
    stage.asks("b#1", deadline=stage.at + 10)
    failed = result(stage.wait(10, "pi"))
    assert failed.failure is not None
    assert (failed.work, failed.failure.code, failed.effect) == ("b#1", "deadline", "none")


def test_what_runs_past_its_deadline_is_stopped() -> None:
    stage = begun(deadline=1010.0)
    [(device, cancel)] = to_devices(stage.wait(10, "pi"))
    assert (device, type(cancel)) == ("pi", Cancel)
    failed = result(stage.ends(status="stopped", effect="unknown"))
    assert failed.failure is not None
    assert (failed.status, failed.failure.code, failed.effect) == ("failed", "deadline", "unknown")


def test_a_deadline_that_has_passed_is_not_begun() -> None:
    stage = Stage()
    stage.device()
    stage.client()
    assert result(stage.asks(deadline=stage.at)).status == "failed"


def test_cancelling_what_waits_ends_it_at_once() -> None:
    stage = begun()
    stage.asks("b#1")
    ended = result(stage.cancels("b#1"))
    assert (ended.work, ended.status, ended.effect) == ("b#1", "stopped", "none")


def test_cancelling_what_runs_asks_the_device() -> None:
    stage = begun()
    [(device, cancel)] = to_devices(stage.cancels())
    assert (device, type(cancel)) == ("pi", Cancel)
    assert stage.cancels() == []
    assert result(stage.ends(status="stopped", effect="unknown")).status == "stopped"


def test_a_cancelled_attempt_whose_device_is_away_is_called_off_when_it_is_back() -> None:
    stage = begun(effects="once")
    stage.went()
    assert not to_devices(stage.cancels())
    [(_, cancel)] = to_devices(stage.device(resumed=True))
    assert isinstance(cancel, Cancel)
    assert result(stage.ends(status="stopped", effect="unknown")).status == "stopped"


def test_one_client_cannot_cancel_anothers_work() -> None:
    stage = begun()
    stage.client("other")
    assert stage.cancels(client="other") == []
    assert stage.cancels(client="other", forget=True) == []
    assert result(stage.ends()).status == "succeeded"


def test_cancelling_what_is_not_known_says_that_nobody_knows() -> None:
    stage = Stage()
    stage.client()
    ended = result(stage.cancels())
    assert (ended.status, ended.effect) == ("stopped", "unknown")


# -- clients ------------------------------------------------------------------------------------------------------


def test_logging_off_changes_nothing() -> None:
    stage = begun()
    stage.asks("b#1")
    stage.tell(ev.ClientWent(stage.at, "run"))
    stage.wait(100, "pi")
    assert not to_clients(stage.ends())
    assert stage.on("b#1") == "pi"
    told = to_clients(stage.client(resumed=True))
    assert [type(frame) for frame in told] == [Result]
    stage.accepts("b#1")
    assert result(stage.ends("b#1")).status == "succeeded"


def test_a_client_with_a_new_session_asks_again_and_is_answered() -> None:
    stage = begun()
    stage.tell(ev.ClientWent(stage.at, "run"))
    stage.ends()
    assert to_clients(stage.client()) == []
    assert result(stage.asks(seen_on="pi")).status == "succeeded"


def test_the_same_run_in_another_process_takes_over() -> None:
    stage = begun()
    stage.tell(ev.ClientWent(stage.at, "run"))
    stage.client("run2")
    [accept] = to_clients(stage.asks(client="run2"), "run2")
    assert accept.device == "pi"
    assert result(stage.ends(), "run2").status == "succeeded"
    assert "run" not in stage.hub.ledger.clients


def test_the_next_attempt_at_a_task_waits_for_the_one_that_runs_and_shares_its_result() -> None:
    stage = begun("pi", "mac")
    stage.tell(ev.ClientWent(stage.at, "run"))
    stage.client("resumed")
    [waits] = to_clients(stage.asks("a#2", "resumed"), "resumed")
    assert (waits.device, waits.because) == ("", "a#1 has not ended yet")
    shared = result(stage.ends(value=b"\x05"), "resumed")
    assert (shared.work, shared.value, shared.remembered) == ("a#2", b"\x05", True)
    [(device, cancel)] = to_devices(stage.cancels("a#2", "resumed", forget=True))
    assert isinstance(cancel, Cancel)
    assert (device, cancel.work) == (stage.on(), "a#1"), "it was done under that name"


def test_the_next_attempt_goes_ahead_when_the_one_before_failed() -> None:
    stage = begun()
    stage.asks("a#2")
    assert [work for work in stage.assigned if work == "a#2"] == []
    stage.ends(status="failed", failure=Failure("ValueError", "no"))
    assert stage.on("a#2") == "pi"


def test_pure_work_is_done_twice_at_once_if_somebody_wants_it() -> None:
    stage = begun("pi", "mac", effects="pure")
    assert to_devices(stage.asks("a#2", effects="pure"))


def test_results_of_a_client_that_never_comes_back_are_not_kept_for_ever() -> None:
    stage = begun()
    stage.tell(ev.ClientWent(stage.at, "run"))
    stage.ends()
    stage.wait(Settings().session_kept_s + 1, "pi")
    assert stage.hub.ledger.attempts == {}
    assert stage.hub.ledger.clients == {}


def test_who_watches_is_shown_the_devices_when_something_changes() -> None:
    stage = begun()
    [shown] = to_clients(stage.tell(ev.ClientSaid(stage.at, "run", State(asks=True))))
    assert [(view.name, view.state, view.running) for view in shown.devices] == [("pi", "online", ("run/a",))]
    stage.ends()
    [shown] = [one for one in to_clients(stage.wait(1, "pi")) if isinstance(one, State)]
    assert shown.devices[0].running == ()
    assert not to_clients(stage.wait(5, "pi")), "and only then"
    stage.said("pi", State(load=Load(cpu=0.5)))
    assert stage.views()["pi"].load.cpu == 0.5


# -- the hub is started again -------------------------------------------------------------------------------------


def restarted(*, expected: tuple[str, ...] = ("pi",)) -> Stage:
    stage = Stage(epoch=2, expected=expected)
    stage.client()
    return stage


def test_fences_of_a_new_life_are_higher_than_all_before() -> None:
    first, second = begun(), Stage(epoch=2)
    second.device()
    second.client()
    second.asks()
    assert second.fence() > first.fence() + 2**31


def test_a_running_attempt_is_found_again_whoever_comes_first() -> None:
    device_first = restarted()
    device_first.device("pi", Held("a#1", "a", "a", "running", 7))
    assert device_first.views()["pi"].running == ("/a",)
    [accept] = to_clients(device_first.asks(seen_on="pi"))
    assert (accept.device, accept.fence) == ("pi", 7)

    client_first = restarted()
    [waits] = to_clients(client_first.asks(seen_on="pi"))
    assert waits.because == "pi may have it, and has not reported yet"
    [accept] = to_clients(client_first.device("pi", Held("a#1", "a", "a", "running", 7)))
    assert (accept.device, accept.fence) == ("pi", 7)
    for stage in (device_first, client_first):
        assert result(stage.said("pi", Result(work="a#1", fence=7, status="succeeded"))).status == "succeeded"


def test_what_was_done_meanwhile_is_asked_for() -> None:
    stage = restarted()
    stage.device("pi", Held("a#1", "a", "a", "done", 7))
    stage.asks("a#2")
    assert stage.on("a#2") == "pi"
    assert result(stage.ends("a#2", remembered=True)).remembered
    assert stage.hub.ledger.kept == {}


def test_what_ended_before_anybody_asked_is_answered_by_its_device() -> None:
    stage = restarted()
    stage.device("pi", Held("a#1", "a", "a", "running", 7))
    stage.said("pi", Result(work="a#1", fence=7, status="succeeded"))
    stage.asks(seen_on="pi")
    assert stage.on() == "pi"


def test_a_result_that_nobody_wants_any_more_is_forgotten_by_its_device() -> None:
    stage = restarted()
    stage.device("pi", Held("a#1", "a", "a", "done", 7))
    assert to_devices(stage.cancels(forget=True)) == [("pi", Cancel(work="a#1", fence=7, forget=True))]
    assert stage.hub.ledger.kept == {}


def test_an_attempt_that_its_device_does_not_know_is_given_away_anew() -> None:
    stage = restarted()
    stage.asks(seen_on="pi", effects="once")
    assert to_devices(stage.device("pi"))


def test_what_may_happen_only_once_waits_for_every_device_that_may_have_it() -> None:
    stage = restarted(expected=("pi", "mac"))
    stage.device("pi")
    stage.asks(seen_on="pi", effects="once")
    stage.asks("b#1", seen_on=ANYWHERE, effects="once")
    stage.asks("new#1", effects="once")
    assert list(stage.assigned) == ["new#1"]
    said = stage.device("mac", Held("a#1", "a", "a", "running", 9))
    assert [(frame.work, frame.device) for frame in to_clients(said) if frame.device] == [("a#1", "mac")]
    stage.ends("new#1")
    assert list(stage.assigned) == ["new#1", "b#1"], "the other one nobody has"


def test_what_is_only_to_be_learnt_is_never_begun() -> None:
    stage = restarted(expected=("pi",))
    stage.asks(seen_on=ANYWHERE, effects="once", known_only=True)
    assert not stage.assigned
    lost = result(stage.device("pi"))
    assert (lost.status, lost.effect) == ("lost", "unknown")
    stage.device("pi", Held("b#1", "b", "b", "done", 9))
    stage.asks("b#1", seen_on=ANYWHERE, effects="once", known_only=True)
    assert stage.on("b#1") == "pi", "it has it, and will tell"
    lost = result(stage.device("pi"))  # it has it no more
    assert (lost.work, lost.status, lost.effect) == ("b#1", "lost", "unknown")
    assert list(stage.assigned) == ["b#1"]


def test_what_may_happen_only_once_is_lost_with_the_device_that_may_have_it() -> None:
    stage = restarted(expected=("pi", "mac"))
    stage.device("pi")
    stage.asks(seen_on="mac", effects="once")
    stage.asks("b#1", seen_on="mac", effects="pure")
    said = stage.wait(LEASE_S, "pi")
    assert not results(said)
    assert stage.on("b#1") == "pi", "pure work waits one lease"
    lost = result(stage.wait(AWAY_S, "pi"))
    assert (lost.work, lost.status, lost.effect) == ("a#1", "lost", "unknown")


def test_the_next_attempt_waits_for_an_earlier_one_that_turns_up_late() -> None:
    stage = restarted(expected=("pi", "mac"))
    stage.device("pi")
    stage.asks("a#2")
    assert not stage.assigned
    stage.device("mac", Held("a#1", "a", "a", "running", 9))
    assert not stage.assigned
    assert result(stage.said("mac", Result(work="a#1", fence=9, status="succeeded"))).work == "a#2"


def test_what_may_happen_only_once_is_lost_when_the_device_that_may_have_it_is_revoked() -> None:
    stage = restarted(expected=("pi", "mac"))
    stage.device("pi")
    stage.asks(seen_on="mac", effects="once")
    assert result(stage.tell(ev.Revoked(stage.at, "mac"))).status == "lost"


def test_what_a_revoked_device_had_done_is_lost_and_not_done_again() -> None:
    stage = restarted()
    stage.device("pi", Held("a#1", "a", "a", "done", 7))
    stage.device("mac")
    stage.tell(ev.Revoked(stage.at, "pi"))
    lost = result(stage.asks(seen_on="pi", effects="once"))
    assert (lost.status, lost.effect) == ("lost", "unknown")
    assert not stage.assigned


def test_a_result_on_a_device_that_is_gone_for_good_is_waited_for_once() -> None:
    stage = restarted()
    stage.device("pi", Held("a#1", "a", "a", "done", 7))
    stage.device("mac")
    stage.went("pi")
    stage.asks("a#2")
    assert result(stage.wait(LEASE_S + AWAY_S, "mac")).status == "lost"
    stage.asks("a#3")
    assert stage.on("a#3") == "mac"


def test_an_attempt_whose_device_died_in_the_middle_is_lost() -> None:
    stage = restarted()
    stage.device("pi", Held("a#1", "a", "a", "broken", 7))
    assert result(stage.asks(seen_on="pi", effects="once")).status == "lost"
    assert to_devices(stage.asks("b#1", effects="once"))


def test_harmless_work_that_one_device_broke_off_may_run_on_another() -> None:
    stage = restarted(expected=("pi", "mac"))
    stage.asks(seen_on="mac", effects="idempotent")
    stage.device("pi", Held("a#1", "a", "a", "broken", 7))
    assert not stage.assigned
    [accept] = to_clients(stage.device("mac", Held("a#1", "a", "a", "running", 8)))
    assert accept.device == "mac"


def test_a_device_that_died_does_again_what_is_harmless() -> None:
    stage = begun("pi", effects="idempotent")
    first = stage.fence()
    stage.went()
    stage.device("pi", Held("a#1", "a", "a", "broken", first))
    assert stage.fence() > first


# -- leaving ------------------------------------------------------------------------------------------------------


def test_a_drained_device_finishes_and_takes_nothing_new() -> None:
    stage = begun("a-pi", "mac")
    said = stage.tell(ev.DrainWanted(stage.at, "a-pi", "maintenance"))
    assert to_devices(said) == [("a-pi", Drain(because="maintenance"))]
    assert stage.views()["a-pi"].state == "draining"
    stage.asks("b#1")
    assert stage.on("b#1") == "mac"
    done = stage.ends("a#1")
    assert result(done).status == "succeeded"
    assert Noted("drained", "a-pi") in done
    stage.asks("c#1")
    undone = to_devices(stage.tell(ev.DrainWanted(stage.at, "a-pi", undo=True)))
    assert [type(frame) for _, frame in undone] == [Desired, Assign]


def test_a_device_that_leaves_gives_back_what_it_has_not_begun() -> None:
    stage = begun("a-pi", "mac", effects="once")
    stage.said("a-pi", Drain(because="its owner wants it"))
    assert to_devices(stage.rejects(reason="draining"))[0][0] == "mac"
    assert stage.views()["a-pi"].trust == 1.0


def test_what_a_device_still_had_when_it_said_goodbye_does_not_go_back_to_it() -> None:
    stage = begun("pi", effects="idempotent")
    said = stage.went(clean=True)
    assert not to_devices(said)
    assert to_devices(stage.device("mac"))[0][0] == "mac"


def test_a_hub_is_done_with_a_device_when_nobody_may_ask_for_its_results() -> None:
    stage = begun()
    assert not stage.hub.is_done_with("pi")
    stage.ends()
    assert not stage.hub.is_done_with("pi"), "should the hub die now, only the device has the result"
    stage.cancels(forget=True)
    assert stage.hub.is_done_with("pi")
    assert stage.hub.is_done_with("nobody")


def test_what_a_leaving_device_broke_off_moves_if_it_may() -> None:
    for effects, status in (("pure", "moved"), ("once", "lost")):
        stage = begun("a-pi", "mac", effects=effects)
        stage.said("a-pi", Drain(because="its owner wants it"))
        said = stage.ends(status="lost", effect="unknown", began_at=1.0)
        assert [one.status for one in results(said)] == ([] if status == "moved" else ["lost"])
        assert stage.on() == ("mac" if status == "moved" else "a-pi")


def test_when_all_that_could_are_leaving_it_says_so() -> None:
    stage = Stage()
    stage.device()
    stage.said("pi", Drain())
    stage.client()
    stage.asks()
    failed = result(stage.wait(PATIENCE_S, "pi"))
    assert failed.failure is not None
    assert failed.failure.message.endswith("(pi takes nothing new)")


def test_a_revoked_device_is_cut_off_and_its_work_moves_when_it_must_have_stopped() -> None:
    stage = begun("a-pi", "mac", effects="idempotent")
    said = stage.tell(ev.Revoked(stage.at, "a-pi"))
    assert Cut("a-pi", "it was revoked") in said
    assert "a-pi" not in stage.views()
    assert stage.said("a-pi", Result(work="a#1", fence=stage.fence(), status="succeeded")) == []
    assert not to_devices(stage.wait(LEASE_S - 1, "mac"))
    assert to_devices(stage.wait(1, "mac"))[0][0] == "mac"
    assert "a-pi" not in stage.hub.ledger.devices


def test_nobody_waits_for_a_revoked_device_longer_than_its_lease() -> None:
    stage = begun("pi", effects="once")
    stage.tell(ev.Revoked(stage.at, "pi"))
    lost = result(stage.wait(LEASE_S))
    assert (lost.status, lost.effect) == ("lost", "unknown")


def test_a_device_without_work_is_revoked_at_once() -> None:
    stage = Stage()
    stage.device()
    stage.tell(ev.Revoked(stage.at, "pi"))
    stage.tell(ev.Revoked(stage.at, "never heard of"))
    assert stage.hub.ledger.devices == {}


# -- the table ----------------------------------------------------------------------------------------------------


def test_every_standing_can_be_reached_and_a_step_that_is_not_in_the_table_is_an_error() -> None:
    assert set().union(*STEPS.values()) == set(Standing) - {Standing.NEW}
    assert set(STEPS) == set(Standing)
    attempt = Attempt(Assign(work="a#1", key="a", run="r", task="a", attempt=1, op="work"), "run", 1)
    attempt.step(Standing.ENDED)
    with pytest.raises(IllegalTransitionError, match="'a#1' is ended and cannot become queued"):
        attempt.step(Standing.QUEUED)


def test_what_the_hub_shows_of_itself() -> None:
    stage = begun()
    stage.asks("b#1")
    assert repr(stage.hub) == "<Hub 1 devices, 2 attempts, 1 waiting>"
    assert repr(stage.hub.ledger.attempts["a#1"]).startswith("<Attempt a#1 leased on pi fence ")
