"""Pass: graph to graph. Rewritten: what a pass made of one, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from orrery.cost import CostModel
from orrery.graph.graph import Graph
from orrery.graph.ref import TaskId


class Note(msgspec.Struct, frozen=True):
    """One decision of a pass.

    Args:
        kind: "made": the graph was changed so; "rejected": it was considered, and left.
        tasks: those that it is about, by their names before the pass.
        because: the reason, as a person reads it: "3 tasks compute the same; one is kept".
        saves_s, saves_money, saves_tokens: what it is expected to save; below 0 where it costs; None where nobody said.
    """

    kind: Literal["made", "rejected"]
    tasks: tuple[TaskId, ...]
    because: str
    saves_s: float | None = None
    saves_money: float | None = None
    saves_tokens: float | None = None


class Rewritten(msgspec.Struct, frozen=True):
    """What a pass made of a graph.

    Args:
        graph: the new one; the same object where nothing was changed.
        notes: what was done and what was not, in the order of the tasks.
        became: which task does the work of one that is gone: its name before → a name after. One that is gone and not
            named here was not needed.
    """

    graph: Graph
    notes: tuple[Note, ...] = ()
    became: Mapping[TaskId, TaskId] = {}


Pass = Callable[[Graph, CostModel], Rewritten]
"""Can the same result be had cheaper or sooner? Options of a pass are bound beforehand, by `functools.partial`."""
