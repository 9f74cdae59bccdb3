"""Health: what is known of each tool's state, and what it therefore costs.

A monitor hears of uses and probes. Errors and seconds are kept as moving averages in which each observation weighs
`Monitor.weight`. A *circuit breaker* decides whether a tool may be used at all; `STEPS` has every change of its state:

    closed     used. It opens once errors reach `open_at`.
    open       dead, for a pause that doubles with every opening; then
    half-open  used, at a price. It closes after `passes` good observations in a row *and* errors below `close_at`;
               one bad observation opens it again.

Two thresholds, consecutive passes and doubling pauses keep a tool whose state oscillates from flapping: it changes
sides a number of times that grows with the logarithm of the time. A probe that is *lost* says nothing of the tool,
only of the line: it counts for nothing until `lost_in_a_row` of them are lost without an answer between. A service
that asks to be left alone for a while is *saturated*, not dead: it costs the wait.

Time comes in, in seconds since any beginning; the jitter of pauses comes from a seed.
Source: the circuit breaker is M. T. Nygard's ("Release It!", 2007).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from math import inf, isfinite

import msgspec

from orrery.routing.tool_graph.tools import ToolGraph, healthy_weights, weight
from orrery.scheduler.retries import unit


class Breaker(StrEnum):
    """Whether a tool may be used."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Step(StrEnum):
    """Why a breaker changes its state."""

    TRIP = "errors reached the upper threshold"
    COOL = "its pause is over"
    FAIL = "it failed on trial"
    RECOVER = "it did well on trial, and errors are below the lower threshold"
    TRUST = "somebody says that it is back"


STEPS: Mapping[tuple[Breaker, Step], Breaker] = {
    (Breaker.CLOSED, Step.TRIP): Breaker.OPEN,
    (Breaker.OPEN, Step.COOL): Breaker.HALF_OPEN,
    (Breaker.OPEN, Step.TRUST): Breaker.HALF_OPEN,
    (Breaker.HALF_OPEN, Step.FAIL): Breaker.OPEN,
    (Breaker.HALF_OPEN, Step.RECOVER): Breaker.CLOSED,
}


class Monitor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How observations become health.

    Args:
        weight: of a new observation against all before, in (0, 1].
        open_at, close_at: the two thresholds on the average of errors; `close_at` is the lower one.
        passes: good observations in a row that close a half-open breaker.
        pause_s: how long a breaker stays open at first; `longest_pause_s` is the limit of its doubling.
        jitter: by which share of itself a pause is spread, so that not all are tried at once.
        lost_in_a_row: so many lost probes count as one error.
        price_per_s: US dollars that a second is worth.
        seed: of the jitter.
    """

    weight: float = 0.5
    open_at: float = 0.5
    close_at: float = 0.2
    passes: int = 2
    pause_s: float = 30.0
    longest_pause_s: float = 3600.0
    jitter: float = 0.1
    lost_in_a_row: int = 4
    price_per_s: float = 0.001
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.weight <= 1 and 0 <= self.close_at < self.open_at <= 1):
            raise ValueError("weight must be in (0, 1], and close_at below open_at, both in [0, 1]")
        times = (self.pause_s, self.longest_pause_s, self.price_per_s)
        if not all(isfinite(one) and one >= 0 for one in times):
            raise ValueError("pauses and the price of a second must be zero or positive numbers")
        if self.passes < 1 or self.lost_in_a_row < 1 or not 0 <= self.jitter <= 1:
            raise ValueError("passes and lost_in_a_row must be at least 1, and jitter in [0, 1]")


class Vitals(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of one tool.

    Args:
        breaker: whether it may be used.
        errors: the moving average of failures, in [0, 1].
        seconds: the moving average of how long a use takes; None: never seen.
        until: when the pause of an open breaker is over.
        busy_until: when a saturated tool may be asked again.
        openings: how often its breaker has opened since it last did well for long.
        passed: good observations in a row.
        lost: lost probes in a row.
        because: the last observation that changed the breaker, in words.
    """

    breaker: Breaker = Breaker.CLOSED
    errors: float = 0.0
    seconds: float | None = None
    until: float = 0.0
    busy_until: float = 0.0
    openings: int = 0
    passed: int = 0
    lost: int = 0
    because: str = ""


