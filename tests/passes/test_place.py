"""The pass `place`: which tasks it moves, where to, what it says of it, and what it leaves alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.cost import AS_WRITTEN, Cost, Device, Estimates, Model, Option, Platform, Spread
from orrery.graph import Each, Edge, Effects, Estimate, Graph, Place, Ref, Task
from orrery.graph.keys import content_keys
from orrery.models.serving import Timing
from orrery.passes.check import faults
from orrery.passes.place import place
from orrery.passes.rewritten import Rewritten
from orrery.routing.placement import simulate
from orrery.routing.placement.reading import read

BIG, PI = Device("big", 4.0, 1, bytes_per_s=1e6, latency_s=0.0), Device("pi", 1.0, 1, bytes_per_s=1e6, latency_s=0.0)


@dataclass
class Figures:
    """Costs made by hand: seconds on a machine of speed 1 and bytes of the result, by task.

    Args:
        exactly: seconds of some tasks on some devices, whatever their speed.
        wrong: by what each estimate is multiplied, by task.
    """

    platform: Platform
    seconds: Mapping[str, float] = field(default_factory=dict)
    sizes: Mapping[str, float] = field(default_factory=dict)
    exactly: Mapping[tuple[str, str], float] = field(default_factory=dict)
    wrong: Mapping[str, float] = field(default_factory=dict)

    def estimate(self, task: Task, option: Option = AS_WRITTEN) -> Cost:
        """As `CostModel` has it."""
        device = self.platform.devices.get(option.device)
        seconds = self.seconds.get(task.id, 1.0) / (device.speed if device and device.speed > 0 else 1.0)
        seconds = self.exactly.get((task.id, option.device or option.model), seconds) * self.wrong.get(task.id, 1.0)
        money = seconds * (device.money_per_s if device and device.money_per_s > 0 else 0.0)
        size = Spread.exactly(self.sizes.get(task.id, 10.0))
        return Cost(Spread.exactly(seconds), Spread.exactly(money), result_bytes=size, source="declared")


def devices(*some: Device, **more: Any) -> Platform:
    return Platform(devices={device.name: device for device in some}, **more)


def work(name: str, *needs: str, at: Place | None = None, executor: str = "fleet", **fields: Any) -> Task:
    return Task(name, "work", {f"x{n}": Ref(need) for n, need in enumerate(needs)}, executor, place=at, **fields)


def where(made: Rewritten) -> dict[str, str]:
    """The device that each task prefers."""
    return {task.id: task.place.prefer for task in made.graph if task.place is not None and task.place.prefer}


def said(made: Rewritten, kind: str) -> list[str]:
    return [note.because for note in made.notes if note.kind == kind]


def test_the_long_way_gets_the_fast_device_and_the_reason_is_said() -> None:
    # As they come, the slow device would take `train`, since it is free and the other is not.
    graph = Graph([work("load"), work("count"), work("train"), work("report", "load", "train")])
    costs = Figures(devices(BIG, PI), {"load": 48, "count": 6, "train": 40, "report": 1}, {"load": 3e6})
    made = place(graph, costs)
    assert where(made) == {"load": "big", "train": "big", "count": "pi", "report": "big"}
    assert faults(graph, made) == []
    assert "on big: 12 s against 48 s on pi, nothing to move" in said(made, "made")
    assert "on pi: 6 s against 1.5 s on big, nothing to move" in said(made, "made")
    assert "not on pi (1 s, 3 MB to move)" in said(made, "rejected")
    summary = made.notes[-1]
    assert summary.because == "together 22.2 s against 40.3 s as they come; nothing is better (proven)"
    assert summary.saves_s == pytest.approx(18.0, abs=0.01)


def test_what_was_placed_comes_to_what_was_said() -> None:
    # The best placement waits for the long way; a soft edge keeps the short task from taking the slot before it.
    never = 1000.0
    names = ("first", "short", "second", "last")
    exactly = dict(
        zip(((n, d) for n in names for d in ("a", "b")), (never, 1, 5, never, 1, never, never, 9), strict=True)
    )
    graph = Graph([work("first"), work("short"), work("second", "first"), work("last", "second")])
    costs = Figures(devices(Device("a", latency_s=0.0), Device("b", latency_s=0.0)), exactly=exactly)
    made = place(graph, costs)
    assert where(made) == {"first": "b", "short": "a", "second": "a", "last": "b"}
    added = [edge for edge in made.graph.edges.values() if edge.key not in graph.edges]
    assert added == [Edge("second", "short", hard=False)]
    assert faults(graph, made) == []
    again = read(made.graph, costs).problem
    assert simulate(again, [again.candidates[group][0] for group in again.group_of]).makespan == pytest.approx(
        11, abs=1e-3
    )


def test_nothing_is_moved_that_nobody_said_could_run_elsewhere() -> None:
    pure = work("pure", executor="inline", effects=Effects("pure"))
    each = Task("each", "work", {}, "fleet", each=Each([1, 2, 3]))
    asked = work("asked", at=Place(on=(Ref("pure"),)))
    kept = work("kept", at=Place(on=("pi",)))
    camera = work("camera", at=Place(skills=("camera",)))
    graph = Graph([pure, each, asked, kept, camera])
    made = place(graph, Figures(devices(BIG, PI)))
    assert made.graph is graph
    assert {note.tasks[0]: note.because for note in made.notes} == {
        "each": "its items are spread over the devices as they come",
        "asked": "where it is to be is only known when it runs",
        "camera": "no device is known to fit: it is to be on a device with camera",
    }


@pytest.mark.parametrize(
    ("at", "device"),
    [
        (Place(skills=("gpu",)), Device("other", tags=("gpu",))),
        (Place(os="linux"), Device("other", os="linux")),
        (Place(cpus=8), Device("other", cpus=16)),
        (Place(memory_bytes=10), Device("other", memory_bytes=20)),
        (Place(on=("other", "third")), Device("other")),
    ],
)
def test_a_requirement_is_kept_though_another_device_is_faster(at: Place, device: Device) -> None:
    fast = Device("fast", 100.0, 1, offers=("work",))
    graph = Graph([work("free"), work("free2"), work("bound", at=at), work("bound2", at=at)])
    third = Device("third", 0.1, tags=("gpu",), os="linux", cpus=16, memory_bytes=20)
    made = place(graph, Figures(devices(fast, device, third), dict.fromkeys(graph.tasks, 10.0)))
    assert where(made) == {"free": "fast", "free2": "fast", "bound": "other", "bound2": "other"}
    placed = made.graph["bound"].place
    assert placed is not None
    assert placed.skills == at.skills
    assert (placed.on, placed.os, placed.cpus, placed.memory_bytes) == (at.on, at.os, at.cpus, at.memory_bytes)


def test_a_device_that_does_not_offer_the_operation_gets_nothing() -> None:
    graph = Graph([work("a"), work("b")])
    made = place(graph, Figures(devices(Device("fast", 100.0, 2, offers=("other",)), Device("slow", 0.1), PI)))
    assert where(made) == {"a": "pi", "b": "pi"}


def test_beside_follows_and_apart_stays_apart() -> None:
    beside = work("beside", at=Place(beside=Ref("first")))
    apart = work("apart", at=Place(apart=(Ref("first"),)))
    graph = Graph([work("first"), beside, apart, work("much"), work("more")])
    seconds = {"first": 4, "beside": 40, "apart": 4, "much": 40, "more": 40}
    made = place(graph, Figures(devices(BIG, PI, Device("other", 0.5)), seconds))
    assert where(made) == {"first": "big", "apart": "pi", "much": "big", "more": "big"}
    assert made.graph["beside"] == beside
    assert "on big: 11 s against 44 s on pi, nothing to move, with 1 beside it" in said(made, "made")
    twins = Graph([work("one"), work("two", at=Place(beside=Ref("one"), apart=(Ref("one"),)))])
    left = place(twins, Figures(devices(BIG, PI)))
    assert left.graph is twins
    assert said(left, "rejected") == ["no way was found to keep apart what must be"]


def test_what_somebody_prefers_is_kept_where_it_may_be() -> None:
    wish, never = work("wish", at=Place(prefer="pi")), work("never", at=Place(on=("big", "pi"), prefer="gone"))
    apart = work("apart", at=Place(apart=(Ref("wish"),), prefer="pi"))
    graph = Graph([wish, work("long"), never, apart])
    made = place(graph, Figures(devices(BIG, PI), {"long": 40, "never": 40}))
    assert made.graph["wish"] == wish
    assert made.graph["never"].place == Place(on=("big", "pi"), prefer="big")
    assert made.graph["apart"].place == Place(apart=(Ref("wish"),), prefer="big"), (
        "pi is taken by what it is apart from"
    )
    assert place(made.graph, Figures(devices(BIG, PI))).graph is made.graph


def test_what_was_placed_is_reckoned_with_on_its_device() -> None:
    task = work("train", at=Place(prefer="big"), estimate=Estimate(seconds=40.0))
    assert Estimates(devices(BIG, PI)).estimate(task).seconds.mid == 10.0


def test_a_placement_is_no_part_of_what_is_computed() -> None:
    graph = Graph([work("load"), work("count", at=Place()), work("train", at=Place(on=("big", "pi")))])
    made = place(graph, Figures(devices(BIG, PI), dict.fromkeys(graph.tasks, 40.0)))
    assert where(made) == dict.fromkeys(graph.tasks, "big")
    assert content_keys(made.graph) == content_keys(graph)


def test_what_lies_on_a_device_draws_the_work_there() -> None:
    reads = Effects("pure", reads=("file:corpus",))
    graph = Graph([work("scan", effects=reads), work("count", effects=reads)])
    holder = Device("nas", 1.0, 1, bytes_per_s=1e6, holds={"file:corpus": 50e6})
    costs = Figures(devices(BIG, holder), {"scan": 20.0, "count": 20.0})
    assert where(place(graph, costs)) == {"scan": "nas", "count": "nas"}
    without = Figures(devices(BIG, Device("nas", 1.0, 1, bytes_per_s=1e6)), {"scan": 20.0, "count": 20.0})
    assert where(place(graph, without)) == {"scan": "big", "count": "big"}


def test_a_replica_works_on_as_many_calls_as_its_timing_says() -> None:
    timing = Timing(slots=3)
    models = {name: Model(name, timing=timing, replica_of="m") for name in ("m@a", "m@b")}
    graph = Graph([Task("ask", "model.ask", {"prompt": "why?", "model": "m@a"})])
    machines = read(graph, Figures(Platform(models=models))).problem.machines
    assert {machine.name: machine.slots for machine in machines} == {"here": None, "m@a": 3, "m@b": 3}


def test_calls_go_to_the_replicas_of_their_model() -> None:
    models = {name: Model(name, slots=1, replica_of="m") for name in ("m@a", "m@b")} | {"other": Model("other")}
    asks = [Task(f"ask{n}", "model.ask", {"prompt": "why?", "model": "m@a"}) for n in range(4)]
    each = Task("each", "model.ask", {"prompt": "why?", "model": "m@a"}, each=Each([1, 2]))
    graph = Graph([*asks, Task("else", "model.ask", {"prompt": "why?", "model": "other"}), each])
    # One replica is much slower for one call: what it costs is known for each, not only how many there are.
    exactly = {(f"ask{n}", name): s for n in range(4) for name, s in (("m@a", 2.0), ("m@b", 9.0))}
    made = place(graph, Figures(Platform(models=models), exactly=exactly))
    assert [task.args["model"] for task in made.graph] == ["m@a"] * 4 + ["other", "m@a"]
    assert "by m@a: 2 s against 9 s by m@b, nothing to move" in said(made, "made")
    assert "its items are spread over the replicas as they come" in said(made, "rejected")
    assert faults(graph, made) == []


OLD, NEW = Device("old", 1.0, 2, 1.0, latency_s=0.0), Device("new", 4.0, 2, 8.0, latency_s=0.0)


def test_a_deadline_buys_as_much_speed_as_it_needs_and_no_more() -> None:
    graph = Graph([work("a"), work("b", "a")])
    costs = Figures(devices(OLD, NEW), {"a": 8.0, "b": 8.0}, {"a": 1.0})
    bought = {deadline: sorted(where(place(graph, costs, deadline_s=deadline)).values()) for deadline in (10.1, 20.0)}
    assert bought == {10.1: ["new", "old"], 20.0: ["old", "old"]}
    late = place(graph, costs, deadline_s=1.0)
    assert late.graph is graph  # as they come, both go to the fast one anyway
    assert said(late, "rejected")[-1] == "the deadline of 1 s cannot be met: the fastest is 3 s late"


def test_where_nothing_is_gained_the_hub_is_left_to_choose() -> None:
    graph = Graph([work("a"), work("b")])
    made = place(graph, Figures(devices(PI, Device("twin", latency_s=0.0))))
    assert made.graph is graph
    assert said(made, "rejected") == ["they are taken as they come: 1 s, and no placement saves 1% of it"]


@pytest.mark.parametrize("platform", [Platform(), devices(BIG), devices(BIG, Device("broken", float("nan")))])
def test_without_a_choice_nothing_changes(platform: Platform) -> None:
    graph = Graph([work("a"), work("b", "a")])
    assert place(graph, Figures(platform)) == Rewritten(graph)


def test_without_the_extra_it_is_placed_all_the_same_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ortools", None)
    graph = Graph([work("a"), work("b")])
    made = place(graph, Figures(devices(BIG, PI), {"a": 40.0, "b": 40.0}))
    assert where(made) == {"a": "big", "b": "big"}
    assert "no proof that nothing is better: it needs pip install 'orrery[plan]'" in said(made, "rejected")


WRONG = st.sampled_from([0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 1e290])


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_whatever_the_estimates_the_placement_keeps_every_requirement(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 9))
    tasks: list[Task] = []
    for n in range(size):
        earlier = [task.id for task in tasks]
        some = st.lists(st.sampled_from(earlier), max_size=2, unique=True) if earlier else st.just([])
        at = data.draw(
            st.sampled_from(
                [None, Place(), Place(on=("a", "b")), Place(on=("c",)), Place(skills=("gpu",)), Place(cpus=4)]
                + [Place(beside=Ref(name)) for name in earlier]
                + [Place(apart=(Ref(name),)) for name in earlier]
            )
        )
        executor = data.draw(st.sampled_from(["fleet", "fleet", "inline"])) if at is None else "fleet"
        tasks.append(work(f"t{n}", *data.draw(some), at=at, executor=executor))
    graph = Graph(tasks)
    costs = Figures(
        devices(
            Device("a", 2.0, 2, 0.1, ("gpu",), cpus=8),
            Device("b", 1.0, 1, 0.01, cpus=2),
            Device("c", data.draw(st.sampled_from([0.5, 0.0, float("inf"), 1e-9])), 1, tags=("gpu",)),
        ),
        wrong={task.id: data.draw(WRONG) for task in tasks},
        sizes={task.id: data.draw(st.sampled_from([0.0, 1e6, 1e300])) for task in tasks},
    )
    deadline_s = data.draw(st.sampled_from([None, 0.0, 5.0]))
    made = place(graph, costs, deadline_s=deadline_s, exact_jobs=data.draw(st.sampled_from([0, 6])), effort=500)
    assert faults(graph, made) == []
    on = where(made)
    for task in graph:
        after = made.graph[task.id]
        assert after.executor == task.executor
        if task.executor != "fleet":
            assert after == task
            continue
        was, now = task.place or Place(), after.place or Place()
        assert now.required() == was.required()
        if task.id not in on:
            continue
        assert not was.on or on[task.id] in was.on
        if was.on != ("c",):
            assert not was.skills or on[task.id] in ("a", "c")
            assert not was.cpus or on[task.id] == "a"
        assert all(on.get(ref.task) != on[task.id] for ref in was.apart)


def test_four_thousand_tasks_on_five_devices() -> None:
    tasks = [work(f"t{n}", *(f"t{need}" for need in {n // 2, n - 7} if 0 <= need < n)) for n in range(4_000)]
    graph = Graph(tasks)
    five = devices(*(Device(f"d{n}", 1.0 + n, 4, latency_s=0.0) for n in range(5)))
    made = place(graph, Figures(five), effort=0)
    assert len(where(made)) == len(graph)
    assert "nothing ends before" in made.notes[-1].because
