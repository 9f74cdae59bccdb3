"""The run drawn as it went: a row for each lane of an executor, a bar for each attempt."""

from __future__ import annotations

from orrery.apps.observatory.account import Account, Attempt
from orrery.apps.observatory.svg import Scale, chart, el, label, line, steps

FAMILIES = {
    "measure": ("sky", "measure a source file"),
    "look_up": ("brass", "ask the busy server"),
    "metrics.sample": ("plum", "watch the machine"),
}
"""The large families by their colour, and what they do."""
OTHER = ("leaf", "everything else")
FAILED = ("clay", "failed, and tried again")

_LEFT, _WIDTH, _TOP = 96.0, 1040.0, 8.0
_THICK, _THIN = 22.0, 9.0


def hue_of(attempt: Attempt) -> str:
    """The colour of an attempt's bar."""
    return FAILED[0] if attempt.failure else FAMILIES.get(attempt.family, OTHER)[0]


def timeline(account: Account) -> str:
    """When every attempt ran."""
    lanes = sorted({(one.executor, one.lane) for one in account.attempts}, key=lambda lane: (_order(lane[0]), lane[1]))
    across = Scale(max(account.wall_s, 1e-3), _LEFT, _WIDTH)
    places: dict[tuple[str, int], tuple[float, float]] = {}
    parts: list[str] = []
    y, last = _TOP, ""
    for executor, lane in lanes:
        if executor != last:
            y += 10 if last else 0
            parts.append(
                label(_LEFT - 12, y + 14, {"process": "processes", "thread": "threads"}.get(executor, executor), "end")
            )
            last = executor
        height = _THICK if executor == "process" else _THIN
        places[executor, lane] = (y, height)
        y += height + (4 if executor == "process" else 2.5)
    bottom = y + 6
    grid = [n for n in steps(account.wall_s, 8) if across(n) <= _WIDTH]
    parts[:0] = [line(across(n), _TOP - 4, across(n), bottom, "grid") for n in grid]
    parts += [label(across(n), bottom + 16, f"{n:g} s", "mid small") for n in grid]
    for one in account.attempts:
        top, height = places[one.executor, one.lane]
        wide = max(1.2, across(one.ended_s) - across(one.began_s) - 0.6)
        tip = f"{one.task}, attempt {one.number}: {one.seconds * 1000:,.0f} ms" + (
            f"; {one.failure}" if one.failure else ""
        )
        rx = min(2.5, wide / 2)
        x, hue = across(one.began_s), hue_of(one)
        parts.append(el("rect", cls=f"c-{hue} fill", tip=tip, x=x, y=top, width=wide, height=height, rx=rx))
    for resumption in account.resumptions:
        x = across(resumption.at_s)
        parts += [line(x, _TOP - 8, x, bottom, "cut"), label(x + 6, bottom - 2, "killed, then resumed", "small c-clay")]
    return chart(_WIDTH, bottom + 24, parts, title="What ran when")


def legend(account: Account) -> list[tuple[str, str]]:
    """The colours that occur, and what they mean."""
    found = {hue_of(one): None for one in account.attempts}
    known = [*FAMILIES.values(), OTHER, FAILED]
    return [(hue, text) for hue, text in known if hue in found]


def _order(executor: str) -> int:
    order = ("process", "thread", "inline")
    return order.index(executor) if executor in order else len(order)
