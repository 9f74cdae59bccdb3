"""The workflow that `crash` kills: every way in which a run can go on, in a few hundred appends.

Chains, a fan-out with a join, a loop over a result, a sub-workflow, failures that are retried, one that is
handled, and a branch that is skipped. Every execution of a task leaves a line in a file first, so that the
file says what was really done, whatever the journal says.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from orrery.graph import ITEM, Each, Edge, Expr, Graph, Limits, Ref, Retry, Task
from orrery.runtime.context import Context

EFFECTS = "effects.txt"
FLAKES = 2
"""How often a flaky task fails before it succeeds."""
_HERE = "py:orrery.bench.crash_workflow:"
_RETRY = Limits(retry=Retry(attempts=FLAKES + 4, backoff_s=0.001, jitter=0.0))


class Execution(NamedTuple):
    """A line of the file: which attempt at which task was really begun, under which key."""

    task: str
    attempt: int
    key: str


def executions(folder: Path) -> list[Execution]:
    """What has been done so far, in order."""
    file = folder / EFFECTS
    lines = file.read_text().splitlines() if file.exists() else []
    parts = [line.split("\t") for line in lines]
    return [Execution(task, int(attempt), key) for task, attempt, key in parts]


def planned(task: str) -> int:
    """How often a task is executed if nothing is killed."""
    return FLAKES + 1 if task.startswith("flaky") else 1


def reference(*, links: int, width: int) -> Graph:
    """The workflow.

    Args:
        links: tasks in each of its two chains.
        width: tasks side by side in its fan-out, in its loop and in its sub-workflow.
    """
    tasks = [Task("seed", f"{_HERE}link")]
    last = _chain(tasks, "first", links, "seed")
    fan = [f"fan{number}" for number in range(width)]
    tasks.extend(
        Task(name, f"{_HERE}link", {"before": Ref(last), "turns": 2 * number}) for number, name in enumerate(fan)
    )
    tasks.append(Task("join", f"{_HERE}total", {"parts": [Ref(name) for name in fan]}))
    tasks.append(Task("list", f"{_HERE}items", {"before": Ref("join"), "count": width}))
    loop = {"before": Ref(ITEM, ("value",)), "turns": Ref(ITEM, ("turns",))}
    tasks.append(Task("loop", f"{_HERE}link", loop, each=Each(Ref("list"))))
    tasks.append(Task("nest", f"{_HERE}more", {"before": Ref("join"), "count": width}))
    flaky = [f"flaky{number}" for number in range(4)]
    tasks.extend(Task(name, f"{_HERE}flaky", {"before": Ref("join")}, limits=_RETRY) for name in flaky)
    tasks.append(Task("doomed", f"{_HERE}doomed"))
    tasks.append(Task("rescue", f"{_HERE}link"))
    tasks.append(Task("never", f"{_HERE}link", when=Expr("x < 0", {"x": Ref("join")})))
    gathered = {"parts": [Ref("loop"), Ref("nest"), *map(Ref, flaky), Ref("rescue")]}
    tasks.append(Task("gather", f"{_HERE}total", gathered))
    last = _chain(tasks, "second", links, "gather")
    edges = [Edge("doomed", "rescue", on="failure")]
    return Graph(tasks, edges, {"last": Ref(last), "loop": Ref("loop"), "nest": Ref("nest"), "join": Ref("join")})


def _chain(tasks: list[Task], name: str, links: int, before: str) -> str:
    for number in range(links):
        tasks.append(Task(f"{name}{number}", f"{_HERE}link", {"before": Ref(before)}))
        before = f"{name}{number}"
    return before


def _leave_a_line(ctx: Context) -> None:
    line = f"{ctx.task}\t{ctx.attempt}\t{ctx.idempotency_key}\n"
    file = os.open(ctx.folder / EFFECTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


async def link(ctx: Context, before: int = 0, turns: int = 0) -> int:
    """A number made from the one before, after so many turns of the loop."""
    _leave_a_line(ctx)
    for _ in range(turns):
        await asyncio.sleep(0)
    return (before * 31 + 7) % 1_000_003


def _sum(parts: Sequence[Any]) -> int:
    return sum(_sum(part) if isinstance(part, list) else int(part) for part in parts)


async def total(ctx: Context, parts: list[Any]) -> int:
    """The sum of numbers, however they are nested."""
    _leave_a_line(ctx)
    return _sum(parts) % 1_000_003


async def items(ctx: Context, before: int, count: int) -> list[dict[str, int]]:
    """What the loop runs over."""
    _leave_a_line(ctx)
    return [{"value": before + number, "turns": 2 * number} for number in range(count)]


async def more(ctx: Context, before: int, count: int) -> Graph:
    """A sub-workflow: a chain that begins with a number."""
    _leave_a_line(ctx)
    tasks = [Task("link0", f"{_HERE}link", {"before": before})]
    last = _chain(tasks, "inner", count - 1, "link0")
    return Graph(tasks, outputs={"result": Ref(last)})


async def flaky(ctx: Context, before: int) -> int:
    """Fails at its first attempts."""
    _leave_a_line(ctx)
    if ctx.attempt <= FLAKES:
        raise ConnectionError("not yet")
    return before + 1


async def doomed(ctx: Context) -> int:
    """Fails for good, which the workflow expects."""
    _leave_a_line(ctx)
    raise ValueError("for ever")
