"""The core of a hub under any order of events, also of such as no honest device or client would send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.fleet.hub import events as ev
from orrery.fleet.hub.attempt import State as Standing
from orrery.fleet.hub.commands import Cut, ToClient, ToDevice
from orrery.fleet.hub.core import Hub
from orrery.fleet.hub.invariants import check
from orrery.fleet.messages import (
    ANYWHERE,
    Accept,
    Assign,
    Cancel,
    Credit,
    Drain,
    Frame,
    Held,
    Progress,
    Reject,
    Result,
    Source,
    State,
)
from orrery.fleet.profile import Load, Offer, Profile
from orrery.graph.place import Place
from orrery.graph.values import Blob

DEVICES, CLIENTS = ("pi", "mac"), ("left", "right")
WORKS = ("a#1", "a#2", "a#3", "b#1", "b#2", "c#1")
PLACES = (Place(), Place(), Place(on=("pi",)), Place(skills=("gpu",)), Place(apart=("pi",)))
EFFECTS: dict[str, Any] = {"a": "once", "b": "idempotent", "c": "pure"}

devices, clients, works = st.sampled_from(DEVICES), st.sampled_from(CLIENTS), st.sampled_from(WORKS)
fences = st.one_of(st.none(), st.integers(0, 2**33))
"""None: the one under which the attempt was given away last."""
profiles = st.builds(
    Profile,
    version=st.integers(1, 3),
    tools=st.sampled_from(((), (Offer("work"),), (Offer("*"),))),
    slots=st.integers(0, 3),
    skills=st.sampled_from(((), ("gpu",))),
)
blobs = st.sampled_from(((), (Blob("d1", 10),), (Blob("d1", 10), Blob("d2", 20))))


def key_of(work: str) -> str:
    return work.partition("#")[0]


@st.composite
def assigns(draw: st.DrawFn) -> Assign:
    work = draw(works)
    return Assign(
        work=work,
        key=key_of(work),
        run="r",
        task=key_of(work),
        attempt=int(work[-1]),
        op=draw(st.sampled_from(("work", "work", "other"))),
        digest=draw(st.sampled_from(("same", "same", "other"))),
        effects=EFFECTS[key_of(work)],
        place=draw(
            st.sampled_from(
                (
                    *(Place(), Place(), Place(on=("pi",)), Place(skills=("gpu",)), Place(apart=("pi",))),
                    *(Place(prefer="pi"), Place(prefer="mac"), Place(skills=("gpu",), prefer="pi")),
                )
            )
        ),
        rank=draw(st.sampled_from((0.0, 5.0))),
        seconds=draw(st.sampled_from((0.01, 2.0))),
        deadline=draw(st.one_of(st.none(), st.floats(0, 300))),
        sources=draw(st.sampled_from(((), (Source("d1"),)))),
        seen_on=draw(st.sampled_from(("", "", "pi", ANYWHERE))),
    )


@st.composite
def held(draw: st.DrawFn) -> tuple[str, Any, int | None]:
    return draw(works), draw(st.sampled_from(("queued", "running", "done", "broken"))), draw(fences)


holdings = st.lists(held(), max_size=4, unique_by=lambda one: one[0])
reports: st.SearchStrategy[Any] = st.one_of(
    st.tuples(st.just(Accept), works, fences, st.fixed_dictionaries({})),
    st.tuples(st.just(Progress), works, fences, st.fixed_dictionaries({})),
    st.tuples(
        st.just(Reject),
        works,
        fences,
        st.fixed_dictionaries(
            {
                "reason": st.sampled_from(("full", "draining", "not-offered", "arguments", "lease", "deadline", "odd")),
                "retry_after_s": st.one_of(st.none(), st.floats(0, 5)),
            }
        ),
    ),
    st.tuples(
        st.just(Result),
        works,
        fences,
        st.fixed_dictionaries(
            {
                "status": st.sampled_from(("succeeded", "failed", "stopped", "lost")),
                "effect": st.sampled_from(("none", "done", "unknown")),
                "began_at": st.one_of(st.none(), st.just(1.0)),
                "blobs": blobs,
            }
        ),
    ),
)
steps = st.one_of(
    st.tuples(
        st.just("came"), devices, profiles, st.booleans(), st.lists(held(), max_size=4, unique_by=lambda it: it[0])
    ),
    st.tuples(st.just("went"), devices, st.booleans()),
    st.tuples(st.just("heard"), devices, st.one_of(st.none(), st.floats(0, 1))),
    st.tuples(st.just("reports"), devices, reports),
    st.tuples(st.just("reports"), devices, reports),
    st.tuples(st.just("credit"), devices, st.integers(0, 4)),
    st.tuples(st.just("state"), devices, profiles, blobs),
    st.tuples(st.just("drains"), devices),
    st.tuples(st.just("drain"), devices, st.booleans()),
    st.tuples(st.just("revoke"), devices),
    st.tuples(st.just("client"), clients, st.booleans()),
    st.tuples(st.just("client went"), clients),
    st.tuples(st.just("asks"), clients, assigns()),
    st.tuples(st.just("asks"), clients, assigns()),
    st.tuples(st.just("cancels"), clients, works, st.booleans()),
    st.tuples(st.just("watches"), clients),
    st.tuples(st.just("waits"), st.sampled_from((0.5, 13.0, 31.0, 61.0, 700.0))),
)


class Trial:
    """A hub to which things happen, and what it has given away."""

    def __init__(self) -> None:
        self.hub = Hub(epoch=2, expected=("mac",))
        self.at = 0.0
        self.fences: dict[str, int] = {}
        self.highest = 0
        self.there: set[str] = set()
        self.online: set[str] = set()

    def tell(self, event: ev.Event) -> None:
        for command in self.hub.handle(event):
            if isinstance(command, ToDevice):
                assert command.device in self.there, "nothing is said to who is not there"
                if isinstance(command.frame, Assign):
                    assert command.frame.fence > self.highest, "fences grow"
                    self.highest = self.fences[command.frame.work] = command.frame.fence
            if isinstance(command, Cut):
                self.there.discard(command.principal)
            if isinstance(command, ToClient):
                assert command.client in self.online, "nothing is said to who is not there"
        check(self.hub)

    def said(self, device: str, frame: Frame) -> None:
        self.tell(ev.DeviceSaid(self.at, device, frame))  # type: ignore[arg-type]

    def asked(self, client: str, frame: Frame) -> None:
        self.online.add(client)
        self.tell(ev.ClientSaid(self.at, client, frame))  # type: ignore[arg-type]

    def fence(self, work: str, fence: int | None) -> int:
        return self.fences.get(work, 0) if fence is None else fence

    def came(self, device: str, profile: Profile, resumed: bool, has: list[tuple[str, Any, int | None]]) -> None:
        known = self.hub.ledger.devices.get(device)
        resumed = resumed and known is not None and known.reported and not known.is_revoked
        self.there.add(device)
        self.tell(ev.DeviceCame(self.at, device, profile, resumed))
        if not resumed:
            holding = tuple(
                Held(work, key_of(work), "same", phase, self.fence(work, fence)) for work, phase, fence in has
            )
            self.said(device, State(whole=True, profile=profile, held=holding))

    def do(self, name: str, *rest: Any) -> None:
        acts: dict[str, Callable[..., None]] = {
            "came": self.came,
            "went": self.went,
            "heard": lambda device, latency: self.tell(ev.DeviceHeard(self.at, device, latency)),
            "reports": self.reports,
            "credit": lambda device, slots: self.said(device, Credit(slots=slots)),
            "state": lambda device, profile, holds: self.said(
                device, State(profile=profile, load=Load(cpu=0.5), holds=holds, dropped=("d1",))
            ),
            "drains": lambda device: self.said(device, Drain(because="leaving")),
            "drain": lambda device, undo: self.tell(ev.DrainWanted(self.at, device, "wanted", undo)),
            "revoke": lambda device: self.tell(ev.Revoked(self.at, device)),
            "client": self.client,
            "client went": self.client_went,
            "asks": self.asked,
            "cancels": lambda client, work, forget: self.asked(client, Cancel(work=work, forget=forget)),
            "watches": lambda client: self.asked(client, State(asks=True)),
            "waits": self.waits,
        }
        acts[name](*rest)

    def went(self, device: str, clean: bool) -> None:
        self.there.discard(device)
        self.tell(ev.DeviceWent(self.at, device, "gone", clean))

    def reports(self, device: str, report: tuple[Any, str, int | None, dict[str, Any]]) -> None:
        kind, work, fence, fields = report
        if device in self.there:
            self.said(device, kind(work=work, fence=self.fence(work, fence), **fields))

    def client(self, client: str, resumed: bool) -> None:
        self.online.add(client)
        self.tell(ev.ClientCame(self.at, client, resumed))

    def client_went(self, client: str) -> None:
        self.online.discard(client)
        self.tell(ev.ClientWent(self.at, client))

    def waits(self, seconds: float) -> None:
        end = self.at + seconds
        while (due := self.hub.due()) is not None and due <= end:
            self.at = max(self.at, due)
            self.tell(ev.Ticked(self.at))
        self.at = end
        self.tell(ev.Ticked(end))


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=40))
def test_any_order_of_events_leaves_a_hub_whole_and_every_attempt_ends(story: list[tuple[Any, ...]]) -> None:
    trial = Trial()
    for name, *rest in story:
        trial.at += 0.1
        trial.do(name, *rest)
    # Everybody falls silent: what was asked for ends all the same.
    for device in DEVICES:
        trial.went(device, clean=False)
    trial.waits(500.0)
    open_ = [one for one in trial.hub.ledger.attempts.values() if one.state is not Standing.ENDED]
    assert open_ == []
    for client in CLIENTS:
        trial.client_went(client)
    trial.waits(2_000.0)
    assert trial.hub.ledger.attempts == {}
    assert trial.hub.ledger.clients == {}
