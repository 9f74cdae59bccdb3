"""Matching: which devices can do a task, which of them is best, and why.

Hard requirements come first; each that a device does not meet is a sentence. Among the devices that meet all and have
room, the one is best that is expected to be done soonest, counted in seconds: work over speed, data to be moved,
latency, and what cost, shakiness and distrust are worth. Equal ones go by their names.

A device that an attempt prefers goes before all others that it could have. The attempt waits for it if it has no room,
but will soon: something of what it has is there for the same wish, or is expected to end before the attempt would. It
waits twice as long as it was expected to be done there, and longer only while it would take as long elsewhere; never
for more than half of the time to its deadline. Then, and as soon as that device cannot be had, any device will do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from orrery.fleet.hub.attempt import Attempt
from orrery.fleet.hub.known import KnownDevice
from orrery.fleet.messages import Assign
from orrery.graph.place import Place

NEAR_BYTES_PER_S = 100e6
"""How fast data moves within a zone; `FAR_BYTES_PER_S`: between zones."""
FAR_BYTES_PER_S = 10e6
SHAKY_S = 30.0
"""What it costs in expectation that a shaky device may drop out."""
MONEY_S = 600.0
"""How much later a result may come if that saves one unit of money."""
DISTRUST_S = 60.0
"""What it costs in expectation to find out that a device cannot be trusted."""
LOOK = 32
"""So many free devices are compared, those that were free the longest, and of those that hold the data as many."""
SHORT_S = 0.05
"""What takes no longer may wait in a device's own queue: going to and fro would take longer than the work."""
LATE = 2.0
"""How much later than expected a preferred device may be done before another is taken."""
LEAST_WAIT_S, MOST_WAIT_S = 1.0, 86_400.0
"""So long it is waited for at least, since estimates are no better; and at most, since they may be nonsense."""


class Need(NamedTuple):
    """What an attempt requires of a device. Attempts with equal needs wait in one line.

    Args:
        refused: devices that said they cannot.
        short: it may be given to a device whose slots are taken, as far as its credit goes.
        prefer: the one device that will do for now, since it is preferred; empty: none is, or it cannot be had.
    """

    op: str
    place: Place
    refused: tuple[str, ...] = ()
    short: bool = False
    prefer: str = ""

    @classmethod
    def of(cls, assign: Assign, refused: Iterable[str] = ()) -> Need:
        """What an attempt requires; what it prefers is left out."""
        # Only the device knows whether what waits in its queue has begun. So what must not be done twice waits here.
        short = assign.seconds <= SHORT_S and assign.effects in ("pure", "idempotent")
        place = assign.place
        if place.prefer:
            place = msgspec.structs.replace(place, prefer="")
        return cls(assign.op, place, tuple(refused), short)


class Choice(NamedTuple):
    """A device, in how many seconds the work is expected to be done there, and why it was chosen."""

    device: KnownDevice
    seconds: float
    because: str


def fits(need: Need, device: KnownDevice) -> bool:
    """Whether a device meets every hard requirement, as far as it says what it is."""
    return not any(_unmet(need, device))


def problems(need: Need, device: KnownDevice, at: float) -> list[str]:
    """Why a device cannot be given this, in words; empty: it can."""
    found = list(_unmet(need, device))
    if not device.trusted(at):
        found.append(
            f"is trusted too little ({device.trust.now(at):.2f}) after refusing what it offers, or losing work"
        )
    if device.draining:
        found.append("takes nothing new")
    if device.level in ("away", "gone"):
        found.append(f"is {device.level} for {max(0.0, at - device.health.heard_at):.0f} s")
    return found


def forbids(place: Place, device: KnownDevice) -> bool:
    """Whether a place never lets a device have an attempt, whatever the device says that it has of it."""
    named = (not place.on or device.name in place.on) and device.name not in place.apart
    return not named or not set(place.skills).issubset(device.profile.skills)


def _unmet(need: Need, device: KnownDevice) -> Iterable[str]:
    place, profile, name = need.place, device.profile, device.name
    if place.on and name not in place.on:
        yield "is not the device that it must be on"
    if need.prefer and name != need.prefer:
        yield "is not the device that it prefers"
    if name in place.apart:
        yield "is a device that it must not be on"
    if name in need.refused:
        yield "was asked and refused"
    if not device.does(need.op):
        yield f"does not offer the tool {need.op!r}"
    for skill in place.skills:
        if skill not in profile.skills:
            yield f"lacks the skill {skill!r}"
    if place.os and profile.os != place.os:
        yield f"runs {profile.os or 'an unknown system'}, not {place.os}"
    if profile.cpus < place.cpus:
        yield f"has {profile.cpus} of {place.cpus} processors"
    if profile.memory_bytes < place.memory_bytes:
        yield f"has {profile.memory_bytes / 1e9:.1f} of {place.memory_bytes / 1e9:.1f} GB of memory"


