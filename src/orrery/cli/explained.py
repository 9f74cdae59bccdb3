"""What `orrery explain` says: the graph before and after, what each pass did, and what it would all take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.text import Text

from orrery.cli.plan import about
from orrery.cli.screen import say, say_table
from orrery.cost import Calibration, Prediction, Spread
from orrery.cost.calibrate import Pair
from orrery.drawing import draw
from orrery.graph import Graph
from orrery.graph.codec import to_plain
from orrery.passes import Note
from orrery.passes.pipeline import Step
from orrery.runtime.batch.foresee import RowsForeseen
from orrery.runtime.explain import Explanation
from orrery.telling.passes import saved, seconds_in_words, told_note, unexplained, why_skipped
from orrery.telling.plain import dollars
from orrery.telling.printable import printable

MOST_TASKS, MOST_NOTES, MOST_LEFT, MOST_KINDS = 60, 12, 3, 20
"""How many tasks of a graph a terminal is given, and of one pass how many changes and how many reasons for none;
operations of which it is told how far their estimates were off."""


def show(
    console: Console, found: Explanation, actual: Calibration | None = None, rows: RowsForeseen | None = None
) -> None:
    """Print it for a person.

    Args:
        actual: what it took when it was run; None where it was not.
        rows: what it would take over a table; None where none was named.
    """
    pipeline = found.pipeline
    is_changed = pipeline.before is not pipeline.after
    for line in about(found.workflow)[:-1]:
        say(console, line)
    say(console, _taught(found), "dim")
    changes = draw.changes(pipeline.before, pipeline.after)
    _show_graph(console, "as written" if is_changed else "graph", pipeline.before, changes)
    if is_changed:
        _show_graph(console, "optimised", pipeline.after, changes)
    say(console, "")
    say(console, "passes", "bold")
    for head, line in _passes(pipeline.steps):
        _say_beside(console, head, line)
    say(console, "")
    say_table(console, *_totals(found, actual, is_changed=is_changed))
    say(console, "")
    _show_tasks(console, found, actual)
    if actual is not None:
        say(console, "")
        _show_kinds(console, actual)
    if rows is not None:
        say(console, "")
        for line in _over_rows(rows):
            say(console, line)


def titles(found: Explanation) -> tuple[str, str]:
    """What stands above the two graphs of a picture."""
    before, after = found.pipeline.before, found.pipeline.after
    return (
        f"as written: {len(before):,} tasks, {ranged(found.before.seconds)}",
        f"optimised: {len(after):,} tasks, {ranged(found.after.seconds)}",
    )


def reasons(found: Explanation) -> list[str]:
    """What was changed and why, a line each, for below a picture."""
    lines = [f"{name}, {told_note(note)}" for name, note in found.pipeline.notes() if note.kind == "made"]
    more = [f"and {len(lines) - MOST_NOTES} more"] if len(lines) > MOST_NOTES else []
    return [printable(line) for line in lines[:MOST_NOTES] + more]


def skipped(found: Explanation) -> list[str]:
    """The passes that were skipped and why, a line each."""
    return [f"{printable(step.name)} is {why_skipped(step)}" for step in found.pipeline.steps if step.faults]


def plain(found: Explanation, actual: Calibration | None = None, rows: RowsForeseen | None = None) -> dict[str, Any]:
    """It all as JSON data."""
    pipeline = found.pipeline
    data: dict[str, Any] = {
        "target": found.workflow.source,
        "learned_from": found.learned.runs,
        "before": {"graph": to_plain(pipeline.before), "estimate": _plain_prediction(found.before)},
        "after": {"graph": to_plain(pipeline.after), "estimate": _plain_prediction(found.after)},
        "passes": [
            {
                "pass": step.name,
                "seconds": round(step.seconds, 6),
                "changed": step.changed,
                "patch": to_plain(step.patch),
                "notes": [msgspec.to_builtins(note) for note in step.notes],
                "faults": [str(fault) for fault in step.faults],
            }
            for step in pipeline.steps
        ],
    }
    if actual is not None:
        data["actual"] = msgspec.to_builtins(actual)
    if rows is not None:
        data["rows"] = msgspec.to_builtins(rows)
    return data


def ranged(spread: Spread) -> str:
    """A duration with the range in which it is in eight of ten cases."""
    mid = seconds_in_words(spread.mid)
    if spread.low == spread.high:
        return mid
    return f"{mid} ({seconds_in_words(spread.low)} to {seconds_in_words(spread.high)})"


def off_by(error: float) -> str:
    """How far an estimate was off, as a share of the actual, or as a multiple of it."""
    return f"{error:.0%}" if error < 2 else f"{error:,.0f} x"


def _taught(found: Explanation) -> str:
    runs = found.learned.runs
    if not runs:
        return "  no run in the store has taught anything: figures are declared, from the catalogue, or guessed"
    return f"  learned from {runs:,} {'run' if runs == 1 else 'runs'} in the store"


def _show_graph(console: Console, title: str, graph: Graph, changes: dict[str, str]) -> None:
    say(console, "")
    say(console, f"{title}: {len(graph):,} {'task' if len(graph) == 1 else 'tasks'}", "bold")
    if len(graph) > MOST_TASKS:
        say(console, "  too many to draw here; -o FILE.svg draws them", "dim")
        return
    width = console.width if console.is_terminal else 120
    for line in draw.terminal(graph, width=width - 2, states=changes).splitlines():
        say(console, Text(f"  {line}", no_wrap=True))


def _passes(steps: Sequence[Step]) -> Iterator[tuple[Text, Text]]:
    """What stands at the left, and what stands beside it, a line each."""
    spoke = [step for step in steps if step.notes or step.faults or step.changed]
    silent = [step.name for step in steps if not (step.notes or step.faults or step.changed)]
    width = max((len(step.name) for step in spoke), default=0)
    for step in spoke:
        for number, line in enumerate(_of_pass(step)):
            yield Text(f"  {step.name if number == 0 else '':<{width}}  ", "bold"), line
    if silent:
        yield Text("  "), Text(f"nothing to do for {', '.join(silent)}", "dim")


def _say_beside(console: Console, head: Text, body: Text) -> None:
    """Print a line; what does not fit on a terminal goes on below itself, not below the head."""
    lines = body.wrap(console, max(20, console.width - len(head))) if console.is_terminal else [body]
    for number, line in enumerate(lines):
        say(console, (head if number == 0 else Text(" " * len(head))) + line)


def _of_pass(step: Step) -> Iterator[Text]:
    """What one pass did and did not, a line each."""
    made = [note for note in step.notes if note.kind == "made"]
    left = [note for note in step.notes if note.kind == "rejected"]
    if step.faults:
        yield Text(why_skipped(step), "red")
        return
    if step.changed and not made:
        yield Text(unexplained(step), "yellow")
    for note in made[:MOST_NOTES]:
        yield Text(printable(told_note(note))).append(saved(note), "green" if _is_gain(note) else "yellow")
    if len(made) > MOST_NOTES:
        yield Text(f"and {len(made) - MOST_NOTES:,} more", "dim")
    for note in left[:MOST_LEFT]:
        yield Text(f"left: {printable(told_note(note))}", "dim")
    if len(left) > MOST_LEFT:
        yield Text(f"and {len(left) - MOST_LEFT:,} more left as they are", "dim")


def _is_gain(note: Note) -> bool:
    return all(figure is None or figure >= 0 for figure in (note.saves_s, note.saves_money, note.saves_tokens))


def _totals(
    found: Explanation, actual: Calibration | None, *, is_changed: bool
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The headings, and a line for each figure of the whole; what it took stands first, where it was run."""
    shown = {"as written": found.before, "optimised": found.after} if is_changed else {"": found.before}
    if actual is not None:
        shown = dict(reversed(shown.items()))
    lines: list[tuple[str, ...]] = []

    def tell(name: str, cell: Callable[[Prediction], str], what: str = "", say: Callable[[float], str] = str) -> None:
        pair: Pair | None = getattr(actual, what) if actual is not None and what else None
        took = () if actual is None else ("", "") if pair is None else (say(pair.actual), off_by(pair.error))
        lines.append((f"  {name}", *took, *map(cell, shown.values())))

    def tokens(count: float) -> str:
        return f"{count:,.0f}"

    tell("time", lambda one: ranged(one.seconds), "seconds", seconds_in_words)
    tell("one after the other", lambda one: seconds_in_words(one.work_s.mid), "work_s", seconds_in_words)
    if any(one.tokens.mid for one in shown.values()) or (actual and actual.tokens.actual):
        tell("tokens", lambda one: tokens(one.tokens.mid), "tokens", tokens)
    if any(one.money.mid for one in shown.values()) or (actual and actual.money.actual):
        tell("money", lambda one: dollars(one.money.mid), "money", dollars)
    tell("decided by", _path)
    if found.before.asks:
        tell("asks a person", lambda one: ", ".join(one.asks))
    return ("estimate", *(("it took", "off by") if actual is not None else ()), *shown), lines


