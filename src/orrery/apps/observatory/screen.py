"""What the demo says: how far the run is while it goes on, and what came of it. Bars on a terminal, else lines."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from orrery import Result
from orrery.apps.observatory.account import Account
from orrery.runtime import Run
from orrery.scheduler import Event, State
from orrery.scheduler import events as ev
from orrery.scheduler.states import ENDED

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

Line = tuple[str, str]
"""A heading and what is said under it."""
STEPS = {
    "find-git": "ask git",
    "git-files": "ask git",
    "git-log": "ask git",
    "measure": "measure files",
    "look_up": "ask a busy server",
    "metrics.sample": "watch the machine",
}
OTHERS = "join and report"


class Screen(Protocol):
    """Where the demo speaks."""

    def begin(self, run: Run, root: Path, *, resumed: bool) -> None:
        """The run goes on from here."""

    def take(self, run: str, events: Sequence[Event]) -> None:
        """Something is durable; an observer of the session."""

    def end(self) -> None:
        """Nothing more will happen; may be called twice."""

    def say(self, text: str) -> None:
        """Say one thing."""

    def farewell(self, run: str, done: int, total: int, next_command: str) -> None:
        """This process is about to be killed."""

    def summary(self, result: Result, account: Account, html: str, markdown: str) -> None:
        """The run has succeeded."""

    def failure(self, result: Result) -> None:
        """The run has not succeeded."""


def screen_for(*, as_json: bool) -> Screen:
    """Where to speak: JSON for programs, bars on a terminal with rich, plain lines elsewhere."""
    if as_json:
        return JsonScreen()
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        try:
            from rich.console import Console
        except ImportError:
            return Lines()
        return Bars(Console(highlight=False, emoji=False))
    return Lines()


def summary_lines(result: Result, account: Account, html: str, markdown: str) -> list[Line]:
    """What came of the run, for people."""
    tasks, work_s, span_s = account.of("process")
    processes = len({one.lane for one in account.attempts if one.executor == "process"})
    busiest = ", ".join(f"{count} {family}" for family, count in account.busiest.items())
    speed = (
        f"{account.speed_up:.1f} times: {account.work_s:.1f} s of tasks, one after the other, in {account.wall_s:.1f} s"
    )
    lines = [("report", _near(html)), ("", _near(markdown))]
    lines += [("in parallel", f"up to {account.most_at_once} tasks at once: {busiest}"), ("speed-up", speed)]
    if span_s:
        faster = f"{work_s / span_s:.1f} times in {processes} {'process' if processes == 1 else 'processes'}"
        lines.append(("", f"processors alone: {work_s:.1f} s of work by {tasks} tasks in {span_s:.1f} s, {faster}"))
    healed = f"{account.healed} tasks that failed at first, by {account.retries} retries: {_faults(account)}"
    lines.append(("healed", healed))
    for one in account.resumptions:
        lines.append(
            ("resumed", f"{one.done_before} tasks were finished and not run again, {one.ran_after} ran after the crash")
        )
        if one.ran_again:
            lines.append(("", f"{one.ran_again} finished tasks ran again, which must not happen: please report it"))
    lines.append(("try a crash", "orrery demo --crash    kills itself half-way; the next orrery demo goes on"))
    lines.append(("look closer", f"orrery show {result.run_id}"))
    return lines


def _faults(account: Account) -> str:
    kinds = Counter(_kind(one.failure) for one in account.attempts if one.failure)
    return ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common()) or "nothing failed"


def _kind(failure: str) -> str:
    _, answered, status = failure.partition("was answered with ")
    return status.partition(":")[0] if answered else "connection dropped"


def _near(path: str) -> str:
    """A path as it is written from the working folder, where it lies below it."""
    place = Path(path)
    return str(place.relative_to(Path.cwd())) if place.is_relative_to(Path.cwd()) else path


def _head(account: Account) -> str:
    return f"succeeded in {account.wall_s:.1f} s, {account.tasks} tasks"


def _begun(run: Run, root: Path, *, resumed: bool) -> str:
    if not resumed:
        return f"Looking at {root}, run {run.id}"
    done = _done(run)
    return f"Run {run.id} was interrupted: going on with it. {done} tasks are done and will not run again."


def _done(run: Run) -> int:
    """The tasks that have run and succeeded; those that only made others are left out."""
    return sum(one.state is State.SUCCEEDED and one.task.each is None for one in run.machine.records.values())


def _farewell(done: int, total: int, next_command: str) -> str:
    return f"{done} of {total} tasks are done; killing this process now. Go on with: {next_command}"


class Lines:
    """Plain lines, for pipes and for terminals without rich."""

    def __init__(self) -> None:
        self._run: Run | None = None
        self._said = 0

    def begin(self, run: Run, root: Path, *, resumed: bool) -> None:
        self._run = run
        self._said = _done(run) // 50
        self.say(_begun(run, root, resumed=resumed))

    def take(self, run: str, events: Sequence[Event]) -> None:  # noqa: ARG002 - there is only one run
        for event in events:
            if isinstance(event, ev.RetryScheduled):
                self.say(f"  {event.task} failed and is tried again: {event.because}")
        if self._run is not None and (done := _done(self._run)) // 50 > self._said:
            self._said = done // 50
            self.say(f"  {done} of {len(self._run.machine.records)} tasks are done")

    def end(self) -> None:
        """There is nothing to clean up."""

    def say(self, text: str) -> None:
        print(text, flush=True)

    def farewell(self, run: str, done: int, total: int, next_command: str) -> None:  # noqa: ARG002
        self.say(_farewell(done, total, next_command))

    def summary(self, result: Result, account: Account, html: str, markdown: str) -> None:
        self.say(_head(account))
        for heading, text in summary_lines(result, account, html, markdown):
            self.say(f"  {heading:<12} {text}")

    def failure(self, result: Result) -> None:
        print(f"the run {result.state}: {result.error}\n`orrery show {result.run_id}` says more", file=sys.stderr)


class Bars:
    """A bar for each part of the run, redrawn on a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._run: Run | None = None
        self._progress: Progress | None = None
        self._bars: dict[str, TaskID] = {}

    def begin(self, run: Run, root: Path, *, resumed: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

        self._run = run
        self.say(_begun(run, root, resumed=resumed))
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<18}"),
            BarColumn(32),
            MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[note]}"),
        )
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._progress.start()

    def take(self, run: str, events: Sequence[Event]) -> None:  # noqa: ARG002 - there is only one run
        if self._run is None or self._progress is None:
            return
        total: Counter[str] = Counter()
        done: Counter[str] = Counter()
        for task, record in self._run.machine.records.items():
            if record.task.each is not None:
                continue
            step = STEPS.get(task.partition("/")[0], OTHERS)
            total[step] += 1
            done[step] += record.state in ENDED
        for step in dict.fromkeys([*STEPS.values(), OTHERS]):
            if step not in self._bars:
                self._bars[step] = self._progress.add_task(step, total=None, note="")
            self._progress.update(self._bars[step], total=total[step] or None, completed=done[step])
        for event in events:
            if isinstance(event, ev.RetryScheduled):
                bar = self._bars[STEPS.get(event.task.partition("/")[0], OTHERS)]
                self._progress.update(bar, note=f"{_kind(event.because)}, tried again")

    def end(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def say(self, text: str) -> None:
        self._console.print(text, markup=False)

    def farewell(self, run: str, done: int, total: int, next_command: str) -> None:  # noqa: ARG002
        self._console.print(_farewell(done, total, next_command), style="bold yellow", markup=False)
        self._console.file.flush()

    def summary(self, result: Result, account: Account, html: str, markdown: str) -> None:
        print_summary(self._console, result, account, html, markdown)

    def failure(self, result: Result) -> None:
        self._console.print(f"✗ the run {result.state}: {result.error}", style="bold red", markup=False)
        self._console.print(f"  orrery show {result.run_id}", style="dim", markup=False)


def print_summary(console: Console, result: Result, account: Account, html: str, markdown: str) -> None:
    """The summary in colour."""
    from rich.text import Text

    console.print(Text("✓ ", "bold green").append(_head(account), "bold"))
    for heading, text in summary_lines(result, account, html, markdown):
        style = {"report": "cyan", "try a crash": "yellow", "look closer": "dim"}.get(heading, "")
        console.print(Text().append(f"  {heading:<12} ", "dim").append(text, style), soft_wrap=True)


class JsonScreen:
    """One JSON object at the end."""

    def begin(self, run: Run, root: Path, *, resumed: bool) -> None:
        """Say nothing yet."""

    def take(self, run: str, events: Sequence[Event]) -> None:
        """Say nothing yet."""

    def end(self) -> None:
        """There is nothing to clean up."""

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def farewell(self, run: str, done: int, total: int, next_command: str) -> None:
        _print_json({"run": run, "state": "killed", "done": done, "total": total, "next": next_command})

    def summary(self, result: Result, account: Account, html: str, markdown: str) -> None:
        one = account.resumptions[-1] if account.resumptions else None
        _print_json(
            {
                **_result(result),
                "outputs": {"html": html, "markdown": markdown},
                "ran": account.tasks,
                "wall_s": round(account.wall_s, 3),
                "work_s": round(account.work_s, 3),
                "speed_up": round(account.speed_up, 2),
                "most_at_once": account.most_at_once,
                "retries": account.retries,
                "healed": account.healed,
                "resumed": one
                and {"done_before": one.done_before, "ran_again": one.ran_again, "ran_after": one.ran_after},
            }
        )

    def failure(self, result: Result) -> None:
        _print_json({**_result(result), "error": str(result.error)})


def _result(result: Result) -> dict[str, Any]:
    return {
        "run": result.run_id,
        "state": result.state,
        "outputs": {},
        "tasks": result.tasks,
        "seconds": round(result.seconds, 3),
    }


def _print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)
