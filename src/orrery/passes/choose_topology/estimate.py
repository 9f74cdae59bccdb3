"""What a shape is expected to take, in one walk over the graph; the hybrid shape is made in such a walk.

A task starts when what it waits for has ended, and not before a worker would be free if the tasks that go first had
been dealt out without a pause. Chance is replaced by its mean. So it needs no queue of what is ready and no dice, and
is linear in tasks and edges (times the logarithm of the number of workers).
"""

from __future__ import annotations

from heapq import heapreplace
from typing import NamedTuple

from orrery.passes.choose_topology.coupled import Coupled
from orrery.passes.choose_topology.law import Law
from orrery.passes.choose_topology.shapes import Plan, everything, fixed


class Expected(NamedTuple):
    """What a plan is expected to take.

    Args:
        seconds: from the first start to the last end.
        work_s: of all workers together.
        rework_s: how much of that is doing again.
    """

    seconds: float
    work_s: float
    rework_s: float


def expected(graph: Coupled, plan: Plan, workers: int, law: Law) -> Expected:
    """What a plan would take on so many workers under a law."""
    if plan.shape == "sequential":  # one worker does it all, and has seen everything
        return Expected(graph.work_s, graph.work_s, 0.0)
    return _walk(graph, plan, workers, law)


def as_written(graph: Coupled, workers: int, law: Law) -> Expected:
    """What the graph would take as it is, with every coupling kept."""
    return _walk(graph, Plan("hybrid", everything(graph)), workers, law)


def hybrid(graph: Coupled, workers: int, law: Law) -> tuple[Plan, Expected]:
    """The plan that keeps a coupling where waiting is expected to cost less than doing again, and what it takes."""
    plan = Plan("hybrid", fixed(graph))
    return plan, _walk(graph, plan, workers, law, decide=True)


def _walk(graph: Coupled, plan: Plan, workers: int, law: Law, *, decide: bool = False) -> Expected:
    """One walk; with `decide` the couplings that are kept are chosen on the way and put into the plan."""
    into, source, free, took, kept = graph.into, graph.source, graph.free, graph.seconds, plan.kept
    chain, previous = _chains(plan, len(took)) if plan.chains else (None, None)
    led = {chain[0] for chain in plan.chains} if plan.led else ()
    apart = law.handover_s * (1.0 - 1.0 / workers)  # for what any worker did
    # Where there is more to do than workers, waiting costs nothing (there is other work) and doing it again costs all;
    # with workers to spare it is the other way round.
    pressure = min(1.0, graph.work_s / workers / graph.path_s) if graph.path_s else 0.0
    first = graph.order_over(kept) if plan.shape == "parallel" else graph.order  # as the workers choose
    turn = [0.0] * len(took)  # when a worker would be free for a task, did none ever wait
    if workers < len(took):
        done = [0.0] * workers
        for task in first:
            turn[task] = done[0]
            heapreplace(done, done[0] + took[task])
    ends = [0.0] * len(took)
    followed = bytearray(len(took))
    extra = rework = last = 0.0
    for task in graph.order:
        start = turn[task] + extra / workers
        if decide and free[task]:
            _keep_what_is_worth_it(
                graph, task, kept, ends, start=start, law=law, work=pressure / workers, waiting=1.0 - pressure
            )
        ready, nearest = 0.0, -1
        for edge in range(into[task], into[task + 1]):
            if kept[edge]:
                before = source[edge]
                if ends[before] >= ready:
                    nearest, ready = before, ends[before]
        if previous is not None and previous[task] >= 0:
            nearest = previous[task]
            ready = max(ready, ends[nearest])
        start = max(start, ready)
        ended = start + took[task]
        if task in led:
            ended += law.lead_s
        if free[task]:
            if nearest >= 0 and followed[nearest]:  # whoever did it went on with another that had waited for it
                nearest = -1
            told, struck, redone_at = _seen(graph, task, ends, start=start, nearest=nearest, chain=chain)
            ended += told * apart
            extra += ended - start - took[task]
            if struck:
                again = struck * (law.rework * took[task] + apart)
                ended += struck * max(0.0, redone_at - ended) + again
                extra += again
                rework += again
        if nearest >= 0:
            followed[nearest] = 1
        ends[task] = ended
        last = max(last, ended)
    work = graph.work_s + extra
    return Expected(max(last, work / workers), work, rework)


def _chains(plan: Plan, tasks: int) -> tuple[list[int], list[int]]:
    """For each task the number of its chain and the task before it there; -1 for none."""
    chain = [-1] * tasks
    for number, each in enumerate(plan.chains):
        for task in each:
            chain[task] = number
    return chain, plan.previous(tasks)


def _seen(
    graph: Coupled, task: int, ends: list[float], *, start: float, nearest: int, chain: list[int] | None
) -> tuple[int, float, float]:
    """What a task's couplings do to it.

    Returns: of how many that it has seen it must be told, as another worker did them; the probability that one that it
        has not seen strikes; and when that then has ended.
    """
    told, spared, weights, late = 0, 1.0, 0.0, 0.0
    for edge in range(graph.into[task], graph.into[task + 1]):
        weight = graph.weight[edge]
        if weight >= 0:
            source = graph.source[edge]
            if ends[source] > start:
                spared *= 1.0 - weight
                weights += weight
                late += weight * ends[source]
            elif source != nearest and (chain is None or chain[source] < 0 or chain[source] != chain[task]):
                told += 1
    return told, 1.0 - spared, late / weights if weights else 0.0


def _keep_what_is_worth_it(
    graph: Coupled,
    task: int,
    kept: bytearray,
    ends: list[float],
    *,
    start: float,
    law: Law,
    work: float,
    waiting: float,
) -> None:
    """Keep a task's couplings but for those that end last, of which as many are dropped as pay.

    Waiting for one means waiting for all that end before it, so only these cuts have to be compared; of two that cost
    the same the one that keeps more is taken.

    Args:
        start: before which it does not start.
        work, waiting: what a second of work costs, and what a second of waiting.
    """
    source, weight = graph.source, graph.weight
    ready = start
    latest = []
    for edge in range(graph.into[task], graph.into[task + 1]):
        if weight[edge] >= 0:
            latest.append((-ends[source[edge]], edge))
        else:
            ready = max(ready, ends[source[edge]])
    latest.sort()
    if -latest[0][0] <= ready:  # nothing to wait for
        for _, edge in latest:
            kept[edge] = True
        return
    seconds = graph.seconds[task]
    redone_at = -latest[0][0]
    best, dropped, spared = float("inf"), 0, 1.0
    for cut in range(len(latest) + 1):
        begin = max(ready, -latest[cut][0]) if cut < len(latest) else ready
        struck = 1.0 - spared
        again = struck * (law.rework * seconds + law.handover_s)
        told = max(0, len(latest) - cut - 1) * law.handover_s
        ended = begin + seconds + told
        ended += struck * max(0.0, redone_at - ended) + again
        cost = waiting * (ended - ready) + work * (told + again)
        if cost < best:
            best, dropped = cost, cut
        if begin == ready:  # all that are left have ended by then
            break
        spared *= 1.0 - weight[latest[cut][1]]
    for _, edge in latest[dropped:]:
        kept[edge] = True