def missing(need: Need, devices: Iterable[KnownDevice], refused: dict[str, str], at: float, *, most: int = 8) -> str:
    """What no device of the fleet has, and which devices were considered, for a person to read."""
    place = need.place
    known = sorted((one for one in devices if not one.is_revoked), key=lambda device: device.name)
    here = [device for device in known if device.level not in ("away", "gone")]
    lacking: list[str] = []
    lacking += [f"the device {name!r}" for name in place.on if all(one.name != name for one in here)]
    if not any(one.does(need.op) for one in here):
        lacking.append(f"the tool {need.op!r}")
    lacking += [
        f"the skill {skill!r}" for skill in place.skills if all(skill not in one.profile.skills for one in here)
    ]
    if place.os and all(one.profile.os != place.os for one in here):
        lacking.append(f"the system {place.os}")
    if place.cpus and all(one.profile.cpus < place.cpus for one in here):
        lacking.append(f"{place.cpus} processors")
    if place.memory_bytes and all(one.profile.memory_bytes < place.memory_bytes for one in here):
        lacking.append(f"{place.memory_bytes / 1e9:.1f} GB of memory")
    if not known:
        return f"the fleet has no device yet; the tool {need.op!r} is needed"
    if lacking:
        head = f"no device that is here has {', '.join(lacking)}"
    elif any(fits(need, one) for one in here):
        head = f"no device that could do {need.op!r} is to be had"
    else:
        head = f"no device can do {need.op!r}: none meets all requirements at once"
    told = [f"{one.name} {' and '.join(_reasons(need, one, refused, at))}" for one in known[:most]]
    rest = f"; and {len(known) - most} more" if len(known) > most else ""
    return f"{head} ({'; '.join(told)}{rest})"


def _reasons(need: Need, device: KnownDevice, refused: dict[str, str], at: float) -> list[str]:
    said = refused.get(device.name)
    found = problems(need, device, at)
    if said is None:
        return found or ["could do it"]
    return [f"refused it ({said})" if reason == "was asked and refused" else reason for reason in found]


def choose(attempt: Attempt, free: dict[str, KnownDevice], holders: dict[str, dict[str, KnownDevice]]) -> Choice:
    """The best of the free devices.

    Args:
        free: devices that meet the requirements and have room; at least one.
        holders: who holds which digest.
    """
    digests = [source.digest for source in attempt.assign.sources]
    best: KnownDevice | None = None
    best_s = second_s = 0.0
    second = ""
    for device in free.values():
        score = seconds(attempt.assign, device)
        if digests:
            score += moving_s(digests, device, holders)
        if best is None or (score, device.name) < (best_s, best.name):
            if best is not None:
                second, second_s = best.name, best_s
            best, best_s = device, score
        elif not second or (score, device.name) < (second_s, second):
            second, second_s = device.name, score
    assert best is not None
    because = (
        f"expected in {best_s:.3g} s, {second} in {second_s:.3g} s" if second else f"free; expected in {best_s:.3g} s"
    )
    if digests:
        because += f"; holds {sum(digest in best.holds for digest in digests)} of {len(digests)} inputs"
    return Choice(best, best_s, because)


def seconds(assign: Assign, device: KnownDevice) -> float:
    """In how many seconds a device is expected to be done, the moving of data aside."""
    profile, held = device.profile, len(device.leases)
    cpus, speed = profile.cpus or 1, profile.speed
    if held >= cpus:
        speed *= cpus / (held + 1)  # processors are shared with what it has already
    if device.load.cpu * cpus > held:
        speed *= max(0.1, 1.0 + held / cpus - device.load.cpu)  # and with strangers
    work = assign.seconds / max(1e-3, speed)
    if held >= profile.slots:
        work += device.busy_s / max(1, profile.slots)
    if device.latency_s is not None:
        work += 2 * device.latency_s
    if profile.cost:
        work += profile.cost * assign.seconds / 3600 * MONEY_S
    if device.health.shaky:
        work += SHAKY_S
    trust = device.trust.now(device.health.heard_at)
    return work if trust == 1.0 else work + (1.0 - trust) * DISTRUST_S


def is_soon(assign: Assign, device: KnownDevice, at: float) -> bool:
    """Whether it pays to wait for a preferred device that has no room: it is not taken up by longer work of others."""
    ends_at = at + assign.seconds / max(1e-3, device.profile.speed)
    return any(
        other.assign.place.prefer == device.name
        or other.leased_at + other.assign.seconds / max(1e-3, device.profile.speed) <= ends_at
        for other in device.leases.values()
    )


def wait_s(assign: Assign, device: KnownDevice, ahead_s: float, at: float) -> float:
    """How long an attempt waits for the device that it prefers, before it is asked what else there is.

    Args:
        ahead_s: what those are expected to take in all that wait for the same device.
    """
    queue_s = (device.busy_s + ahead_s) / max(1, device.profile.slots)
    wait = LATE * (queue_s + assign.seconds) / max(1e-3, device.profile.speed)
    wait = min(MOST_WAIT_S, max(LEAST_WAIT_S, wait)) if wait == wait else LEAST_WAIT_S  # noqa: PLR0124 (it is NaN)
    return wait if assign.deadline is None else min(wait, (assign.deadline - at) / 2)


def moving_s(digests: Iterable[str], device: KnownDevice, holders: dict[str, dict[str, KnownDevice]]) -> float:
    """How long the data takes to get to a device that it does not hold yet."""
    total = 0.0
    for digest in digests:
        if digest in device.holds:
            continue
        known = holders.get(digest)
        if not known:
            continue  # it comes from the client, to whichever device
        size = next(iter(known.values())).holds[digest]
        near = device.profile.zone and any(one.profile.zone == device.profile.zone for one in known.values())
        total += size / (NEAR_BYTES_PER_S if near else FAR_BYTES_PER_S)
    return total
