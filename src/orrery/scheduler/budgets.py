"""Ledger: what a run has spent and set aside, held against its budget."""

from __future__ import annotations

import msgspec

from orrery.graph.task import Estimate
from orrery.scheduler.events import Budget, Usage


class Ledger(msgspec.Struct):
    """Spent is what attempts reported; reserved is what running attempts are estimated to spend."""

    budget: Budget = Budget()
    money: float = 0.0
    tokens: int = 0
    cpu_s: float = 0.0
    reserved_money: float = 0.0
    reserved_tokens: int = 0

    def affords(self, estimate: Estimate) -> bool:
        """Whether an attempt of that estimate still fits beside what is spent and reserved."""
        money, tokens = self.budget.money, self.budget.tokens
        if money is None and tokens is None:
            return True
        return (money is None or self.money + self.reserved_money + estimate.money <= money) and (
            tokens is None or self.tokens + self.reserved_tokens + estimate.tokens <= tokens
        )

    def reserve(self, estimate: Estimate) -> None:
        """Set aside what an attempt is estimated to spend."""
        self.reserved_money += estimate.money
        self.reserved_tokens += estimate.tokens

    def settle(self, estimate: Estimate) -> None:
        """Give back what was set aside for an attempt that has ended."""
        self.reserved_money -= estimate.money
        self.reserved_tokens -= estimate.tokens

    def spend(self, usage: Usage) -> None:
        """Count what an attempt reported."""
        self.money += usage.money
        self.tokens += usage.tokens
        self.cpu_s += usage.cpu_s

    def exceeded(self) -> tuple[str, float, float] | None:
        """The limit that was passed, with what was spent and what was allowed."""
        if self.budget.money is not None and self.money > self.budget.money:
            return "money", self.money, self.budget.money
        if self.budget.tokens is not None and self.tokens > self.budget.tokens:
            return "tokens", float(self.tokens), float(self.budget.tokens)
        return None
