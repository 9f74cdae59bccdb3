"""Which MCP servers there are: those of a file, and those that a program declares.

One TOML file: `$ORRERY_MCP`, else `.orrery/mcp.toml` in the working folder. A file is read again when it has changed.
"""

from __future__ import annotations

import os
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from orrery.errors import McpSettingsError, Problem, suggestion
from orrery.graph.task import EffectKind
from orrery.tools.toolset import BUILT_IN, MCP_FILE, MCP_VARIABLE

_CODE = "mcp-settings"
_FROM_ENVIRONMENT = "env:"


class ToolSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is declared of one tool of a server, because the server itself is not believed.

    Args:
        effects: what a call does to the world; the server's `effects` where None.
        reads: what it reads, as for any tool.
        writes: what it writes.
        timeout_s: how long one call may take; the server's `timeout_s` where None.
    """

    effects: EffectKind | None = None
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    timeout_s: float | None = None


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An MCP server: a program that is started, or an address.

    Args:
        command: the program and its arguments; it speaks over stdin and stdout.
        url: or where it listens (streamable HTTP).
        env: variables for the program, which inherits PATH and the like only; "env:NAME" takes this process's value.
        headers: sent with every request to the address; "env:NAME" as above.
        cwd: the program's working folder.
        timeout_s: how long one call may take.
        connect_timeout_s: how long starting and greeting may take.
        effects: what is assumed of its tools.
        trust_hints: believe `readOnlyHint` and `idempotentHint` of the server, which lower the effects.
        only: the tools that are offered; all where None.
        tools: what is declared of single tools, by their names.
    """

    command: tuple[str, ...] = ()
    url: str | None = None
    env: dict[str, str] = {}
    headers: dict[str, str] = {}
    cwd: str | None = None
    timeout_s: float = 60.0
    connect_timeout_s: float = 10.0
    effects: EffectKind = "once"
    trust_hints: bool = False
    only: tuple[str, ...] | None = None
    tools: dict[str, ToolSettings] = {}


_declared: dict[str, Server] = {}


def declare(name: str, server: Server | None) -> None:
    """Make a server known to this process under a name, or forget it (None).

    Raises:
        McpSettingsError: with everything that is wrong.
    """
    if server is None:
        _declared.pop(name, None)
        return
    problems = list(_problems(name, server, "declare()"))
    if problems:
        raise McpSettingsError(problems)
    _declared[name] = server


def servers() -> dict[str, Server]:
    """The servers that count at present, by name; what a program declares comes before what a file says.

    Raises:
        McpSettingsError: the file cannot be read, with everything that is wrong in it.
    """
    path = Path(os.environ.get(MCP_VARIABLE) or MCP_FILE).expanduser()
    if MCP_VARIABLE not in os.environ and not path.is_file():
        return dict(_declared)
    try:
        stat = path.stat()
        found = _read(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        problem = Problem(_CODE, str(path), f"cannot be read: {error.strerror or error}")
        raise McpSettingsError([problem]) from error
    return {**found, **_declared}


def filled(values: dict[str, str], place: str) -> dict[str, str]:
    """The values with "env:NAME" replaced by that variable of this process. Raises McpSettingsError."""
    found: dict[str, str] = {}
    problems = []
    for name, value in values.items():
        variable = value.removeprefix(_FROM_ENVIRONMENT)
        if variable == value:
            found[name] = value
        elif variable in os.environ:
            found[name] = os.environ[variable]
        else:
            problems.append(Problem(_CODE, f"{place}, {name!r}", f"the environment has no variable {variable!r}"))
    if problems:
        raise McpSettingsError(problems)
    return found


@lru_cache(maxsize=8)
def _read(path: Path, _changed_ns: int, _size_bytes: int) -> dict[str, Server]:
    try:
        data: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8", errors="replace"))
    except tomllib.TOMLDecodeError as error:
        raise McpSettingsError([Problem(_CODE, str(path), str(error).lower())]) from error
    problems = [
        Problem(_CODE, str(path), f"there is no setting {name!r}; {suggestion(name, ['servers'])}")
        for name in data
        if name != "servers"
    ]
    found: dict[str, Server] = {}
    tables = data.get("servers", {})
    if not isinstance(tables, dict):
        tables = {}
        problems.append(Problem(_CODE, f"{path}, servers", "write one table for each server: [servers.NAME]"))
    for name, table in tables.items():
        place = f"{path}, servers.{name}"
        try:
            found[name] = msgspec.convert(table, Server)
        except msgspec.ValidationError as error:
            problems.append(Problem(_CODE, place, str(error).replace("`", "'")))
        else:
            problems += _problems(name, found[name], place)
    if problems:
        raise McpSettingsError(problems)
    return found


def _problems(name: str, server: Server, place: str) -> list[Problem]:
    wrong = []
    if not name.isidentifier() or not name.isascii():
        wrong.append(f"{name!r} cannot name a server: use letters, digits and '_'")
    if name in BUILT_IN or name == "made":
        wrong.append(f"{name!r} is the name of a built-in toolset; give the server another one")
    if bool(server.command) == bool(server.url):
        wrong.append("a server has a `command` or a `url`, and not both")
    if server.url and (urlsplit(server.url).scheme not in ("http", "https") or not urlsplit(server.url).hostname):
        wrong.append(f"{server.url!r} is no address; it looks like 'http://127.0.0.1:8000/mcp'")
    if server.timeout_s <= 0 or server.connect_timeout_s <= 0:
        wrong.append("a time-out is a number of seconds above 0")
    return [Problem(_CODE, place, message) for message in wrong]
