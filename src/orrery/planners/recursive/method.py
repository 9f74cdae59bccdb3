"""Method: who decides what, and within which limits; read from a goal's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from orrery.errors import PlannerOptionError, suggestion
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
        redo: how often an answer that was not accepted is made again.
        depth: levels below the root.
        nodes: parts in all.
        tokens: tokens in all; None sets no limit.
        width: into how many parts one part may be split.
        summary_chars: the longest summary; what is longer is cut, with its length and digest.
        model: the model to ask; None means the default one.
        tools: the tools that may be used; None allows every registered one.
        most_tools: how many of them an agent is given: those that its part is about.
        approve: what agents may do without asking a person: "ask" asks as the policy says, "yes" does all it allows.
    """

    atomizer: str = _ASKED + "atomize"
    planner: str = _ASKED + "split"
    executor: str = "agent.run"
    aggregator: str = _ASKED + "aggregate"
    verifier: str = _ASKED + "verify"
    verify: Literal["every", "split", "root", "never"] = "split"
    redo: int = 1
    depth: int = 3
    nodes: int = 40
    tokens: int | None = None
    width: int = 6
    summary_chars: int = 1200
    model: str | None = None
    tools: tuple[str, ...] | None = None
    most_tools: int = 8
    approve: str = "ask"

    @property
    def budget(self) -> Budget:
        """What the root may use."""
        return Budget(self.depth, self.nodes, self.tokens)

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
        return self.redo if self.verify != "never" else 0


def method_of(options: Mapping[str, Any], *, tools: tuple[str, ...] | None = None, approve: str = "ask") -> Method:
    """The method that a goal describes: its options, the tools that it allows, and what needs no asking.

    Raises:
        PlannerOptionError: with everything that is wrong with them.
    """
    known = tuple(name for name in Method.__struct_fields__ if name != "approve")  # that is the goal's to say
    faults = [f"there is no option {name!r}; {suggestion(name, known)}" for name in options if name not in known]
    try:
        method = msgspec.convert({name: value for name, value in options.items() if name in known}, Method)
    except msgspec.ValidationError as error:
        raise PlannerOptionError("; ".join([*faults, str(error)])) from error
    limits = (
        ("depth", method.depth, 0, MOST_DEPTH),
        ("nodes", method.nodes, 1, 1_000_000),
        ("width", method.width, 2, 1000),
        ("redo", method.redo, 0, 10),
        ("most_tools", method.most_tools, 0, 100),
        ("summary_chars", method.summary_chars, 80, 100_000),
        ("tokens", method.tokens or 1, 1, 10**12),
    )
    for name, value, least, most in limits:
        if not least <= value <= most:
            faults.append(f"{name} is {value}; it must lie between {least:,} and {most:,}")
    if faults:
        raise PlannerOptionError("the recursive planner: " + "; ".join(faults))
    return msgspec.structs.replace(method, tools=method.tools if tools is None else tools, approve=approve)


__all__ = ["MOST_DEPTH", "Method", "method_of"]
