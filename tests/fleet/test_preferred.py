"""A preferred device: it is chosen and waited for while that makes sense, and no run fails for want of it."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import msgspec
import pytest

from orrery.bench.optimiser.place import FAMILIES, Figures, instance
from orrery.fleet.hub import events as ev
from orrery.fleet.hub import match
from orrery.fleet.hub.commands import Command, ToDevice
from orrery.fleet.messages import Accept, Assign, Result
from orrery.graph import Estimate, Graph
from orrery.graph.place import Place
from orrery.passes.place import place as placed
from orrery.routing.placement import as_they_come, simulate
from orrery.routing.placement.reading import read
from tests.fleet.test_hub import LEASE_S, Stage, result, to_clients

BIG = Place(prefer="big")


def stage(**speeds: float) -> Stage:
    """Devices of one slot."""
    made = Stage()
    for name, speed in (speeds or {"big": 1.0, "pi": 4.0}).items():
        made.device(name, slots=1, speed=speed)
    made.client()
    return made


def news(commands: list[Command]) -> str:
    """The last that a client was told of where an attempt is, and why."""
    said = [frame.because for frame in to_clients(commands) if isinstance(frame, Accept)]
    return said[-1]


# -- who gets it --------------------------------------------------------------------------------------------------


def test_a_preferred_device_goes_before_a_better_one() -> None:
    made = stage()
    made.asks(place=BIG, seconds=8.0)
    assert made.on() == "big"
    assert news(made.accepts()) == "preferred; free; expected in 8 s"


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (Place(prefer="tower"), "prefers tower, which is not known here"),
        (Place(prefer="big", skills=("gpu",)), "prefers big, which lacks the skill 'gpu'"),
        (Place(prefer="big", apart=("big",)), "prefers big, which is a device that it must not be on"),
    ],
)
def test_a_device_that_cannot_be_had_is_not_waited_for(place: Place, why: str) -> None:
    made = stage()
    made.device("mac", slots=1, skills=("gpu",))
    made.asks(place=place)
    assert made.on() in ("pi", "mac")
    assert news(made.accepts()).startswith(f"{why}; ")


def test_nor_is_one_that_is_away_or_leaves() -> None:
    made = stage()
    made.went("big")
    made.wait(3, "pi")
    made.asks("a#1", place=BIG)
    assert made.on("a#1") == "pi"
    assert news(made.accepts("a#1")).startswith("prefers big, which is away for 3 s; ")
    made.ends("a#1")
    made.device("big", slots=1)
    made.tell(ev.DrainWanted(made.at, "big", "the owner wants it"))
    made.asks("b#1", place=BIG)
    assert made.on("b#1") == "pi"
    assert news(made.accepts("b#1")).startswith("prefers big, which takes nothing new; ")


def test_who_refuses_is_not_preferred_any_more() -> None:
    made = stage()
    made.asks(place=BIG)
    assert made.on() == "big"
    made.rejects()
    assert made.on() == "pi"
    assert news(made.accepts()).startswith("prefers big, which was asked and refused; ")


# -- who waits ----------------------------------------------------------------------------------------------------


def test_it_is_waited_for_though_another_is_free() -> None:
    made = stage()
    for work in ("a#1", "b#1", "c#1"):
        commands = made.asks(work, place=BIG, seconds=5.0)
    assert list(made.assigned) == ["a#1"]
    assert news(commands) == "it prefers big; 1 wait before it or beside it"
    made.ends("a#1")
    made.ends("b#1")
    assert {made.on(work) for work in ("a#1", "b#1", "c#1")} == {"big"}


def test_others_take_what_is_free_meanwhile() -> None:
    made = stage()
    made.asks("a#1", place=BIG)
    made.asks("b#1", place=BIG)
    made.asks("c#1")
    assert (made.on("c#1"), "b#1" in made.assigned) == ("pi", False)


def test_longer_work_of_others_is_not_waited_for_and_shorter_is() -> None:
    made = stage()
    made.asks("other#1", place=Place(on=("big",)), seconds=60.0)
    made.asks("a#1", place=BIG, seconds=5.0)
    assert made.on("a#1") == "pi"
    assert news(made.accepts("a#1")).startswith("prefers big, which has no room soon; ")
    made.wait(57, "big", "pi")
    made.asks("b#1", place=BIG, seconds=5.0)
    assert "b#1" not in made.assigned


def test_those_who_wait_go_on_when_it_goes() -> None:
    made = stage()
    for work, rank in (("a#1", 9.0), ("b#1", 1.0), ("c#1", 2.0)):
        made.asks(work, place=BIG, rank=rank, effects="pure")
    made.went("big")
    assert made.on("c#1") == "pi"
    assert news(made.accepts("c#1")).startswith("prefers big, which is away for 0 s; ")
    made.ends("c#1")
    assert made.on("b#1") == "pi"
    made.ends("b#1")
    made.wait(LEASE_S, "pi")
    assert made.on("a#1") == "pi"
    assert result(made.ends("a#1")).status == "succeeded"


# -- how long -----------------------------------------------------------------------------------------------------


def test_one_that_hangs_is_waited_for_twice_as_long_as_it_should_take() -> None:
    made = stage()
    made.asks("a#1", place=BIG, seconds=10.0)
    made.accepts("a#1")
    made.asks("b#1", place=BIG, seconds=5.0)
    made.wait(29, "big", "pi")
    assert "b#1" not in made.assigned
    made.wait(1, "big", "pi")
    assert made.on("b#1") == "pi"
    assert news(made.accepts("b#1")).startswith("prefers big, which had no room for 30 s; ")


def test_and_longer_while_it_would_take_longer_elsewhere() -> None:
    made = stage(big=1.0, slow=0.01)
    made.asks("a#1", place=BIG, seconds=10.0)
    made.accepts("a#1")
    made.asks("b#1", place=BIG, seconds=5.0)
    made.wait(400, "big", "slow")
    assert "b#1" not in made.assigned
    made.wait(100, "big", "slow")
    assert made.on("b#1") == "slow"


def test_half_of_the_time_to_a_deadline_is_left_for_others() -> None:
    made = stage()
    made.asks("a#1", place=BIG, seconds=1000.0)
    made.accepts("a#1")
    made.asks("b#1", place=BIG, seconds=1000.0, deadline=made.at + 20)
    made.wait(9, "big", "pi")
    assert "b#1" not in made.assigned
    made.wait(1, "big", "pi")
    assert made.on("b#1") == "pi"


@pytest.mark.parametrize("seconds", [0.0, float("nan"), float("inf"), 1e300])
@pytest.mark.parametrize("ahead_s", [0.0, float("nan"), float("inf")])
def test_nonsense_is_not_waited_for_for_ever(seconds: float, ahead_s: float) -> None:
    made = stage()
    made.asks("a#1", place=BIG, seconds=seconds)
    frame, device = made.assigned["a#1"][1], made.hub.ledger.devices["big"]
    assert match.LEAST_WAIT_S <= match.wait_s(frame, device, ahead_s, made.at) <= match.MOST_WAIT_S


def test_what_is_called_off_waits_no_more() -> None:
    made = stage()
    made.asks("a#1", place=BIG)
    made.asks("b#1", place=BIG)
    assert result(made.cancels("b#1")).status == "stopped"
    assert not any(kind == "preferred" for kind, _ in made.hub.ledger.timers._due)
    assert made.hub.ledger.queue.preferred_s == {}


# -- whole plans --------------------------------------------------------------------------------------------------


class Case(NamedTuple):
    """A graph, what it takes on each device, and the same graph placed, in `expected_s`."""

    graph: Graph
    costs: Figures
    placed: Graph
    expected_s: float
    usual_s: float


def case(family: str, size: int, seed: int) -> Case:
    """A graph of which the placing saves much. Results are small, since the hub's core moves none."""
    made = instance(family, size, 3, seed)
    platform, seconds = made.costs.platform, made.costs.seconds
    costs = Figures(platform, seconds, dict.fromkeys(seconds, 0.0))
    tasks = [
        msgspec.structs.replace(task, estimate=Estimate(max(row[d.name] * d.speed for d in platform.devices.values())))
        for task in made.graph
        for row in (seconds[task.id],)
    ]
    graph = Graph(tasks)
    problem = read(graph, costs).problem
    on = as_they_come(problem)
    assert on is not None
    rewritten = placed(graph, costs).graph
    again = read(rewritten, costs).problem
    plan = simulate(again, [again.candidates[group][0] for group in again.group_of])
    return Case(graph, costs, rewritten, plan.makespan, simulate(problem, on).makespan)


