"""`orrery device`."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import re
import signal
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from orrery.cli.options import Words, read_skills
from orrery.cli.screen import can_move_its_cursor, err, say
from orrery.errors import RequestError
from orrery.fleet.device.agent import Agent, News
from orrery.runtime.device import (
    DeviceOptions,
    default_folder,
    make_device,
    make_ufo_device,
    own_name,
    read_identity,
)

TOKEN_VARIABLE, HUB_VARIABLE = "ORRERY_DEVICE_TOKEN", "ORRERY_HUB"
REDRAW_S = 0.1
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)[bB]?")
_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def device(
    *,
    hub: str | None = None,
    token: str | None = None,
    token_file: Path | None = None,
    name: str | None = None,
    folder: Path | None = None,
    skills: str = "",
    slots: int = 0,
    allow: Words = None,
    allow_path: Words = None,
    offer: Words = None,
    read_only: Annotated[bool, Parameter(negative=())] = False,
    memory: str | None = None,
    cpu: int = 3600,
    open_files: int = 1024,
    cache: str = "10GB",
    zone: str = "",
    cost: float = 0.0,
    speed: float = 1.0,
    serve: str = "",
    serve_cert: Path | None = None,
    serve_key: Path | None = None,
    insecure_network: Annotated[bool, Parameter(negative=())] = False,
    ufo: str = "",
    ufo_device: str = "",
    grace: float = 30.0,
) -> int:
    """Let this machine work for a hub, with the tools that are installed here.

    What only reads or computes is done, and so are new files in the device's folder. Everything else must be allowed
    by name, and what may never be agreed to stays refused. Ctrl-C and SIGTERM let what runs finish; a second Ctrl-C
    stops it.

    Exit status: 0 when it has left, 1 if the world failed it, 2 if the request is wrong or the hub refuses it.

    Args:
        hub: Its URL, such as ws://127.0.0.1:8765; $ORRERY_HUB unless given.
        token: An enrolment token, needed once. Others on this machine can see it here: prefer --token-file, or
            $ORRERY_DEVICE_TOKEN; on a terminal it is asked for.
        token_file: A file with the token.
        name: Under which to enrol; this machine's own unless given.
        folder: For the device's key, its memory and the files of its tasks; ~/.orrery/device-NAME unless given.
        skills: Words by which tasks find it, with commas between them.
        slots: Tasks at once; one per processor unless given.
        allow: A pattern of tools that may do what a person would be asked about, such as shell.*, or of functions, such
            as 'py:my_jobs:*'; can be repeated.
        allow_path: A folder or file that tools may touch besides the device's folder; can be repeated.
        offer: A pattern of tools; those that none matches are not offered; can be repeated.
        read_only: Nothing that writes, and no programs.
        memory: The most that one task may use, such as 500MB; the machine's memory by the slots unless given.
        cpu: Seconds of processor time that one task may use; 0: any.
        open_files: The most that one task may have open.
        cache: The most that is kept of large values.
        zone: Devices of one zone move data between them cheaply.
        cost: Of an hour, in the budget's currency.
        speed: Of one processor, where 1 is that of the hub's machine.
        serve: A URL to listen at, so that other devices fetch large values directly, such as wss://192.168.1.5:8767.
        serve_cert: The certificate for a wss: URL there, a PEM file; what is not loopback needs one.
        serve_key: Its key, if that is not in the same file.
        insecure_network: Listen there beyond loopback without TLS: everybody on the way can read what is fetched.
        ufo: Be a bridge to a device agent server of UFO³, such as ws://desktop:5000/ws, and offer nothing else.
        ufo_device: The name under which the desktop is registered there.
        grace: Seconds that what runs may take to finish when the device is told to leave.
    """
    url = hub or os.environ.get(HUB_VARIABLE)
    if not url:
        raise RequestError("which hub? name it with --hub or $ORRERY_HUB; `orrery hub` prints its address")
    if bool(ufo) != bool(ufo_device):
        raise RequestError("--ufo has the address of the server, and --ufo-device the desktop's name there: give both")
    chosen = name or own_name()
    place = folder or default_folder(chosen)
    options = DeviceOptions(
        skills=read_skills(skills),
        slots=_at_least(0, slots, "--slots"),
        offer=tuple(offer or ("*",)),
        allow=tuple(allow or ()),
        allow_paths=tuple(Path(one).expanduser().absolute() for one in allow_path or ()),
        read_only=read_only,
        memory_bytes=None if memory is None else size_bytes(memory, "--memory"),
        cpu_s=_at_least(0, cpu, "--cpu"),
        open_files=_at_least(16, open_files, "--open-files"),
        cache_bytes=size_bytes(cache, "--cache"),
        zone=zone,
        cost=cost,
        speed=speed,
        serve_at=serve,
        serve_cert=serve_cert,
        serve_key=serve_key,
        insecure_network=insecure_network,
    )
    if any(pattern.startswith("py:") for pattern in options.allow):
        from orrery.workflow import code

        code.look_in(Path.cwd())  # the functions that were allowed are found as a run here would find them
    screen = _Screen()
    proof = _token(token, token_file, place)
    if ufo:
        agent = make_ufo_device(
            url, place, ufo, ufo_device, token=proof, name=chosen, skills=options.skills, on_news=screen.hear
        )
    else:
        agent = make_device(url, place, token=proof, name=chosen, options=options, on_news=screen.hear)
    screen.watch(agent)
    return asyncio.run(_work(agent, screen, grace))


def size_bytes(text: str, option: str) -> int:
    """A size such as 500MB, in bytes. Raises RequestError."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or float(found[1]) <= 0:
        raise RequestError(f"{option} {text!r} is not a size; write it as 500MB or 2GB")
    return int(float(found[1]) * _FACTORS[found[2].lower()])


