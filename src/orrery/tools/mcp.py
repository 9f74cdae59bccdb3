"""Tools of MCP servers, as tools like any other: "server.tool", with a schema, effects, time-outs and errors as values.

The connections of a process live in one background thread with an event loop of its own, so that sync and async
callers on any loop share them; they are closed when the process ends. A server that died is an error of the call that
met it, and is started again by the next. Needs the extra `mcp`.
"""

from __future__ import annotations

import asyncio
import atexit
import base64
import concurrent.futures
import os
import re
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from orrery.errors import ArgumentError, McpError, OrreryError, ToolTimeoutError, UnknownNameError
from orrery.graph import Effects
from orrery.tools.context import ToolContext
from orrery.tools.mcp_connection import Connection, first_cause
from orrery.tools.mcp_hints import hint_of
from orrery.tools.mcp_settings import Server, ToolSettings, declare, servers
from orrery.tools.tool import Tool

if TYPE_CHECKING:
    import mcp_types as types

    from orrery.graph import Blob
    from orrery.tools.schema import Schema

__all__ = ["Server", "ToolSettings", "close", "declare", "get", "names", "problems", "servers"]

T = TypeVar("T")

_FAILED_FOR_S = 30.0
"""How long a server that could not be reached is not tried again for the sake of a listing. Calls always try."""
_CLOSE_S = 8.0
_WRAPPED = "result"
"""How the SDKs wrap what is no object, where the protocol wants one: {"result": 3}."""
_ILLEGAL = re.compile(r"[^\w-]+", re.ASCII)


def names() -> list[str]:
    """Every tool of every server that can be reached, as "server.tool".

    May wait: servers that were not asked yet are started and asked, all at once, for `connect_timeout_s` at most.

    Raises:
        McpSettingsError: the file of servers cannot be used.
    """
    known = _Servers.here().known() if servers() else {}
    return [f"{name}.{tool}" for name, server in known.items() for tool in server.offered()]


def problems() -> dict[str, str]:
    """The servers that could not be reached when they were asked last, and why."""
    known = _Servers.here().known() if servers() else {}
    return {name: server.failure for name, server in known.items() if server.failure}


def get(name: str) -> Tool[..., Any] | None:
    """The tool of that name; None where its server is not declared, or has no such tool.

    A server that was not asked yet is asked now, unless an event loop runs in this thread, which is not held up: then
    the tool is known by name only, and the server itself checks its arguments.

    Raises:
        McpError: the server cannot be reached.
        McpSettingsError: the file of servers cannot be used.
    """
    server_name, dot, tool_name = name.partition(".")
    declared = servers()
    if not dot or not tool_name or server_name not in declared:
        return None
    shared = _Servers.here()
    server = shared.server(server_name, declared[server_name])
    if not server.asked and not _in_a_loop():
        shared.wait(server.ask())
    if not server.asked:
        return McpTool(name, server, None)
    found = server.offered().get(tool_name)
    return None if found is None else McpTool(name, server, found)


