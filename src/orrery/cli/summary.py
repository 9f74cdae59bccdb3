"""The summary of a run that was driven here: one screen that says what came of it and what to do next."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from orrery.cli.answer import print_answer, written_by
from orrery.cli.options import command
from orrery.cli.screen import STYLES, marks_for, say
from orrery.cli.tally import Tally
from orrery.runtime import Result
from orrery.runtime.session import store_url
from orrery.telling.plain import short, span, spending

MOST_OUTPUTS = 8
MOST_FAILED = 5
WORTH_NAMING_S = 0.05


def print_summary(
    console: Console, result: Result, tally: Tally, state: str, store: str | None, *, answers: bool = False
) -> None:
    """Print it.

    Args:
        state: how the run stands: the result's state, or "interrupted".
        store: the URL of the store, where it was named by hand.
        answers: print what was returned in full, below the rest, since that is what was asked for.
    """
    for line in _summary(console, result, tally, state, store, outputs=not answers):
        if console.is_terminal and line.style != STYLES["failed"]:
            line.truncate(console.width, overflow="ellipsis" if console.encoding.startswith("utf") else "crop")
        say(console, line)
    if answers:
        print_answer(console, result, written_by(tally.machine))


def _summary(
    console: Console, result: Result, tally: Tally, state: str, store: str | None, *, outputs: bool
) -> list[Text]:
    marks = marks_for(console)
    mark = {"succeeded": marks.succeeded, "failed": marks.failed, "cancelled": marks.cancelled}.get(state, "!")
    head = Text(f"{mark} {state}", STYLES.get(state, "bold"))
    head.append(f" in {span(result.seconds)}", "bold")
    lines = [head, Text("  tasks    ").append(_counts(result, tally, marks.dot), "dim")]
    ledger = tally.machine.ledger
    if used := spending(ledger.money, ledger.tokens):
        lines.append(Text("  spent    ").append(f" {marks.dot} ".join(used), "dim"))
    lines += _together(tally)
    if result.error is not None and state != "interrupted":
        lines.append(Text(f"  {short(str(result.error), 3 * min(console.width, 120) - 6)}", STYLES["failed"]))
    failed = [task for task in tally.machine.failed if "/" not in task] or list(tally.machine.failed)
    if len(failed) > 1:
        names = ", ".join(failed[:MOST_FAILED]) + (
            f" and {len(failed) - MOST_FAILED} more" * (len(failed) > MOST_FAILED)
        )
        lines.append(Text(f"  failed: {names}"))
    lines += _outputs(result, console.width if console.is_terminal else 120) if outputs else []
    slow = [(seconds, task) for seconds, task in sorted(tally.slowest, reverse=True)[:3] if seconds >= WORTH_NAMING_S]
    if len(slow) > 1:
        lines.append(Text("  slowest  ").append(f" {marks.dot} ".join(f"{t} {span(s)}" for s, t in slow), "dim"))
    url = store_url(store)
    if url.startswith("memory:"):  # it is gone with this process, so there is nothing to look at
        return lines
    lines.append(Text("  run      ").append(result.run_id, "bold").append(f" in {url}", "dim"))
    lines.append(Text("  more     ").append(_next(result.run_id, state, tally, store), "dim"))
    return lines


def _counts(result: Result, tally: Tally, dot: str) -> str:
    parts = [f"{count} {state}" for state, count in result.tasks.items()]
    text = ", ".join(parts) or "no tasks"
    extra = []
    if tally.retries:
        extra.append(f"{tally.retries} {'retry' if tally.retries == 1 else 'retries'}")
    if tally.done_before:
        extra.append(f"{tally.done_before} were done before and did not run again")
    return f" {dot} ".join((text, *extra))


def _together(tally: Tally) -> list[Text]:
    """How much was gained by running at once, if anything was."""
    wall_s = tally.machine.now - tally.began_at
    if wall_s <= 0 or tally.work_s < 1.2 * wall_s:
        return []
    gain = f"{span(tally.work_s)} of work in {span(wall_s)}: {tally.work_s / wall_s:.1f} times as fast"
    return [Text("  at once  ").append(f"{gain} as one after the other", "dim")]


def _outputs(result: Result, width: int) -> list[Text]:
    names = max((len(name) for name in list(result.outputs)[:MOST_OUTPUTS]), default=0)
    lines = []
    for position, (name, value) in enumerate(result.outputs.items()):
        if position == MOST_OUTPUTS:
            lines.append(Text(f"    and {len(result.outputs) - MOST_OUTPUTS} more outputs", "dim"))
            break
        line = Text(f"    {name:<{names}}  ", "dim")
        lines.append(line.append(short(value, max(20, width - names - 8)), "bold"))
    return [Text("  outputs"), *lines] if lines else []


def _next(run: str, state: str, tally: Tally, store: str | None) -> str:
    if state == "interrupted":
        return command(f"resume {run}", store)
    failed = next(iter(tally.machine.failed), None)
    if failed is not None:
        return command(f"show {run} --task {failed}", store)
    return f"{command(f'show {run}', store)}   {command(f'trace {run}', store)}"
