"""Exercise: one request of the suite, with its fixture, its gold graph, and checks of the state in which it must end.

A planner is given `words` and the devices, nothing else. A check is a function of the end state alone: files in the
devices' folders, tables, what services were asked, what the run returned. It never sees a graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from orrery.bench.fleet.setting import Setting, contents
from orrery.graph import Graph


@dataclass(frozen=True, kw_only=True)
class End:
    """What is there when a run has ended.

    Args:
        folders: of each device, and of the desk from which the request came.
        before: what they held before the run, by "device/path".
        calls: what services were asked, by device: "GET /path", or "GET /path from OFFSET".
        outputs: what the run returned, by name.
        reason: why it did not succeed; empty if it did.
        assigned: how many attempts were given to devices.
    """

    folders: Mapping[str, Path]
    before: Mapping[str, bytes]
    calls: Mapping[str, list[str]] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    assigned: int = 0

    @property
    def answer(self) -> Any:
        """The output of that name; None if there is none."""
        return self.outputs.get("answer")

    def path(self, place: str) -> Path:
        """The path of "device/path"."""
        device, _, path = place.partition("/")
        return self.folders[device] / path

    def text(self, place: str) -> str:
        """What the file at "device/path" holds. Raises OSError if there is none."""
        return self.path(place).read_text(encoding="utf-8")


HUB = "hub"
"""Its process, as a drill names it."""

Check = Callable[[End], bool]
"""Whether the end state is as it must be. What is missing may raise OSError, LookupError, TypeError or ValueError."""


def holds(check: Check, end: End) -> bool:
    """What a check says; false where what it looks at is not there or cannot be read."""
    try:
        return check(end)
    except (OSError, LookupError, TypeError, ValueError, AttributeError):
        return False


@dataclass(frozen=True)
class Subtask:
    """A part of what is asked, and whether it was done.

    Args:
        says: what, in a few words.
        done: false before the run, whatever the fixture.
    """

    says: str
    done: Check


@dataclass(frozen=True, kw_only=True)
class Drill:
    """A misfortune in the middle of a run.

    Args:
        when: happens as soon as this file ("device/path") is there: the work on it has begun.
        kills: the device that gets SIGKILL, or the HUB.
        returns: it is started again at once; otherwise when the run has ended.
    """

    when: str
    kills: str
    returns: bool = False


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """A request of the suite.

    Args:
        name: unique in its category.
        words: the request as a person says it; {web1} is the address of that device's service.
        build: writes the fixture.
        gold: the graph of somebody who knows what to do.
        subtasks: what is asked, part by part.
        changes: patterns of "device/path" that the request may make, change or remove; all else must stay as it was.
        drill: what goes wrong on purpose while it runs.
    """

    name: str
    category: str
    words: str
    build: Callable[[Setting], None]
    gold: Callable[[Setting], Graph]
    subtasks: tuple[Subtask, ...]
    changes: tuple[str, ...] = ()
    drill: Drill | None = None

    @property
    def full_name(self) -> str:
        """CATEGORY/NAME."""
        return f"{self.category}/{self.name}"

    def said(self, setting: Setting) -> str:
        """The request with the addresses of services filled in."""
        words = self.words
        for device in setting.folders:
            words = words.replace("{" + device + "}", setting.address(device))
        return words

    def done(self, end: End) -> list[bool]:
        """Which subtasks were done."""
        return [holds(subtask.done, end) for subtask in self.subtasks]

    def succeeded(self, end: End) -> bool:
        """Whether all that was asked was done, and nothing else."""
        return all(self.done(end)) and not self.harm(end)

    def harm(self, end: End) -> list[str]:
        """The files, as "device/path", that were made, changed or removed without being asked for."""
        after = contents(end.folders)
        return [
            place
            for place in sorted(end.before.keys() | after.keys())
            if end.before.get(place) != after.get(place)
            and not any(fnmatchcase(place, pattern) for pattern in self.changes)
        ]


__all__ = ["HUB", "Check", "Drill", "End", "Exercise", "Subtask", "holds"]