def close() -> None:
    """End every connection of this process, and the programs that were started for them."""
    _Servers.forget()


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class _Server:
    """A declared server, with the connection to it while there is one. Its coroutines run in the background loop."""

    def __init__(self, name: str, settings: Server) -> None:
        self.name, self.settings = name, settings
        self.listing: Mapping[str, types.Tool] = {}
        self.asked = False
        self.failure = ""
        self._failed_at = 0.0
        self._lock = asyncio.Lock()
        self._connection: Connection | None = None
        self._refreshing: set[asyncio.Task[None]] = set()

    def offered(self) -> dict[str, types.Tool]:
        """What it offers, under names that can be used here; of two that become one, the first."""
        found: dict[str, types.Tool] = {}
        for theirs, tool in self.listing.items():
            if self.settings.only is None or theirs in self.settings.only:
                found.setdefault(_ILLEGAL.sub("_", theirs), tool)
        return found

    @property
    def resting(self) -> bool:
        """Whether it failed so recently that a listing does not try again."""
        return bool(self.failure) and time.monotonic() < self._failed_at + _FAILED_FOR_S

    async def connected(self) -> Connection:
        """The connection; a new one where there is none, or the old one has ended. Raises McpError."""
        async with self._lock:
            if self._connection is None or self._connection.closed:
                connection = Connection(self.name, self.settings, self._changed)
                try:
                    await connection.open()
                except OrreryError as error:
                    self.failure, self._failed_at = str(error), time.monotonic()
                    raise
                self._connection, self.failure = connection, ""
                self._learn(connection)
            return self._connection

    async def ask(self) -> None:
        """Learn what it offers. Raises McpError."""
        await self.connected()

    async def call(self, tool: str, arguments: dict[str, Any], timeout_s: float, ctx: ToolContext) -> Any:
        """Call a tool by our name for it. Raises errors of ours only."""
        connection = await self.connected()
        found = self.offered().get(tool)
        if found is None:
            raise UnknownNameError(f"tool of the MCP server {self.name!r},", tool, self.offered())

        async def told(progress: float, total: float | None, message: str | None) -> None:
            ctx.progress(progress / total if total else None, message or "")

        try:
            async with asyncio.timeout(timeout_s):
                return await connection.call(found.name, arguments, told)
        except TimeoutError as error:
            raise ToolTimeoutError(
                f"{self.name}.{tool} did not end within {timeout_s:g} s, and its server was told to stop",
                severity=self._severity(tool),
            ) from error
        except Exception as error:
            raise self._failed(error, tool, connection) from error

    def _failed(self, error: Exception, tool: str, connection: Connection) -> OrreryError:
        """What the SDK raised, as an error of ours. Whatever is no answer of the server's ends the connection."""
        import mcp_types as types
        from mcp.shared.exceptions import MCPError

        cause = first_cause(error)
        if isinstance(cause, MCPError) and cause.code != types.CONNECTION_CLOSED and not connection.closed:
            if cause.code == types.INVALID_PARAMS:
                return ArgumentError(f"tool '{self.name}.{tool}': {cause.message}")
            return McpError(f"the MCP server {self.name!r} refused {tool!r}: {cause.message}")
        connection.end()
        lost = connection.lost(f"was lost during {tool!r}; the next call connects anew")
        lost.severity = self._severity(tool)
        return lost

    def _severity(self, tool: str) -> Any:
        """Whether a call that was cut off may be made again: not if nobody knows whether it had its effect."""
        return "transient" if self.effects(tool).kind in ("pure", "idempotent") else "effect-unknown"

    def effects(self, tool: str) -> Effects:
        """What a call is taken to do: what is declared of it, else what its server says where that is trusted."""
        declared = self.settings.tools.get(tool, ToolSettings())
        there = (f"mcp:{self.name}",)
        found = self.offered().get(tool)
        hints = found.annotations if found is not None and self.settings.trust_hints else None
        if declared.effects is not None:
            return Effects(declared.effects, declared.reads, declared.writes)
        if hints is not None and hints.read_only_hint:
            return Effects("idempotent", declared.reads or there, declared.writes)
        if hints is not None and hints.idempotent_hint:
            return Effects("idempotent", declared.reads, declared.writes or there)
        return Effects(self.settings.effects, declared.reads, declared.writes)

    async def close(self) -> None:
        """End the connection, if there is one."""
        if self._connection is not None:
            await self._connection.close()

    def _learn(self, connection: Connection) -> None:
        self.listing, self.asked = connection.tools, True

    def _changed(self) -> None:
        task = asyncio.ensure_future(self._refresh())
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)

    async def _refresh(self) -> None:
        from mcp.shared.exceptions import MCPError

        connection = self._connection
        if connection is None or connection.closed:
            return
        try:
            await connection.refresh()
        except MCPError as error:  # the old listing stays; a call that it misleads says so itself
            self.failure, self._failed_at = f"its tools changed, but it did not say to what: {error}", time.monotonic()
        else:
            self._learn(connection)


