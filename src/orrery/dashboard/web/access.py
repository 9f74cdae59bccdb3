"""Who may call: the checks in front of every route, and the headers on every answer.

A page of another site may send requests to this server, and a name of another site may lead to it. Neither is
answered, whatever the route: the Host must be one of ours, an Origin must be the page's own, and nothing is said
without the token.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orrery.dashboard.web.notice import notice
from orrery.dashboard.web.refusing import refused

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
MOST_HEADER_BYTES = 32 << 10
MOST_HEADERS = 100
MOST_QUERY_BYTES = 8 << 10
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

_PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    b"content-security-policy": _PAGE_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"x-frame-options": b"DENY",
    b"cache-control": b"no-store",
}
"""On every answer, unless it has one of its own by that name."""


@dataclass(frozen=True)
class Access:
    """Where the dashboard is reached, and what opens it.

    Args:
        token: what a caller must have.
        port: at which it listens.
        names: of its address, as they stand in a URL.
        allowed: further hosts by which it is reached, "name" or "name:port", such as of a proxy in front of it.
        secure: it is reached by https.
    """

    token: str
    port: int
    names: tuple[str, ...] = LOOPBACK_NAMES
    allowed: tuple[str, ...] = ()
    secure: bool = False

    @property
    def cookie(self) -> str:
        """The name of the cookie: servers on other ports of this machine have their own."""
        return f"orrery-{self.port}"

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http{'s' * self.secure}://{self.names[0]}:{self.port}"

    @property
    def link(self) -> str:
        """The address that opens the page, with the token in it."""
        return f"{self.url}/login?token={self.token}"

    def is_host(self, host: str) -> bool:
        """Whether a Host is this server."""
        return host in self._hosts(self.names) or self._is_allowed(host)

    def is_own_origin(self, origin: str, host: str) -> bool:
        """Whether an Origin is that of the page which this server shows under `host`."""
        schemes = ["https"] if self.secure else ["http"]
        if self._is_allowed(host):  # a proxy may have the certificate
            schemes.append("https")
        return any(origin == f"{scheme}://{host}" for scheme in schemes)

    def opens(self, token: str) -> bool:
        """Whether this is the token."""
        return hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self.token.encode())

    def _is_allowed(self, host: str) -> bool:
        return host in self.allowed or host in self._hosts(self.allowed)

    def _hosts(self, names: Iterable[str]) -> list[str]:
        default = 443 if self.secure else 80
        return [f"{name}:{self.port}" for name in names] + (list(names) if self.port == default else [])


class Guard:
    """The checks, in front of an application."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the application answer."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there is nothing here for it, and it is not refused by a status
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                missing = [(name, value) for name, value in _HEADERS.items() if name not in given]
                message = {**message, "headers": [*message["headers"], *missing]}
            await send(message)

        asked = _Asked(scope)
        answer = self._refusal(asked) or self._login(asked)
        if answer is not None:
            await answer(scope, receive, send_guarded)
            return
        await self.app(scope, receive, send_guarded)

    def _refusal(self, asked: _Asked) -> Response | None:
        """Why it is not answered; None where it may be, once it is known who asks."""
        access, hosts = self.access, asked.all("host")
        if asked.header_bytes > MOST_HEADER_BYTES or len(asked.headers) > MOST_HEADERS:
            return refused(431, "too-large", "the headers are larger than is taken in")
        if len(asked.query) > MOST_QUERY_BYTES:
            return refused(414, "too-large", "the query is longer than is taken in")
        if len(hosts) != 1 or not access.is_host(hosts[0].lower()):
            shown = hosts[0][:100] if len(hosts) == 1 else ""
            return refused(
                421, "wrong-host", f"this server is not {shown!r}; `orrery ui --allow-host NAME` lets it be called so"
            )
        host, origins = hosts[0].lower(), asked.all("origin")
        if not all(access.is_own_origin(origin.lower(), host) for origin in origins):
            return refused(403, "foreign-origin", "a page of another origin may not ask here")
        is_safe = asked.method in SAFE_METHODS
        is_foreign = any(site not in ("same-origin", "none") for site in asked.all("sec-fetch-site"))
        if is_foreign and (not is_safe or asked.path.startswith("/api/")):  # a link may lead to the page, no more
            return refused(403, "foreign-origin", "a page of another site may not ask here")
        if asked.path == "/login" and asked.method == "GET":
            return None
        with_bearer = any(access.opens(token) for token in asked.bearers())
        if not (with_bearer or any(access.opens(token) for token in asked.cookies(access.cookie))):
            return self._locked(asked)
        if not is_safe and asked.media() != "application/json":
            return refused(415, "not-json", "what changes something is sent as application/json")
        if not is_safe and not with_bearer and not origins:
            return refused(
                403, "foreign-origin", "a cookie alone changes nothing: send the page's Origin, or the token"
            )
        return None

    def _login(self, asked: _Asked) -> Response | None:
        """The cookie for the token in the address; None where something else was asked for."""
        if asked.path != "/login" or asked.method != "GET":
            return None
        tokens = parse_qs(asked.query.decode("latin-1")).get("token", [])
        if len(tokens) != 1 or not self.access.opens(tokens[0]):
            return self._locked(asked)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            self.access.cookie, self.access.token, path="/", secure=self.access.secure, httponly=True, samesite="strict"
        )
        return answer

    def _locked(self, asked: _Asked) -> Response:
        if asked.path.startswith("/api/") or "text/html" not in ",".join(asked.all("accept")):
            answer = refused(
                401, "no-token", "send the token as `Authorization: Bearer`; it lies in .orrery/ui.token, for its owner"
            )
        else:
            answer = notice(
                401,
                "This page is closed",
                "It opens with its link, which has a token in it. Type this in the folder where it was started:",
                command="orrery ui --link",
                again="/",
            )
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer


class _Asked:
    """A request, as far as the checks look at it."""

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        self.headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.query: bytes = scope.get("query_string", b"")
        raw = scope.get("raw_path")
        self.path: str = scope["path"] if raw is None else raw.decode("latin-1")

    @property
    def header_bytes(self) -> int:
        return sum(len(name) + len(value) for name, value in self.headers)

    def all(self, name: str) -> list[str]:
        """Every header by that name."""
        wanted = name.encode()
        return [value.decode("latin-1").strip() for found, value in self.headers if found.lower() == wanted]

    def bearers(self) -> Iterator[str]:
        for value in self.all("authorization"):
            scheme, _, token = value.partition(" ")
            if scheme.lower() == "bearer":
                yield token.strip()

    def cookies(self, name: str) -> Iterator[str]:
        for value in self.all("cookie"):
            for one in value.split(";"):
                found, _, token = one.strip().partition("=")
                if found == name:
                    yield token

    def media(self) -> str:
        """The media type of the body, "" where it is said twice or not at all."""
        found = self.all("content-type")
        return found[0].partition(";")[0].strip().lower() if len(found) == 1 else ""


__all__ = ["Access", "Guard"]
