"""Logs: read them as they lie on a device, rotated, compressed or badly encoded, and count in them."""

from __future__ import annotations

import gzip
import re
import time
from pathlib import Path

from orrery.errors import Failure
from orrery.graph import Graph, Ref
from orrery.runtime.context import Context


def count_in_logs(pattern: str, paths: str, wait_s: float = 0.2, *, ctx: Context) -> int:
    """How many lines of the logs match a regular expression; `paths` is a pattern such as "logs/app.log*".

    A file whose name ends in .gz is decompressed; what is not UTF-8 is read as Latin-1. Raises FileNotFoundError if
    there is no log at all.
    """
    wanted = re.compile(pattern)
    return sum(1 for line in lines_of_logs(paths, wait_s, ctx=ctx) if wanted.search(line))


def lines_of_logs(paths: str, wait_s: float = 0.2, *, ctx: Context) -> list[str]:
    """The lines of the logs that match a pattern of paths, oldest file first. Raises FileNotFoundError."""
    time.sleep(wait_s)
    found = sorted(ctx.folder.glob(paths), reverse=True)
    if not found:
        raise FileNotFoundError(f"there is no log {paths} here")
    return [line for path in found for line in _text(path).splitlines() if line]


def _text(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def repair_and_count(device: str, mirror: str, copy: str, path: str, pattern: str) -> Graph:
    """The work that replaces a lost log: fetch its copy from a mirror, put it back, and count in it."""
    from orrery.bench.fleet.deeds import files
    from orrery.bench.fleet.steps import step

    tasks = [
        step("fetch", files.get, mirror, path=copy, wait_s=0.2),
        step("restore", files.put, device, path=path, content=Ref("fetch"), wait_s=0.1),
        step("count", count_after, device, pattern=pattern, paths=path, after=Ref("restore")),
    ]
    return Graph(tasks, outputs={"result": Ref("count")})


def count_after(pattern: str, paths: str, after: str, *, ctx: Context) -> int:  # noqa: ARG001 - it only has to wait
    """`count_in_logs`, once the logs are there."""
    return count_in_logs(pattern, paths, ctx=ctx)


def by_host(web1: int, web2: int, db1: int | Failure | None, repaired: int | None) -> dict[str, int]:
    """Counts under the names of their hosts; `repaired` stands in where db1 had nothing to count."""
    return {"web1": web1, "web2": web2, "db1": db1 if isinstance(db1, int) else repaired or 0}
