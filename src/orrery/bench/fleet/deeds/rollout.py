"""Rollout: settings changed on a host, and put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from orrery.bench.fleet.deeds import files
from orrery.bench.fleet.deeds.pace import pause
from orrery.errors import Failure
from orrery.runtime.context import Context


def change(path: str, values: Mapping[str, Any], wait_s: float = 0.3, *, ctx: Context) -> dict[str, Any]:
    """Change values in a JSON file. What it held stays beside it, as PATH.old, for `roll_back`."""
    target = ctx.folder / path
    before = target.read_bytes()
    files.put(f"{path}.old", before, 0.0, ctx=ctx)
    after = {**msgspec.json.decode(before), **values}
    files.put(path, after, wait_s, ctx=ctx)
    return after


def roll_back(path: str, wait_s: float = 0.3, *, ctx: Context) -> bool:
    """Put the file back as it was before `change`; whether it had been changed."""
    pause(wait_s)
    old = ctx.folder / f"{path}.old"
    if not old.exists():
        return False
    old.replace(ctx.folder / path)
    return True


def passed(hosts: list[str]) -> list[str]:
    """A stage is done."""
    return hosts


def why(probes: Mapping[str, Any]) -> dict[str, str]:
    """Why a rollout stopped: what the probes that failed said, by host."""
    return {host: str(said) for host, said in probes.items() if isinstance(said, Failure)}


def must_be(path: str, sha256: str, wait_s: float = 0.4, *, ctx: Context) -> str:
    """The digest of a file. Raises ValueError if it is another than the one that is given."""
    found = files.sha256(path, wait_s, ctx=ctx)
    if found != sha256:
        raise ValueError(f"{path} is damaged: its SHA-256 is {found[:16]}...")
    return found


def install(source: str, target: str, sha256: str, wait_s: float = 0.3, *, ctx: Context) -> str:
    """Copy a file to where it is used, if it has this digest. Raises ValueError if it has another."""
    must_be(source, sha256, wait_s, ctx=ctx)
    return files.put(target, (ctx.folder / source).read_bytes(), 0.0, ctx=ctx)
