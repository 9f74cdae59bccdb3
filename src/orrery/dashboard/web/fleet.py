"""Endpoints of the fleet: its devices, and who may be one."""

from __future__ import annotations

from typing import Annotated

import msgspec

from orrery.dashboard import fleet as operator
from orrery.dashboard.begun import Done
from orrery.dashboard.board import Board
from orrery.dashboard.web.endpoint import Endpoints
from orrery.dashboard.web.looking import Name
from orrery.dashboard.weighed import Enrolment, Fleet

fleet = Endpoints("Fleet")

Word = Annotated[str, msgspec.Meta(max_length=100)]


class DeviceAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device, by its name."""

    device: Name


class Drain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let a device take nothing new; or, to undo that, work again."""

    undo: bool = False


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An empty object."""


class NewDevice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A device to be let in.

    Args:
        name: what it will be called; it chooses itself where empty.
        skills: what it counts as having; it says itself where empty.
    """

    name: Word = ""
    skills: Annotated[tuple[Word, ...], msgspec.Meta(max_length=100)] = ()


@fleet.get("/fleet")
def fleet_now(board: Board) -> Fleet:
    """The devices of the hub: what they do, and how well."""
    return operator.fleet_of(board)


@fleet.post("/fleet/enrol")
def enrol(board: Board, said: NewDevice) -> Enrolment:
    """Let one device in: a token that works once, and the command to type there."""
    return operator.enrol(board, said.name, said.skills)


@fleet.post("/fleet/{device}/drain")
def drain(board: Board, asked: DeviceAsked, said: Drain) -> Done:
    """Let a device finish what it has and take nothing new."""
    return operator.drain(board, asked.device, undo=said.undo)


@fleet.post("/fleet/{device}/revoke")
def revoke(board: Board, asked: DeviceAsked, said: Nothing) -> Done:  # noqa: ARG001 - a POST has a body
    """Take a device's key away; it is cut off at once."""
    return operator.revoke(board, asked.device)
