"""Endpoints that weigh: where time and money of a run went, what was foreseen, what another run did otherwise."""

from __future__ import annotations

from typing import Annotated

import msgspec

from orrery.dashboard.account import account_of
from orrery.dashboard.board import Board
from orrery.dashboard.comparing import compare_runs
from orrery.dashboard.explaining import explain_run, explain_target
from orrery.dashboard.export import export_of, file_name, json_of
from orrery.dashboard.single import html_of
from orrery.dashboard.spending import spending_of
from orrery.dashboard.web.endpoint import Endpoints, Raw
from orrery.dashboard.web.looking import Name, RunAsked
from orrery.dashboard.weighed import Comparison, Explained, Spending

weighing = Endpoints("Weigh")


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


@weighing.get("/runs/{run}/export.json")
def export_json(board: Board, asked: RunAsked) -> Raw:
    """A run as data, to be kept; the struct Exported describes it."""
    return Raw(json_of(export_of(board, asked.run)), "application/json", f"{file_name(asked.run)}.json")


@weighing.get("/runs/{run}/export.html")
def export_html(board: Board, asked: RunAsked) -> Raw:
    """A run as one HTML file that needs no server and no network."""
    return Raw(html_of(export_of(board, asked.run)), "text/html; charset=utf-8", f"{file_name(asked.run)}.html")
