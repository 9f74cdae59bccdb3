"""Greeter: from a new connection to a principal, or to an Error. Nothing of what is said before counts for anything."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from orrery.errors import (
    ConnectionLostError,
    EnrolmentError,
    HubRefusedError,
    MessageTooLargeError,
    ProtocolError,
    StoreError,
)
from orrery.fleet.codec import Unknown, decode, encode
from orrery.fleet.hub.audit import Audit
from orrery.fleet.hub.registry import NAME, Principal, Registry
from orrery.fleet.hub.settings import Settings
from orrery.fleet.hub.tokens import token_kind
from orrery.fleet.messages import VERSIONS, AnyFrame, Error, Frame, Hello
from orrery.fleet.transports.protocol import Connection

LAST_WORD_S = 1.0
"""How long telling somebody why he has to go may take."""
_LOG = logging.getLogger("orrery.fleet")


class Guest(NamedTuple):
    """Somebody who was let in.

    Args:
        version: of the protocol that both speak.
        key: the device's own, if it has just enrolled.
        arrived: the frames that came with the Hello.
    """

    principal: Principal
    hello: Hello
    version: int
    key: str
    arrived: Sequence[AnyFrame | Unknown]


class _Refused(Exception):
    """A Hello that is not accepted; it becomes an Error frame and goes no further."""

    def __init__(self, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(message)


class Greeter:
    """Asks new connections who they are."""

    def __init__(self, registry: Registry, settings: Settings, now: Callable[[], float], audit: Audit) -> None:
        self._registry, self._settings, self._now, self._audit = registry, settings, now, audit
        self._strangers: dict[Connection, None] = {}
        self._closing: set[asyncio.Task[None]] = set()

    async def greet(self, connection: Connection) -> Guest | None:
        """Who is at the other end; None: who is there was turned away, or is gone."""
        try:
            return await self._greet(connection)
        except _Refused as refused:
            wait_s = self.refused(connection.peer, f"{refused.code}: {refused.message}")
            error = Error(error=refused.code, message=refused.message, retry_after_s=wait_s or None)
            await last_word(connection, error)
        except ConnectionLostError:
            _LOG.debug("%s left before it said who it is", connection.peer)
        return None

    def refused(self, peer: str, because: str) -> float:
        """Somebody was turned away, here or by the transport. Returns: for how long he is asked to wait."""
        return self._audit.note("refused", peer, because, by=_host_of(peer))

    async def close(self) -> None:
        """Wait for connections that are being closed."""
        await asyncio.gather(*self._closing)

    async def _greet(self, connection: Connection) -> Guest:
        message = await self._first_message(connection)
        try:
            frames = decode(message, connection.form)
        except ProtocolError as error:
            raise _Refused("malformed", str(error)) from None
        hello = frames[0] if frames else None
        if not isinstance(hello, Hello):
            raise _Refused("token", "a connection begins with a Hello that says by a token who you are")
        version = next((one for one in VERSIONS if one in hello.versions), None)
        if version is None:
            known = ", ".join(map(str, VERSIONS))
            raise _Refused("version", f"this hub speaks version {known} of the protocol; you offered others only")
        principal, key = self._principal(hello)
        return Guest(principal, hello, version, key, frames[1:])

    async def _first_message(self, connection: Connection) -> bytes:
        strangers = self._strangers
        strangers[connection] = None
        if len(strangers) > self._settings.unknown_max:
            # Who means well says Hello at once: of those who have not, the one that waits longest has to go.
            oldest = next(iter(strangers))
            del strangers[oldest]
            task = asyncio.get_running_loop().create_task(oldest.close("others are waiting"))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
        try:
            async with asyncio.timeout(self._settings.hello_s):
                return await connection.receive()
        except TimeoutError:
            raise _Refused("too-slow", f"no Hello came within {self._settings.hello_s:g} s") from None
        except MessageTooLargeError as error:
            raise _Refused("too-large", str(error)) from None
        finally:
            strangers.pop(connection, None)

    def _principal(self, hello: Hello) -> tuple[Principal, str]:
        """Whom the token speaks for, and a new key on enrolment. Raises _Refused."""
        if not hello.token:
            raise _Refused("token", "no token; `orrery devices enrol` on the hub's machine makes one for a device")
        kind = token_kind(hello.token)
        if kind is not None and (kind == "client") != (hello.role == "client"):
            raise _Refused("token", f"this is no {hello.role}'s token")
        at = self._now()
        try:
            if kind == "enrol":
                enrolled, key = self._registry.enrol(hello.token, at=at, name=hello.name)
                return Principal("device", enrolled.name, enrolled.skills), key
            principal = self._registry.principal(hello.token)
            if principal.role == "device":
                self._registry.prove(principal.name, at=at)
        except HubRefusedError as error:
            raise _Refused("token", str(error)) from None
        except EnrolmentError as error:
            raise _Refused("name", str(error)) from None
        except StoreError as error:  # it may be read again in a moment, so the other end is not to give up
            _LOG.error("nobody is let in: %s", error)
            raise _Refused("internal", "the hub cannot read its registry") from None
        if principal.role == "device":
            return principal, ""
        # Runs share a client's token; by an instance each, one does not replace the other.
        instance = hello.name if NAME.fullmatch(hello.name) else os.urandom(6).hex()
        return principal._replace(name=f"{principal.name}/{instance}"), ""


async def last_word(connection: Connection, frame: Frame) -> None:
    """Say something to somebody who may not listen."""
    try:
        async with asyncio.timeout(LAST_WORD_S):
            await connection.send(encode([frame], connection.form))
    except (ConnectionLostError, TimeoutError):
        _LOG.debug("%s did not hear: %s", connection.peer, frame)


def _host_of(peer: str) -> str:
    """The address in `peer` without its port, if it has one."""
    host, colon, port = peer.rpartition(":")
    return host if colon and port.isdecimal() else peer
