"""Benches: one module for each question that a number answers, its baseline measured in the same run.

`python -m orrery.bench NAME` and `orrery bench NAME` are the same. A bench is a function from `Options` to
`Report`; a new one is a module here and three lines below, or an entry point in the group "orrery.benches".
May import everything below the doors; nothing imports it but the command line.
"""

from __future__ import annotations

from collections.abc import Callable

from orrery.bench.report import Options, Report, Row
from orrery.registry import Registry

Bench = Callable[[Options], Report]
"""Measures and reports. Raises OrreryError only if it could not measure; a missed target is a row that is not ok."""

benches: Registry[Bench] = Registry("bench", group="orrery.benches")
"""The benches by name. Each imports its module when it is run."""


@benches.register("overhead")
def _overhead(options: Options) -> Report:
    """What a task costs over bare asyncio, in time and in memory."""
    from orrery.bench.overhead import measure

    return measure(options)


@benches.register("makespan")
def _makespan(options: Options) -> Report:
    """How far schedules are from the shortest possible."""
    from orrery.bench.makespan import measure

    return measure(options)


@benches.register("crash")
def _crash(options: Options) -> Report:
    """Whether a run survives SIGKILL at every append, and a damaged file is noticed."""
    from orrery.bench.crash import measure

    return measure(options)


@benches.register("world")
def _world(options: Options) -> Report:
    """Whether the invariants hold in worlds that are out to break them."""
    from orrery.bench.world import measure

    return measure(options)


@benches.register("replay")
def _replay(options: Options) -> Report:
    """How fast a run is read back, and whether it is the same everywhere."""
    from orrery.bench.replay import measure

    return measure(options)


@benches.register("providers")
def _providers(options: Options) -> Report:
    """Whether one program runs unchanged on every wire format, and nothing is lost or miscounted."""
    from orrery.bench.providers import measure

    return measure(options)


@benches.register("planners")
def _planners(options: Options) -> Report:
    """How near to the shortest possible planners come, whether their limits hold, and what they reuse."""
    from orrery.bench.planners import measure

    return measure(options)


@benches.register("fleet")
def _fleet(options: Options) -> Report:
    """What is done of 55 requests across five devices, and in what time."""
    from orrery.bench.fleet.measure import measure

    return measure(options)


@benches.register("fleet-drills")
def _fleet_drills(options: Options) -> Report:
    """Whether anything is lost or done twice when devices, hubs, runs and networks fail."""
    from orrery.bench.fleet_drills.measure import measure

    return measure(options)


@benches.register("fleet-speed")
def _fleet_speed(options: Options) -> Report:
    """What a lease, a thousand devices and a large blob cost on loopback."""
    from orrery.bench.fleet_speed.measure import measure

    return measure(options)


@benches.register("optimiser")
def _optimiser(options: Options) -> Report:
    """What passes, placement, batches and healed routes save, each against its baseline."""
    from orrery.bench.optimiser.measure import measure

    return measure(options)


@benches.register("dashboard")
def _dashboard(options: Options) -> Report:
    """How fast and how quietly the page shows a run of 10,000 tasks, and what that costs the run."""
    from orrery.bench.dashboard.measure import measure

    return measure(options)


__all__ = ["Bench", "Options", "Report", "Row", "benches"]
