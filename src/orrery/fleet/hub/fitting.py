"""The devices as they fit into one message to those who watch them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from orrery.fleet.profile import DeviceView, Offer, Profile

_ENCODER = msgspec.msgpack.Encoder()


def fitting(views: Sequence[DeviceView], max_bytes: int) -> tuple[DeviceView, ...]:
    """The views; where they are too large in all, without what their tools take and are for, or without the tools."""
    fit = tuple(views)
    for thinner in (_without_parameters, _without_tools):
        if len(_ENCODER.encode(fit)) <= max_bytes:
            break
        fit = tuple(msgspec.structs.replace(view, profile=thinner(view.profile)) for view in fit)
    return fit


def _without_parameters(profile: Profile) -> Profile:
    tools = tuple(Offer(offer.name, effects=offer.effects) for offer in profile.tools)
    return msgspec.structs.replace(profile, tools=tools)


def _without_tools(profile: Profile) -> Profile:
    return msgspec.structs.replace(profile, tools=())
