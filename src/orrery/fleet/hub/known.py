"""KnownDevice and KnownClient: what a hub remembers of those it talks to."""

from __future__ import annotations

from orrery.fleet.hub.attempt import Attempt
from orrery.fleet.hub.health import Health
from orrery.fleet.hub.reputation import FLOOR, Trust
from orrery.fleet.messages import Cancel, Held
from orrery.fleet.profile import DeviceView, Load, Profile


class KnownDevice:
    """One device.

    Attributes:
        credit: how many attempts it lets be held at once; None: it did not say.
        reported: it has said what it holds, in the session that it has now.
        draining: it takes nothing new; `is_revoked`: neither is it heard, and it is forgotten when its lease ends.
        full_until: when it may be asked again, since it said that it was full.
        leases: the attempts that it has; `busy_s`: what they are expected to take in all; `had`: so many it may have
            though its credit is less, since it had them before.
        holds: its blobs, with their sizes.
        kept: what it remembers of tasks that nobody has asked this hub for, by key.
        owed: what could not be said to it while it was away, by work.
        usable: it may be given work now, if it has room; `hopeful`: it may be later.
    """

    __slots__ = (
        "busy_s", "credit", "done", "drained_noted", "draining", "failed", "full_until", "had", "health", "held_bytes",
        "holds", "hopeful", "is_revoked", "kept", "latency_s", "leases", "level", "load", "name", "offers", "owed",
        "prefixes", "profile", "reported", "since", "trust", "usable",
    )  # fmt: skip

    def __init__(self, name: str, health: Health, at: float) -> None:
        self.name, self.health, self.since = name, health, at
        self.level = health.level
        self.trust = Trust()
        self.load = Load()
        self.credit: int | None = None
        self.latency_s: float | None = None
        self.reported = self.draining = self.drained_noted = False
        self.usable = self.hopeful = self.is_revoked = False
        self.full_until = 0.0
        self.busy_s, self.had = 0.0, 0
        self.leases: dict[str, Attempt] = {}
        self.holds: dict[str, int] = {}
        self.held_bytes = 0
        self.kept: dict[str, Held] = {}
        self.owed: dict[str, Cancel] = {}
        self.done = self.failed = 0
        self.take(Profile(slots=0))

    def take(self, profile: Profile) -> None:
        """What it says of itself now."""
        self.profile = profile
        self.offers = frozenset(offer.name for offer in profile.tools)
        self.prefixes = tuple(name[:-1] for name in self.offers if name.endswith("*"))

    def does(self, op: str) -> bool:
        """Whether it offers this operation; an offer that ends in * stands for all that begin alike."""
        return op in self.offers or any(op.startswith(prefix) for prefix in self.prefixes)

    @property
    def slots(self) -> int:
        """How many attempts it has at once, unless they are short."""
        slots = self.profile.slots
        return slots if self.credit is None else min(slots, self.credit)

    @property
    def most(self) -> int:
        """How many it may be given at once at all."""
        return self.profile.slots if self.credit is None else self.credit

    def trusted(self, at: float) -> bool:
        """Whether enough speaks for it."""
        return self.trust.now(at) >= FLOOR

    def view(self, at: float) -> DeviceView:
        """The device, for people and planners."""
        level = self.level
        return DeviceView(
            name=self.name,
            state="draining" if self.draining and level in ("online", "shaky") else level,
            since=self.since,
            profile=self.profile,
            load=self.load,
            running=tuple(f"{one.assign.run}/{one.assign.task}" for one in self.leases.values()),
            latency_s=self.latency_s,
            trust=round(self.trust.now(at), 4),
            done=self.done,
            failed=self.failed,
            held_bytes=self.held_bytes,
            heard_at=self.health.heard_at,
        )

    def __repr__(self) -> str:
        return f"<KnownDevice {self.name} {self.level} {len(self.leases)}/{self.most}>"


class KnownClient:
    """One client: whether it is there, and what it asked for."""

    __slots__ = ("attempts", "name", "online", "watching")

    def __init__(self, name: str) -> None:
        self.name = name
        self.online = True
        self.watching = False
        self.attempts: dict[str, Attempt] = {}

    def __repr__(self) -> str:
        return f"<KnownClient {self.name} {'here' if self.online else 'away'} {len(self.attempts)} attempts>"