class Worked(msgspec.Struct, frozen=True, tag=True):
    """A use, or a probe, went well."""

    tool: str
    seconds: float | None = None


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A use, or a probe, failed."""

    tool: str
    because: str = ""


class Limited(msgspec.Struct, frozen=True, tag=True):
    """The tool asks not to be used for some seconds."""

    tool: str
    retry_after_s: float


class ProbeLost(msgspec.Struct, frozen=True, tag=True):
    """A probe got no answer at all, so perhaps it never arrived."""

    tool: str


class Trusted(msgspec.Struct, frozen=True, tag=True):
    """A person or a model says that the tool is back."""

    tool: str


Observation = Worked | Failed | Limited | ProbeLost | Trusted


class Health(msgspec.Struct, frozen=True):
    """The state of every tool of which something was heard; a value, changed by observations alone.

    Args:
        monitor: how observations are weighed.
        vitals: by tool.
    """

    monitor: Monitor = Monitor()
    vitals: Mapping[str, Vitals] = {}

    def of(self, tool: str) -> Vitals:
        """What is known of a tool."""
        return self.vitals.get(tool, _UNHEARD)

    def after(self, observations: Iterable[Observation], *, at: float) -> Health:
        """The health after some observations, all made at one time."""
        vitals = dict(self.vitals)
        for seen in observations:
            vitals[seen.tool] = _after(self.monitor, vitals.get(seen.tool, _UNHEARD), seen, at)
        return Health(self.monitor, vitals)

    def is_alive(self, tool: str, *, at: float) -> bool:
        """Whether a tool may be used: its breaker is not open, or its pause is over."""
        vitals = self.of(tool)
        return vitals.breaker is not Breaker.OPEN or at >= vitals.until

    def wait_s(self, tool: str, *, at: float) -> float:
        """How long a saturated tool wants to be left alone."""
        return max(0.0, self.of(tool).busy_until - at)

    def weights(self, graph: ToolGraph, *, at: float) -> dict[str, float]:
        """What each living tool is expected to cost now; dead ones, and those of infinite cost, are left out."""
        price = self.monitor.price_per_s
        weights = dict(healthy_weights(graph, price))
        for name, vitals in self.vitals.items():
            if weights.pop(name, None) is None or not self.is_alive(name, at=at):
                continue
            tool = graph[name]
            seconds = tool.seconds if vitals.seconds is None else max(tool.seconds, vitals.seconds)
            good = max(_LEAST, min(tool.reliability, 1.0 - vitals.errors))
            cost = weight(tool, price, seconds=seconds, wait_s=self.wait_s(name, at=at), good=good)
            if cost < inf:
                weights[name] = cost
        return weights


_UNHEARD = Vitals()
_LEAST = 0.05
"""The share of uses that is expected to go well at least: what may be tried at all has a finite price."""


def _after(monitor: Monitor, before: Vitals, seen: Observation, at: float) -> Vitals:
    vitals = before
    if vitals.breaker is Breaker.OPEN and at >= vitals.until:
        vitals = _turned(vitals, Step.COOL, "its pause is over")
    match seen:
        case Worked(_, seconds):
            return _well(monitor, vitals, seconds)
        case Failed(tool, because):
            return _badly(monitor, vitals, tool, because or "it failed", at)
        case Limited(_, retry_after_s):
            wait = retry_after_s if isfinite(retry_after_s) and retry_after_s > 0 else 0.0
            return msgspec.structs.replace(vitals, busy_until=max(vitals.busy_until, at + wait), lost=0)
        case ProbeLost(tool):
            lost = vitals.lost + 1
            if lost < monitor.lost_in_a_row:
                return msgspec.structs.replace(vitals, lost=lost)
            return _badly(monitor, vitals, tool, f"{lost} probes in a row had no answer", at)
        case Trusted():
            fresh = msgspec.structs.replace(vitals, busy_until=0.0, lost=0)
            return _turned(fresh, Step.TRUST, "it is said to be back") if vitals.breaker is Breaker.OPEN else fresh


def _well(monitor: Monitor, vitals: Vitals, seconds: float | None) -> Vitals:
    errors = (1.0 - monitor.weight) * vitals.errors
    if seconds is not None and isfinite(seconds) and seconds >= 0:
        known = vitals.seconds
        seconds = seconds if known is None else known + monitor.weight * (seconds - known)
    else:
        seconds = vitals.seconds
    vitals = msgspec.structs.replace(
        vitals, errors=errors, seconds=seconds, passed=vitals.passed + 1, lost=0, busy_until=0.0
    )
    if vitals.breaker is Breaker.HALF_OPEN and vitals.passed >= monitor.passes and errors < monitor.close_at:
        return _turned(vitals, Step.RECOVER, f"{vitals.passed} uses in a row went well")
    if vitals.breaker is Breaker.CLOSED and vitals.passed >= _LONG * monitor.passes:
        return msgspec.structs.replace(vitals, openings=0)
    return vitals


_LONG = 10
"""So many times `passes` good observations in a row, and earlier openings are forgotten."""


def _badly(monitor: Monitor, vitals: Vitals, tool: str, because: str, at: float) -> Vitals:
    errors = vitals.errors + monitor.weight * (1.0 - vitals.errors)
    vitals = msgspec.structs.replace(vitals, errors=errors, passed=0, lost=0)
    if vitals.breaker is Breaker.HALF_OPEN:
        return _opened(monitor, vitals, Step.FAIL, tool, because, at=at)
    if vitals.breaker is Breaker.CLOSED and errors >= monitor.open_at:
        return _opened(monitor, vitals, Step.TRIP, tool, because, at=at)
    return vitals


def _opened(monitor: Monitor, vitals: Vitals, step: Step, tool: str, because: str, *, at: float) -> Vitals:
    pause = min(monitor.longest_pause_s, monitor.pause_s * 2.0 ** min(vitals.openings, 60))
    pause *= 1.0 + monitor.jitter * (2.0 * unit(monitor.seed, tool, vitals.openings) - 1.0)
    opened = _turned(vitals, step, because)
    return msgspec.structs.replace(opened, until=at + pause, openings=vitals.openings + 1)


def _turned(vitals: Vitals, step: Step, because: str) -> Vitals:
    return msgspec.structs.replace(
        vitals,
        breaker=STEPS[vitals.breaker, step],
        passed=0 if step is not Step.RECOVER else vitals.passed,
        because=because,
    )


__all__ = [
    "STEPS",
    "Breaker",
    "Failed",
    "Health",
    "Limited",
    "Monitor",
    "Observation",
    "ProbeLost",
    "Step",
    "Trusted",
    "Vitals",
    "Worked",
]
