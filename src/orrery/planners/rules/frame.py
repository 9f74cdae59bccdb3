"""Frame: what one clause says, sorted into slots. Filled by the readers, turned into tasks by `meaning`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from orrery.errors import Problem
from orrery.planners.rules.lexer import Token
from orrery.planners.rules.where import Where

HAVING = "@"
"""Begins the column of a test on an aggregate of a group: "@sum:quantity"."""


@dataclass
class FileSet:
    """Which files are meant.

    Args:
        suffixes: the endings that they have, such as (".yaml", ".yml"); empty means any.
        patterns: patterns that were written out, such as "src/**/*.py".
        folder, more_folders: where they stand; "" is the working folder.
        folders: folders are meant, not files.
        deep: whether folders inside are looked into.
        hidden: whether names that begin with a dot are meant too.
        without: names, patterns and folders that are left out.
        called: the words that named them, for labels and messages.
    """

    suffixes: tuple[str, ...] = ()
    patterns: list[str] = field(default_factory=list)
    folder: str = ""
    more_folders: list[str] = field(default_factory=list)
    folders: bool = False
    deep: bool = True
    hidden: bool = False
    without: list[str] = field(default_factory=list)
    called: str = "files"


@dataclass
class Test:
    """A condition on a column or a measure: `column` "" is whatever the clause is about."""

    column: str
    test: str
    value: Any = None
    token: Token | None = None
    unit: str = ""


@dataclass
class Aggregate:
    """Sum, mean and their like, of a column; "" is whatever the clause is about."""

    how: str
    column: str = ""


@dataclass
class Rank:
    """The first `count` by a dimension ("length", "size", "time", "" for what the clause is about) or a column."""

    count: int | None
    dimension: str
    descending: bool
    token: Token
    column: str = ""
    from_end: bool = False
    plain: bool = False


@dataclass
class Target:
    """Where something goes: a path, a folder, a URL, or only a form such as "csv"."""

    word: str
    path: str = ""
    form: str = ""
    token: Token | None = None
    where: Where | None = None


@dataclass
class Frame:
    """The slots of a clause; see the readers for the phrases that fill each."""

    files: FileSet | None = None
    paths: list[tuple[str, Token]] = field(default_factory=list)
    folder_token: Token | None = None
    urls: list[str] = field(default_factory=list)
    command: Token | None = None
    pronoun: Token | None = None
    each: bool = False
    within: Token | None = None
    """The word that asked for groups of which each has a rank of its own: "the largest order of EACH region"."""
    total: bool = False
    averaged: bool = False
    unit: str = ""
    measures: list[str] = field(default_factory=list)
    aggregates: list[Aggregate] = field(default_factory=list)
    levels: list[tuple[str, Token]] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    any_of: bool = False
    either: Token | None = None
    """An "or" that no phrase took."""
    contains: list[tuple[str, bool, bool, Token]] = field(default_factory=list)
    rank: Rank | None = None
    sort: Rank | None = None
    groups: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    column_tokens: list[Token] = field(default_factory=list)
    chart: str = ""
    title: str = ""
    charted: Token | None = None
    targets: list[Target] = field(default_factory=list)
    texts: list[Token] = field(default_factory=list)
    metrics: list[tuple[str, ...]] = field(default_factory=list)
    snapshot: bool = False
    duration_s: float | None = None
    interval_s: float | None = None
    ignore_case: bool = False
    distinct: bool = False
    counted: bool = False
    quantity: Token | None = None
    digest: str = ""
    exists: bool | None = None
    none: bool = False
    status: str = ""
    method: str = ""
    where_line: bool = False
    unknown: list[Token] = field(default_factory=list)
    unknown_columns: list[Token] = field(default_factory=list)
    used: list[Token] = field(default_factory=list)
    where: Where | None = None
    """On which devices that lies of which it speaks."""
    goes: Where | None = None
    """To which devices something goes: "to big1"."""
    lying: list[tuple[Where, tuple[str, Token]]] = field(default_factory=list)
    """Of paths that lie on different devices, which lies where."""
    mapped: Token | None = None
    """What asked for a map from each device to what it gave."""
    devices: list[Token] = field(default_factory=list)
    """The phrases that say so."""

    def copy(self, **changes: Any) -> Frame:
        """The frame with other slots."""
        return replace(self, **changes)

    @property
    def files_folder_known(self) -> bool:
        """Whether it was said in which folder the files stand."""
        return self.files is not None and bool(self.files.folder)

    @property
    def has_source(self) -> bool:
        """Whether it says of what it speaks."""
        return bool(self.files or self.paths or self.urls or self.command or self.metrics or self.snapshot)


def problem(code: str, token: Token | None, message: str) -> Problem:
    """A problem with its code, the words at fault and where they stand, counted from 1."""
    place = f"at {token.start + 1}, {token.text!r}" if token is not None else "the request"
    return Problem(code, place, message)
