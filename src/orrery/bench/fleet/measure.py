"""Measure: `orrery bench fleet`. Every request by every planner, side by side and in turn, and what that amounts to."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from orrery.bench.fleet.machines import running
from orrery.bench.fleet.picture import draw
from orrery.bench.fleet.run import PLANNERS, perform
from orrery.bench.fleet.score import Score, Total, score
from orrery.bench.fleet.suite import CATEGORIES, chosen
from orrery.bench.report import Options, Report, Row, unjudged
from orrery.errors import RequestError

SUBTASKS, SUCCESS, WIDTH, OF_SEQUENTIAL, OF_BOUND = 0.99, 0.98, 1.72, 0.69, 1.10
"""The bars for gold graphs: at least so many subtasks and requests done and so wide, at most so much time."""
PUBLISHED = "UFO³, its authors' own 55 requests on their own machines (task list not public)"
PUBLISHED_SUBTASKS, PUBLISHED_SUCCESS = 0.833, 0.709


def measure(options: Options) -> Report:
    """The rows of the fleet, for one planner or both. Raises MissingExtraError without the extra "fleet"."""
    names = list(PLANNERS) if options.planner == "both" else [options.planner]
    if unknown := [name for name in names if name not in PLANNERS]:
        raise RequestError(f"there is no planner {unknown[0]!r} here; choose gold, rules or both")
    scores = asyncio.run(_scores(options, names))
    rows = [row for name in names for row in _rows(name, [one for one in scores if one.planner == name])]
    missed = [
        f"{one.planner}, {one.exercise.full_name}: {one.performed.because}"
        for one in scores
        if one.planner == "gold" and not one.performed.success
    ]
    missed += [
        f"{one.planner}, {one.exercise.full_name}: nothing was killed, since the moment for it never came"
        for one in scores
        if one.exercise.drill is not None and one.performed.state != "refused" and not one.performed.struck
    ]
    everything = not options.only and not options.quick
    return Report(
        "fleet",
        rows if everything else unjudged(rows),
        setting=f"a hub and five devices, a process each; {len(scores) // len(names)} requests",
        notes=missed,
        draw=lambda path: draw(scores, path),
    )


async def _scores(options: Options, names: list[str]) -> list[Score]:
    exercises = chosen(options.only)
    if options.quick and not options.only:
        exercises = [next(one for one in exercises if one.category == category) for category in CATEGORIES]
    found: list[Score] = []
    with tempfile.TemporaryDirectory(prefix="orrery-fleet-", ignore_cleanup_errors=True) as folder:
        async with running(Path(folder)) as (setting, machines):
            for exercise in exercises:
                for name in names:
                    plan = PLANNERS[name]
                    at_once = await perform(exercise, plan, setting, machines)
                    in_turn = None
                    if at_once.success and not options.quick:
                        in_turn = await perform(exercise, plan, setting, machines, in_turn=True)
                    found.append(score(exercise, name, at_once, in_turn))
                    options.tell(_line(found[-1]))
    return found


def _line(one: Score) -> str:
    """What became of a request, for people who wait."""
    performed = one.performed
    name = f"{one.planner}: {one.exercise.full_name}"
    if performed.state == "refused":
        return f"{name}: refused"
    times = f"{one.makespan_s:.2f} s, bound {one.bound_s:.2f}"
    if one.sequential_s is not None:
        times += f", in turn {one.sequential_s:.2f}"
    verdict = "done" if performed.success else f"not done: {performed.because:.300}"
    return f"{name}: {sum(performed.done)} of {len(performed.done)}, {verdict}; {times}"


def _rows(planner: str, scores: list[Score]) -> list[Row]:
    """Of each category what was done and how long it took, then the same of all, held against the bars."""
    rows: list[Row] = []
    for category in dict.fromkeys(one.exercise.category for one in scores):
        part = Total([one for one in scores if one.exercise.category == category])
        name = f"{planner}, {category} ({len(part.scores)})"
        rows.append(Row(f"{name}: subtasks done", part.subtasks, "share"))
        rows.append(Row(f"{name}: requests done", part.success, "share"))
        if part.timed:
            rows.append(_makespan(f"{name}: makespan, mean", part))
            rows.append(Row(f"{name}: makespan over the bound", part.of_bound, "x"))
        if part.width:
            rows.append(Row(f"{name}: width", part.width, "tasks"))
            rows.append(Row(f"{name}: edits", part.edits, "edits"))
            rows.append(Row(f"{name}: messages", part.frames, "frames"))
            rows.append(Row(f"{name}: moved through the hub", part.size_bytes, "bytes"))
    return [*rows, *_all(planner, Total(scores))]


def _makespan(case: str, part: Total) -> Row:
    at_once, in_turn = part.mean_of("makespan_s"), part.mean_of("sequential_s")
    return Row(case, at_once, "s", baseline=in_turn, ratio=part.of_sequential)


def _all(planner: str, total: Total) -> list[Row]:
    name = f"{planner}, all ({len(total.scores)})"
    if planner == "gold":
        least_subtasks, least_success = SUBTASKS, SUCCESS
    else:
        least_subtasks, least_success = PUBLISHED_SUBTASKS, PUBLISHED_SUCCESS
    is_bar = planner == "gold"
    rows = [
        Row(
            f"{name}: subtasks done",
            total.subtasks,
            "share",
            target=f">= {least_subtasks}" if is_bar else "",
            ok=not is_bar or total.subtasks >= least_subtasks,
            published=f"{PUBLISHED_SUBTASKS}, {PUBLISHED}" + ("" if is_bar else "; our goal, not a bar"),
        ),
        Row(
            f"{name}: requests done",
            total.success,
            "share",
            target=f">= {least_success}" if is_bar else "",
            ok=not is_bar or total.success >= least_success,
            published=f"{PUBLISHED_SUCCESS}, {PUBLISHED}" + ("" if is_bar else "; our goal, not a bar"),
        ),
    ]
    if total.width:
        rows.append(
            Row(
                f"{name}: width, mean",
                total.width,
                "tasks",
                target=f">= {WIDTH}" if is_bar else "",
                ok=not is_bar or total.width >= WIDTH,
                published=f"1.72, {PUBLISHED}",
            )
        )
    if total.timed:
        at_once = _makespan(f"{name}: makespan, mean of {len(total.timed)}", total)
        rows.append(
            Row(
                at_once.case,
                at_once.value,
                at_once.unit,
                at_once.baseline,
                at_once.ratio,
                target=f"<= {OF_SEQUENTIAL}x" if is_bar else "",
                ok=not is_bar or total.of_sequential <= OF_SEQUENTIAL,
                published=f"-31 % against one after the other, {PUBLISHED}",
            )
        )
        rows.append(
            Row(
                f"{name}: makespan over the bound",
                total.of_bound,
                "x",
                target=f"<= {OF_BOUND:.2f}x" if is_bar else "",
                ok=not is_bar or total.of_bound <= OF_BOUND,
            )
        )
    if total.width:
        rows.append(Row(f"{name}: edits", total.edits, "edits"))
        rows.append(Row(f"{name}: messages", total.frames, "frames"))
        rows.append(Row(f"{name}: moved through the hub", total.size_bytes, "bytes"))
    return rows


__all__ = ["measure"]
