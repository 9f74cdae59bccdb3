"""`orrery cancel`, `pause`, `continue` and `approve`: a word to a run, whichever process drives it."""

from __future__ import annotations

import time
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from orrery.cli.options import RunName, Store, command, read_value
from orrery.cli.screen import out, say
from orrery.errors import RequestError
from orrery.graph.values import encode
from orrery.runtime import remote
from orrery.runtime.directory import find_run, open_existing
from orrery.runtime.history import fold
from orrery.runtime.person import me
from orrery.scheduler import events as ev
from orrery.scheduler.machine import Machine


def cancel(
    run: RunName,
    /,
    *,
    because: str = "",
    store: Store = None,
) -> int:
    """End a run: what runs is stopped, what has not started is cancelled.

    Args:
        because: The reason, for the log.
    """
    return _say(run, ev.RunCancelRequested(time.time(), me(), because), "is cancelled", "is asked to end", store)


def pause(run: RunName, /, *, store: Store = None) -> int:
    """Start nothing new in a run until `orrery continue`; what runs goes on."""
    return _say(run, ev.RunPaused(time.time(), me()), "is paused", "is asked to pause", store)


def carry_on(run: RunName, /, *, store: Store = None) -> int:
    """Go on with a paused run."""
    return _say(run, ev.RunContinued(time.time(), me()), "is no longer paused", "is asked to go on", store)


def approve(
    run: RunName,
    task: str,
    /,
    *,
    deny: Annotated[bool, Parameter(negative=())] = False,
    rerun: Annotated[bool, Parameter(negative=())] = False,
    value: str | None = None,
    because: str = "",
    store: Store = None,
) -> int:
    """Answer a task that waits for a person.

    Args:
        task: The task that asks; `orrery show RUN` lists them.
        deny: Say no: the task fails.
        rerun: Let an attempt be made again whose effect is unknown.
        value: The answer, as JSON; a text that is no JSON stands for itself. True unless given.
        because: The reason, for the log.
    """
    if deny and rerun:
        raise RequestError("--deny and --rerun exclude each other; choose one")
    if value is not None and (deny or rerun):
        raise RequestError("--value goes with an approval, not with --deny or --rerun")
    answer = True if value is None and not (deny or rerun) else read_value(value)
    verdict: Literal["approve", "deny", "rerun"] = "deny" if deny else "rerun" if rerun else "approve"
    event = ev.TaskAnswered(time.time(), task, verdict, msgspec.Raw(encode(answer)), me(), because)
    return _say(run, event, f"has the answer: {verdict} {task}", f"is told: {verdict} {task}", store)


def _say(run: str, event: ev.Event, applied: str, sent: str, store: str | None) -> int:
    journal = open_existing(store)
    try:
        name = find_run(journal, run)
        console = out()
        if remote.say(journal, name, event) == "sent":
            say(console, f"run {name} {sent}; the process that drives it takes it in at once")
            return 0
        say(console, f"run {name} {applied}{_and_now(fold(journal, name).machine, store)}")
        return 0
    finally:
        journal.close()


def _and_now(machine: Machine, store: str | None) -> str:
    """What becomes of a run that nobody drives, after the word."""
    if machine.state != "running":
        return f"; it has ended: {machine.state}"
    return f"; nobody drives it: `{command(f'resume {machine.run}', store)}` goes on"