def _path(prediction: Prediction) -> str:
    path = prediction.critical_path
    shown = path if len(path) <= 8 else (*path[:4], "...", *path[-3:])
    return " > ".join(shown)


def _show_tasks(console: Console, found: Explanation, actual: Calibration | None) -> None:
    rows = {row.task: row for row in actual.tasks} if actual is not None else {}
    lines = []
    for task in found.pipeline.after:
        seen, row = found.after.tasks[task.id], rows.get(task.id)
        cost = seen.cost
        each = f" x {seen.items:,}" if task.each is not None else ""
        chance = f"{seen.chance:.0%}" if seen.chance < 1 else ""
        tokens = f"{cost.tokens.mid:,.0f}" if cost.tokens.mid else ""
        money = dollars(cost.money.mid) if cost.money.mid else ""
        line: list[Text | str] = [Text(task.id, "bold"), ranged(cost.seconds) + each]
        if actual is not None:
            line += [seconds_in_words(row.seconds.actual), off_by(row.seconds.error)] if row and row.ran else ["", ""]
        lines.append((*line, tokens, money, chance, Text(cost.because, "dim")))
    took = ("took", "off by") if actual is not None else ()
    header = ("task", "seconds", *took, "tokens", "money", "chance", "because")
    told = [column for column in range(len(header)) if column < 2 or any(line[column] for line in lines)]
    shown = [[line[column] for column in told] for line in lines[:MOST_TASKS]]
    say_table(console, [header[column] for column in told], shown, right="took by tokens money chance")
    if len(lines) > MOST_TASKS:
        say(console, f"and {len(lines) - MOST_TASKS:,} more tasks; --json has them all", "dim")


