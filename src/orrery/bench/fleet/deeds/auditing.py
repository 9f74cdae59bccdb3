"""Auditing: what is there held against what should be, and put right."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from orrery.bench.fleet.deeds import files
from orrery.bench.fleet.deeds.pace import pause
from orrery.runtime.context import Context


def drift(path: str, wanted: Mapping[str, Any], wait_s: float = 0.4, *, ctx: Context) -> list[str]:
    """The settings in a JSON file that are not as wanted, sorted."""
    found = files.get_json(path, wait_s, ctx=ctx)
    return sorted(name for name, value in wanted.items() if found.get(name) != value)


def put_right(path: str, wanted: Mapping[str, Any], wait_s: float = 0.3, *, ctx: Context) -> str:
    """Give the settings in a JSON file the wanted values; others stay."""
    found = msgspec.json.decode((ctx.folder / path).read_bytes())
    return files.put(path, {**found, **wanted}, wait_s, ctx=ctx)


def not_empty(found: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Those under which something was found."""
    return {host: some for host, some in found.items() if some}


def close_keys(paths: str, wait_s: float = 0.4, *, ctx: Context) -> list[str]:
    """Make files private that others could read; returns their names, sorted."""
    pause(wait_s)
    opened = sorted(path for path in ctx.folder.glob(paths) if path.stat().st_mode & 0o077)
    for path in opened:
        path.chmod(0o600)
    return [path.name for path in opened]


def lock_leavers(path: str, staff: Sequence[Sequence[str]], wait_s: float = 0.4, *, ctx: Context) -> list[str]:
    """Lock the accounts of all who are not among the staff; returns their names."""
    known = {name for (name,) in staff}
    lines = [line.split() for line in files.get_text(path, wait_s, ctx=ctx).splitlines()]
    left = [name for name, _ in lines if name not in known]
    if left:
        text = "".join(f"{name} {'locked' if name in left else state}\n" for name, state in lines)
        files.put(path, text, 0.0, ctx=ctx)
    return left


def names_of(found: Mapping[str, Sequence[str]]) -> list[str]:
    """All names that were found anywhere, sorted."""
    return sorted({name for names in found.values() for name in names})


def must_match(path: str, sha256: str, report: str, wait_s: float = 0.4, *, ctx: Context) -> str:
    """Hold a file against a digest; the report says "matches" or "differs". Raises ValueError if it differs."""
    found = hashlib.sha256(files.get(path, wait_s, ctx=ctx)).hexdigest()
    files.put(report, "matches\n" if found == sha256 else "differs\n", 0.0, ctx=ctx)
    if found != sha256:
        raise ValueError(f"{path} differs: its SHA-256 is {found[:16]}..., and {sha256[:16]}... is wanted")
    return found
