"""HTTP: requests with a deadline, a size cap, and failures that say whether trying again may help.

One client per event loop keeps its connections; it is closed when the loop shuts down its generators, as
`asyncio.run` does. Needs the extra `http` (httpx2).
"""

from __future__ import annotations

import asyncio
import json as json_format
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypedDict
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import msgspec

from orrery.errors import (
    ArgumentError,
    ContentError,
    HttpError,
    LimitReachedError,
    MissingExtraError,
    Severity,
    ToolTimeoutError,
)
from orrery.tools.context import ToolContext
from orrery.tools.disk import replacing, resolved
from orrery.tools.key_servers import key_server
from orrery.tools.tool import tool

if TYPE_CHECKING:
    import httpx2

MAX_BODY_BYTES = 16 << 20
MAX_DOWNLOAD_BYTES = 4 << 30
MAX_REDIRECTS = 10
_TRANSIENT_STATUSES = frozenset({408, 425, 429, *range(500, 600)}) - {501, 505}
_SHOWN_CHARS = 300

Parse = Literal["auto", "text", "bytes"]
Body = str | int | float | bool | list[Any] | dict[str, Any] | None


class Response(TypedDict):
    """What a server answered. `body` is data for JSON, text for text, else bytes; header names are lower case."""

    status: int
    url: str
    headers: dict[str, str]
    body: Any
    size_bytes: int


class Downloaded(TypedDict):
    """What was fetched into which file."""

    path: str
    url: str
    size_bytes: int


@tool(name="http.get", effects="idempotent", reads=("net:{url}",))
async def get(
    url: str,
    *,
    params: dict[str, str | int | float | bool] | None = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = 30.0,
    max_bytes: int = MAX_BODY_BYTES,
    follow_redirects: bool = True,
    parse: Parse = "auto",
) -> Response:
    """Fetch a URL. A status of 400 or more is an error.

    Args:
        params: what is added to the URL's query.
        timeout_s: for the whole exchange.
        max_bytes: a larger body, after decompression, is refused.
        follow_redirects: at most 10 are followed.
        parse: "auto" goes by the media type; "text" and "bytes" leave the body unread.
    """
    outgoing = _Outgoing("GET", url, timeout_s, _headers(headers), params, follow_redirects=follow_redirects)
    return await _exchange(outgoing, max_bytes, parse)


@tool(name="http.post", effects="keyed", writes=("net:{url}",))
async def post(
    url: str,
    *,
    json: Body = None,
    content: str | bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = 30.0,
    max_bytes: int = MAX_BODY_BYTES,
    parse: Parse = "auto",
    ctx: ToolContext | None = None,
) -> Response:
    """Send data to a URL, with the task's Idempotency-Key, so that a server that knows such keys acts once.

    Args:
        json: what is sent as JSON.
        content: or text or bytes, sent as they are.
    """
    body, media = _body(json, content)
    outgoing = _Outgoing("POST", url, timeout_s, _headers(headers, media, ctx), body=body)
    return await _exchange(outgoing, max_bytes, parse)


@tool(name="http.request", effects="keyed", writes=("net:{url}",))
async def request(
    method: Literal["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"],
    url: str,
    *,
    params: dict[str, str | int | float | bool] | None = None,
    json: Body = None,
    content: str | bytes | None = None,
    headers: dict[str, str] | None = None,
    timeout_s: float = 30.0,
    max_bytes: int = MAX_BODY_BYTES,
    follow_redirects: bool = False,
    parse: Parse = "auto",
    ctx: ToolContext | None = None,
) -> Response:
    """Any request, with the task's Idempotency-Key. The arguments are those of http.get and http.post."""
    body, media = _body(json, content)
    sent = _headers(headers, media, ctx)
    outgoing = _Outgoing(method, url, timeout_s, sent, params, body, follow_redirects=follow_redirects)
    return await _exchange(outgoing, max_bytes, parse)


