"""`orrery show`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from orrery.cli.options import Json, RunName, Store, command
from orrery.cli.rows import RowsSeen
from orrery.cli.screen import STYLES, marks_for, out, say, write_json
from orrery.errors import RequestError, suggestion
from orrery.graph.values import decode
from orrery.journal import Journal
from orrery.runtime.directory import find_run, open_existing, standing
from orrery.runtime.history import History, fold
from orrery.runtime.result import Result, result_of
from orrery.scheduler import story
from orrery.scheduler.events import AnyEvent, Usage
from orrery.scheduler.machine import Machine
from orrery.scheduler.record import Record
from orrery.scheduler.states import State
from orrery.telling.plain import plain_failure, plain_result, short, span, spending, target_line
from orrery.telling.told import plain_event, told
from orrery.tracing import Attempt, Attempts

MOST_TASKS, LEAST_TASKS = 100, 8
"""Where there is no screen that they must fit, and on however small a one."""
_PRESSING = (State.FAILED, State.ASKING, State.RETRYING, State.STOPPING, State.RUNNING, State.CANCELLED)


def show(
    run: RunName,
    file: Path | None = None,
    /,
    *,
    html: Annotated[bool, Parameter(name="--html")] = False,
    task: Annotated[str | None, Parameter(name=("--task", "-t"))] = None,
    json: Json = False,
    store: Store = None,
    all: Annotated[bool, Parameter(name="--all")] = False,
) -> int:
    """Show one run: its state, what it returned, and its tasks.

    Args:
        file: With --html, the file to write; RUN.html unless given.
        html: Write the run as one HTML file instead, which any browser opens without a server or a network.
        task: Tell the story of this task instead, with all its events.
        all: List every task, however many there are.
    """
    if file is not None and not html:
        raise RequestError(f"{str(file)!r} is one word too many; --html writes the run to a file")
    if html and (task is not None or all):
        raise RequestError("--html writes all of a run; leave --task and --all away")
    journal = open_existing(store)
    try:
        name = find_run(journal, run)
        if html:
            from orrery.cli.export import write_html

            write_html(journal, name, file, store, as_json=json)
            return 0
        if task is not None:
            return _show_task(journal, name, task, as_json=json)
        attempts, last, used, rows = Attempts(), dict[str, Attempt](), dict[str, Usage](), RowsSeen()

        def watch(event: AnyEvent, _machine: Machine) -> None:
            rows.take(event)
            ended = attempts.take(event)
            if ended is not None:
                last[ended.task] = ended
                _count(used, ended.task, getattr(event, "usage", None))

        history = fold(journal, name, watch=watch)
        machine, result = history.machine, result_of(history.machine, journal.blobs)
        summary = next(one for one in journal.runs() if one.run == name)
        state = standing(summary) if machine.state == "running" else machine.state
        if json:
            found = plain_result(result, state, machine.ledger)
            found |= {"target": history.target, "events": history.seq, "started_at": machine.started_at}
            found["failed"] = {t: plain_failure(machine.records[t].failure) for t in machine.failed}
            found["asking"] = {r.task.id: r.because for r in machine.records.values() if r.state is State.ASKING}
            write_json(found)
            return 0
        console = out()
        _print_head(console, result, state, history)
        rows.print(console, machine)
        room = max(LEAST_TASKS, console.height - 10) if console.is_terminal else MOST_TASKS
        _print_tasks(console, machine, last, used, None if all else room)
        _print_next(console, machine, state, store)
        return 0
    finally:
        journal.close()


def _count(used: dict[str, Usage], task: str, usage: Usage | None) -> None:
    """Add what an attempt consumed to what its task did; processor time is not asked for here."""
    if usage is not None and (usage.money or usage.tokens):
        before = used.get(task, Usage())
        used[task] = Usage(before.money + usage.money, before.tokens + usage.tokens)


def _print_head(console: Console, result: Result, state: str, history: History) -> None:
    head = Text(result.run_id, "bold").append("  ").append(state, STYLES.get(state, ""))
    used = spending(history.machine.ledger.money, history.machine.ledger.tokens)
    head.append("  ".join(("", span(result.seconds), f"{history.seq:,} events", *used)), "")
    say(console, head)
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(history.machine.started_at))
    say(console, f"  started {when}" + (f" from {target_line(history.target)}" if history.target else ""), "dim")
    if result.error is not None:
        say(console, f"  {' '.join(str(result.error).split())}", STYLES["failed"])
    for name, value in result.outputs.items():
        say(console, Text(f"  {name}  ", "dim").append(short(value, max(20, min(console.width, 160) - len(name) - 6))))
    say(console, "")


def _print_tasks(
    console: Console, machine: Machine, last: dict[str, Attempt], used: dict[str, Usage], most: int | None
) -> None:
    """The tasks of the first level with their children counted; the children too where there is room."""
    records = list(_as_a_tree(machine))
    if most is not None and len(records) > most:
        pressing = [record for record in records if record.state in _PRESSING]
        tops = [record for record in records if record.parent is None and record.state not in _PRESSING]
        chosen = {id(record) for record in (*pressing[:most], *tops[: max(0, most - len(pressing))])}
        records = [record for record in records if id(record) in chosen]
    names = min(48, max((len(_name(record)) for record in records), default=0))
    for record in records:
        task = record.task.id
        say(console, _task_line(console, machine, record, last.get(task), used.get(task), names=names))
    left = len(machine.records) - len(records)
    if left:
        say(console, f"  and {left} more tasks; --all lists them", "dim")


def _as_a_tree(machine: Machine) -> Iterator[Record]:
    """The tasks in the order in which they were added, each followed by those it grew."""
    below: dict[str | None, list[Record]] = {}
    for record in machine.records.values():
        below.setdefault(record.parent, []).append(record)
    ahead = below.pop(None, [])[::-1]
    while ahead:
        record = ahead.pop()
        yield record
        ahead += below.pop(record.task.id, [])[::-1]


def _name(record: Record) -> str:
    return "  " * record.depth + record.task.id


def _task_line(
    console: Console, machine: Machine, record: Record, last: Attempt | None, used: Usage | None, *, names: int
) -> Text:
    marks, state = marks_for(console), record.state.value
    mark = {"succeeded": marks.succeeded, "failed": marks.failed, "skipped": marks.skipped}.get(state, marks.dot)
    line = Text("  ").append(f"{mark} {state:<9} ", STYLES.get(state, ""))
    line.append(f"{_name(record):<{names}}")
    if last is not None and last.outcome != "grown":
        line.append(f"  {span(last.seconds):>8}", "dim")
    else:
        line.append(" " * 10)
    if used is not None:
        line.append(f"  {' '.join(spending(used.money, used.tokens))}", "dim")
    if record.where:
        line.append(f"  on {record.where}", "dim")
    if record.attempt > 1:
        line.append(f"  {record.attempt} attempts", "yellow")
    children = [s for s in machine.graph.incoming[record.task.id] if machine.records[s].parent == record.task.id]
    if children:
        line.append(f"  {len(children)} children", "dim")
    why = (
        str(record.failure)
        if record.state is State.FAILED
        else record.because
        if record.state is not State.SUCCEEDED
        else ""
    )
    if why:
        line.append(f"  {' '.join(why.split())}", "dim")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _print_next(console: Console, machine: Machine, state: str, store: str | None) -> None:
    run = machine.run
    asking = next((record.task.id for record in machine.records.values() if record.state is State.ASKING), None)
    if asking is not None and machine.state == "running":
        say(console, f"`{command(f'approve {run} {asking}', store)}` answers it", "bold")
    if state == "interrupted":
        say(console, f"`{command(f'resume {run}', store)}` goes on with it", "bold")
    failed = next(iter(machine.failed), None)
    if failed is not None:
        say(console, f"`{command(f'show {run} --task {failed}', store)}` tells why", "dim")


def _show_task(journal: Journal, run: str, task: str, *, as_json: bool) -> int:
    events: list[tuple[int, AnyEvent]] = []
    number = iter(range(1, 1 << 62))

    def watch(event: AnyEvent, _machine: Machine) -> None:
        seq = next(number)
        if _is_about(event, task):
            events.append((seq, event))

    machine = fold(journal, run, watch=watch).machine
    record = machine.records.get(task)
    if record is None:
        raise RequestError(f"run {run!r} has no task {task!r}; {suggestion(task, machine.records)}")
    value = decode(record.value) if record.value is not None and record.state is State.SUCCEEDED else None
    if as_json:
        from orrery.telling.plain import plain

        found: dict[str, Any] = {"run": run, "task": task, "op": record.task.op, "state": record.state.value}
        found |= {"story": story(machine, task), "attempts": record.attempt, "value": plain(value)}
        found |= {"failure": plain_failure(record.failure), "events": [plain_event(*one) for one in events]}
        write_json(found)
        return 0
    console = out()
    say(console, Text(story(machine, task), "bold"))
    _say_about(console, "runs", record.task.op)
    sources = list(machine.graph.incoming[task])
    if sources:
        _say_about(
            console, "after", ", ".join(sources[:8]) + (f" and {len(sources) - 8} more" if len(sources) > 8 else "")
        )
    if value is not None:
        _say_about(console, "returned", short(value, 160))
    say(console, "")
    for seq, event in events:
        say(console, Text(f"{seq:>6}  {event.at - machine.started_at:>9.3f} s  ", "dim").append(told(event)))
    if record.failure is not None and record.failure.detail:
        say(console, "")
        print(record.failure.detail.rstrip())
    return 0


def _is_about(event: AnyEvent, task: str) -> bool:
    if getattr(event, "task", None) == task:
        return True
    patch = getattr(event, "patch", None)
    return patch is not None and any(getattr(getattr(edit, "task", None), "id", None) == task for edit in patch.edits)


def _say_about(console: Console, what: str, text: str) -> None:
    say(console, Text(f"  {what:<9}", "dim").append(text))
