"""An online topological order: cycles are found as edges arrive, at a cost bounded by what they disturb.

Source: Pearce and Kelly, "A dynamic topological sort algorithm for directed acyclic graphs" (2006). Each
node has a position; an edge that already points forward costs O(1), another one searches and reorders
only the nodes between its two ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from orrery.graph.ref import TaskId

Neighbours = Callable[[TaskId], Iterable[TaskId]]


class OnlineOrder:
    """Positions of the nodes such that every edge taken notice of points forward.

    Args:
        after: the direct successors of a node, over the edges inserted so far.
        before: its direct predecessors.
    """

    def __init__(self, after: Neighbours, before: Neighbours) -> None:
        self._after, self._before = after, before
        self._position: dict[TaskId, int] = {}
        self._next = 0

    def adopt(self, other: OnlineOrder) -> None:
        """Take over the positions of another order."""
        self._position, self._next = dict(other._position), other._next

    def append(self, node: TaskId) -> None:
        """Put a new node, without edges to the nodes before it, at the end."""
        self._position[node] = self._next
        self._next += 1

    def remove(self, node: TaskId) -> None:
        """Forget a node; without its edges the others stay in order."""
        del self._position[node]

    def position(self, node: TaskId) -> int:
        """Where the node stands; comparable, not contiguous."""
        return self._position[node]

    def insert(self, source: TaskId, target: TaskId) -> list[TaskId] | None:
        """Make room for an edge. Returns the loop it would close, source first, or None.

        With a loop nothing changes. The caller enters the edge afterwards.
        """
        if source == target:
            return [source]
        position = self._position
        low, high = position[target], position[source]
        if low > high:
            return None
        came_from: dict[TaskId, TaskId] = {target: target}
        stack = [target]
        while stack:
            node = stack.pop()
            for successor in self._after(node):
                if successor == source:
                    return _loop(came_from, source, target, node)
                if successor not in came_from and position[successor] < high:
                    came_from[successor] = node
                    stack.append(successor)
        behind: dict[TaskId, None] = {source: None}
        stack = [source]
        while stack:
            for predecessor in self._before(stack.pop()):
                if predecessor not in behind and position[predecessor] > low:
                    behind[predecessor] = None
                    stack.append(predecessor)
        moved = sorted(behind, key=position.__getitem__) + sorted(came_from, key=position.__getitem__)
        for node, slot in zip(moved, sorted(position[n] for n in moved), strict=True):
            position[node] = slot
        return None


def _loop(came_from: Mapping[TaskId, TaskId], source: TaskId, target: TaskId, last: TaskId) -> list[TaskId]:
    path = [last]
    while path[-1] != target:
        path.append(came_from[path[-1]])
    return [source, *reversed(path)]