class Play:
    """A graph on the core of a hub, with devices that take as long as foreseen; one of them may die for good."""

    def __init__(self, graph: Graph, costs: Figures, *, dies: str = "", dies_s: float = 0.0) -> None:
        self.graph, self.costs, self.dies, self.stage = graph, costs, dies, Stage()
        for name, device in costs.platform.devices.items():
            self.stage.device(name, slots=device.slots, cpus=device.slots, speed=device.speed)
        self.stage.client()
        self.began, self.dies_at = self.stage.at, self.stage.at + dies_s if dies else float("inf")
        self.alive = dict.fromkeys(costs.platform.devices)
        self.where: dict[str, str] = {}
        self._waits = {task.id: {edge.source for edge in graph.incoming(task.id)} for task in graph}
        self._ends: list[tuple[float, int, str, str]] = []
        self._ranks: dict[str, float] = {}
        for task in reversed(graph.in_order()):
            after = [self._ranks[edge.target] for edge in graph.outgoing(task.id)]
            self._ranks[task.id] = task.estimate.seconds + max(after, default=0.0)

    def seconds(self) -> float:
        """Play it to the end."""
        self._ask()
        while len(self.where) < len(self.graph):
            due, tick = self._ends[0][0] if self._ends else float("inf"), self.stage.hub.due() or float("inf")
            self.stage.at = max(self.stage.at, min(due, tick, self.dies_at))
            if self.dies_at == min(due, tick, self.dies_at):
                self.dies_at = float("inf")
                del self.alive[self.dies]
                self._take(self.stage.went(self.dies))
            elif tick < due:
                for name in self.alive:
                    self._take(self.stage.tell(ev.DeviceHeard(self.stage.at, name)))
                self._take(self.stage.tell(ev.Ticked(self.stage.at)))
            else:
                _, fence, task, device = heapq.heappop(self._ends)
                if device in self.alive:
                    self._end(fence, task, device)
        return self.stage.at - self.began

    def _ask(self) -> None:
        ready = [self.graph[task] for task, needs in self._waits.items() if not needs]
        for task in sorted(ready, key=lambda task: -self._ranks[task.id]):
            del self._waits[task.id]
            seconds, rank = task.estimate.seconds, self._ranks[task.id]
            where = task.place or Place()
            asked = self.stage.asks(f"{task.id}#1", place=where, seconds=seconds, rank=rank, effects="pure")
            self._take(asked)

    def _take(self, commands: list[Command]) -> None:
        for command in commands:
            if isinstance(command, ToDevice) and isinstance(command.frame, Assign) and command.device in self.alive:
                device, frame = command.device, command.frame
                self._take(self.stage.said(device, Accept(work=frame.work, fence=frame.fence)))
                took = self.costs.seconds[frame.task][device]
                heapq.heappush(self._ends, (self.stage.at + took, frame.fence, frame.task, device))

    def _end(self, fence: int, task: str, device: str) -> None:
        self.where[task] = device
        self._take(self.stage.said(device, Result(work=f"{task}#1", status="succeeded", fence=fence)))
        for needs in self._waits.values():
            needs.discard(task)
        self._ask()


def test_a_hub_follows_plans_while_all_is_well() -> None:
    with_plans = without = 0.0
    for family in FAMILIES:
        one = case(family, 12, seed=1)
        play = Play(one.placed, one.costs)
        with_plans += play.seconds()
        without += Play(one.graph, one.costs).seconds()
        assert play.where == {task.id: task.place.prefer for task in one.placed if task.place is not None}
    assert with_plans < 0.85 * without


def test_a_larger_plan_is_followed_but_for_few_tasks() -> None:
    # What the plan thinks is next on a device, and what the scheduler does, differ a little: some wait too long.
    one = case("series-parallel", 40, seed=1)
    play = Play(one.placed, one.costs)
    assert play.seconds() < Play(one.graph, one.costs).seconds()
    elsewhere = [task for task in one.placed if task.place is not None and play.where[task.id] != task.place.prefer]
    assert len(elsewhere) <= 2


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_whichever_device_dies_every_task_is_done(share: float) -> None:
    one = case("layers", 12, seed=3)
    for dies in one.costs.platform.devices:
        play = Play(one.placed, one.costs, dies=dies, dies_s=share * one.expected_s)
        play.seconds()
        assert play.where.keys() == one.graph.tasks.keys()
