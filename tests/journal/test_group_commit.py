"""Groups that wait are committed together, in order, and every future gets an answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from orrery.journal.group_commit import GroupCommit


class Ledger:
    """A place to commit numbers to: slow until `gate` opens, and unwilling to take a negative one."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.commits: list[list[int]] = []
        self.failed: list[list[int]] = []

    def commit(self, numbers: Sequence[int]) -> None:
        assert self.gate.wait(timeout=10)
        if min(numbers, default=0) < 0:
            raise ValueError(f"{min(numbers)} is negative")
        self.commits.append(list(numbers))

    def note(self, numbers: Sequence[int], error: Exception) -> None:
        self.failed.append(list(numbers))


def test_what_waits_is_committed_at_once_and_in_order() -> None:
    ledger = Ledger()
    committing = GroupCommit(ledger.commit, ledger.note)
    futures = [committing.submit([number, number]) for number in range(50)]
    ledger.gate.set()
    for future in futures:
        future.result(timeout=10)
    assert [number for commit in ledger.commits for number in commit] == [n for n in range(50) for _ in "ab"]
    assert len(ledger.commits) <= 3  # the first, perhaps alone, and the rest that had gathered behind it
    committing.close()


def test_an_unforeseen_error_answers_its_own_future_and_the_thread_goes_on() -> None:
    ledger = Ledger()
    committing = GroupCommit(ledger.commit, ledger.note)
    futures = [committing.submit([number]) for number in (1, -2, 3)]
    ledger.gate.set()
    assert futures[0].result(timeout=10) is None
    with pytest.raises(ValueError, match="-2 is negative"):
        futures[1].result(timeout=10)
    assert futures[2].result(timeout=10) is None
    assert ledger.failed == [[-2]]
    committing.drain()
    committing.close()
    assert [number for commit in ledger.commits for number in commit] == [1, 3]
