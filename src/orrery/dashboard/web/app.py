"""The web application: every endpoint, and the page. `access.Guard` stands in front of it where it is served."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from orrery.dashboard.board import Board
from orrery.dashboard.web.acting import acting, starting
from orrery.dashboard.web.endpoint import MOST_THREADS, Endpoint
from orrery.dashboard.web.fleet import fleet
from orrery.dashboard.web.looking import looking
from orrery.dashboard.web.openapi import openapi
from orrery.dashboard.web.page import page_routes
from orrery.dashboard.web.refusing import Faults, refuse, refuse_http
from orrery.dashboard.web.streams import Streams
from orrery.dashboard.web.weighing import weighing
from orrery.errors import OrreryError

GROUPS = (looking, starting, acting, weighing, fleet)


def endpoints() -> list[Endpoint]:
    """Every operation of the API, in the order of the documentation."""
    return [endpoint for group in GROUPS for endpoint in group.all]


def application(board: Board) -> Starlette:
    """The application over one board, without the checks of who may call it."""
    described = openapi(endpoints())

    async def description(_request: Request) -> Response:
        return Response(described, media_type="application/json")

    app = Starlette(
        routes=[
            *(endpoint.route() for endpoint in endpoints()),
            Route("/api/openapi.json", description),
            *page_routes(),
        ],
        middleware=[Middleware(Faults), Middleware(AsWritten)],
        exception_handlers={OrreryError: refuse, HTTPException: refuse_http},
    )
    app.router.redirect_slashes = False
    app.state.board = board
    app.state.streams = Streams()
    # A workflow may take for ever to load: whoever looks at runs does not wait for a thread that it has.
    app.state.rooms = {group.tag: asyncio.Semaphore(MOST_THREADS) for group in GROUPS}
    return app


class AsWritten:
    """Matches paths as they were written, so that a name in one may have a slash in it; endpoints decode names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does."""
        if (raw := scope.get("raw_path")) is not None:
            scope = {**scope, "path": raw.decode("latin-1"), "root_path": ""}
        await self.app(scope, receive, send)
