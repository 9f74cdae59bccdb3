"""A device of this machine: what it offers comes from the installed tools, and worker processes perform it.

`rules` says what its owner allows, `machine` what it is, `performer` performs. Everything that it keeps lies in one
folder: who it is (`device.json`), what it remembers (`journal.db`), what it holds (`blobs`), and what its tasks read
and write (`files`).
"""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from orrery.errors import EnrolmentError, StoreError
from orrery.fleet.device.agent import Agent, News
from orrery.fleet.device.cache import DEFAULT_LIMIT_BYTES, BlobCache
from orrery.fleet.device.journal import DeviceJournal
from orrery.fleet.device.settings import DeviceSettings
from orrery.fleet.private import write_private
from orrery.fleet.transports.protocol import Transport
from orrery.journal.blobs import FileBlobs
from orrery.runtime.device.machine import load_of_this_machine, memory_bytes, profile_of_this_machine
from orrery.runtime.device.performer import ToolPerformer
from orrery.runtime.device.rules import DeviceRules
from orrery.runtime.executors.limits import WorkerLimits

IDENTITY, JOURNAL, BLOBS, FILES = "device.json", "journal.db", "blobs", "files"
LEAST_MEMORY_BYTES = 1 << 30
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


class Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who a device is to its hub.

    Args:
        hub: its URL.
        name: that it was enrolled under.
        key: proves it.
        spent: SHA-256 of the enrolment token that was given for the key; it works no second time.
    """

    hub: str
    name: str
    key: str
    spent: str = ""


class DeviceOptions(msgspec.Struct, frozen=True):
    """What the owner of a device decides.

    Args:
        skills: free words by which tasks find it.
        slots: tasks at once; 0: one per processor.
        offer: patterns of the tools that are offered.
        allow: patterns of the tools and functions that may do what a person would be asked about otherwise.
        allow_paths: what tools of files may touch besides the device's folder.
        read_only: nothing that writes, or runs a program.
        memory_bytes: of one task; None: the machine's memory divided by the slots, 1 GiB at least.
        cpu_s: processor time of one task; 0: any.
        open_files: of one task.
        cache_bytes: of large values that are kept.
        zone: devices of one zone move data between them cheaply.
        cost: of an hour, in the budget's currency.
        speed: of one processor, where 1 is that of the hub's machine.
        serve_at: a URL to listen at for devices that fetch blobs; empty: they go through the hub.
        serve_cert: the certificate for a `wss:` URL there, a PEM file; `serve_key` its key, if it is in another.
        insecure_network: listen there beyond loopback without TLS.
    """

    skills: tuple[str, ...] = ()
    slots: int = 0
    offer: tuple[str, ...] = ("*",)
    allow: tuple[str, ...] = ()
    allow_paths: tuple[Path, ...] = ()
    read_only: bool = False
    memory_bytes: int | None = None
    cpu_s: int = 3600
    open_files: int = 1024
    cache_bytes: int = DEFAULT_LIMIT_BYTES
    zone: str = ""
    cost: float = 0.0
    speed: float = 1.0
    serve_at: str = ""
    serve_cert: Path | None = None
    serve_key: Path | None = None
    insecure_network: bool = False


def own_name() -> str:
    """What this machine's device is called unless somebody says otherwise."""
    return _NOT_A_NAME.sub("-", platform.node().partition(".")[0]).strip("-._")[:60] or "device"


def default_folder(name: str) -> Path:
    """Where a device of that name keeps what it has."""
    return Path.home() / ".orrery" / f"device-{_NOT_A_NAME.sub('-', name)}"


