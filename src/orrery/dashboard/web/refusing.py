"""Refusals: from an error to an answer with a status, a stable code and a sentence."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orrery.dashboard.begun import Fault, Refusal
from orrery.dashboard.faults import UNFORESEEN, faults
from orrery.errors import (
    AnsweredError,
    HubNotHereError,
    InternalError,
    OrreryError,
    OutsideError,
    ProblemsError,
    RequestError,
    RunEndedError,
    RunExistsError,
    RunLockedError,
    StoreError,
    TooManyStreamsError,
    UnknownNameError,
    UnknownRunError,
)

_LOG = logging.getLogger("orrery.dashboard")

_STATUSES: Sequence[tuple[type[OrreryError], int]] = (
    (UnknownRunError, 404),
    (RunEndedError, 409),
    (AnsweredError, 409),
    (RunExistsError, 409),
    (RunLockedError, 409),
    (HubNotHereError, 409),
    (RequestError, 400),
    (StoreError, 503),
    (TooManyStreamsError, 503),
    (OutsideError, 502),
)
"""The first class that an error belongs to says its status; all others are our fault."""

ABSENT = frozenset({"task", "output", "blob", "device"})
"""Kinds of names that stand in an address: an unknown one is not found, and the request is not wrong in itself."""


def refused(
    status: int, code: str, message: str, problems: tuple[Fault, ...] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The answer that says why there is none."""
    body = msgspec.json.encode(Refusal(code, message, problems))
    return Response(body, status, headers, media_type="application/json")


def status_of(error: OrreryError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, UnknownNameError) and error.kind in ABSENT:
        return 404
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


async def refuse(_request: Request, error: Exception) -> Response:
    """The answer to a request that ended in an error of ours."""
    assert isinstance(error, OrreryError)
    status = status_of(error)
    if status == 500:
        return _fault(error)
    message = str(error).partition("\n")[0] if isinstance(error, ProblemsError) else str(error)
    return refused(status, error.code, message, faults(getattr(error, "problems", ())))


async def refuse_http(request: Request, error: Exception) -> Response:
    """The answer where no route takes a request."""
    assert isinstance(error, HTTPException)
    match error.status_code:
        case 404:
            path = request.scope["path"][:200]
            return refused(404, "not-found", f"there is nothing at {path!r}; /api/openapi.json lists what there is")
        case 405:
            message = f"{request.method[:20]} is not what this takes; /api/openapi.json says what it does"
            return refused(405, "method-not-allowed", message, headers=error.headers)
        case 413:
            return refused(413, "too-large", error.detail)
    return refused(error.status_code, "request", error.detail, headers=error.headers)


class Faults:
    """Turns what no endpoint foresaw into a clear answer; what happened is on stderr, and not in the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, or that it could not."""
        has_begun = False

        async def send_seen(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self.app(scope, receive, send_seen)
        except ClientDisconnect:  # in the midst of what it sent: nobody is there to be answered, and nothing is wrong
            return
        except Exception as error:
            if has_begun:
                raise
            await _fault(error)(scope, receive, send)


def _fault(error: Exception) -> Response:
    _LOG.error("a request could not be answered", exc_info=error)
    code = error.code if isinstance(error, InternalError) else "internal"
    return refused(500, code, UNFORESEEN)


__all__ = ["Faults", "refuse", "refuse_http", "refused", "status_of"]
