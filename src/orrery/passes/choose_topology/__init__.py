"""Parallel, sequential, hierarchical or hybrid: the shape in which a graph is expected to end soonest.

`law` says what coupling costs, `coupled` is the graph as arrays, `shapes` are the four, `estimate` says what each would
take, `choose` compares them. `bench.optimiser.coupled_runs` simulates the same law with chance and a queue.
"""

from orrery.passes.choose_topology.choose import Choice, choose, choose_topology
from orrery.passes.choose_topology.law import Law

__all__ = ["Choice", "Law", "choose", "choose_topology"]
