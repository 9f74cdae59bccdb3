"""Who imports whom: the files' imports, gathered into an order of packages."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple, TypedDict

MAX_PACKAGES = 24


class Package(TypedDict):
    """A package, its size, and how far it stands above those that import nothing."""

    name: str
    lines: int
    files: int
    level: int


class Imports(TypedDict):
    """Packages from the lowest to the highest, and how many imports lead from one to another.

    `counts` are (from, to, count) by position. An import of something higher up is part of a loop.
    """

    packages: list[Package]
    counts: list[tuple[int, int, int]]


class Module(NamedTuple):
    """A Python file: its path, its size and what it imports."""

    path: str
    lines: int
    imports: Sequence[str]


def read_imports(modules: Sequence[Module]) -> Imports:
    """The packages of a tree and the imports between them; the largest `MAX_PACKAGES` where there are more."""
    names = {module.path: module_name(module.path) for module in modules}
    known = {name: path for path, name in names.items()}
    depth = 2 if len({name.partition(".")[0] for name in known}) <= 3 else 1
    packages = {name for name, path in known.items() if PurePosixPath(path).name == "__init__.py"}
    group = {name: _group(name, depth, packages) for name in known}
    sizes: Counter[str] = Counter()
    files: Counter[str] = Counter()
    edges: Counter[tuple[str, str]] = Counter()
    for module in modules:
        here = group[names[module.path]]
        sizes[here] += module.lines
        files[here] += 1
        targets = {_target(written, names[module.path], module.path, known) for written in module.imports}
        edges.update((here, group[target]) for target in targets if target is not None and group[target] != here)
    shown = {name for name, _ in sizes.most_common(MAX_PACKAGES)}
    edges = Counter({pair: count for pair, count in edges.items() if shown.issuperset(pair)})
    levels = _levels(shown, edges)
    order = sorted(shown, key=lambda name: (levels[name], name))
    at = {name: position for position, name in enumerate(order)}
    return {
        "packages": [
            {"name": name, "lines": sizes[name], "files": files[name], "level": levels[name]} for name in order
        ],
        "counts": [(at[a], at[b], count) for (a, b), count in sorted(edges.items())],
    }


def module_name(path: str) -> str:
    """The dotted name of a file: its folders, from below `src` where there is one."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if "src" in parts[:-1]:
        parts = parts[parts.index("src") + 1 :]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return ".".join(parts)


def _group(name: str, depth: int, packages: Collection[str]) -> str:
    """What a module is shown as: its package; itself where it lies directly in one; else its folder."""
    parts = name.split(".")
    folder = ".".join(parts[:-1])
    if len(parts) <= depth and folder and folder not in packages:
        return folder
    return ".".join(parts[:depth])


def _target(written: str, importer: str, path: str, known: Mapping[str, str]) -> str | None:
    """The module of the tree that an import means; None for what comes from elsewhere."""
    dots = len(written) - len(written.lstrip("."))
    name = written[dots:]
    if dots:
        base = importer.split(".")
        base = base[: len(base) - dots + PurePosixPath(path).stem.startswith("__init__")]
        name = ".".join([*base, name]) if name else ".".join(base)
    while name:
        if name in known:
            return name
        name = name.rpartition(".")[0]
    return None


def _levels(names: Iterable[str], edges: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """The length of the longest chain of imports below each; those in a loop share one level."""
    below: dict[str, set[str]] = defaultdict(set)
    for a, b in edges:
        below[a].add(b)
    component = _components(sorted(names), below)
    levels: dict[str, int] = {}
    for members in component:  # in the order in which they were closed: what they import comes first
        under = [levels[b] for a in members for b in below[a] if b not in members]
        for name in members:
            levels[name] = max(under, default=-1) + 1
    return levels


def _components(names: Sequence[str], below: Mapping[str, set[str]]) -> list[set[str]]:
    """The strongly connected components, each after those that it leads to (Tarjan, 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    closed: list[set[str]] = []

    def visit(name: str) -> None:  # as deep as there are packages, which are few
        index[name] = low[name] = len(index)
        stack.append(name)
        on_stack.add(name)
        for other in sorted(below.get(name, ())):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in on_stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            members: set[str] = set()
            while name not in members:
                members.add(stack.pop())
            on_stack.difference_update(members)
            closed.append(members)

    for name in names:
        if name not in index:
            visit(name)
    return closed