def _at_least(least: int, given: int, option: str) -> int:
    if given < least:
        raise RequestError(f"{option} must be {least} at least, and is {given}")
    return given


def _token(given: str | None, file: Path | None, folder: Path) -> str:
    """The token from wherever it was given; empty if the device has its key already."""
    from_environment = os.environ.pop(TOKEN_VARIABLE, "")  # no task is to inherit it
    if given and file:
        raise RequestError("give --token or --token-file, not both")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"--token-file {file} cannot be read: {error}") from error
    token = given or from_environment
    if not token and read_identity(folder) is None and sys.stdin.isatty() and sys.stderr.isatty():
        token = getpass.getpass("enrolment token (from `orrery devices enrol` on the hub's machine): ")
    return token.strip()


async def _work(agent: Agent, screen: _Screen, grace_s: float) -> int:
    """Be a device until somebody ends it."""
    loop = asyncio.get_running_loop()
    asked = 0

    def leave(because: str) -> None:
        nonlocal asked
        asked += 1
        agent.drain(because, grace_s=grace_s if asked == 1 else 0.0)

    with contextlib.ExitStack() as stack:
        for number, because in ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")):
            with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends the program by an exception instead
                loop.add_signal_handler(number, leave, because)
                stack.callback(loop.remove_signal_handler, number)
        try:
            await agent.run()
        finally:
            screen.close()
    return 0


class _Screen:
    """What the owner of a device sees: one line that is kept up to date, and what happened above it."""

    def __init__(self) -> None:
        self._console = err()
        self._live = can_move_its_cursor(self._console)
        self._agent: Agent | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._because = ""
        self._leaving = False
        self._drawn = False

    def watch(self, agent: Agent) -> None:
        """Show the state of this device."""
        self._agent = agent
        tools = len(agent.profile.tools)
        self._line(f"{tools} tools, {agent.profile.slots} tasks at once; connecting to {agent.url}")

    def hear(self, news: News) -> None:
        """Something happened."""
        match news.kind:
            case "enrolled":
                self._line(f"enrolled as {news.text}")
            case "connected":
                self._because = ""
                self._line(f"connected to {news.text} as {self._agent.name if self._agent else ''}")
            case "down" if news.text != self._because:
                self._because = news.text
                self._line(f"no connection: {news.text}; trying again")
            case "refused":
                self._line(f"refused {news.text}")
            case "draining" if not self._leaving:
                self._leaving = True
                self._line(f"leaving ({news.text}): what runs may finish; once more stops it")
            case "left":
                self._line(f"left{': ' if news.text else ''}{news.text}")
        self._redraw_soon()

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._timer is not None:
            self._timer.cancel()
        self._wipe()

    def _line(self, text: str) -> None:
        self._wipe()
        say(self._console, text)

    def _redraw_soon(self) -> None:
        if not self._live or self._timer is not None:
            return
        try:
            self._timer = asyncio.get_running_loop().call_later(REDRAW_S, self._redraw)
        except RuntimeError:  # not running yet
            self._timer = None

    def _redraw(self) -> None:
        self._timer = None
        agent = self._agent
        if agent is None:
            return
        working = ", ".join(agent.working[:3]) + (", ..." if len(agent.working) > 3 else "")
        state = "leaving" if self._leaving else "online" if agent.is_up else "no connection"
        failed = f", {agent.failed} failed" if agent.failed else ""
        text = f"{agent.name} · {state} · {f'working on {working}' if working else 'idle'} · {agent.done} done{failed}"
        width = self._console.width - 1
        self._console.file.write("\r\x1b[2K" + (text if len(text) <= width else text[: width - 3] + "..."))
        self._console.file.flush()
        self._drawn = True

    def _wipe(self) -> None:
        if self._drawn:
            self._console.file.write("\r\x1b[2K")
            self._console.file.flush()
            self._drawn = False