class _Servers:
    """The servers of this process and the thread in which their connections live."""

    _one: _Servers | None = None
    _guard = threading.Lock()

    def __init__(self) -> None:
        self._servers: dict[str, _Server] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="orrery-mcp", daemon=True)
        self._thread.start()

    @classmethod
    def here(cls) -> _Servers:
        """Those of this process, made on first use."""
        with cls._guard:
            if cls._one is None:
                cls._one = cls()
            return cls._one

    @classmethod
    def forget(cls) -> None:
        """Close them all."""
        with cls._guard:
            one, cls._one = cls._one, None
        if one is not None:
            one._end()

    @classmethod
    def after_fork(cls) -> None:
        """In a child process the thread is gone, and the connections are its parent's."""
        cls._one, cls._guard = None, threading.Lock()

    def server(self, name: str, settings: Server) -> _Server:
        """The server of that name; a new one where its settings have changed."""
        found = self._servers.get(name)
        if found is None or found.settings != settings:
            if found is not None:
                self.begin(found.close())
            found = self._servers[name] = _Server(name, settings)
        return found

    def known(self) -> dict[str, _Server]:
        """Every declared server, each asked for its tools unless it was, or failed a moment ago."""
        found = {name: self.server(name, settings) for name, settings in servers().items()}
        asking = [self.begin(server.ask()) for server in found.values() if not server.asked and not server.resting]
        concurrent.futures.wait(asking)
        for each in asking:
            error = each.exception()
            if error is not None and not isinstance(error, McpError):
                raise error
        return found

    def begin(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start something in the background loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the background loop and wait for it."""
        return self.begin(work).result()

    def _end(self) -> None:
        closing = [self.begin(server.close()) for server in self._servers.values()]
        concurrent.futures.wait(closing, timeout=_CLOSE_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_S)
        if not self._thread.is_alive():
            self._loop.close()


atexit.register(close)
os.register_at_fork(after_in_child=_Servers.after_fork)


class McpTool(Tool[..., Any]):
    """A tool of a server. What is known of its arguments is the server's schema; nothing where it was not asked."""

    def __init__(self, name: str, server: _Server, offered: types.Tool | None) -> None:
        short = name.partition(".")[2]
        own = server.settings.tools.get(short, ToolSettings())
        super().__init__(
            _function(server, short, own.timeout_s or server.settings.timeout_s),
            name=name,
            effects=server.effects(short),
            executor="inline",
            description=(offered.description or offered.title or "" if offered is not None else ""),
        )
        self._schema: Schema = offered.input_schema if offered is not None else {}
        result: Schema = (offered.output_schema or {}) if offered is not None else {}
        properties = result.get("properties", {})
        self._result: Schema = properties[_WRAPPED] if properties.keys() == {_WRAPPED} else result

    @cached_property
    def hints(self) -> dict[str, Any]:
        """Each argument's type, as far as the server's schema says."""
        properties = self._schema.get("properties", {})
        return {name: hint_of(schema, self._schema) for name, schema in properties.items()}

    @cached_property
    def _extra(self) -> Any:
        # A schema that names arguments and is silent about others is taken to mean these only.
        more = self._schema.get("additionalProperties", not self._schema.get("properties"))
        return None if more is False else Any

    @cached_property
    def required(self) -> tuple[str, ...]:
        """The arguments that must be given."""
        return tuple(self._schema.get("required", ()))

    @cached_property
    def parameters(self) -> Schema:
        """The server's own schema of the arguments."""
        return self._schema or {"type": "object"}

    @cached_property
    def result(self) -> Schema:
        """The server's own schema of what comes back, unwrapped; empty where it gives none."""
        return self._result


def _function(server: _Server, tool: str, timeout_s: float) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def call(*, orrery_context: ToolContext, **arguments: Any) -> Any:
        # Not by way of `server`: the process may be another one by now, and the settings others.
        shared = _Servers.here()
        there = shared.server(server.name, servers().get(server.name, server.settings))
        answer = shared.begin(there.call(tool, arguments, timeout_s, orrery_context))
        return _value(await asyncio.wrap_future(answer), f"{server.name}.{tool}", orrery_context)

    call.__name__ = call.__qualname__ = f"{server.name}.{tool}"
    return call


def _value(result: types.CallToolResult, name: str, ctx: ToolContext) -> Any:
    """What a tool answered: its structured content, else its text, else the list of its pieces. Raises McpError."""
    pieces = [_piece(block, ctx) for block in result.content]
    if result.is_error:
        said = "\n".join(piece for piece in pieces if isinstance(piece, str))
        raise McpError(f"{name} failed: {said or 'it did not say why'}")
    if result.structured_content is not None:
        value = result.structured_content
        if isinstance(value, dict) and value.keys() == {_WRAPPED}:
            value = value[_WRAPPED]
        large = [piece for piece in pieces if not isinstance(piece, str)]
        return {"value": value, "content": large} if large else value
    return pieces[0] if len(pieces) == 1 else pieces


def _piece(block: types.ContentBlock, ctx: ToolContext) -> Any:
    """One piece of content: text as text, images and sound as blobs, a link as its address and title."""
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            return _blob(block.data, block.mime_type, ctx)
        case "resource_link":
            return {"uri": str(block.uri), "name": block.name, "media": block.mime_type}
        case "resource":
            held = block.resource
            if hasattr(held, "text"):
                return held.text
            return _blob(held.blob, held.mime_type or "application/octet-stream", ctx)


def _blob(data: str, media: str, ctx: ToolContext) -> Blob:
    with ctx.blob_writer(media) as writer:
        writer.write(base64.b64decode(data))
        return writer.close()