@tool(name="http.download", effects="idempotent", reads=("net:{url}",), writes=("file:{path}",))
async def download(
    url: str,
    path: Path,
    *,
    headers: dict[str, str] | None = None,
    timeout_s: float = 600.0,
    max_bytes: int = MAX_DOWNLOAD_BYTES,
    ctx: ToolContext | None = None,
) -> Downloaded:
    """Fetch a URL into a file, whole or not at all."""
    size_bytes = 0
    async with _answer(_Outgoing("GET", url, timeout_s, _headers(headers), follow_redirects=True)) as answer:
        total = int(answer.headers.get("content-length", 0))
        with replacing(resolved(path, ctx)) as temporary, temporary.open("wb") as file:
            async for chunk in _capped(answer, max_bytes):
                await asyncio.to_thread(file.write, chunk)
                size_bytes += len(chunk)
                if ctx is not None:
                    ctx.progress(min(1.0, size_bytes / total) if total else None)
        return {"path": str(path), "url": str(answer.url), "size_bytes": size_bytes}


@dataclass(frozen=True)
class _Outgoing:
    method: str
    url: str
    timeout_s: float
    headers: Mapping[str, str]
    params: Mapping[str, Any] | None = None
    body: bytes | None = None
    follow_redirects: bool = False

    def __str__(self) -> str:
        return f"{self.method} {without_secrets(self.url)}"


def _body(json: Body, content: str | bytes | None) -> tuple[bytes | None, str]:
    """What is sent, and its media type where that is known."""
    if content is not None:
        if json is not None:
            raise ArgumentError("a request has one body: give `json` or `content`, not both")
        return (content.encode(), "text/plain; charset=utf-8") if isinstance(content, str) else (content, "")
    if json is None:
        return None, ""
    try:
        return msgspec.json.encode(json), "application/json"
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise ArgumentError(f"the body cannot be written as JSON: {error}") from error


def _headers(given: Mapping[str, str] | None, media: str = "", ctx: ToolContext | None = None) -> dict[str, str]:
    """What was given, and beside it the media type and the idempotency key, where they are not given."""
    headers = {name.lower(): value for name, value in (given or {}).items()}
    if media:
        headers.setdefault("content-type", media)
    if ctx is not None:
        headers.setdefault("idempotency-key", ctx.idempotency_key)
    for name, value in headers.items():
        if not (name + value).isascii() or not (name + value).isprintable():
            raise ArgumentError(f"the header {name!r} holds characters that HTTP cannot carry; encode them first")
    return headers


async def _exchange(outgoing: _Outgoing, max_bytes: int, parse: Parse) -> Response:
    async with _answer(outgoing) as answer:
        data = b"".join([chunk async for chunk in _capped(answer, max_bytes)])
        return {
            "status": answer.status_code,
            "url": str(answer.url),
            "headers": dict(answer.headers),
            "body": _parsed(data, answer, parse),
            "size_bytes": len(data),
        }


@asynccontextmanager
async def _answer(outgoing: _Outgoing) -> AsyncIterator[httpx2.Response]:
    """The answer to a request, its body still unread. Every failure in the block becomes one of ours."""
    httpx = _httpx()
    _check_url(outgoing.url)
    client = await _client()
    try:
        async with (
            asyncio.timeout(outgoing.timeout_s),
            client.stream(
                outgoing.method,
                outgoing.url,
                params=outgoing.params,
                headers=outgoing.headers,
                content=outgoing.body,
                follow_redirects=outgoing.follow_redirects,
            ) as answer,
        ):
            if answer.status_code >= 400:
                await _refuse(answer, outgoing)
            yield answer
    except TimeoutError as error:
        raise ToolTimeoutError(
            f"{outgoing} did not end within {outgoing.timeout_s:g} s", severity="transient"
        ) from error
    except httpx.TooManyRedirects as error:
        raise HttpError(f"{outgoing}: more than {MAX_REDIRECTS} redirects", severity="permanent") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise ArgumentError(f"{outgoing} cannot be sent: {error}") from error
    except httpx.TransportError as error:
        raise HttpError(f"{outgoing}: {str(error) or type(error).__name__}", severity="transient") from error
    except httpx.DecodingError as error:
        raise ContentError(f"{outgoing}: the body cannot be decompressed: {error}") from error


