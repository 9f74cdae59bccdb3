"""Endpoints: Python functions that answer HTTP requests, with structs for what is asked, said and answered."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar, get_type_hints
from urllib.parse import quote, unquote

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orrery.dashboard.board import Board
from orrery.dashboard.web.streams import Streams
from orrery.errors import RequestError

Method = Literal["GET", "POST"]
F = TypeVar("F", bound=Callable[..., Any])
MOST_BODY_BYTES = 4 << 20
MOST_THREADS = 8
"""On which the functions of one heading are called, of the 40 that there are for all of them."""
SANDBOX = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""For what comes from a run: whatever is in it, a browser neither runs it nor lets it fetch anything."""


class Raw(NamedTuple):
    """An answer that is no JSON.

    Args:
        content: the bytes.
        media: their media type.
        filename: the name under which a browser keeps it; shown in place where empty.
    """

    content: bytes
    media: str
    filename: str = ""


class Stream(NamedTuple):
    """An answer that goes on: server-sent events."""

    parts: AsyncIterator[bytes]


@dataclass(frozen=True)
class Endpoint:
    """One operation of the API.

    Args:
        path: below /api, with {names} for the fields of `asked` that stand in it; the others come as a query.
        function: takes the board, then as many of `asked` and `said` as it has, and returns the answer. A plain
            function is called on a thread, since journals block; a coroutine function on the loop.
        asked: the struct of the path and the query; None where nothing is asked.
        said: the struct of the body; None where there is none.
        answer: the struct that is answered, or Raw, or Stream.
        tag: the heading under which the documentation has it.
    """

    method: Method
    path: str
    function: Callable[..., Any]
    asked: type | None
    said: type | None
    answer: Any
    tag: str

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def name(self) -> str:
        """The name of the operation."""
        return self.function.__name__

    def route(self) -> Route:
        """The route that calls it; its path parameters are matched as they were written, not yet decoded."""
        return Route(f"/api{self.path}", self._respond, methods=[self.method], name=self.name)

    async def _respond(self, request: Request) -> Response:
        board: Board = request.app.state.board
        board.standing.check()
        given: list[Any] = [board]
        if self.asked is not None:
            given.append(_read_asked(self.asked, request, resumes=self.answer is Stream))
        if self.said is not None:
            given.append(_read_said(self.said, await _body(request)))
        if inspect.iscoroutinefunction(self.function):
            answer = await self.function(*given)
        else:
            async with request.app.state.rooms[self.tag]:
                answer = await run_in_threadpool(self.function, *given)
        return _response(answer, request)


class Endpoints:
    """A group of endpoints under one heading."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.all: list[Endpoint] = []

    def get(self, path: str) -> Callable[[F], F]:
        """Let the decorated function answer GET requests."""
        return self._at("GET", path)

    def post(self, path: str) -> Callable[[F], F]:
        """Let the decorated function answer POST requests, which may change something."""
        return self._at("POST", path)

    def _at(self, method: Method, path: str) -> Callable[[F], F]:
        def register(function: F) -> F:
            hints = get_type_hints(function)
            answer = hints.pop("return")
            self.all.append(
                Endpoint(method, path, function, hints.get("asked"), hints.get("said"), answer, tag=self.tag)
            )
            return function

        return register


def _read_asked(kind: type, request: Request, *, resumes: bool) -> Any:
    """What is asked by the path and the query; a browser that resumes a stream says in a header after which event."""
    words = {name: unquote(value) for name, value in request.path_params.items()}
    if resumes and "last-event-id" in request.headers:
        words["after"] = request.headers["last-event-id"]
    return _converted({**request.query_params, **words}, kind, strict=False)


def _read_said(kind: type, body: bytes) -> Any:
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(f"the body is not what this takes: {error}; /api/openapi.json describes it") from error


def _converted(words: Mapping[str, str], kind: type, *, strict: bool) -> Any:
    try:
        return msgspec.convert(words, kind, strict=strict)
    except msgspec.MsgspecError as error:
        raise RequestError(f"the address is not what this takes: {error}; /api/openapi.json describes it") from error


async def _body(request: Request) -> bytes:
    """The body, as long as it may be. Raises HTTPException."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BODY_BYTES:
            raise HTTPException(413, f"the body is longer than {MOST_BODY_BYTES >> 20} MiB")
    return bytes(body)


def _response(answer: Any, request: Request) -> Response:
    match answer:
        case Raw(content, media, filename):
            headers = {"Content-Security-Policy": SANDBOX, "Cache-Control": "no-store"}
            if filename:
                headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
            return Response(content, media_type=media, headers=headers)
        case Stream(parts):
            media, headers = "text/event-stream", {"Cache-Control": "no-store"}
            if request.method == "HEAD":
                return Response(media_type=media, headers=headers)
            streams: Streams = request.app.state.streams
            return streams.answer(parts, media, headers)
    return Response(msgspec.json.encode(answer), media_type="application/json", headers={"Cache-Control": "no-store"})


__all__ = ["Endpoint", "Endpoints", "Raw", "Stream"]
