"""Budget: how deep, how wide and how dear a tree may become, split top-down before anything below it starts.

Nothing is counted while the tree runs: a node may use what it was given, and gives its children no more than it has
left. So the limits hold in whatever order the nodes run, and the same plan is split the same way every time.
"""

from __future__ import annotations

import msgspec

LEAST_PARTS = 2
"""A plan with fewer parts than this splits nothing."""


class Budget(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one node and everything below it may use.

    Args:
        depth: levels below this node.
        nodes: nodes in all, this one among them.
        tokens: tokens in all; None sets no limit.
    """

    depth: int
    nodes: int
    tokens: int | None = None

    def leaves_no_plan(self) -> str:
        """Why the node must be done in one step; empty where it may be split."""
        if self.depth < 1:
            return "the depth limit is reached"
        if self.nodes < 1 + LEAST_PARTS:
            return f"the node limit leaves {self.nodes - 1} below it"
        return ""

    @property
    def own_tokens(self) -> int | None:
        """The tokens that a node which is split keeps for its own calls: the share of one node."""
        return None if self.tokens is None else self.tokens // self.nodes

    def split(self, parts: int) -> list[Budget]:
        """What each of so many children may use; what cannot be divided goes to the first ones.

        >>> Budget(depth=2, nodes=8, tokens=800).split(3)  # doctest: +NORMALIZE_WHITESPACE
        [Budget(depth=1, nodes=3, tokens=300), Budget(depth=1, nodes=2, tokens=200),
         Budget(depth=1, nodes=2, tokens=200)]
        """
        each, over = divmod(self.nodes - 1, parts)
        shares = [each + (position < over) for position in range(parts)]
        if self.tokens is None or self.own_tokens is None:
            return [Budget(self.depth - 1, nodes) for nodes in shares]
        below = self.tokens - self.own_tokens
        return [Budget(self.depth - 1, nodes, below * nodes // (self.nodes - 1)) for nodes in shares]

    def after(self, *, nodes: int, tokens: int) -> Budget:
        """What is left for another plan of this node, once all below it has ended.

        Args:
            nodes: the nodes used so far, this one among them.
            tokens: the tokens used so far.
        """
        left = None if self.tokens is None else max(0, self.tokens - tokens)
        return Budget(self.depth, self.nodes - nodes + 1, left)


def allowance(tokens: int | None, *, spent: int, calls: int) -> int | None:
    """The most tokens that the next of so many calls may use; None where there is no limit."""
    return None if tokens is None else max(0, tokens - spent) // max(1, calls)


__all__ = ["LEAST_PARTS", "Budget", "allowance"]