async def _capped(answer: httpx2.Response, max_bytes: int) -> AsyncIterator[bytes]:
    """The body, piece by piece. Raises LimitReachedError as soon as it is too much."""
    size_bytes = 0
    async with aclosing(answer.aiter_bytes()) as chunks:
        async for chunk in chunks:
            size_bytes += len(chunk)
            if size_bytes > max_bytes:
                raise LimitReachedError(
                    f"the answer of {without_secrets(str(answer.url))} is larger than max_bytes={max_bytes}; raise "
                    "the cap, or fetch it into a file with http.download"
                )
            yield chunk


async def _refuse(answer: httpx2.Response, outgoing: _Outgoing) -> NoReturn:
    status = answer.status_code
    severity: Severity = "transient" if status in _TRANSIENT_STATUSES else "permanent"
    async with aclosing(answer.aiter_bytes(_SHOWN_CHARS)) as chunks:
        start = await anext(chunks, b"")
    said = start.decode(errors="replace").strip()
    raise HttpError(
        f"{outgoing} was answered with {status} {answer.reason_phrase}" + (f": {said}" if said else ""),
        status=status,
        severity=severity,
        retry_after_s=retry_after_s(answer.headers, now=datetime.now(UTC)),
    )


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """The seconds a server asks us to wait, from either form of Retry-After (RFC 9110, 10.2.3); None without it.

    A date is read against the server's own Date where it sent one: our clocks may differ.
    """
    text = headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    due, sent = _http_date(text), _http_date(headers.get("date", ""))
    return None if due is None else max(0.0, (due - (sent or now)).total_seconds())


def _http_date(text: str) -> datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def without_secrets(url: str) -> str:
    """A URL for messages: without its user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + ("?..." if parts.query else "")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise ArgumentError(f"{url!r:.200} is no HTTP address; it begins with http:// or https:// and a host")


def _parsed(data: bytes, answer: httpx2.Response, parse: Parse) -> Any:
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media == "application/json" or media.endswith("+json")
    is_text = is_json or media.startswith("text/") or media.endswith(("/xml", "+xml", "/javascript"))
    if parse == "bytes" or (parse == "auto" and not is_text):
        return data
    if parse == "auto" and is_json and data:
        try:
            return json_format.loads(data)
        except (ValueError, RecursionError) as error:
            raise ContentError(
                f"{without_secrets(str(answer.url))} calls its answer {media}, but it is not: {error}; "
                "parse='text' gives it as it is"
            ) from error
    try:
        return data.decode(answer.encoding or "utf-8", errors="replace")
    except LookupError:
        return data.decode(errors="replace")


_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[AsyncGenerator[httpx2.AsyncClient], httpx2.AsyncClient]]
_clients = WeakKeyDictionary()


async def _client() -> httpx2.AsyncClient:
    """The client of the running loop."""
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        life = _client_for_life(loop)
        _clients[loop] = life, await anext(life)
    return _clients[loop][1]


async def _client_for_life(loop: asyncio.AbstractEventLoop) -> AsyncGenerator[httpx2.AsyncClient]:
    # A loop closes its suspended generators when it ends, and this one closes the client. Nothing else
    # tells a library that a loop is about to go.
    httpx = _httpx()
    async with httpx.AsyncClient(
        timeout=httpx.Timeout(None),  # the deadline is the call's, for the whole exchange
        max_redirects=MAX_REDIRECTS,
        headers={"user-agent": "orrery"},
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=20),
        event_hooks={"request": [_no_key_server]},
    ) as client:
        try:
            yield client
        finally:
            _clients.pop(loop, None)


async def _no_key_server(request: Any) -> None:
    """No request goes there, and none is led there by an answer. Raises HttpError."""
    host = key_server(str(request.url))
    if host:
        raise HttpError(f"{host} hands out this machine's keys, which no run fetches", severity="permanent")


def _httpx() -> Any:
    try:
        import httpx2
    except ImportError as error:
        raise MissingExtraError("http", needed_for="the http tools") from error
    return httpx2
