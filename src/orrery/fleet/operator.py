"""Operator: where the registry of a folder's hub is, and what is given to a device that is to be let in."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from orrery.errors import RequestError
from orrery.fleet.hub.registry import DEFAULT_MINUTES, FILE, Registry
from orrery.fleet.hubs import DEFAULT_STATE, HUB_FILE, nearby_hub
from orrery.fleet.transports.address import is_loopback


class Invitation(NamedTuple):
    """How one device joins.

    Args:
        token: works once; whoever has it can be that device.
        url: of the hub; "" where it has never listened.
        command: to be typed on the device.
        is_running: the hub works now.
    """

    token: str
    url: str
    command: str
    is_running: bool

    @property
    def is_near_only(self) -> bool:
        """Whether only this machine can reach the hub."""
        return bool(self.url) and is_loopback(_host(self.url))


def registry_folder(state: Path | None = None, *, below: Path | None = None) -> Path | None:
    """The folder of a hub's registry, if there is one in it.

    Args:
        state: where it was named; else that of the hub which was started in `below`, or the usual one there.
        below: the working folder unless given.

    Raises StoreError: the file by which a hub is found cannot be read.
    """
    folder = usual_folder(below) if state is None else state
    return folder if (folder / FILE).is_file() else None


def usual_folder(below: Path | None = None) -> Path:
    """Where the registry of the hub of a folder is, or would be. Raises StoreError."""
    base = below or Path()
    found = nearby_hub(base / HUB_FILE)
    return base / (Path(found.state) if found is not None else DEFAULT_STATE)


def invite(
    registry: Registry, *, at: float, name: str = "", skills: tuple[str, ...] = (), minutes: float = DEFAULT_MINUTES
) -> Invitation:
    """Let one device in. Raises EnrolmentError: the name is none, or taken; or no token lives for so long.

    Args:
        at: now, in seconds since the epoch.
        name: what it will be called; it chooses itself where empty.
        skills: what it counts as having; it says itself where empty.
    """
    token = registry.enrolment_token(at=at, name=name, skills=skills, minutes=minutes)
    url = _url_for_others(registry.urls())
    command = f"orrery device --hub {shlex.quote(url) if url else 'URL'} --token {token}"
    return Invitation(token, url, command + (f" --name {name}" if name else ""), registry.is_running())


def checked_skills(words: Iterable[str]) -> tuple[str, ...]:
    """The words, without those that are empty. Raises RequestError: one of them is no word."""
    skills = tuple(one.strip() for one in words if one.strip())
    for one in skills:
        if not one.isprintable() or " " in one:
            raise RequestError(f"{one!r} is no skill: write words joined by commas, such as --skills gpu,camera")
    return skills


def _url_for_others(urls: Sequence[str]) -> str:
    """The hub's URL that a device is given: one that other machines can reach, if there is one."""
    remote = [url for url in urls if _host(url) and not is_loopback(_host(url))]
    return (remote or [*urls, ""])[0]


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


__all__ = ["Invitation", "checked_skills", "invite", "registry_folder", "usual_folder"]