def _show_kinds(console: Console, actual: Calibration) -> None:
    """How far estimates were off, by operation."""
    header = ("operation", "attempts", "error", "took of estimate", "within range", "from")
    lines = [
        (
            Text(kind.op, "bold"),
            f"{kind.attempts:,}",
            off_by(kind.error),
            f"{kind.bias:.2f} x",
            f"{kind.coverage:.0%}",
            ", ".join(kind.sources),
        )
        for kind in actual.kinds[:MOST_KINDS]
    ]
    say_table(console, header, lines, right="attempts error took of estimate within range")
    if actual.unforeseen:
        say(console, f"and {actual.unforeseen:,} tasks that nobody could foresee", "dim")


def _over_rows(rows: RowsForeseen) -> Iterator[Text]:
    """What all rows would take, a line each."""
    head = Text("over the table", "bold").append(f"  {rows.rows:,} rows", "")
    yield head.append(f", {rows.refused:,} that do not fit" * bool(rows.refused), "yellow")
    shared = 1 - rows.distinct / rows.tasks if rows.tasks else 0.0
    yield Text(f"  tasks   {rows.distinct:,} instead of {rows.tasks:,}: {shared:.0%} is there more than once")
    yield Text(f"  time    {ranged(rows.seconds)}")
    if rows.calls:
        yield Text("  calls   " + ", ".join(f"{count:,} to {printable(name)}" for name, count in rows.calls.items()))
    if rows.tokens.mid:
        yield Text(f"  tokens  {rows.tokens.mid:,.0f}")
    if rows.money.mid:
        yield Text(f"  money   {dollars(rows.money.mid)}")
    if rows.sampled < rows.rows:
        yield Text(f"  reckoned from the first {rows.sampled:,} rows", "dim")


def _plain_prediction(prediction: Prediction) -> dict[str, Any]:
    return {
        "seconds": _plain_spread(prediction.seconds),
        "work_s": _plain_spread(prediction.work_s),
        "money": _plain_spread(prediction.money),
        "tokens": _plain_spread(prediction.tokens),
        "critical_path": list(prediction.critical_path),
        "asks": list(prediction.asks),
        "tasks": {
            task: {
                "seconds": _plain_spread(seen.cost.seconds),
                "money": _plain_spread(seen.cost.money),
                "tokens": _plain_spread(seen.cost.tokens),
                "items": seen.items,
                "chance": round(seen.chance, 6),
                "begins_s": round(seen.begins_s, 6),
                "ends_s": round(seen.ends_s, 6),
                "source": seen.cost.source,
                "because": seen.cost.because,
            }
            for task, seen in prediction.tasks.items()
        },
    }


def _plain_spread(spread: Spread) -> list[float]:
    """The 10th, 50th and 90th percentile."""
    return [round(figure, 9) for figure in (spread.low, spread.mid, spread.high)]


__all__ = ["off_by", "plain", "ranged", "reasons", "show", "skipped", "titles"]
