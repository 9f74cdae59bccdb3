"""One connection to an MCP server, by the official SDK: opened, listened to, noticed when it ends, closed.

A connection lives in one asyncio task from beginning to end, because the SDK's scopes must be left where they were
entered. Everybody else talks to that task's client.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from orrery.errors import McpError, MissingExtraError
from orrery.tools.mcp_settings import Server, filled

if TYPE_CHECKING:
    import mcp_types as types
    from mcp.client.client import Client
    from mcp.shared.dispatcher import ProgressFnT


MOST_PAGES = 100
_STDERR_BYTES = 2_000
_CLOSE_S = 6.0
"""The SDK gives a program 2 s to end by itself, and 2 more after SIGTERM."""


class Connection:
    """A live connection, or what is left of one.

    Args:
        name: what the server is called in messages.
        server: how it is reached.
        changed: called when its tools may have become others.

    Attributes:
        tools: what the server offers, by its own names.
        closed: it has ended, by itself or by `close`; a new one is needed.
    """

    def __init__(self, name: str, server: Server, changed: Callable[[], None]) -> None:
        self.name, self.server = name, server
        self.tools: dict[str, types.Tool] = {}
        self.closed = False
        self._changed = changed
        self._client: Client | None = None
        self._stopping = asyncio.Event()
        self._stderr = b""
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start or reach the server, and ask it for its tools. Raises McpError, MissingExtraError."""
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._live(ready))
        try:
            async with asyncio.timeout(self.server.connect_timeout_s):
                await asyncio.shield(ready)
        except TimeoutError as error:
            self._task.cancel()  # it waits for an answer, and would not see that it is to stop
            await self.close()
            raise self.lost(f"did not answer within connect_timeout_s={self.server.connect_timeout_s:g}") from error
        except BaseException:
            self._task.cancel()
            await self.close()
            raise

    async def call(self, tool: str, arguments: dict[str, Any], progress: ProgressFnT) -> types.CallToolResult:
        """Call a tool by the server's own name for it. Raises what the SDK raises."""
        assert self._client is not None
        return await self._client.call_tool(tool, arguments, progress_callback=progress)

    async def refresh(self) -> None:
        """Ask for the tools again. Raises what the SDK raises."""
        assert self._client is not None
        self.tools = await _listed(self._client)

    async def close(self) -> None:
        """End the connection; a program that was started for it is ended too."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=_CLOSE_S)
            self._task.cancel()
        self.closed = True

    def lost(self, what: str) -> McpError:
        """The error for a server that cannot be talked to, with the last of what it wrote to stderr."""
        said = self._stderr.decode(errors="backslashreplace").strip()
        tail = f"; the end of its stderr:\n{said}" if said else ""
        return McpError(f"the MCP server {self.name!r} {what}{tail}", severity="transient")

    def end(self) -> None:
        """The other side is gone: let go of the connection."""
        self.closed = True
        self._stopping.set()

    async def _live(self, ready: asyncio.Future[None]) -> None:
        try:
            async with contextlib.AsyncExitStack() as stack:
                self._client = await stack.enter_async_context(_client(self, stack))
                self.tools = await _listed(self._client)
                if not ready.done():
                    ready.set_result(None)
                listening = asyncio.create_task(self._listen(self._client))
                try:
                    await self._stopping.wait()
                finally:
                    listening.cancel()
                    await asyncio.wait([listening])
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - the SDK's task groups raise groups; whatever it was ended this
            if not ready.done():
                ready.set_exception(self._failed(error))
        finally:
            self.closed = True
            if not ready.done():
                ready.set_exception(self.lost("ended before it had answered"))
            ready.exception()  # whoever waited may be gone; then nobody else reads it

    def _failed(self, error: BaseException) -> BaseException:
        cause = first_cause(error)
        if isinstance(cause, MissingExtraError):
            return cause
        if isinstance(cause, FileNotFoundError):
            return self.lost(f"cannot be started: there is no program or folder {cause.filename!r}")
        told = self.lost(f"cannot be reached: {str(cause) or type(cause).__name__}")
        told.__cause__ = cause
        return told

    async def _listen(self, client: Client) -> None:
        """Hear of changes to the list of tools; servers of the older revisions send them unasked."""
        from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
        from mcp.shared.exceptions import MCPError

        with contextlib.suppress(ListenNotSupportedError, SubscriptionLost, MCPError):
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._changed()

    async def heard(self, message: object) -> None:
        """A message that nobody asked for."""
        import mcp_types as types

        if isinstance(message, types.ToolListChangedNotification):
            self._changed()

    @contextmanager
    def _stderr_kept(self) -> Iterator[TextIO]:
        """A file for the program's stderr, of which the last bytes are kept."""
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        os.set_blocking(reading, False)

        def read() -> None:
            data = os.read(reading, 65_536)
            self._stderr = (self._stderr + data)[-_STDERR_BYTES:]
            if not data:
                loop.remove_reader(reading)

        loop.add_reader(reading, read)
        try:
            with os.fdopen(writing, "w") as file:
                yield file
        finally:
            loop.remove_reader(reading)
            os.close(reading)

    @asynccontextmanager
    async def program(self) -> AsyncIterator[Any]:
        """The streams to the server's program; when it ends, so does this connection."""
        import anyio
        from mcp.client.stdio import StdioServerParameters, stdio_client

        server = self.server
        program = StdioServerParameters(
            command=server.command[0],
            args=list(server.command[1:]),
            env=filled(server.env, f"the MCP server {self.name!r}, env"),
            cwd=server.cwd,
        )
        with self._stderr_kept() as stderr:
            async with stdio_client(program, errlog=stderr) as (reading, writing):
                # Passing messages on is how the end of the program is heard of while no call waits for it.
                inside, outside = anyio.create_memory_object_stream[Any](0)

                async def pass_on() -> None:
                    with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                        async with inside:
                            async for message in reading:
                                await inside.send(message)
                    self.end()

                async with anyio.create_task_group() as group:
                    group.start_soon(pass_on)
                    yield outside, writing
                    group.cancel_scope.cancel()


@asynccontextmanager
async def _client(connection: Connection, stack: contextlib.AsyncExitStack) -> AsyncIterator[Client]:
    try:
        from mcp.client.client import Client
        from mcp.client.streamable_http import streamable_http_client
        from mcp.shared._httpx_utils import create_mcp_http_client
    except ImportError as error:
        raise MissingExtraError("mcp", needed_for=f"the MCP server {connection.name!r}") from error
    server = connection.server
    transport: Any
    if server.url is None:
        transport = connection.program()
    else:
        headers = filled(server.headers, f"the MCP server {connection.name!r}, headers")
        http = await stack.enter_async_context(create_mcp_http_client(headers=headers))
        transport = streamable_http_client(server.url, http_client=http)
    async with Client(transport, message_handler=connection.heard, cache=None) as client:
        yield client


async def _listed(client: Client) -> dict[str, types.Tool]:
    found: dict[str, types.Tool] = {}
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found.update({tool.name: tool for tool in page.tools})
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def first_cause(error: BaseException) -> BaseException:
    """The first real error inside (groups of) exceptions."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
