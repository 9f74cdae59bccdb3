"""Speaker: says to devices and clients what there is for them, and cuts off who does not read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from orrery.errors import ConnectionLostError, Failure, MessageTooLargeError
from orrery.fleet.blobs import Step
from orrery.fleet.hub.audit import Audit
from orrery.fleet.hub.ends import End, Ends
from orrery.fleet.messages import Artifact, Assign, Error, Frame, Progress, Reject, Result

MOST_CHUNKS_WAITING = 128
"""Frames of blobs that may wait for one end to read them."""
_LOG = logging.getLogger("orrery.fleet")


class Speaker:
    """Speaks to all ends.

    Args:
        answer: is told what stands for the answer of a device, to an Assign that can never be said to it.
    """

    def __init__(self, ends: Ends, audit: Audit, answer: Callable[[str, Reject], None]) -> None:
        self._ends, self._audit, self._answer = ends, audit, answer

    def post(self, name: str, frame: Frame) -> None:
        """Say something now, or when the session goes on. Who has none reports, or asks again, when he comes."""
        end = self._ends.get(name)
        if end is None:
            return
        if not end.session.is_full:
            try:
                end.link.post(frame)
            except MessageTooLargeError as error:
                self._answer_for(end, frame, error)
        elif not isinstance(frame, Progress):
            self.cut_slow(end)
            self._ends.forget(end)

    def pass_on(self, name: str, frame: Step) -> bool:
        """Pass on a step of a blob's way; False: who is to have it is not there, or does not read."""
        end = self._ends.get(name)
        if end is None or not end.link.is_up:
            return False
        if isinstance(frame, Artifact) and frame.data and end.link.backlog > MOST_CHUNKS_WAITING:
            self.cut_slow(end)
            return False
        end.link.post(frame)
        return True

    def cut_slow(self, end: End) -> None:
        """Cut off who does not read."""
        because = "it does not read what it is sent"
        self._audit.note("cut", end.name, because)
        self.cut(end.name, Error(error="too-slow", message=because))

    def cut(self, name: str, last: Error) -> None:
        """End somebody's connection, if he has one, by an Error that says why; his session can go on."""
        end = self._ends.get(name)
        if end is not None:
            end.link.end(ConnectionLostError(last.message), last)

    def expel(self, end: End, because: str) -> None:
        """Cut somebody off who may not come back."""
        self.cut(end.name, Error(error="revoked", message=because))
        self._ends.forget(end)

    def _answer_for(self, end: End, frame: Frame, error: MessageTooLargeError) -> None:
        """What can never be said, since in this end's form it is too large, must not hold up the rest."""
        if isinstance(frame, Assign):
            reject = Reject(work=frame.work, fence=frame.fence, reason="arguments", message=str(error))
            # Later, since this may be said in the middle of what the core was told.
            asyncio.get_running_loop().call_soon(self._answer, end.name, reject)
        elif isinstance(frame, Result):
            failure = msgspec.structs.replace(Failure.of(error), severity="permanent")
            end.link.post(msgspec.structs.replace(frame, status="failed", value=b"\xc0", failure=failure))
        else:
            _LOG.error("%s could not be told: %s", end.name, error)
