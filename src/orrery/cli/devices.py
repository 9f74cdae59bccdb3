"""`orrery devices` and what is below it: the devices of a hub, and who may be one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.live import Live
from rich.text import Text

from orrery.cli.options import Json, read_skills
from orrery.cli.screen import can_move_its_cursor, out, say, say_table, table_lines, write_json
from orrery.errors import RequestError
from orrery.fleet.client import HubClient
from orrery.fleet.hub.registry import Enrolled, Registry
from orrery.fleet.operator import invite, registry_folder, usual_folder
from orrery.fleet.profile import DeviceView
from orrery.telling.devices import plain_devices
from orrery.telling.plain import span
from orrery.telling.printable import printable

devices = App(
    name="devices",
    help="List the devices of the hub, and say who may be one.",
    help_format="plaintext",
    version_flags=(),
    default_parameter=Parameter(negative=(), show_default=False),
)

State = Annotated[
    Path | None, Parameter(name="--state", help="The hub's folder, where it is not the one that was started here.")
]
Name = Annotated[str, Parameter(help="The device's name.")]

_STYLES = {"online": "green", "shaky": "yellow", "draining": "yellow", "away": "yellow", "gone": "red"}
_HEADER = ("device", "state", "tasks", "load", "latency", "trust", "heard", "skills")
_RIGHT = "tasks load latency trust heard"
_MOST_SKILLS = 12


@devices.default
def show(*, watch: bool = False, json: Json = False, state: State = None) -> int:
    """List the devices of the hub that was started in this folder: what they are doing, and how well.

    Args:
        watch: Go on showing it until Ctrl-C.
    """
    folder = _folder(state)
    with contextlib.closing(Registry(folder)) as registry:
        if not registry.is_running():
            if watch:
                raise RequestError(f"no hub runs with the state in {folder}; `orrery hub` starts one")
            _print(registry.devices(), (), running=False, as_json=json)
            return 0
        asyncio.run(_ask(registry, watch=watch, as_json=json))
    return 0


@devices.command
def enrol(
    name: str = "",
    /,
    *,
    skills: str = "",
    minutes: float = 10.0,
    json: Json = False,
    state: State = None,
) -> int:
    """Let one device in: prints a token that works once and for a short time, and the command to type there.

    Args:
        name: What it will be called; it chooses itself unless given.
        skills: What it counts as having, joined by commas; it says itself unless given.
        minutes: How long the token can be used, 10 unless given.
    """
    given = read_skills(skills)
    with contextlib.closing(Registry(_folder(state))) as registry:
        invitation = invite(registry, at=time.time(), name=name, skills=given, minutes=minutes)
    if json:
        found = {"token": invitation.token, "name": name, "minutes": minutes}
        write_json({**found, "hub": invitation.url or None, "command": invitation.command})
        return 0
    console = out()
    say(console, f"on the device, within {minutes:g} minutes:\n", "dim")
    console.print(Text(invitation.command, "bold"), soft_wrap=True)  # whole, to be copied
    say(console, "")
    if not invitation.is_running:
        say(console, "no hub runs here yet; `orrery hub` starts it", "yellow")
    if invitation.is_near_only:
        say(
            console,
            f"{invitation.url} can be reached from this machine only; docs/guides/hub.md says how to open it",
            "dim",
        )
    say(console, "the token works once; whoever has it can be that device", "dim")
    return 0


@devices.command
def drain(name: Name, /, *, undo: bool = False, state: State = None) -> int:
    """Let a device finish what it has and take nothing new.

    Args:
        undo: Let it work again.
    """
    with contextlib.closing(Registry(_folder(state))) as registry:
        registry.drain(name, at=time.time(), undo=undo)
        late = "" if registry.is_running() else ", once the hub runs"
    say(out(), f"{name} {'works again' if undo else 'finishes what it has and takes nothing new'}{late}")
    return 0


@devices.command
def revoke(name: Name, /, *, state: State = None) -> int:
    """Take a device's key away; it is cut off at once, and what it had is given to others."""
    with contextlib.closing(Registry(_folder(state))) as registry:
        registry.revoke(name, at=time.time())
    say(out(), f"{name} is revoked; `orrery devices enrol {name}` lets it in again")
    return 0


@devices.command
def audit(
    *, most: Annotated[int, Parameter(name=("--most", "-n"))] = 30, json: Json = False, state: State = None
) -> int:
    """List who came, who was turned away and why, and what was changed, the newest last.

    Args:
        most: How many of the newest to list, 30 unless given.
    """
    with contextlib.closing(Registry(_folder(state))) as registry:
        records = registry.audit(max(0, most))
    if json:
        write_json(
            {"records": [{"at": r.at, "kind": r.kind, "principal": r.principal, "detail": r.detail} for r in records]}
        )
        return 0
    console = out()
    if not records:
        say(console, "nothing has happened yet")
        return 0
    lines = [
        (
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(r.at)),
            Text(r.kind, _kind_style(r.kind)),
            r.principal,
            r.detail,
        )
        for r in records
    ]
    say_table(console, ("when", "what", "who", "why"), lines)
    return 0


