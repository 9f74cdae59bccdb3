"""Runs that share a process get their share."""

from __future__ import annotations

from orrery.graph import Graph, Task
from orrery.scheduler import Machine, RunOptions, Scheduler
from orrery.scheduler import events as ev


def _admit(scheduler: Scheduler, run: str, tasks: int, weight: float = 1.0) -> list[tuple[str, ev.Event]]:
    scheduler.admit(Machine(run))
    graph = Graph([Task(f"{run}{n}", "work") for n in range(tasks)])
    options = RunOptions(weight=weight)
    return [(run, ev.RunStarted(0, run, options=options)), (run, ev.GraphPatched(0, graph.as_patch()))]


def _served(scheduler: Scheduler, opening: list[tuple[str, ev.Event]], turns: int) -> list[str]:
    order: list[str] = []
    turn = scheduler.turn(opening, 0)
    for at in range(turns):
        order.extend(start.run for start in turn.starts)
        ended = [(s.run, ev.TaskSucceeded(at, s.task.id, s.attempt)) for s in turn.starts]
        turn = scheduler.turn(ended, at)
    return order


def test_a_small_run_does_not_wait_behind_a_large_one() -> None:
    scheduler = Scheduler({"inline": 1})
    opening = [*_admit(scheduler, "large", 100), *_admit(scheduler, "small", 3)]
    assert _served(scheduler, opening, 6) == ["large", "small", "large", "small", "large", "small"]


def test_a_run_of_twice_the_weight_gets_twice_as_much() -> None:
    scheduler = Scheduler({"inline": 1})
    opening = [*_admit(scheduler, "light", 100), *_admit(scheduler, "heavy", 100, weight=2)]
    served = _served(scheduler, opening, 60)
    assert abs(served.count("heavy") - 2 * served.count("light")) <= 2


def test_a_run_that_was_idle_cannot_save_up_its_share() -> None:
    scheduler = Scheduler({"inline": 1})
    opening = _admit(scheduler, "early", 100)
    _served(scheduler, opening, 50)
    late = _admit(scheduler, "late", 100)
    served = _served(scheduler, late, 20)
    assert abs(served.count("late") - served.count("early")) <= 2