def make_device(
    url: str,
    folder: Path,
    *,
    token: str = "",
    name: str = "",
    options: DeviceOptions | None = None,
    on_news: Callable[[News], None] | None = None,
) -> Agent:
    """A device that works for the hub at `url` once its `run` is awaited.

    Args:
        folder: for all that it keeps; one device at a time can have it.
        token: an enrolment token, or a device's key; not needed where the folder has the device's key.
        name: that it would be enrolled under; the hub may give another.

    Raises:
        EnrolmentError: there is no token, and no key in the folder.
        CorruptionError, StoreError: what is in the folder cannot be used.
    """
    options = options or DeviceOptions()
    folder = _made(folder)
    rules = DeviceRules(folder / FILES, options.offer, options.allow, options.allow_paths, read_only=options.read_only)
    known = read_identity(folder)
    proof = _token_to_use(token, known)
    profile = profile_of_this_machine(
        rules,
        skills=options.skills,
        slots=options.slots,
        zone=options.zone,
        cost=options.cost,
        speed=options.speed,
    )
    memory = max(LEAST_MEMORY_BYTES, memory_bytes() // profile.slots) if memory_bytes() else None
    limits = WorkerLimits(options.memory_bytes or memory, options.cpu_s or None, options.open_files)
    store = FileBlobs(folder / BLOBS)
    performer = ToolPerformer(rules, store, slots=profile.slots, limits=limits)
    journal = DeviceJournal(folder / JOURNAL)
    try:
        return Agent(
            url,
            proof,
            profile,
            performer,
            journal=journal,
            blobs=BlobCache(store, limit_bytes=options.cache_bytes),
            settings=DeviceSettings(slots=profile.slots, waiting=4 * profile.slots),
            name=_name(known, proof, name),
            keep_key=partial(_keep_key, folder, url, token),
            refusal=performer.refusal,
            load=partial(load_of_this_machine, folder),
            serve_at=options.serve_at,
            serve_over=_listening(options),
            on_news=on_news,
        )
    except BaseException:
        journal.close()
        raise


def make_ufo_device(
    url: str,
    folder: Path,
    server: str,
    desktop: str,
    *,
    token: str = "",
    name: str = "",
    skills: tuple[str, ...] = (),
    on_news: Callable[[News], None] | None = None,
) -> Agent:
    """A device that is a bridge: what it is asked to do, a desktop agent of UFO³ does.

    Args:
        url, folder, token, name: as those of `make_device`.
        server: the URL of the WebSocket of the device agent server.
        desktop: the name under which the desktop is registered there.
        skills: besides "ufo" and what the server says.

    Raises:
        MissingExtraError: the extra "fleet" is not installed.
        EnrolmentError, CorruptionError, StoreError: as for `make_device`.
    """
    from orrery.runtime.device.ufo import UfoPerformer, UfoServer, profile_of

    folder = _made(folder)
    known = read_identity(folder)
    proof = _token_to_use(token, known)
    name = _name(known, proof, name)

    def described(info: dict[str, Any]) -> None:
        agent.profile = profile_of(info, desktop, skills=skills)

    performer = UfoPerformer(UfoServer(server, desktop, f"orrery-{name}"), described)
    journal = DeviceJournal(folder / JOURNAL)
    try:
        agent = Agent(
            url,
            proof,
            profile_of({}, desktop, skills=skills),
            performer,
            journal=journal,
            blobs=BlobCache(FileBlobs(folder / BLOBS)),
            settings=DeviceSettings(slots=1, waiting=0),
            name=name,
            keep_key=partial(_keep_key, folder, url, token),
            refusal=performer.refusal,
            on_news=on_news,
        )
    except BaseException:
        journal.close()
        raise
    return agent


def _made(folder: Path) -> Path:
    """A device's folder, made where it is not there. Raises StoreError."""
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / FILES).mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(f"the device's folder {folder} cannot be made: {error.strerror}") from error
    return folder


def _name(known: Identity | None, proof: str, wanted: str) -> str:
    """What a device is called before the hub has said so."""
    return known.name if known is not None and proof == known.key else wanted or own_name()


def _listening(options: DeviceOptions) -> Transport | None:
    """What listens for other devices; None: the usual transport. Raises TransportUrlError, MissingExtraError."""
    if not options.serve_at.startswith(("ws:", "wss:")):
        return None
    from orrery.fleet.transports.tls import certificate
    from orrery.fleet.transports.websocket import WebSocketOptions, WebSocketTransport

    ssl = certificate(options.serve_cert, options.serve_key) if options.serve_cert is not None else None
    return WebSocketTransport(WebSocketOptions(ssl=ssl, insecure=options.insecure_network))


def read_identity(folder: Path) -> Identity | None:
    """Who the device in a folder is; None: it was never enrolled. Raises StoreError."""
    path = folder / IDENTITY
    try:
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise StoreError(f"{path} is damaged: {error}; remove it and enrol the device again") from error


def _token_to_use(token: str, known: Identity | None) -> str:
    """A new token goes before the key in the folder; one that was spent for that key does not."""
    if known is not None and (not token or _hash(token) == known.spent):
        return known.key
    if not token:
        raise EnrolmentError(
            "this device is not enrolled: `orrery devices enrol` on the hub's machine prints a token for it, "
            "which goes into --token, --token-file or $ORRERY_DEVICE_TOKEN"
        )
    return token


def _keep_key(folder: Path, url: str, token: str, key: str, name: str) -> None:
    identity = Identity(url, name, key, _hash(token))
    try:
        write_private(folder / IDENTITY, msgspec.json.encode(identity).decode() + "\n")
    except OSError as error:
        raise StoreError(f"the device's key cannot be kept in {folder}: {error.strerror}") from error


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


__all__ = [
    "DeviceOptions",
    "DeviceRules",
    "Identity",
    "ToolPerformer",
    "default_folder",
    "make_device",
    "make_ufo_device",
    "own_name",
    "read_identity",
]
