"""What a workflow over a table would take: how much of its work is there more than once, and the time of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from orrery.cost import CostModel, Spread, predict, servers_of
from orrery.errors import InputError
from orrery.graph.graph import Graph
from orrery.passes.batch import Key, RowKeys, consolidate
from orrery.routing.replicas import Affinity
from orrery.runtime.batch.plan import ROWS, BatchPlan
from orrery.runtime.batch.table import Table
from orrery.workflow.workflow import Workflow

SAMPLE_ROWS = 1_000
"""So many rows, the first ones, are put into one graph and foreseen; the rest is taken to be like them."""


class RowsForeseen(msgspec.Struct, frozen=True):
    """What all rows would take.

    Args:
        rows: that fit; `refused` do not.
        tasks: rows times tasks; `distinct` of them are executed, since equal work is done once.
        seconds: of all rows together, as many at once as there are slots.
        money, tokens: of all rows.
        sampled: how many rows the figures are taken from.
        calls: about how many go to each replica, by its name; empty where no model has several.
    """

    rows: int
    refused: int
    tasks: int
    distinct: int
    seconds: Spread
    money: Spread
    tokens: Spread
    sampled: int
    calls: Mapping[str, int] = {}


def foresee(batch: Workflow, folder: Path, costs_of: Callable[[Graph], CostModel]) -> RowsForeseen:
    """What a batch would take. The table is read once.

    Args:
        batch: as `batch_of` makes it.
        folder: against which its paths are read.
        costs_of: the cost model for a graph.

    Raises: InputError: the table cannot be read.
    """
    plan = msgspec.convert(batch.graph[ROWS].args["plan"], BatchPlan)
    graph = plan.read_graph()
    keys, columns = RowKeys(graph), plan.columns()
    own = len(graph) - len(keys.keyed)
    seen: set[Key] = set()
    sample: list[dict[str, object]] = []
    rows = refused = in_sample = 0
    for _, bound in plan.bound(Table(folder / plan.table), columns):
        try:
            if isinstance(bound, InputError):
                raise bound
            seen.update(keys.keys(bound).values())
        except InputError:
            refused += 1
            continue
        rows += 1
        if len(sample) < SAMPLE_ROWS:
            sample.append(bound)
            in_sample = len(seen) + own * rows
    made = consolidate(graph, sample, keys=keys).graph
    seen_once = predict(made, costs_of(made))
    distinct = len(seen) + own * rows
    factor = distinct / in_sample if in_sample else 0.0
    servers = Counter(Affinity(servers_of).place(made).servers.values())
    return RowsForeseen(
        rows,
        refused,
        rows * len(graph),
        distinct,
        seen_once.seconds.times(factor),
        seen_once.money.times(factor),
        seen_once.tokens.times(factor),
        len(sample),
        {name: round(count * factor) for name, count in sorted(servers.items())},
    )


__all__ = ["RowsForeseen", "foresee"]
