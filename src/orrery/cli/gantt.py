"""Charts of attempts over time: for a terminal, as SVG, and as Chrome trace events."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from orrery.scheduler.machine import Machine
from orrery.telling.plain import span
from orrery.tracing import Attempt, lanes

_COLOURS = {"succeeded": "#3b8f5a", "failed": "#c0392b", "stopped": "#b8860b", "lost": "#8e44ad", "running": "#2f7fb8"}
_STYLES = {"succeeded": "green", "failed": "red", "stopped": "yellow", "lost": "magenta", "running": "cyan"}
_FONT = 'font-family="system-ui, sans-serif" font-size="11"'
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def chosen(attempts: Sequence[Attempt], path: Sequence[Attempt], most: int) -> list[Attempt]:
    """The attempts worth drawing where not all can be: those waited for, those that failed, the longest."""
    if len(attempts) <= most:
        return list(attempts)
    waited_for = {(attempt.task, attempt.number) for attempt in path}

    def worth(attempt: Attempt) -> tuple[bool, bool, float]:
        return (attempt.task, attempt.number) in waited_for, attempt.outcome != "succeeded", attempt.seconds

    return sorted(heapq.nlargest(most, attempts, key=worth), key=lambda a: (a.began_at, a.task, a.number))


def drawn_lines(
    attempts: Sequence[Attempt], path: Sequence[Attempt], *, most: int, width: int, fine: bool
) -> list[Text]:
    """The chart as lines at most `width` cells wide, one per attempt; what the run waited for is bold.

    Args:
        fine: the terminal can write block characters, which show eighths of a cell.
    """
    shown = chosen(attempts, path, most)
    if not shown:
        return [Text("nothing has run", "dim")]
    start, end = min(a.began_at for a in attempts), max(a.ended_at for a in attempts)
    names = max(6, min(28, width // 3, max(cell_len(_label(a)) for a in shown)))
    room = max(10, width - names - 12)
    scale = room / max(end - start, 1e-9)
    waited_for = {(attempt.task, attempt.number) for attempt in path}
    lines = [Text(" " * (names + 1), "dim").append(_axis(end - start, room))]
    for attempt in shown:
        line = Text(no_wrap=True)
        on_path = (attempt.task, attempt.number) in waited_for
        line.append(set_cell_size(_label(attempt), names), "bold" if on_path else "dim")
        line.append(" ")
        bar = _bar((attempt.began_at - start) * scale, (attempt.ended_at - start) * scale, room, fine=fine)
        line.append(bar, _STYLES[attempt.outcome] if on_path or attempt.outcome != "succeeded" else "cyan")
        line.append(f" {span(attempt.seconds):>9}", "bold" if on_path else "dim")
        lines.append(line)
    if len(shown) < len(attempts):
        lines.append(Text(f"and {len(attempts) - len(shown)} more attempts", "dim"))
    return lines


def _label(attempt: Attempt) -> str:
    return attempt.task if attempt.number == 1 else f"{attempt.task} #{attempt.number}"


def _axis(seconds: float, room: int) -> str:
    left, right = "0", span(seconds)
    return left + " " * max(1, room - len(left) - len(right)) + right


def _bar(began: float, ended: float, room: int, *, fine: bool) -> str:
    """A bar from one place to another, in cells; at least a sliver."""
    first = min(int(began), room - 1)
    if not fine:
        last = max(first + 1, min(room, round(ended)))
        return " " * first + "#" * (last - first) + " " * (room - last)
    cells = max(0.125, min(float(room), ended) - first)
    full, rest = int(cells), round((cells - int(cells)) * 8)
    bar = "█" * full + (_EIGHTHS[rest] if rest else "")
    return (" " * first + bar)[:room].ljust(room)


def svg(machine: Machine, attempts: Sequence[Attempt], path: Sequence[Attempt], *, most: int = 400) -> str:
    """The chart as an SVG image that needs nothing from outside; each bar says its task when pointed at."""
    shown = chosen(attempts, path, most)
    start = min((a.began_at for a in attempts), default=0.0)
    seconds = max((a.ended_at for a in attempts), default=1.0) - start or 1e-9
    left, plot, row, top = 220, 760, 18, 46
    height = top + row * len(shown) + 30
    waited_for = {(attempt.task, attempt.number) for attempt in path}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + plot + 90} {height}" {_FONT} role="img">',
        f"<title>{escape(machine.run)}</title>",
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="12" y="20" font-size="14" font-weight="600">{escape(machine.run)}</text>',
        f'<text x="12" y="36" fill="#666666">{len(attempts)} attempts in {span(seconds)}</text>',
    ]
    for tick in range(6):
        x = left + plot * tick / 5
        parts.append(f'<line x1="{x:.1f}" y1="{top - 6}" x2="{x:.1f}" y2="{height - 24}" stroke="#dddddd"/>')
        label = span(seconds * tick / 5)
        parts.append(f'<text x="{x:.1f}" y="{height - 10}" text-anchor="middle" fill="#666666">{label}</text>')
    for number, attempt in enumerate(shown):
        y = top + row * number
        x = left + plot * (attempt.began_at - start) / seconds
        wide = max(1.5, plot * attempt.seconds / seconds)
        weight = ' font-weight="600"' if (attempt.task, attempt.number) in waited_for else ""
        label = _label(attempt)
        cut = label if len(label) <= 32 else "..." + label[-29:]
        tip = f"{label}: {attempt.outcome}, {span(attempt.seconds)}"
        parts.append(f'<text x="{left - 8}" y="{y + 12}" text-anchor="end"{weight}>{escape(cut)}</text>')
        opacity = "1" if weight else "0.6"
        parts.append(
            f'<rect x="{x:.1f}" y="{y + 2}" width="{wide:.1f}" height="{row - 5}" rx="2" '
            f'fill="{_COLOURS[attempt.outcome]}" opacity="{opacity}"><title>{escape(tip)}</title></rect>'
        )
        parts.append(f'<text x="{x + wide + 5:.1f}" y="{y + 12}" fill="#666666">{span(attempt.seconds)}</text>')
    parts.append("</svg>")
    return "\n".join(parts)


def chrome(machine: Machine, attempts: Sequence[Attempt]) -> dict[str, Any]:
    """The attempts as Chrome trace events, for chrome://tracing and Perfetto: one lane per attempt at once.

    Source: the Trace Event Format; complete events ("X") with times in microseconds.
    """
    events: list[dict[str, Any]] = [
        {"ph": "M", "pid": 1, "tid": 0, "name": "process_name", "args": {"name": f"run {machine.run}"}}
    ]
    in_order = sorted(attempts, key=lambda one: one.began_at)
    for attempt, lane in zip(in_order, lanes((one.began_at, one.ended_at) for one in in_order), strict=True):
        record = machine.records.get(attempt.task)
        events.append(
            {
                "ph": "X",
                "pid": 1,
                "tid": lane + 1,
                "name": attempt.task,
                "cat": record.task.op if record is not None else "",
                "ts": round((attempt.began_at - machine.started_at) * 1e6),
                "dur": round(attempt.seconds * 1e6),
                "args": {"attempt": attempt.number, "outcome": attempt.outcome},
            }
        )
    return {"traceEvents": events, "displayTimeUnit": "ms"}
