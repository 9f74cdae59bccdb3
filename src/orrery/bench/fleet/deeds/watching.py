"""Watching: what follows from what was measured or answered."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from orrery.bench.fleet.deeds.pace import pause
from orrery.errors import Failure
from orrery.runtime.context import Context


def sick(codes: Mapping[str, int], wait_s: float = 0.1) -> list[str]:
    """The hosts whose status is not 200, sorted."""
    pause(wait_s)
    return sorted(host for host, code in codes.items() if code != 200)


def used_bytes(path: str, wait_s: float = 0.4, *, ctx: Context) -> int:
    """The bytes of all files below a folder."""
    pause(wait_s)
    return sum(file.stat().st_size for file in (ctx.folder / path).rglob("*") if file.is_file())


def over(used: Mapping[str, int], quotas: Sequence[Sequence[Any]]) -> dict[str, int]:
    """By how much each host is over its quota; those that are not are left out."""
    return {host: used[host] - most for host, most in quotas if used[host] > most}


def those_with(found: Mapping[str, Any]) -> list[str]:
    """The names under which there is something, sorted."""
    return sorted(name for name, value in found.items() if value is not None and not isinstance(value, Failure))


def agreed(votes: Mapping[str, Any]) -> str:
    """The leader that at least two name. Raises RuntimeError."""
    named = Counter(vote["leader"] for vote in votes.values() if isinstance(vote, Mapping))
    leader, count = named.most_common(1)[0]
    if count < 2:
        raise RuntimeError(f"no two agree on a leader: {dict(named)}")
    return str(leader)


def days_left(history: Sequence[Mapping[str, Any]], wait_s: float = 0.3) -> float:
    """In how many days a disk is full if it goes on growing as it did, to one digit."""
    pause(wait_s)
    daily = (history[-1]["percent"] - history[0]["percent"]) / (len(history) - 1)
    return float(round((100 - history[-1]["percent"]) / daily, 1))


def ticket(path: str, host: str, days: float, wait_s: float = 0.3, *, ctx: Context) -> str:
    """Add a row to the table of tickets, unless the host has one."""
    pause(wait_s)
    with closing(sqlite3.connect(ctx.folder / path)) as database, database:
        database.execute("DELETE FROM tickets WHERE host = ?", (host,))
        database.execute("INSERT INTO tickets VALUES (?, ?)", (host, days))
    return host
