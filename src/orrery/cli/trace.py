"""`orrery trace`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from orrery.cli.gantt import chrome, drawn_lines, svg
from orrery.cli.options import RunName, Store
from orrery.cli.screen import marks_for, out, say, write_json
from orrery.errors import OutsideError
from orrery.journal import Journal
from orrery.runtime.directory import find_run, open_existing
from orrery.runtime.history import fold
from orrery.scheduler.events import AnyEvent
from orrery.scheduler.machine import Machine
from orrery.telling.plain import span
from orrery.tracing import Attempt, Parallelism, attempts_of, critical_path, parallelism

Format = Literal["terminal", "json", "chrome", "svg"]


class Trace(NamedTuple):
    """What there is to tell of when a run did what; `attempts` without those that only grew."""

    machine: Machine
    attempts: list[Attempt]
    path: list[Attempt]
    parallelism: Parallelism


def trace(
    run: RunName,
    /,
    *,
    format: Format = "terminal",
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    store: Store = None,
    most: Annotated[int, Parameter(name=("--most", "-n"))] = 0,
) -> int:
    """Draw when each attempt ran, what ran at once, and the chain of tasks the run waited for.

    Args:
        format: Drawn in the terminal (unless given), as data, for chrome://tracing and Perfetto, or as an image.
        output: The file to write instead of stdout.
        most: How many attempts to draw; as many as fit the screen unless given.
    """
    journal = open_existing(store)
    try:
        found = _read(journal, find_run(journal, run))
    finally:
        journal.close()
    if format == "json" and output is None:
        write_json(_plain(found))
        return 0
    if format == "terminal" and output is None:
        _print(out(), found, most)
        return 0
    text = _text(found, format, most)
    if output is None:
        print(text)
        return 0
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise OutsideError(f"{output} cannot be written: {error.strerror}") from error
    say(out(), f"{output}: {len(found.attempts)} attempts")
    return 0


def _read(journal: Journal, run: str) -> Trace:
    events: list[AnyEvent] = []
    machine = fold(journal, run, watch=lambda event, _machine: events.append(event)).machine
    every = attempts_of(events)
    attempts = [attempt for attempt in every if attempt.outcome != "grown"]
    return Trace(machine, attempts, critical_path(machine, every), parallelism(attempts))


def _text(found: Trace, format: Format, most: int) -> str:
    import json

    if format == "svg":
        return svg(found.machine, found.attempts, found.path, most=most or 400)
    if format == "chrome":
        return json.dumps(chrome(found.machine, found.attempts), ensure_ascii=False)
    if format == "json":
        return json.dumps(_plain(found), ensure_ascii=False)
    return "\n".join(line.plain for line in _lines(out(), found, most or 200, 120))


def _plain(found: Trace) -> dict[str, Any]:
    start = found.machine.started_at
    return {
        "run": found.machine.run,
        "state": found.machine.state,
        "wall_s": found.parallelism.wall_s,
        "work_s": found.parallelism.work_s,
        "speed_up": found.parallelism.speed_up,
        "most_at_once": found.parallelism.most,
        "critical_path": [attempt.task for attempt in found.path],
        "attempts": [
            {
                "task": attempt.task,
                "attempt": attempt.number,
                "queued_s": attempt.queued_at - start,
                "began_s": attempt.began_at - start,
                "ended_s": attempt.ended_at - start,
                "outcome": attempt.outcome,
            }
            for attempt in found.attempts
        ],
    }


def _print(console: Console, found: Trace, most: int) -> None:
    room = max(5, console.height - 8) if console.is_terminal else 200
    for line in _lines(console, found, most or room, min(console.width, 160)):
        say(console, line)


def _lines(console: Console, found: Trace, most: int, width: int) -> list[Text]:
    lines = drawn_lines(found.attempts, found.path, most=most, width=width, fine=marks_for(console).done == "━")
    together = found.parallelism
    lines.append(Text())
    head = Text(f"{len(found.attempts)} attempts in {span(together.wall_s)}", "bold")
    head.append(f", {span(together.work_s)} of work")
    if together.speed_up > 1:
        head.append(f": {together.speed_up:.2f} times as fast as one after the other")
    head.append(f", at most {together.most} at once")
    lines.append(head)
    if found.path:
        waited = sum(attempt.seconds for attempt in found.path)
        names = [attempt.task for attempt in found.path]
        shown = " > ".join(names if len(names) <= 8 else [*names[:4], "...", *names[-3:]])
        lines.append(Text("it waited for  ", "dim").append(shown).append(f"  {span(waited)}", "dim"))
    return lines
