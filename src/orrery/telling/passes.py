"""What passes did, as people read it: their notes, what those save, and why a pass was skipped."""

from __future__ import annotations

from orrery.drawing.view import short_seconds
from orrery.passes import Note
from orrery.passes.pipeline import Step
from orrery.telling.plain import dollars, span
from orrery.telling.printable import printable

MOST_NAMES = 4
"""Tasks that a note names."""


def told_note(note: Note) -> str:
    """A note with the tasks that it is about."""
    more = f" and {len(note.tasks) - MOST_NAMES:,} more" * (len(note.tasks) > MOST_NAMES)
    names = ", ".join(note.tasks[:MOST_NAMES]) + more
    return f"{names}: {note.because}" if names else note.because


def saved(note: Note) -> str:
    """What a change is expected to save, or to cost; two spaces stand in front of each."""
    figures = (
        (note.saves_s, seconds_in_words(abs(note.saves_s or 0.0))),
        (note.saves_money, dollars(abs(note.saves_money or 0.0))),
        (note.saves_tokens, f"{abs(note.saves_tokens or 0.0):,.0f} tokens"),
    )
    gains = [text for figure, text in figures if figure and figure > 0]
    costs = [text for figure, text in figures if figure and figure < 0]
    return "".join([f"  saves {', '.join(gains)}" * bool(gains), f"  costs {', '.join(costs)}" * bool(costs)])


def why_skipped(step: Step) -> str:
    """Why a pass with faults was skipped."""
    return printable(f"skipped, since it is wrong: {step.faults[0]}")


def unexplained(step: Step) -> str:
    """That a pass changed the graph without a note of it."""
    return f"changes {len(step.patch.touched()):,} tasks, and does not say why"


def seconds_in_words(seconds: float) -> str:
    """A duration: fine below a second, where most of a workflow's steps are."""
    return (short_seconds(seconds) or "0 s") if seconds < 1 else span(seconds)


__all__ = ["saved", "seconds_in_words", "told_note", "unexplained", "why_skipped"]
