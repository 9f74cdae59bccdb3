"""The join: what all parts of a run found, gathered into the one value from which the report is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, TypedDict

from orrery import Failure
from orrery.apps.observatory.almanac import Package
from orrery.apps.observatory.fingerprints import Duplicate
from orrery.apps.observatory.history import History
from orrery.apps.observatory.imports import Imports
from orrery.apps.observatory.source import FileFacts

COMPLEXITY_STEPS = (1, 2, 3, 5, 8, 13, 21)
"""The lower bounds of the classes in which functions are counted."""
MOST_FUNCTIONS = 8
MOST_HOTSPOTS = 10


class Choice(TypedDict):
    """Which files are looked at, and what has to be said about the choice."""

    name: str
    root: str
    files: list[str]
    watch_s: float
    notes: list[str]


class Answer(Package):
    """A package as the almanac told of it, and at which attempt."""

    attempt: int


class FileShape(TypedDict):
    """One file as the charts draw it. `heat` is complexity times the commits that touched it (1 without history)."""

    path: str
    lines: int
    complexity: int
    maintainability: float
    commits: int
    churn: int
    heat: int


class NamedFunction(TypedDict):
    """One of the most complex functions."""

    name: str
    path: str
    line: int
    lines: int
    complexity: int


class Findings(TypedDict):
    """All that was found. Parts that could not be had are None, and `notes` say why."""

    name: str
    root: str
    notes: list[str]
    files: list[FileShape]
    languages: dict[str, int]
    lines: int
    code_lines: int
    functions: int
    complexity_classes: list[int]
    worst_functions: list[NamedFunction]
    maintainability: float
    vocabulary_bits: float
    redundancy: float
    hotspots: list[FileShape]
    duplicates: list[Duplicate]
    imports: Imports
    history: History | None
    machine: list[dict[str, Any]] | None
    packages: list[Answer]


def hotspots(facts: Sequence[FileFacts], history: History | None) -> list[FileShape]:
    """Every file, hottest first: what is complex and changes often is where faults are found.

    Source: Tornhill, Your Code as a Crime Scene, 2015.
    """
    churn = history["churn"] if history is not None else {}
    shapes: list[FileShape] = []
    for one in facts:
        commits = churn[one["path"]]["commits"] if one["path"] in churn else 0
        shapes.append(
            {
                "path": one["path"],
                "lines": one["lines"],
                "complexity": one["complexity"],
                "maintainability": one["maintainability"],
                "commits": commits,
                "churn": churn[one["path"]]["lines"] if one["path"] in churn else 0,
                "heat": one["complexity"] * (commits if history is not None else 1),
            }
        )
    return sorted(shapes, key=lambda shape: (-shape["heat"], -shape["lines"], shape["path"]))


def gather(
    *,
    choice: Choice,
    facts: Sequence[FileFacts],
    shapes: list[FileShape],
    duplicates: list[Duplicate],
    imports: Imports,
    history: History | None,
    machine: list[dict[str, Any]] | Failure | None,
    packages: Sequence[Answer | Failure],
) -> Findings:
    """Everything in one value; what failed becomes a note."""
    notes = [*choice["notes"], *(f"{one['path']} {one['problem']}" for one in facts if one["problem"])]
    notes += _failures(machine, packages)
    functions: list[NamedFunction] = [
        {"name": f["name"], "path": one["path"], "line": f["line"], "lines": f["lines"], "complexity": f["complexity"]}
        for one in facts
        for f in one["functions"]
    ]
    parsed = [one for one in facts if one["language"] == "Python" and not one["problem"]]
    languages: Counter[str] = Counter()
    for one in facts:
        languages[one["language"]] += one["lines"]
    return {
        "name": choice["name"],
        "root": choice["root"],
        "notes": notes,
        "files": shapes,
        "languages": dict(languages.most_common()),
        "lines": sum(one["lines"] for one in facts),
        "code_lines": sum(one["code_lines"] for one in facts),
        "functions": len(functions),
        "complexity_classes": _classes([function["complexity"] for function in functions]),
        "worst_functions": sorted(functions, key=lambda f: (-f["complexity"], f["path"], f["line"]))[:MOST_FUNCTIONS],
        "maintainability": _mean([(one["maintainability"], one["code_lines"]) for one in parsed]),
        "vocabulary_bits": _mean([(one["vocabulary_bits"], one["code_lines"]) for one in facts]),
        "redundancy": _mean([(one["redundancy"], one["size_bytes"]) for one in facts]),
        "hotspots": [shape for shape in shapes if shape["heat"]][:MOST_HOTSPOTS],
        "duplicates": duplicates,
        "imports": imports,
        "history": history,
        "machine": None if isinstance(machine, Failure) else machine,
        "packages": [one for one in packages if not isinstance(one, Failure)],
    }


def _failures(machine: object, packages: Sequence[Answer | Failure]) -> list[str]:
    """What to say of parts that could not be had."""
    notes = [f"the machine was not watched: {machine.message}"] if isinstance(machine, Failure) else []
    failed = [one for one in packages if isinstance(one, Failure)]
    if failed:
        notes.append(f"{len(failed)} packages could not be looked up: {failed[0].message}")
    return notes


def _classes(complexities: Sequence[int]) -> list[int]:
    counts = [0] * len(COMPLEXITY_STEPS)
    for complexity in complexities:
        counts[sum(step <= complexity for step in COMPLEXITY_STEPS) - 1] += 1
    return counts


def _mean(weighted: Sequence[tuple[float, int]]) -> float:
    """The mean of (value, weight) pairs; 0 without any weight."""
    weight = sum(weight for _, weight in weighted)
    return round(sum(value * weight for value, weight in weighted) / weight, 2) if weight else 0.0
