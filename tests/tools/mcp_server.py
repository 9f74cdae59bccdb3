"""A small MCP server, written with the official SDK, that the tests run as a real process.

python mcp_server.py stdio
python mcp_server.py http PORT
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import mcp_types as types
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.utilities.types import Image

server = MCPServer("moons")
PNG = b"\x89PNG\r\n\x1a\nnot really"


@server.tool(annotations=types.ToolAnnotations(read_only_hint=True))
def add(a: int, b: int = 1) -> int:
    """The sum of two numbers."""
    return a + b


@server.tool()
def moon(name: str, units: str | None = None) -> dict[str, Any]:
    """What is known of a moon."""
    return {"name": name, "units": units, "diameter_km": 3643.2}


@server.tool(structured_output=False)
def tell(words: list[str]) -> str:
    """The words as one text."""
    return " ".join(words)


@server.tool(structured_output=False)
def picture() -> list[Any]:
    """A text and a picture."""
    return ["look", Image(data=PNG, format="png")]


@server.tool()
def fail(why: str) -> str:
    """Fails."""
    raise ToolError(why)


@server.tool(annotations=types.ToolAnnotations(idempotent_hint=True))
async def slow(place: str, ctx: Context) -> str:
    """Says in a file that it has begun, and then takes for ever; says there that it was cancelled."""
    await ctx.report_progress(1, 4, "begun")
    file = Path(place)  # a pipe: writing waits for who reads
    try:
        await asyncio.to_thread(file.write_text, str(os.getpid()))
        await asyncio.Event().wait()
    finally:
        threading.Thread(target=file.write_text, args=("cancelled",), daemon=True).start()
    return "never"


@server.tool()
async def grow(name: str, ctx: Context) -> str:
    """Offers one tool more from now on."""

    def grown() -> str:
        """A tool that was not there before."""
        return f"this is {name}"

    server.add_tool(grown, name=name)
    await ctx.notify_tools_changed()
    return "grown"


@server.tool()
def die() -> str:
    """Kills its own process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


@server.tool()
def secret(name: str) -> str | None:
    """A variable of the server's environment."""
    return os.environ.get(name)


@server.tool(name="odd name/here")
def odd() -> str:
    """A name that cannot be one of ours."""
    return "odd"


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        print("moons: listening", file=sys.stderr, flush=True)
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
