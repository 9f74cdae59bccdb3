"""Reading: a graph and a platform as a problem of placement, and who of it may be moved.

What may be placed:
  * A task for the executor "fleet" without a for-each, on any device that its place allows. Names in `on` are kept, and
    with several of them one is chosen. A reference in `on` is only known when it runs, so the task is left to the hub.
    A requirement counts as met only if the platform says so. A preferred device counts as chosen, if it may be.
  * A call to a model that has replicas, on one of them; not with a for-each, whose items are spread as they come.

Nothing else is moved. Work of this machine stays, pure or not: nobody has said that a device has its code. It is in the
problem all the same, since others wait for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orrery.cost import Cost, CostModel, Device, Option, Platform
from orrery.cost.calls import ModelCall
from orrery.graph.graph import Graph
from orrery.graph.place import FLEET, Place
from orrery.graph.ref import Ref, TaskId
from orrery.graph.task import Task, refs_in
from orrery.routing.placement.problem import NEVER, Machine, Need, Problem

HERE = 0
"""The machine on which this process is: what is not placed runs there, and it has no slots to run out of."""
MOST = 1e12
"""Seconds, dollars and bytes above this count as this: nobody waits for so long, and sums must stay finite."""


@dataclass(frozen=True)
class Reading:
    """A graph as a problem.

    Args:
        problem: jobs are tasks in a topological order; machine 0 is this one, then come devices, then replicas.
        tasks: the task of each job.
        left: tasks that were looked at and are left where they are, and why.
        first_replica: where in the machines of the problem replicas begin; before them, from 1, are devices.
    """

    problem: Problem
    tasks: Sequence[Task]
    left: dict[TaskId, str]
    first_replica: int

    def is_device(self, machine: int) -> bool:
        """Whether a machine of the problem is a device; else it is a replica of a model, or this machine."""
        return HERE < machine < self.first_replica

    @property
    def choices(self) -> list[int]:
        """The groups of jobs for which there is more than one machine."""
        return [group for group, machines in enumerate(self.problem.candidates) if len(machines) > 1]


def read(graph: Graph, costs: CostModel) -> Reading:
    """The graph as a problem, at the middle of each estimate. O(tasks * machines + edges)."""
    return _Reader(graph, costs).reading()


class _Reader:
    def __init__(self, graph: Graph, costs: CostModel) -> None:
        self.graph, self.costs, self.platform = graph, costs, costs.platform
        self.tasks = graph.in_order()
        self.position = {task.id: job for job, task in enumerate(self.tasks)}
        self.left: dict[TaskId, str] = {}
        self.devices = [device for device in self.platform.devices.values() if _is_sane(device)]
        self.families = _families(self.platform)
        replicas = [name for members in self.families.values() for name in members]
        self.machines = [
            Machine("here", None),
            *(Machine(each.name, each.slots, each.bytes_per_s, each.latency_s) for each in self.devices),
            *(Machine(name, self._slots(name)) for name in replicas),
        ]
        self.number = {machine.name: n for n, machine in enumerate(self.machines) if 0 < n <= len(self.devices)}
        self.replica = {name: 1 + len(self.devices) + n for n, name in enumerate(replicas)}

    def _slots(self, model: str) -> int | None:
        slots = self.platform.models[model].calls_at_once
        return None if slots is None else max(1, slots)

    def reading(self) -> Reading:
        where = [self._allowed(task) for task in self.tasks]
        self._follow(where)
        self._keep_preferred(where)
        seconds, money, sizes = [], [], []
        for task, machines in zip(self.tasks, where, strict=True):
            row, costs, size = self._estimated(task, machines)
            seconds.append(row)
            money.append(costs)
            sizes.append(size)
        placed = [bool(machines) and machines != (HERE,) for machines in where]
        together = [
            (self.position[task.place.beside.task], job)
            for job, task in enumerate(self.tasks)
            if placed[job] and task.place is not None and task.place.beside is not None
        ]
        problem = Problem(
            self.machines,
            seconds,
            [self._needs(task, sizes) for task in self.tasks],
            money if any(max(row) > 0 for row in money) else (),
            together,
            list(self._apart(placed)),
        )
        return Reading(problem, self.tasks, self.left, 1 + len(self.devices))

    # -- who may be where ------------------------------------------------------------------------------------------

    def _allowed(self, task: Task) -> tuple[int, ...]:
        """The machines that may have the task; only this one where it is not to be placed."""
        if task.executor == FLEET:
            return self._on_devices(task, task.place or Place())
        call = ModelCall.of(task)
        if call is None or call.model is None:
            return (HERE,)
        family = self.families.get(_family(self.platform, call.model or self.platform.default_model), ())
        if not family:
            return (HERE,)
        if task.each is not None:
            return self._leave(task, "its items are spread over the replicas as they come")
        return tuple(self.replica[name] for name in family)

    def _on_devices(self, task: Task, place: Place) -> tuple[int, ...]:
        if not self.devices:
            return (HERE,)
        if task.each is not None:
            return self._leave(task, "its items are spread over the devices as they come")
        if not all(isinstance(name, str) for name in place.on):
            return self._leave(task, "where it is to be is only known when it runs")
        found = tuple(self.number[device.name] for device in self.devices if _meets(device, task.op, place))
        return found or self._leave(task, f"no device is known to fit: it is to be {place.shown()}")

    def _leave(self, task: Task, because: str) -> tuple[int, ...]:
        self.left[task.id] = because
        return (HERE,)

    def _follow(self, where: list[tuple[int, ...]]) -> None:
        """What is to be beside another shares its machines, or is left with it. A chain of such has one first task."""
        first = list(range(len(self.tasks)))
        common: dict[int, tuple[int, ...]] = {}
        for job, task in enumerate(self.tasks):
            beside = task.place.beside if task.place is not None else None
            if beside is None or task.executor != FLEET:
                continue
            root = first[job] = first[self.position[beside.task]]
            common[root] = tuple(m for m in common.get(root, where[root]) if m in where[job])
        for job, root in enumerate(first):
            if root not in common:
                continue
            if common[root] and common[root] != (HERE,):
                where[job] = common[root]
                continue
            if where[job] != (HERE,):
                self._leave(
                    self.tasks[job], f"no device is known to fit all that is to be beside {self.tasks[root].id}"
                )
            where[job] = (HERE,)

    def _keep_preferred(self, where: list[tuple[int, ...]]) -> None:
        """What prefers a device that may have it is there already, unless what it must be apart from is, too."""
        kept: dict[TaskId, int] = {}
        for job, task in enumerate(self.tasks):
            place = task.place
            if place is None or not place.prefer or place.beside is not None or task.executor != FLEET:
                continue
            machine = self.number.get(place.prefer)
            if machine in where[job] and all(kept.get(ref.task) != machine for ref in place.apart):
                where[job], kept[task.id] = (machine,), machine

    def _apart(self, placed: Sequence[bool]) -> Iterator[tuple[int, int]]:
        for job, task in enumerate(self.tasks):
            for ref in task.place.apart if placed[job] and task.place is not None else ():
                if placed[self.position[ref.task]]:
                    yield self.position[ref.task], job

    # -- what it takes ---------------------------------------------------------------------------------------------

    def _estimated(self, task: Task, machines: Sequence[int]) -> tuple[list[float], list[float], float]:
        """Seconds and money on each machine, and the bytes of the result."""
        seconds = [NEVER] * len(self.machines)
        money = [0.0] * len(self.machines)
        if machines == (HERE,):
            cost = self.costs.estimate(task)
            seconds[HERE] = min(MOST, cost.seconds.mid * self._rounds(task, cost))
            return seconds, money, min(MOST, cost.result_bytes.mid)
        size = 0.0
        for machine in machines:
            name = self.machines[machine].name
            if machine <= len(self.devices):
                device = self.devices[machine - 1]
                cost = self.costs.estimate(task, Option(device=name))
                fetching = self._fetching(task, device)
            else:
                cost, fetching = self.costs.estimate(task, Option(model=name)), 0.0
            seconds[machine] = min(MOST, cost.seconds.mid + fetching)
            money[machine] = min(MOST, cost.money.mid)
            if fetching:
                money[machine] = min(MOST, money[machine] + fetching * device.money_per_s)
            size = max(size, cost.result_bytes.mid)
        return seconds, money, min(MOST, size)

    def _rounds(self, task: Task, cost: Cost) -> float:
        """How often its seconds pass: items, by the slots that they are spread over."""
        if task.each is None or cost.items is None:
            return 1.0
        slots = sum(device.slots for device in self.devices) if task.executor == FLEET else 1
        return max(1.0, cost.items.mid / max(1, slots))

    def _fetching(self, task: Task, device: Device) -> float:
        """Seconds to fetch what the task reads, lies on some device, and not on this one."""
        total = 0.0
        for name in task.effects.reads:
            if name in device.holds:
                continue
            ways = [
                other.latency_s + device.latency_s + size / min(other.bytes_per_s, device.bytes_per_s)
                for other in self.devices
                if 0 <= (size := other.holds.get(name, -1.0)) < math.inf
            ]
            total += min(ways, default=0.0)
        return total

    def _needs(self, task: Task, sizes: Sequence[float]) -> tuple[Need, ...]:
        # A result that is only waited for, or stood beside, does not move.
        reads = {ref.task for ref in _moving(task)}
        return tuple(
            (source, max(1.0, sizes[source]) if edge.source in reads else 0.0)
            for edge in self.graph.incoming(task.id)
            for source in (self.position[edge.source],)
        )


def _moving(task: Task) -> Iterator[Ref]:
    for value in task.args.values():
        yield from refs_in(value)
    if task.each is not None:
        yield from refs_in(task.each.over)


def _families(platform: Platform) -> dict[str, tuple[str, ...]]:
    """Models that are one behind several names, by the name that they go by; those with one name are left out."""
    found: dict[str, list[str]] = {}
    for name in platform.models:
        found.setdefault(_family(platform, name), []).append(name)
    return {family: tuple(names) for family, names in found.items() if len(names) > 1}


def _family(platform: Platform, name: str) -> str:
    model = platform.models.get(name)
    return model.replica_of or name if model is not None else name


def _meets(device: Device, op: str, place: Place) -> bool:
    """Whether a device is known to fulfil all that a place asks; who is beside or apart is another question."""
    return (
        (not place.on or device.name in place.on)
        and (not device.offers or op in device.offers)
        and set(place.skills) <= set(device.tags)
        and (not place.os or place.os == device.os)
        and place.cpus <= device.cpus
        and place.memory_bytes <= device.memory_bytes
    )


def _is_sane(device: Device) -> bool:
    """Whether its figures are numbers that can be reckoned with; one that is not has nothing placed on it."""
    finite = (device.speed, device.money_per_s, device.latency_s)
    return (
        all(0 <= value < math.inf for value in finite)
        and device.speed > 0
        and device.bytes_per_s > 0
        and device.slots >= 1
    )
