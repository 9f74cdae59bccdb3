"""Logs: read them as they lie on a device, rotated, compressed or badly encoded, and count in them."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from orrery.bench.fleet.deeds.pace import pause
from orrery.errors import Failure
from orrery.graph import Graph, Ref
from orrery.runtime.context import Context


def count_in_logs(pattern: str, paths: str, wait_s: float = 0.4, *, ctx: Context) -> int:
    """How many lines of the logs match a regular expression; `paths` is a pattern such as "logs/app.log*".

    A file whose name ends in .gz is decompressed; what is not UTF-8 is read as Latin-1. Raises FileNotFoundError if
    there is no log at all.
    """
    wanted = re.compile(pattern)
    return sum(1 for line in lines_of_logs(paths, wait_s, ctx=ctx) if wanted.search(line))


def lines_of_logs(paths: str, wait_s: float = 0.4, *, ctx: Context) -> list[str]:
    """The lines of the logs that match a pattern of paths, oldest file first. Raises FileNotFoundError."""
    pause(wait_s)
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
        step("fetch", files.get, mirror, path=copy, wait_s=0.4),
        step("restore", files.put, device, path=path, content=Ref("fetch"), wait_s=0.2),
        step("count", count_after, device, pattern=pattern, paths=path, after=Ref("restore")),
    ]
    return Graph(tasks, outputs={"result": Ref("count")})


def count_after(pattern: str, paths: str, after: str, *, ctx: Context) -> int:  # noqa: ARG001 - it only has to wait
    """`count_in_logs`, once the logs are there."""
    return count_in_logs(pattern, paths, ctx=ctx)


def by_host(web1: int, web2: int, db1: int | Failure | None, repaired: int | None) -> dict[str, int]:
    """Counts under the names of their hosts; `repaired` stands in where db1 had nothing to count."""
    return {"web1": web1, "web2": web2, "db1": db1 if isinstance(db1, int) else repaired or 0}


def fields(line: str) -> dict[str, str]:
    """The name=value pairs in a line."""
    return dict(re.findall(r"(\w+)=(\S+)", line))


def values_where(path: str, value: str, over: Sequence[Any], wait_s: float = 0.4, *, ctx: Context) -> list[str]:
    """A field of all lines in which another field is over a number; `over` is that field and the number."""
    name, least = over
    found = map(fields, lines_of_logs(path, wait_s, ctx=ctx))
    return [line[value] for line in found if float(line[name]) > least]


def field_by_id(path: str, field: str, wait_s: float = 0.4, *, ctx: Context) -> dict[str, str]:
    """A field of every line, by the line's id."""
    return {line["id"]: line[field] for line in map(fields, lines_of_logs(path, wait_s, ctx=ctx))}


def pages_of(ids: Sequence[str], pages: Mapping[str, Mapping[str, str]], wait_s: float = 0.2) -> dict[str, int]:
    """How often each "HOST PAGE" is behind these ids."""
    pause(wait_s)
    return dict(Counter(f"{host} {known[one]}" for one in ids for host, known in pages.items() if one in known))


def first_words(paths: str, wait_s: float = 0.5, *, ctx: Context) -> dict[str, int]:
    """How often each first word of a line occurs."""
    return dict(Counter(line.split()[0] for line in lines_of_logs(paths, wait_s, ctx=ctx)))


def most_frequent(counts: Sequence[Mapping[str, int]], most: int) -> dict[str, int]:
    """What occurs most often in all of them together."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(total.most_common(most))


def lines_since(path: str, since: str, wait_s: float = 0.4, *, ctx: Context) -> list[str]:
    """The lines that begin with this time or a later one."""
    return [line for line in lines_of_logs(path, wait_s, ctx=ctx) if line.split()[0] >= since]


def merged(parts: Sequence[Sequence[str]], wait_s: float = 0.2) -> str:
    """The lines of all, sorted."""
    pause(wait_s)
    return "".join(f"{line}\n" for line in sorted(line for part in parts for line in part))


def mask(path: str, name: str, wait_s: float = 0.4, *, ctx: Context) -> int:
    """Replace the values after NAME= in a file by ***; returns in how many lines."""
    pause(wait_s)
    target = ctx.folder / path
    before = target.read_text(encoding="utf-8")
    after, count = re.subn(rf"\b{name}=\S+", f"{name}=***", before)
    if count:
        part = target.with_name(f".{target.name}.part")
        part.write_text(after, encoding="utf-8")
        part.replace(target)
    return count


def longest_gap(path: str, wait_s: float = 0.4, *, ctx: Context) -> int:
    """The most minutes between two lines that begin with a time. Raises OSError or EOFError if it cannot be read."""
    times = [datetime.fromisoformat(line.split()[0]) for line in lines_of_logs(path, wait_s, ctx=ctx)]
    return max(int((late - early).total_seconds()) // 60 for early, late in pairwise(times))


def or_unreadable(found: Mapping[str, Any]) -> dict[str, Any]:
    """What was found, and "unreadable" where that failed."""
    return {host: "unreadable" if isinstance(value, Failure) else value for host, value in found.items()}
