"""Node: one part of a tree as its steps hand it on, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from orrery.graph import Ref
from orrery.planners.recursive.budget import Budget, allowance
from orrery.planners.recursive.contracts import Finding, Part
from orrery.planners.recursive.method import Method


class Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part, with what it may use and where it stands.

    Args:
        id: of its task; its steps and children stand below it.
        given: what the parts that it rests on have found.
        after: the tasks of those parts, whose full results it may refer to.
        round: counts the answers that were begun, from 1.
        spent: tokens that its own calls have used, of those that `budget` still counts.
        redos: how often the answer may still be made again.
        critique: why the answer before was not accepted.
        earlier: nodes and tokens that plans before this one have used; `budget` counts them no more.
    """

    id: str
    goal: str
    request: str
    budget: Budget
    method: Method
    given: tuple[Finding, ...] = ()
    after: tuple[str, ...] = ()
    round: int = 1
    spent: int = 0
    redos: int = 0
    critique: str = ""
    earlier: tuple[int, int] = (0, 0)
    is_root: bool = False

    def part(self, *, tokens: int | None = None) -> Part:
        """What the functions that decide are told, and the tokens that this call may use."""
        return Part(
            goal=self.goal,
            request=self.request,
            given=self.given,
            round=self.round,
            critique=self.critique,
            most_parts=max(0, min(self.method.max_parts, self.budget.nodes - 1)),
            tokens=tokens,
            model=self.method.model,
            tools=self.method.tools,
        )

    def step(self, name: str) -> str:
        """The id of one of its steps in this round."""
        return f"{self.id}/{name}" if self.round == 1 else f"{self.id}/{name}-{self.round}"

    def child(self, position: int) -> str:
        """The id of a child in this round."""
        return f"{self.id}/{position}" if self.round == 1 else f"{self.id}/{self.round}-{position}"

    def calls_to_come(self, name: str) -> int:
        """How many calls may share what is left of the tokens, from the step of that name on."""
        answers = 2 * (1 + self.redos)
        return {"atomize": 2 + answers, "plan": 1 + answers, "answer": answers, "verify": answers - 1}[name]

    def tokens_for(self, name: str, *, is_split: bool) -> int | None:
        """The most tokens that the call of that step may use; None where there is no limit."""
        whole = self.budget.own_tokens if is_split else self.budget.tokens
        return allowance(whole, spent=self.spent, calls=self.calls_to_come(name))

    def spending(self, tokens: int) -> Node:
        """The same, having used so many tokens more."""
        return msgspec.structs.replace(self, spent=self.spent + tokens)

    def again(self, critique: str) -> Node:
        """The next round of the answer, which is to heed a critique."""
        return msgspec.structs.replace(self, round=self.round + 1, redos=self.redos - 1, critique=critique)

    def planned_again(self, critique: str, *, nodes: int, tokens: int) -> Node:
        """The next round, with another plan out of what the plans so far have left.

        Args:
            nodes: the nodes used so far, this one among them.
            tokens: the tokens used so far.
        """
        earlier_nodes, earlier_tokens = self.earlier
        left = self.budget.after(nodes=nodes - earlier_nodes, tokens=tokens - earlier_tokens)
        return msgspec.structs.replace(self.again(critique), budget=left, spent=0, earlier=(nodes - 1, tokens))

    def as_args(self, given: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        """The node as the arguments of a task; `given` may hold references where the findings are not there yet."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        if given is not None:
            data["given"] = given
        return {"node": data}


def node_of(data: Mapping[str, Any]) -> Node:
    """The node that `as_args` wrote."""
    return msgspec.convert(data, Node)


def finding(goal: str, task: str) -> dict[str, Any]:
    """A finding of a part that is not done yet: its summary is a reference."""
    return {"goal": goal, "summary": Ref(task, ("summary",))}


__all__ = ["Node", "finding", "node_of"]
