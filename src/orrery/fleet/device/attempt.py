"""Attempt: what a device is asked to do or does, why it stops it, and what its end amounts to."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from orrery.errors import Failure
from orrery.fleet.device.events import Cause
from orrery.fleet.messages import Assign, Result

WHY: Mapping[str, str] = {
    "lease": "the hub was not heard of for as long as the lease ran",
    "timeout": "it ran longer than it may",
    "deadline": "its deadline has passed",
    "drain": "the device is leaving",
}
"""What is said of each cause for which a device itself ends an attempt."""


class Attempt:
    """What is to be done or being done. `asked` has the works that want its result, with the fence of each."""

    __slots__ = ("asked", "assign", "began_at", "stopping")

    def __init__(self, assign: Assign) -> None:
        self.assign = assign
        self.asked: dict[str, int] = {assign.work: assign.fence}
        self.began_at: float | None = None
        self.stopping: Cause = ""


def in_the_end(result: Result, attempt: Attempt) -> Result:
    """What the performer said, in the light of why it was stopped, and of what its effects can be."""
    assign, changes = attempt.assign, dict[str, object]()
    if result.status in ("stopped", "lost") and attempt.stopping:
        if attempt.stopping in ("timeout", "deadline"):
            limit = f" of {assign.timeout_s:g} s" if attempt.stopping == "timeout" else ", queue and all"
            what = f"the attempt ran longer than its {attempt.stopping}{limit}"
            changes = {"status": "failed", "failure": Failure("TimeoutError", what, code="timeout")}
        else:
            changes = {"status": "stopped" if attempt.stopping == "cancelled" else "lost"}
    if result.status != "succeeded":
        changes["effect"] = "none" if assign.effects == "pure" or result.effect == "none" else "unknown"
    return msgspec.structs.replace(result, **changes)


def is_an_end(result: Result, assign: Assign) -> bool:
    """Whether this is an answer for good. What was only broken off is done again when it is asked for again."""
    if result.status in ("succeeded", "failed"):
        return True
    return assign.effects in ("keyed", "once") and result.effect != "none"
