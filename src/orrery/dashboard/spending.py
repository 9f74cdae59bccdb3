"""Where time and money of a run went."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from orrery.dashboard.account import Account, Spent, Waited
from orrery.dashboard.seen import model_of
from orrery.dashboard.weighed import Share, Spending
from orrery.graph.ref import TaskId

MOST_TASKS = 50
"""Tasks that are told of one by one; the dearest."""
NO_MODEL, HERE, OTHERS = "(no model)", "(this machine)", "(other tasks)"


def spending_of(account: Account) -> Spending:
    """Where time and money of a run went; every kind of share adds up to the whole."""
    spent, waited = account.spent, account.waited()
    where = {(one.attempt.task, one.attempt.number): one.where for one in spent}

    def op(task: TaskId, _number: int) -> str:
        found = account.tasks.get(task)
        return found.op if found is not None else ""

    def model(task: TaskId, _number: int) -> str:
        found = account.tasks.get(task)
        return (model_of(found) if found is not None else "") or NO_MODEL

    def device(task: TaskId, number: int) -> str:
        return where.get((task, number)) or HERE

    by_task = _shares(spent, waited, lambda task, _number: task)
    return Spending(
        seconds=sum(one.attempt.seconds for one in spent),
        money=sum(one.usage.money for one in spent),
        tokens=sum(one.usage.tokens for one in spent),
        duration_s=account.duration_s,
        queued_s=sum(one.queued_s for one in spent),
        by_op=_shares(spent, waited, op),
        by_model=_shares(spent, waited, model),
        by_device=_shares(spent, waited, device),
        by_task=(*by_task[:MOST_TASKS], *_together(by_task[MOST_TASKS:])),
    )


def _shares(spent: Iterable[Spent], waited: Iterable[Waited], name: Callable[[TaskId, int], str]) -> tuple[Share, ...]:
    """What belongs together by its name, the dearest first: by money, then by how long the run waited for it."""
    found: dict[str, _Sum] = {}
    for one in spent:
        attempt = one.attempt
        total = found.setdefault(name(attempt.task, attempt.number), _Sum())
        total.tasks[attempt.task] = None
        total.attempts += 1
        total.seconds += attempt.seconds
        total.queued_s += one.queued_s
        total.money += one.usage.money
        total.tokens += one.usage.tokens
    for stretch in waited:
        key = name(stretch.attempt.task, stretch.attempt.number) if stretch.attempt is not None else stretch.what
        found.setdefault(key, _Sum()).waited_s += stretch.seconds
    shares = [total.share(key) for key, total in found.items()]
    return tuple(sorted(shares, key=lambda one: (-one.money, -one.waited_s, -one.seconds, one.name)))


class _Sum:
    """A share that is still being added up."""

    def __init__(self) -> None:
        self.tasks: dict[TaskId, None] = {}
        self.attempts = self.tokens = 0
        self.seconds = self.waited_s = self.queued_s = self.money = 0.0

    def share(self, name: str) -> Share:
        """What it came to."""
        return Share(
            name,
            len(self.tasks),
            self.attempts,
            self.seconds,
            self.waited_s,
            self.queued_s,
            self.money,
            self.tokens,
        )


def _together(shares: tuple[Share, ...]) -> tuple[Share, ...]:
    """Many shares as one."""
    if not shares:
        return ()
    return (
        Share(
            OTHERS,
            sum(one.tasks for one in shares),
            sum(one.attempts for one in shares),
            sum(one.seconds for one in shares),
            sum(one.waited_s for one in shares),
            sum(one.queued_s for one in shares),
            sum(one.money for one in shares),
            sum(one.tokens for one in shares),
        ),
    )


__all__ = ["spending_of"]
