"""Rules: what the owner of a device lets others do on it. They hold whatever the hub says.

What `tools.approval` allows without asking is allowed: reading, computing, new files inside the device's folder.
What it would ask a person about is done only where the owner has named the tool beforehand, since nobody sits at a
device; what it refuses stays refused. Beyond that, tools of files see nothing but the device's folder and the paths
that were allowed, wherever links lead.
"""

from __future__ import annotations

import glob as globbing
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import msgspec

from orrery.errors import OrreryError, UnknownNameError
from orrery.graph.values import Blob
from orrery.runtime.device.functions import true_name, why_foreign
from orrery.tools import tools as registered
from orrery.tools.approval import judge
from orrery.tools.tool import Tool
from orrery.workflow import code

_FIELD = re.compile(r"\{(\w+)\}")
_WILD = re.compile(r"[*?\[]")
_MOST_MATCHES = 10_000
_BY_NAME_ONLY = ("agent.", "memory.", "model.", "plan", "toolmaking.")
"""Tools that spend the owner's money, use his keys or his notes, or have others do more."""
_FILE_PATTERNS = {"files.glob": "pattern"}
"""Arguments that can lead to a file, and of which no effect says so."""

AnyTool = Tool[..., Any]


class No(msgspec.Struct, frozen=True):
    """Why something is not done here."""

    reason: Literal["not-offered", "not-allowed"]
    message: str


class DeviceRules(msgspec.Struct, frozen=True):
    """The rules of one device.

    Args:
        folder: the folder of its tasks; relative paths are read against it.
        offer: patterns of the names of tools; what none matches is not there.
        allow: patterns of tools that may do what would otherwise be asked for, such as "shell.*", and of functions
            that may be called, such as "py:my_package.jobs:*".
        allow_paths: folders and files that tools of files may touch besides.
        read_only: nothing that writes anything, or runs a program.
        keeps: where the device keeps its key and its memory; of that, tools see nothing but `folder`, whatever is
            allowed besides.
    """

    folder: Path
    offer: tuple[str, ...] = ("*",)
    allow: tuple[str, ...] = ()
    allow_paths: tuple[Path, ...] = ()
    read_only: bool = False
    keeps: Path | None = None

    def considers(self, name: str) -> bool:
        """Whether a tool of that name could be offered; to know more, it must be loaded."""
        return _matches(name, self.offer) and (_matches(name, self.allow) or not name.startswith(_BY_NAME_ONLY))

    def offers(self, tool: AnyTool) -> bool:
        """Whether there are arguments with which the tool would be performed."""
        if not self.considers(tool.name) or tool.executor not in ("inline", "thread", "process"):
            return False
        if self.read_only and _writes(tool):
            return False
        return _matches(tool.name, self.allow) or not _always_asks(tool)

    def objection(self, op: str, args: Mapping[str, Any]) -> No | None:
        """Why this call is not performed here; None: it may be."""
        if op.startswith((code.PYTHON, code.LOCAL)):
            return self._of_function(op)
        try:
            tool = registered.get(op)
        except UnknownNameError:
            return No("not-offered", f"there is no tool {op!r} here")
        except OrreryError as error:  # an extra that is not installed, an MCP server that is not there
            return No("not-offered", str(error))
        if not self.offers(tool):
            return No("not-allowed", f"the owner of this device has not allowed {op!r}: `--allow {op}` would")
        return self._of_call(tool, args)

    def functions(self) -> tuple[str, ...]:
        """The functions that are allowed, as names and as beginnings of names with a star behind."""
        if self.read_only:
            return ()
        found: dict[str, None] = {}
        for pattern in self.allow:
            beginning, *wild = _WILD.split(pattern, maxsplit=1)
            if beginning.startswith(code.PYTHON):
                found[beginning + "*" * len(wild)] = None
            elif wild and code.PYTHON.startswith(beginning):
                found[f"{code.PYTHON}*"] = None
        return tuple(found)

    def _of_function(self, op: str) -> No | None:
        if op.startswith(code.LOCAL):
            return No("not-offered", f"{op!r} lives in the process that started the run; a device cannot have it")
        if self.read_only:
            return No("not-allowed", f"this device is read-only, and what {op!r} writes is not known")
        advice = f"`--allow '{op}'` would"
        if not _matches(op, self.allow):
            return No("not-allowed", f"the owner of this device has not allowed {op!r}: {advice}")
        if op in self.allow and not _WILD.search(op):
            return None  # named in full
        if not _matches(true_name(op), self.allow):
            return No("not-allowed", f"{op!r} leads elsewhere than the owner of this device has allowed: {advice}")
        foreign = why_foreign(op)
        return No("not-allowed", f"{foreign}, and a pattern does not allow that: {advice}") if foreign else None

    def _of_call(self, tool: AnyTool, args: Mapping[str, Any]) -> No | None:
        for name in _deciding(tool):
            if isinstance(args.get(name), Blob):
                return No(
                    "not-allowed", f"{tool.name}: {name!r} decides what is touched, and is too large to be judged"
                )
        verdict = judge(tool, args, self.folder)
        if verdict.word == "refuse":
            return No("not-allowed", verdict.because)
        for path in _paths(tool, args):
            if self._is_own(path, changes=bool(tool.effects.writes)):
                return No("not-allowed", f"{path!r} leads to where this device keeps its key, which no task touches")
            if not self._is_open(path):
                return No("not-allowed", f"{path!r} leads outside the device's folder: `--allow-path` would allow it")
        if verdict.word == "ask" and not _matches(tool.name, self.allow):
            return No("not-allowed", f"{verdict.because}; the device's owner would allow it by `--allow {tool.name}`")
        return None

    def _is_open(self, path: str) -> bool:
        """Whether a path, and all that it matches if it is a pattern, leads into the folder or an allowed place."""
        places = self._places(path)
        if len(places) > _MOST_MATCHES:
            return False  # so many are not looked at
        roots = [Path(os.path.realpath(root)) for root in (self.folder, *self.allow_paths)]
        return all(any(place.is_relative_to(root) for root in roots) for place in places)

    def _is_own(self, path: str, *, changes: bool) -> bool:
        """Whether a path, or anything that it matches, leads to what is the device's own, or would change it whole."""
        if self.keeps is None:
            return False
        own, open_ = Path(os.path.realpath(self.keeps)), Path(os.path.realpath(self.folder))
        return any(
            (place.is_relative_to(own) and not place.is_relative_to(open_)) or (changes and own.is_relative_to(place))
            for place in self._places(path)
        )

    def _places(self, path: str) -> list[Path]:
        """Where a path leads in the end, and all that it matches if it is a pattern; nowhere if it is no path."""
        try:
            whole = self.folder / Path(path).expanduser()
            found = globbing.iglob(str(whole), recursive=True, include_hidden=True) if _WILD.search(path) else ()
            return [Path(os.path.realpath(str(one))) for one in (whole, *islice(found, _MOST_MATCHES))]
        except (OSError, RuntimeError, ValueError):  # as the tool will say
            return []


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _runs_programs(tool: AnyTool) -> bool:
    return tool.name.startswith(("shell.", "python."))


