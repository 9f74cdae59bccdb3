"""Recursive planning: a request is split until each part can be done in one step, and answered from the bottom up.

Five contracts decide (atomizer, planner, executor, aggregator, verifier), each replaceable by the name of a function;
the budget of a tree is split top-down, so it holds for any plan. Not for requests that are one chain of steps: there
the other planners are cheaper. May import `agents`, `workflow`, `tools`, `models` and `graph`.
"""

from orrery.planners.recursive.budget import Budget
from orrery.planners.recursive.contracts import (
    Aggregator,
    Answer,
    Atomicity,
    Atomizer,
    Finding,
    Part,
    Split,
    Splitter,
    Step,
    Verdict,
    Verifier,
)
from orrery.planners.recursive.method import Method
from orrery.planners.recursive.planner import RecursivePlanner

__all__ = [
    "Aggregator",
    "Answer",
    "Atomicity",
    "Atomizer",
    "Budget",
    "Finding",
    "Method",
    "Part",
    "RecursivePlanner",
    "Split",
    "Splitter",
    "Step",
    "Verdict",
    "Verifier",
]
