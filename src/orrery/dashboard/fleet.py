"""The fleet: the devices of the hub, and who may be one.

The registry of a hub in this folder is read and changed as `orrery devices` does; a hub that was named by its URL alone
can be looked at. What the devices do is asked of the hub.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from orrery.dashboard.begun import Done
from orrery.dashboard.board import Board
from orrery.dashboard.weighed import DeviceRow, Enrolment, Fleet
from orrery.errors import HubNotHereError, MissingExtraError, OutsideError, RequestError, UnknownNameError
from orrery.fleet.hub.registry import Enrolled, Registry
from orrery.fleet.hubs import HUB_FILE, HubAddress, find_hub, nearby_hub
from orrery.fleet.operator import checked_skills, invite, registry_folder
from orrery.fleet.profile import DeviceView
from orrery.runtime.reach import views_of
from orrery.telling.printable import printable

PATIENCE_S = 1.5
"""How long the hub may take to answer: somebody waits for the page."""
_MOST_SHOWN = 200
"""Skills, tools and tasks of one device."""


def fleet_of(board: Board) -> Fleet:
    """The devices of the hub, by name; without one, what to do about it."""
    hub = _remote(board)
    if hub is not None:
        text = "This hub is elsewhere: it can be looked at from here, and changed by `orrery devices` on its machine."
        return _asked(hub, dict, text)
    with _registry(board) as registry:
        if registry is None:
            return Fleet((), False, text="No hub was started in this folder; `orrery hub` starts one.")
        urls = registry.urls()
        if not registry.is_running() or not urls:
            text = "The hub does not run; `orrery hub` in its folder starts it."
            return Fleet(tuple(_rows(registry.devices(), ())), False, (*urls, "")[0], text)
        return _asked(HubAddress(urls[0], registry.client_token(at=time.time())), registry.devices, "")


def drain(board: Board, device: str, *, undo: bool = False) -> Done:
    """Let a device finish what it has and take nothing new; `undo` lets it work again.

    Raises: UnknownNameError; EnrolmentError: it was revoked; HubNotHereError.
    """
    with _own_registry(board) as registry:
        _check_known(registry, device)
        registry.drain(device, at=time.time(), undo=undo)
        late = "" if registry.is_running() else ", once the hub runs"
    return Done("applied", f"{device} {'works again' if undo else 'finishes what it has and takes nothing new'}{late}")


def revoke(board: Board, device: str) -> Done:
    """Take a device's key away: it is cut off at once, and what it had is given to others. Raises as `drain`."""
    with _own_registry(board) as registry:
        _check_known(registry, device)
        registry.revoke(device, at=time.time())
    return Done("applied", f"{device} is revoked; it can be enrolled again")


def enrol(board: Board, name: str, skills: tuple[str, ...] = ()) -> Enrolment:
    """Let one device in: a token that works once, and the command to type there.

    Raises: EnrolmentError, RequestError: no such name or skill can be given; HubNotHereError.
    """
    given = checked_skills(skills)
    with _own_registry(board) as registry:
        found = invite(registry, at=time.time(), name=name, skills=given)
    return Enrolment(name, found.command, found.token)


# -- which hub ----------------------------------------------------------------------------------------------------


def _remote(board: Board) -> HubAddress | None:
    """The hub that was named, where its registry is not in this folder; None where there is none, or it is."""
    if board.hub_state is not None:
        return None
    hub = board.hub
    if hub is None and os.environ.get("ORRERY_HUB"):
        hub = find_hub()
    if hub is None:
        return None
    nearby = nearby_hub(board.folder / HUB_FILE)
    return None if nearby is not None and hub.url in nearby.urls else hub


@contextmanager
def _registry(board: Board) -> Iterator[Registry | None]:
    folder = registry_folder(board.hub_state, below=board.folder)
    if folder is None:
        yield None
        return
    with contextlib.closing(Registry(folder)) as registry:
        yield registry


@contextmanager
def _own_registry(board: Board) -> Iterator[Registry]:
    """The registry, to change it. Raises HubNotHereError."""
    if (hub := _remote(board)) is not None:
        raise HubNotHereError(f"the registry of the hub at {hub.url} is not here: use `orrery devices` on its machine")
    with _registry(board) as registry:
        if registry is None:
            raise HubNotHereError("no hub was started in this folder; `orrery hub` starts one")
        yield registry


def _check_known(registry: Registry, device: str) -> None:
    known = registry.devices()
    if device not in known:
        raise UnknownNameError("device", device, known)


# -- what is told -------------------------------------------------------------------------------------------------


def _asked(hub: HubAddress, enrolled: Callable[[], Mapping[str, Enrolled]], text: str) -> Fleet:
    """The devices as a running hub sees them; those that are enrolled where it does not answer."""
    try:
        views = asyncio.run(views_of(hub, patience_s=PATIENCE_S))
    except (OutsideError, MissingExtraError, RequestError) as error:
        return Fleet(tuple(_rows(enrolled(), ())), False, hub.url, printable(str(error)))
    return Fleet(tuple(_rows(enrolled(), views)), True, hub.url, text)  # who has come while we asked is enrolled by now


def _rows(enrolled: Mapping[str, Enrolled], views: tuple[DeviceView, ...]) -> Iterator[DeviceRow]:
    known = {view.name: view for view in views}
    for name in sorted({*known, *enrolled}):
        yield _row(name, enrolled.get(name), known.get(name))


def _row(name: str, device: Enrolled | None, view: DeviceView | None) -> DeviceRow:
    draining = device is not None and device.draining
    revoked = device is not None and device.revoked_at is not None
    if view is None:
        state = "revoked" if revoked else "offline"
        skills = device.skills if device is not None else ()
        return DeviceRow(name, state, device is not None, draining, revoked, skills=skills)
    profile = view.profile
    state = "draining" if draining and view.state in ("online", "shaky") else view.state
    return DeviceRow(
        name,
        "revoked" if revoked else state,
        enrolled=device is not None,
        draining=draining or view.state == "draining",
        revoked=revoked,
        since=view.since,
        heard_at=view.heard_at,
        os=profile.os,
        arch=profile.arch,
        host=profile.host,
        zone=profile.zone,
        cpus=profile.cpus,
        memory_bytes=profile.memory_bytes,
        memory_free_bytes=view.load.memory_free_bytes,
        gpus=tuple(profile.gpus),
        cpu=view.load.cpu,
        latency_s=view.latency_s,
        trust=view.trust,
        slots=profile.slots,
        running=tuple(view.running[:_MOST_SHOWN]),
        done=view.done,
        failed=view.failed,
        held_bytes=view.held_bytes,
        skills=tuple(profile.skills[:_MOST_SHOWN]),
        tools=tuple(tool.name for tool in profile.tools[:_MOST_SHOWN]),
    )


__all__ = ["drain", "enrol", "fleet_of", "revoke"]