def _writes(tool: AnyTool) -> bool:
    return bool(tool.effects.writes) or tool.effects.kind in ("keyed", "once") or _runs_programs(tool)


def _always_asks(tool: AnyTool) -> bool:
    """Whether the policy would ask about the tool with every arguments."""
    return (
        _runs_programs(tool)
        or tool.name == "files.remove"
        or tool.effects.kind in ("keyed", "once")
        or any(not one.startswith("file:") for one in tool.effects.writes)
    )


def _touches_files(tool: AnyTool) -> bool:
    return any(one.startswith("file:") for one in (*tool.effects.reads, *tool.effects.writes))


def _named(tool: AnyTool) -> set[str]:
    """The arguments that stand in what a tool declares to read and write."""
    return {name for one in (*tool.effects.reads, *tool.effects.writes) for name in _FIELD.findall(one)}


def _deciding(tool: AnyTool) -> set[str]:
    """The arguments that say what is touched: they must be known before it is."""
    return _named(tool) | ({_FILE_PATTERNS[tool.name]} if tool.name in _FILE_PATTERNS else set())


def _paths(tool: AnyTool, args: Mapping[str, Any]) -> Iterator[str]:
    """The paths that a call of a tool of files can touch."""
    if not _touches_files(tool):
        return
    left_out = {name: schema.get("default") for name, schema in tool.parameters.get("properties", {}).items()}
    known = left_out | dict(args)
    for name in sorted(_named(tool)):
        yield from _texts(known.get(name))
    if tool.name == "files.copy":  # where the target is a folder, a file in it is written, which may be a link
        yield os.path.join(str(known.get("target")), os.path.basename(str(known.get("source"))))
    if tool.name in _FILE_PATTERNS:
        root, pattern = str(known.get("root") or "."), str(known.get(_FILE_PATTERNS[tool.name]))
        yield os.path.join(root, pattern)
    # Where the declaration does not name the path, any text among the arguments could be one.
    if any(one == "file:*" for one in (*tool.effects.reads, *tool.effects.writes)):
        yield from _texts(known)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str() | os.PathLike():
            if len(text := os.fspath(value)) < 4096:
                yield text
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)
