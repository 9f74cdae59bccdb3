"""Endpoints that weigh: where time and money of a run went, what was foreseen, what another run did otherwise."""

from __future__ import annotations

from typing import Annotated

import msgspec

from orrery.dashboard.account import account_of
from orrery.dashboard.board import Board
from orrery.dashboard.comparing import compare_runs
from orrery.dashboard.explaining import explain_run, explain_target
from orrery.dashboard.spending import spending_of
from orrery.dashboard.web.endpoint import Endpoints
from orrery.dashboard.web.looking import Name
from orrery.dashboard.weighed import Comparison, Explained, Spending

weighing = Endpoints("Weigh")


class RunAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run, by its whole name."""

    run: Name


class TargetAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A workflow: a file below the folder, or what a run in the store was started from."""

    target: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]


class PairAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Two runs, by their whole names."""

    a: Name
    b: Name


@weighing.get("/runs/{run}/spending")
def spending(board: Board, asked: RunAsked) -> Spending:
    """Where time and money of a run went: by operation, model, device and task."""
    return spending_of(account_of(board.journal, asked.run))


@weighing.get("/runs/{run}/explain")
def explained_run(board: Board, asked: RunAsked) -> Explained:
    """What a run was expected to take before it began, what passes would make of it, and what it took."""
    return explain_run(board, asked.run)


@weighing.get("/explain")
def explained(board: Board, asked: TargetAsked) -> Explained:
    """What a workflow would take, and what passes would make of it; its code is loaded for that."""
    return explain_target(board, asked.target)


@weighing.get("/compare")
def compared(board: Board, asked: PairAsked) -> Comparison:
    """Two runs beside each other: what differs first."""
    return compare_runs(board, asked.a, asked.b)
