"""`orrery hub`: where devices and runs meet."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
from pathlib import Path
from typing import Any

from rich.console import Console

from orrery.cli.options import Json, Words
from orrery.cli.screen import out, say, write_json
from orrery.errors import RequestError
from orrery.fleet.hub.server import HubServer
from orrery.fleet.hub.settings import Settings
from orrery.fleet.hubs import DEFAULT_STATE, HUB_FILE, NearbyHub, write_nearby_hub
from orrery.fleet.transports.tls import certificate

DEFAULT_URL = "ws://127.0.0.1:8765"


def hub(
    *,
    listen: Words = None,
    state: Path = DEFAULT_STATE,
    tls_cert: Path | None = None,
    tls_key: Path | None = None,
    allow_host: Words = None,
    allow_origin: Words = None,
    insecure_network: bool = False,
    lease: float = 30.0,
    away: float = 60.0,
    patience: float = 30.0,
    json: Json = False,
) -> int:
    """Be the hub of a fleet until Ctrl-C: devices join it, and runs find them through it.

    Commands in the same folder find it by .orrery/hub.json, which only you can read.

    Args:
        listen: A URL to listen at, ws://127.0.0.1:8765 unless given; can be repeated. Port 0 takes a free one.
        state: The folder of the registry: who is enrolled, and what happened. .orrery/hub unless given.
        tls_cert: The certificate for wss: URLs, a PEM file; what is not loopback needs one.
        tls_key: Its key, if that is not in the same file.
        allow_host: A name besides the listening address by which it is reached; can be repeated.
        allow_origin: A web page's origin whose scripts may connect; can be repeated. None may unless given.
        lease: Seconds for which a device that is not heard of keeps its work.
        away: Seconds after that for which a device is waited for that alone knows whether a task took effect.
        patience: Seconds for which a task waits for a device that could do it.
        insecure_network: Listen beyond loopback without TLS: everybody on the way can read and change everything.
    """
    server = HubServer(
        state,
        listen=tuple(listen or (DEFAULT_URL,)),
        ssl=certificate(tls_cert, tls_key) if tls_cert is not None else None,
        allowed_hosts=tuple(allow_host or ()),
        allowed_origins=tuple(allow_origin or ()),
        insecure_network=insecure_network,
        settings=_settings(lease, away, patience),
    )
    asyncio.run(_serve(server, as_json=json))
    return 0


def _settings(lease_s: float, away_s: float, patience_s: float) -> Settings:
    for name, seconds in (("lease", lease_s), ("away", away_s), ("patience", patience_s)):
        if not (math.isfinite(seconds) and seconds > 0):
            raise RequestError(f"--{name} must be a number of seconds above zero, not {seconds}")
    heartbeat_s = min(Settings().heartbeat_s, lease_s / 3)
    return Settings(lease_s=lease_s, heartbeat_s=heartbeat_s, away_s=away_s, patience_s=patience_s)


async def _serve(server: HubServer, *, as_json: bool) -> None:
    """Serve until somebody ends it, also while it is still starting."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends the program by an exception instead
            loop.add_signal_handler(number, over.set)
    async with server:
        write_nearby_hub(NearbyHub(server.urls, server.client_token, str(server.folder)))
        _announce(server, as_json=as_json)
        await over.wait()
    if not as_json:
        say(out(), "the hub has stopped; devices keep what they have, and come back when it does", "dim")


def _announce(server: HubServer, *, as_json: bool) -> None:
    enrolled = [device for device in server.registry.devices().values() if device.revoked_at is None]
    if as_json:
        said: dict[str, Any] = {"urls": list(server.urls), "state": str(server.folder), "file": str(HUB_FILE)}
        write_json({**said, "epoch": server.epoch, "pid": os.getpid(), "devices": len(enrolled)})
        return
    console = out()
    say(console, f"hub at {' and '.join(server.urls)}; Ctrl-C ends", "bold")
    say(console, f"state in {_short(server.folder)}; runs in this folder find it by {HUB_FILE}", "dim")
    _say_devices(console, [device.name for device in enrolled])


def _say_devices(console: Console, names: list[str]) -> None:
    count = f"{len(names)} device{'s' if len(names) != 1 else ''} enrolled" if names else "no devices yet"
    few = f": {', '.join(names)}" if 0 < len(names) <= 8 else ""
    say(console, count + few)
    say(console, "`orrery devices enrol NAME` lets one in and prints the command to type there", "dim")


def _short(path: Path) -> str:
    """The path as it is seen from here, if that is shorter."""
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)
