"""Requests between processes: an event that one process wants in the log of a run that another drives."""

from __future__ import annotations

import msgspec

from orrery.journal.protocol import Request, RequestKind
from orrery.scheduler import events as ev
from orrery.scheduler.codec import decode_events, encode_events

_KINDS: dict[type[ev.Event], RequestKind] = {
    ev.RunCancelRequested: "cancel",
    ev.RunPaused: "pause",
    ev.RunContinued: "continue",
    ev.TaskAnswered: "answer",
    ev.GraphPatched: "patch",
    ev.EditOpened: "hold",
    ev.EditClosed: "release",
}


def request_of(event: ev.Event) -> Request:
    """The request by which an event is asked for."""
    return Request(_KINDS[type(event)], {"event": encode_events([event])})


def event_of(request: Request, *, at: float) -> ev.Event | None:
    """The event that a request asks for, as of now; None for one that this version cannot read or may not grant."""
    try:
        (event,) = decode_events(request.payload["event"])
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError):
        return None
    if isinstance(event, ev.EditOpened):  # held for as long as was asked, whatever either clock says
        return msgspec.structs.replace(event, at=at, until=event.until + at - event.at)
    return msgspec.structs.replace(event, at=at) if type(event) in _KINDS else None
