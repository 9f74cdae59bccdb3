"""Work goes where it is done soonest: tasks to devices, calls to replicas of their model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from orrery.cost import CostModel
from orrery.graph.edge import Edge
from orrery.graph.graph import Graph
from orrery.graph.patch import Edit, Link, Patch, Replace
from orrery.graph.place import Place
from orrery.graph.ref import TaskId
from orrery.graph.task import Task
from orrery.passes.rewritten import Note, Rewritten
from orrery.routing.placement import EFFORT, Schedule, as_they_come, available, exact, lower_bound, search, simulate
from orrery.routing.placement.problem import Problem
from orrery.routing.placement.reading import Reading, read
from orrery.routing.placement.search import improved

EXACT_JOBS = 16
"""Graphs of up to so many tasks are placed by the solver; half of those of 16 are proven in 0.2 s."""
EXACT_LIMIT = 0.5
"""How much the solver may work, in its own measure; see `exact`."""
MARGIN = 0.01
"""What a placement must save: a task that prefers a device may wait for it, though another is free."""

MOST_OPTIONS = 1_000
"""Up to so many placed tasks the options that each was denied are told; nobody reads more."""


def place(
    graph: Graph,
    costs: CostModel,
    *,
    deadline_s: float | None = None,
    exact_jobs: int = EXACT_JOBS,
    effort: int = EFFORT,
) -> Rewritten:
    """Tasks of the fleet, each with the device that suits the whole, and calls with the replica.

    The graph is to end soonest; of what ends equally soon the cheapest is taken. With a deadline it is to be cheapest
    and end in time, or soonest if it cannot. Reckoned with are seconds on each device, slots, the movement of results
    over links, what lies on devices already, and money. What each place requires is kept, `beside` and `apart`
    included; see `routing.placement.reading` for what may be placed. Devices are written as what tasks prefer: where
    the device is gone or hopelessly busy when the time comes, the hub takes another.

    Small graphs are placed by a solver with proof, if the extra "plan" is installed. Where the best order of the tasks
    on a device is not the scheduler's own (the longest way first), soft edges say so. Larger graphs are placed by lists
    and moves, without proof. If that saves less than `MARGIN` against what the hub would do, all is left.

    Cost: O((tasks + edges) * devices), plus `effort` simulated tasks; exponential at worst for up to `exact_jobs`
    tasks, within a fixed amount of work.

    Args:
        deadline_s: when the last task is to have ended, from the start of the first.
        exact_jobs: the most tasks that the solver is asked for; 0 never asks it.
        effort: how many tasks may be simulated to find improvements.
    """
    if len(costs.platform.devices) + len(costs.platform.models) < 2:
        return Rewritten(graph)
    reading = read(graph, costs)
    left = [Note("rejected", (task,), because) for task, because in reading.left.items()]
    if not reading.choices:
        return Rewritten(graph, tuple(left))
    plan = _planned(reading.problem, deadline_s, exact_jobs, effort)
    movable = tuple(_first(reading, group).id for group in reading.choices)
    if plan is None:
        return Rewritten(graph, (*left, Note("rejected", movable, "no way was found to keep apart what must be")))
    late = _lateness(plan, deadline_s)
    if not _pays(plan.schedule, plan.usual, deadline_s):
        why = f"they are taken as they come: {_seconds(plan.usual.makespan)}, and no placement saves {MARGIN:.0%} of it"
        return Rewritten(graph, (*left, *plan.notes(movable), Note("rejected", movable, why), *late))
    edits = [*_edits(reading, plan.schedule), *(_order(graph, reading, plan.schedule) if plan.in_order else ())]
    notes = [*left, *_reasons(reading, plan.schedule), *plan.notes(movable), plan.summary(movable, deadline_s), *late]
    return Rewritten(graph.apply(Patch(tuple(edits))) if edits else graph, tuple(notes))


@dataclass(frozen=True)
class _Plan:
    """What was decided.

    Args:
        schedule: the placement and what it comes to.
        usual: what it comes to if each task goes to the best device that is free when it is ready, as a hub does it.
        in_order: the order on each device is not the scheduler's own, so it must be said.
        proven: nothing is better.
        bound: seconds that nothing beats.
        unsolved: the solver should have been asked, and is not installed.
    """

    schedule: Schedule
    usual: Schedule
    in_order: bool
    proven: bool
    bound: float
    unsolved: bool

    def notes(self, movable: tuple[TaskId, ...]) -> list[Note]:
        if not self.unsolved:
            return []
        return [Note("rejected", movable, "no proof that nothing is better: it needs pip install 'orrery[plan]'")]

    def summary(self, movable: tuple[TaskId, ...], deadline_s: float | None) -> Note:
        ours, usual = self.schedule, self.usual
        how = "nothing is better (proven)" if self.proven else f"nothing ends before {_seconds(self.bound)}"
        words = f"{_seconds(ours.makespan)} against {_seconds(usual.makespan)} as they come"
        if ours.money or usual.money:
            words += f", ${ours.money:.3g} against ${usual.money:.3g}"
        if deadline_s is not None and ours.makespan <= deadline_s:
            words += f", within the deadline of {_seconds(deadline_s)}"
        saves_s, saves_money = usual.makespan - ours.makespan, usual.money - ours.money
        return Note("made", movable, f"together {words}; {how}", saves_s, saves_money)


def _planned(problem: Problem, deadline_s: float | None, exact_jobs: int, effort: int) -> _Plan | None:
    start = as_they_come(problem)
    found = search(problem, deadline_s, effort=effort)
    if start is None or found is None:
        return None
    usual, bound = simulate(problem, start), lower_bound(problem)
    small = len(problem) <= exact_jobs
    if not small or not available():
        return _Plan(found, usual, False, found.makespan <= bound and deadline_s is None, bound, small)
    best = exact(problem, found, deadline_s, limit=EXACT_LIMIT)
    listed = improved(problem, simulate(problem, best.schedule.on), deadline_s, effort // 4)
    ruled = min((listed, found), key=lambda schedule: schedule.goal(deadline_s))
    ordered = _pays(best.schedule, ruled, deadline_s, margin=0.0)
    return _Plan(best.schedule if ordered else ruled, usual, ordered, best.proven, bound, False)


def _pays(new: Schedule, old: Schedule, deadline_s: float | None, *, margin: float = MARGIN) -> bool:
    """Whether what counts first and differs is smaller, by the margin."""
    for ours, theirs in zip(new.goal(deadline_s), old.goal(deadline_s), strict=True):
        if ours < theirs * (1 - margin) - 1e-12:
            return True
        if ours > theirs * (1 + 1e-6) + 1e-12:
            return False
    return False


def _lateness(plan: _Plan, deadline_s: float | None) -> list[Note]:
    if deadline_s is None or plan.schedule.makespan <= deadline_s:
        return []
    cannot = "cannot be met" if plan.proven or plan.bound > deadline_s else "is met by no placement that was found"
    late = plan.schedule.makespan - deadline_s
    words = f"the deadline of {_seconds(deadline_s)} {cannot}: the fastest is {_seconds(late)} late"
    return [Note("rejected", (), words)]


def _first(reading: Reading, group: int) -> Task:
    """The task that decides for its group: all others are beside it, or beside one that is."""
    return reading.tasks[reading.problem.groups[group][0]]


def _edits(reading: Reading, schedule: Schedule) -> Iterator[Edit]:
    for group in reading.choices:
        task, machine = _first(reading, group), schedule.on[reading.problem.groups[group][0]]
        name = reading.problem.machines[machine].name
        if reading.is_device(machine):
            where = msgspec.structs.replace(task.place or Place(), prefer=name)
            yield Replace(msgspec.structs.replace(task, place=where))
        elif task.args.get("model") != name:
            yield Replace(msgspec.structs.replace(task, args={**task.args, "model": name}))


def _order(graph: Graph, reading: Reading, schedule: Schedule) -> Iterator[Edit]:
    """Soft edges from each task to the one that gets its slot, where that one would not wait for it anyway."""
    for job, before in enumerate(schedule.cause):
        if before >= 0 and schedule.on[before] == schedule.on[job]:
            source, target = reading.tasks[before].id, reading.tasks[job].id
            if all(edge.source != source for edge in graph.incoming(target)):
                yield Link(Edge(source, target, hard=False))


def _reasons(reading: Reading, schedule: Schedule) -> Iterator[Note]:
    problem, choices = reading.problem, reading.choices
    told = len(choices) <= MOST_OPTIONS
    for group in choices:
        jobs = problem.groups[group]
        chosen = schedule.on[jobs[0]]
        seconds = {m: sum(problem.seconds[job][m] for job in jobs) for m in problem.candidates[group]}
        moved = {m: _moved(problem, schedule.on, jobs, m) for m in problem.candidates[group]}
        others = sorted((m for m in seconds if m != chosen), key=lambda m: (seconds[m], m))
        word, task = "on" if reading.is_device(chosen) else "by", _first(reading, group).id
        said = f"{word} {problem.machines[chosen].name}: {_seconds(seconds[chosen])}"
        said += f" against {_seconds(seconds[others[0]])} {word} {problem.machines[others[0]].name}"
        said += f", {_size(moved[chosen])} to move"
        if len(jobs) > 1:
            said += f", with {len(jobs) - 1} beside it"
        yield Note("made", (task,), said)
        if told and (len(others) > 1 or moved[others[0]] != moved[chosen]):
            options = (
                f"{problem.machines[m].name} ({_seconds(seconds[m])}, {_size(moved[m])} to move)" for m in others
            )
            yield Note("rejected", (task,), f"not {word} {', '.join(options)}")


def _moved(problem: Problem, on: Sequence[int], jobs: Sequence[int], machine: int) -> float:
    """Bytes that would come to the jobs from elsewhere."""
    return sum(
        size for job in jobs for source, size in problem.needs[job] if source not in jobs and on[source] != machine
    )


def _seconds(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 100 else f"{seconds:.3g} s"


def _size(size: float) -> str:
    if size < 1:
        return "nothing"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.3g} TB"
