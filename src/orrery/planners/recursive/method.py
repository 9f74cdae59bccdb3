"""Method: who decides what, and within which limits; read from a goal's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from orrery.planners.options import Count, read_options
from orrery.planners.recursive.budget import Budget

_ASKED = "py:orrery.planners.recursive.asked:"
MOST_DEPTH = 24
"""Each level of a tree is a level of growth, and a run has a cap on those."""


class Method(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a request is solved recursively.

    Args:
        atomizer, planner, aggregator, verifier: names of functions, "py:module:function" or a registered tool; by
            default each asks a model.
        executor: the operation that does an atomic part: "agent.run" (a model with the tools that the part needs),
            "model.ask" (a model that answers from what it is given), or one of your own, which is given `part` and,
            if it takes them, `results`: the full results of the parts that this one needs.
        verify: which answers are judged: of every part, of those that were split, of the whole only, or none.
        max_redos: how often an answer that was not accepted is made again.
        max_depth: levels below the root.
        max_nodes: parts in all.
        max_tokens: tokens in all; None sets no limit.
        max_parts: into how many parts one part may be split.
        summary_chars: the longest summary; what is longer is cut, with its length and digest.
        model: the model to ask; None means the default one.
        tools: the tools that may be used; None allows every registered one.
        max_tools: how many of them an agent is given: those that its part is about.
        approve: what agents may do without asking a person: "ask" asks as the policy says, "yes" does all it allows.
    """

    atomizer: str = _ASKED + "atomize"
    planner: str = _ASKED + "split"
    executor: str = "agent.run"
    aggregator: str = _ASKED + "aggregate"
    verifier: str = _ASKED + "verify"
    verify: Literal["every", "split", "root", "never"] = "split"
    max_redos: Annotated[int, Meta(ge=0, le=10)] = 1
    max_depth: Annotated[int, Meta(ge=0, le=MOST_DEPTH)] = 3
    max_nodes: Annotated[int, Meta(ge=1, le=1_000_000)] = 40
    max_tokens: Count | None = None
    max_parts: Annotated[int, Meta(ge=2, le=1_000)] = 6
    summary_chars: Annotated[int, Meta(ge=80, le=100_000)] = 1200
    model: str | None = None
    tools: tuple[str, ...] | None = None
    max_tools: Annotated[int, Meta(ge=0, le=100)] = 8
    approve: str = "ask"

    @property
    def budget(self) -> Budget:
        """What the root may use."""
        return Budget(self.max_depth, self.max_nodes, self.max_tokens)

    @property
    def asks_a_model(self) -> bool:
        """Whether any of the contracts does."""
        contracts = (self.atomizer, self.planner, self.aggregator, self.verifier)
        judged = contracts if self.verify != "never" else contracts[:3]
        return self.executor in ("agent.run", "model.ask") or any(each.startswith(_ASKED) for each in judged)

    def judges(self, *, is_split: bool, is_root: bool) -> bool:
        """Whether the answer of such a part is judged."""
        return self.verify == "every" or (self.verify == "split" and is_split) or (self.verify != "never" and is_root)

    @property
    def redos(self) -> int:
        """How often an answer may be made again."""
        return self.max_redos if self.verify != "never" else 0


def method_of(options: Mapping[str, Any], *, tools: tuple[str, ...] | None = None, approve: str = "ask") -> Method:
    """The method that a goal describes: its options, the tools that it allows, and what needs no asking.

    Raises:
        PlannerOptionError: with everything that is wrong with them.
    """
    return read_options(Method, options, planner="recursive", tools=tools, approve=approve)


__all__ = ["MOST_DEPTH", "Method", "method_of"]
