"""Ends: the devices and clients that were let in, each with its session, over all its connections."""

from __future__ import annotations

import os
from collections.abc import Callable

from orrery.errors import ProtocolError
from orrery.fleet.hub.pace import Pace
from orrery.fleet.hub.registry import Principal
from orrery.fleet.link import Link
from orrery.fleet.session import Session
from orrery.fleet.transports.protocol import Connection


class End:
    """A device or a client.

    Attributes:
        connection: that carries its session now.
        pace: of its frames.
        proved: its key has been used; until then it may have got lost on the way.
        leaving: it has said that it drains and leaves.
        spoke: something that it said has come with the message that is being taken in.
        heard_at, went_at: when something came from it last, and when its last connection ended.
    """

    __slots__ = (
        "connection",
        "heard_at",
        "leaving",
        "link",
        "pace",
        "principal",
        "proved",
        "session",
        "spoke",
        "went_at",
    )

    def __init__(self, principal: Principal, session: Session, pace: Pace) -> None:
        self.principal, self.session, self.pace = principal, session, pace
        self.connection: Connection | None = None
        self.proved = self.leaving = self.spoke = False
        self.heard_at = self.went_at = 0.0
        self.link: Link

    @property
    def name(self) -> str:
        """The principal's."""
        return self.principal.name

    @property
    def is_device(self) -> bool:
        """Whether it performs attempts."""
        return self.principal.role == "device"


class Ends:
    """All of them, by the principal's name. One principal has one session, and one connection at a time."""

    def __init__(self) -> None:
        self._by_name: dict[str, End] = {}
        self._by_session: dict[str, End] = {}
        self._away: dict[str, End] = {}

    def get(self, name: str) -> End | None:
        """The end of that name, whether or not it is connected."""
        return self._by_name.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def all(self) -> list[End]:
        """Every end."""
        return list(self._by_name.values())

    def resumed(self, principal: Principal, session: str, received: int, at: float) -> End | None:
        """The end that goes on with a session of its own.

        Raises: ProtocolError: it could not go on without a gap.
        """
        end = self._by_session.get(session)
        if end is None or end.principal != principal:
            return None
        try:
            end.session.resume(received, at)
        except ProtocolError:
            self.forget(end)
            raise
        self._away.pop(session, None)
        return end

    def new(self, principal: Principal, pace: Pace, link: Callable[[End], Link]) -> tuple[End, End | None]:
        """A new end, and the one whose place it takes."""
        older = self._by_name.get(principal.name)
        if older is not None:
            self.forget(older)
        end = End(principal, Session(os.urandom(16).hex()), pace)
        end.link = link(end)
        self._by_name[principal.name] = self._by_session[end.session.id] = end
        return end, older

    def went(self, end: End, at: float) -> None:
        """Its connection is over; it may come back."""
        end.connection, end.went_at = None, at
        if self._by_name.get(end.name) is end:
            self._away[end.session.id] = end

    def end_session(self, end: End) -> None:
        """When it comes back it begins a new session, so nothing that was said before is said again."""
        self._by_session.pop(end.session.id, None)

    def forget(self, end: End) -> None:
        """Nothing goes on with its session, and nothing is said to it any more."""
        self._by_session.pop(end.session.id, None)
        self._away.pop(end.session.id, None)
        if self._by_name.get(end.name) is end:
            del self._by_name[end.name]

    def forget_those_gone_before(self, at: float) -> list[End]:
        """Free what has been away for too long, and return it."""
        gone = []
        for end in list(self._away.values()):
            if end.went_at > at:
                break
            self.forget(end)
            gone.append(end)
        return gone
