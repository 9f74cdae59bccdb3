"""The web application: every endpoint, behind the checks of `access`, and the page."""

from __future__ import annotations

from starlette.applications import Starlette

from orrery.dashboard.board import Board
from orrery.dashboard.web.endpoint import Endpoint
from orrery.dashboard.web.looking import looking

GROUPS = (looking,)


def endpoints() -> list[Endpoint]:
    """Every operation of the API, in the order of the documentation."""
    return [endpoint for group in GROUPS for endpoint in group.all]


def application(board: Board) -> Starlette:
    """The application over one board."""
    app = Starlette(routes=[endpoint.route() for endpoint in endpoints()])
    app.state.board = board
    return app