def _folder(state: Path | None) -> Path:
    """The hub's folder, which must be there. Raises RequestError."""
    folder = registry_folder(state)
    if folder is None:
        raise RequestError(
            f"there is no hub's state in {state or usual_folder()}; `orrery hub` makes one, and --state names that of "
            "another folder"
        )
    return folder


async def _ask(registry: Registry, *, watch: bool, as_json: bool) -> None:
    """Show the devices as the running hub sees them, once or until somebody ends it."""
    async with HubClient(registry.urls()[0], registry.client_token(at=time.time())) as client:
        latest = list(await client.devices())
        if not watch:
            _print(registry.devices(), latest, running=True, as_json=as_json)
            return
        changed = asyncio.Event()

        def take(news: Sequence[DeviceView]) -> None:
            latest[:] = news
            changed.set()

        client.watch(take)
        await _watch(registry, client, latest, changed, as_json=as_json)


async def _watch(
    registry: Registry, client: HubClient, latest: list[DeviceView], changed: asyncio.Event, *, as_json: bool
) -> None:
    """Show the devices until somebody ends it: drawn anew on a terminal, and printed at each change elsewhere."""
    console = out()
    if as_json or not can_move_its_cursor(console):
        before: object = None
        while True:
            changed.clear()
            now = {view.name: (view.state, view.running) for view in latest}
            if now != before:
                before = now
                _print(registry.devices(), tuple(latest), running=True, as_json=as_json)
            await changed.wait()
    with Live(console=console, auto_refresh=False, transient=False, vertical_overflow="crop") as live:
        while True:
            changed.clear()
            lines = _lines(console, registry.devices(), latest)
            if not client.is_up:
                lines.append(Text("the hub is away; this is what it said last", "yellow"))
            live.update(Text("\n").join(lines), refresh=True)
            with contextlib.suppress(TimeoutError):  # ages grow also where nothing changes
                async with asyncio.timeout(1.0):
                    await changed.wait()


def _print(enrolled: Mapping[str, Enrolled], views: Sequence[DeviceView], *, running: bool, as_json: bool) -> None:
    if as_json:
        write_json({"running": running, "devices": list(plain_devices(enrolled, views))})
        return
    console = out()
    here = [device for device in enrolled.values() if device.revoked_at is None]
    if here or views:
        for line in _lines(console, enrolled, views):
            say(console, line)
    else:
        say(console, "no devices yet; `orrery devices enrol NAME` lets one in")
    if not running:
        say(console, "no hub runs with this state; `orrery hub` starts it", "yellow")
    revoked = len(enrolled) - len(here)
    if revoked:
        say(console, f"and {revoked} that {'was' if revoked == 1 else 'were'} revoked; --json lists them", "dim")


def _lines(console: Console, enrolled: Mapping[str, Enrolled], views: Iterable[DeviceView]) -> list[Text]:
    """The table: the devices of the hub by name, and those that are enrolled and not there."""
    now, known = time.time(), {view.name: view for view in views}
    rows: list[tuple[str | Text, ...]] = []
    for name in sorted({*known, *(name for name, device in enrolled.items() if device.revoked_at is None)}):
        view, device = known.get(name), enrolled.get(name)
        draining = device is not None and device.draining
        if view is None:
            state = "offline, draining" if draining else "offline"
            rows.append((Text(name, "bold"), Text(state, "dim"), "", "", "", "", "", _skills(device, None)))
            continue
        state = "draining" if draining and view.state in ("online", "shaky") else view.state
        tasks = f"{len(view.running)}/{view.profile.slots}"
        latency = f"{1000 * view.latency_s:.3g} ms" if view.latency_s is not None else ""
        heard = _age(now - view.heard_at) if view.heard_at is not None else ""
        rows.append(
            (
                Text(name, "bold"),
                Text(state, _STYLES.get(state, "")),
                Text(tasks, "cyan" if view.running else ""),
                f"{100 * view.load.cpu:.0f} %",
                latency,
                f"{view.trust:.2f}",
                heard,
                _skills(device, view),
            )
        )
    return table_lines(console, _HEADER, rows, right=_RIGHT)


def _age(seconds: float) -> str:
    return f"{max(0.0, seconds):.0f} s" if seconds < 60 else span(seconds)


def _skills(device: Enrolled | None, view: DeviceView | None) -> Text:
    skills = view.profile.skills if view is not None else device.skills if device is not None else ()
    more = f" +{len(skills) - _MOST_SKILLS}" if len(skills) > _MOST_SKILLS else ""
    return Text(printable(" ".join(skills[:_MOST_SKILLS])) + more, "dim")


def _kind_style(kind: str) -> str:
    return {"refused": "yellow", "cut": "yellow", "revoked": "red", "enrolled": "green"}.get(kind, "")
