"""Tools for the agents of the tests; at the top of a module, so that any process can find them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from orrery.errors import HttpError
from orrery.tools import Context, tool


@tool(effects="pure")
def add(a: int, b: int) -> int:
    """The sum of two numbers."""
    return a + b


@tool(effects="pure")
def broken(what: str) -> str:
    """Fails."""
    raise ValueError(f"no {what} here")


@tool(effects="pure", timeout_s=0.2)
async def hanging() -> str:
    """Never ends."""
    await asyncio.Event().wait()
    return "never"


@tool(effects="pure")
async def blocking(seconds: float) -> str:
    """Blocks the loop on which it runs."""
    time.sleep(seconds)  # noqa: ASYNC251 - that is what it is for
    return "awake"


@tool(effects="idempotent")
async def page(text: str) -> str:
    """A page from outside, with the text that somebody wrote there."""
    return text


@tool(effects="pure")
async def busy() -> str:
    """A service that is asked too often."""
    raise HttpError("429 Too Many Requests", status=429)


@tool(effects="once", writes=("file:{path}",))
def append(path: str, line: str, ctx: Context) -> str:
    """Add a line to a file."""
    with (ctx.folder / path).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    return f"{path} has {len((ctx.folder / path).read_text(encoding='utf-8').splitlines())} lines"


def shout(text: str) -> str:
    """Say it loudly."""
    return text.upper()


def lines_of(path: Path) -> list[str]:
    """The lines of a file; none where there is no file."""
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def long() -> str:
    """A text that is too long for any model."""
    return "x" * 3_000_000


async def forever() -> None:
    """Never ends, and has no limit of its own."""
    await asyncio.Event().wait()
