"""Where operations run: on the loop, on threads, in processes, as planners, as batches, on a fleet; others plug in.

An executor turns an `Invocation` into exactly one final event. It decides nothing: what runs, when, and
what happens after a failure is the scheduler's business. Imports graph, the scheduler's events, the
journal's blobs, and `runtime.operations`.
"""

from __future__ import annotations

from collections.abc import Callable

from orrery.registry import Registry
from orrery.runtime.executors.protocol import Executor, Host, Invocation

executors: Registry[Callable[[], Executor]] = Registry("executor", group="orrery.executors")
"""Factories of executors, by the name that stands in a task's `executor`."""


@executors.register("inline")
def _inline() -> Executor:
    from orrery.runtime.executors.inline import InlineExecutor

    return InlineExecutor()


@executors.register("thread")
def _thread() -> Executor:
    from orrery.runtime.executors.thread import ThreadExecutor

    return ThreadExecutor()


@executors.register("process")
def _process() -> Executor:
    from orrery.runtime.executors.process import ProcessExecutor

    return ProcessExecutor()


@executors.register("planner")
def _planner() -> Executor:
    from orrery.runtime.executors.planner import PlannerExecutor

    return PlannerExecutor()


@executors.register("batch")
def _batch() -> Executor:
    from orrery.runtime.executors.batch import BatchExecutor

    return BatchExecutor()


@executors.register("fleet")
def _fleet() -> Executor:
    """The fleet of the hub that the environment or this folder names; this machine's threads where neither does."""
    from orrery.errors import OrreryError
    from orrery.fleet.hubs import find_hub

    try:
        hub, problem = find_hub(), None
    except OrreryError as error:  # it is told to whoever wants the fleet, and to nobody else
        hub, problem = None, error
    if hub is None and problem is None:
        return _thread()
    from orrery.runtime.executors.fleet import FleetExecutor

    return FleetExecutor(hub, problem=problem)


__all__ = ["Executor", "Host", "Invocation", "executors"]
