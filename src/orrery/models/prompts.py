"""Prompts: files of the package with a version, each of which a user's file of the same name may replace.

A prompt is named by its package and its file: "agents/react" is `orrery/agents/prompts/react.md`. It begins with a
front matter that states its version and its fields:

    ---
    version: 3
    fields: goal, tools
    ---
    Reach this goal: {{goal}}

Its fields are filled once, by structure: what fills one is never searched for another, so data that holds braces
stays data. A user's file, `agents/react.md` in $ORRERY_PROMPTS or else in `.orrery/prompts` of the working folder,
takes the place of ours. It may leave out fields that ours has, and has no others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from orrery.errors import PromptError, UnknownNameError, suggestion
from orrery.graph.resolve import as_text

PACKAGES = ("agents", "memory", "models", "planners", "tools")
"""Where prompts of the package are looked for: in the folder `prompts` of each."""

_FIELD = re.compile(r"\{\{\s*([A-Za-z_]\w*)\s*\}\}")
_NAME = re.compile(r"[a-z]+/[a-z0-9_-]+")
_FENCE = "---\n"


@dataclass(frozen=True)
class Prompt:
    """One prompt as it was read.

    Args:
        name: such as "agents/react".
        version: as its front matter states it.
        fields: what it is to be filled with.
        body: the text, with `{{field}}` where one goes.
        place: the file it came from.
    """

    name: str
    version: str
    fields: tuple[str, ...]
    body: str
    place: str

    def filled(self, fields: Mapping[str, Any]) -> str:
        """The text with its fields filled; what is no text is written as JSON. Raises PromptError."""
        unknown = [name for name in fields if name not in self.fields]
        if unknown:
            raise PromptError(
                f"prompt {self.name!r} has no field {unknown[0]!r}; {suggestion(unknown[0], self.fields)}"
            )
        missing = [name for name in self.fields if name not in fields]
        if missing:
            raise PromptError(f"prompt {self.name!r} needs the field {missing[0]!r} ({self.place})")
        return _FIELD.sub(lambda hole: as_text(fields[hole[1]]), self.body)


def prompt(name: str, **fields: Any) -> str:
    """The text of a prompt, filled.

    Args:
        name: its package and its file, such as "agents/react".
        fields: one value for each field that it declares; text as it is, anything else as JSON.

    Raises:
        UnknownNameError: there is no such prompt.
        PromptError: a field is unknown or missing, or a user's file is not one.
    """
    return find(name).filled(fields)


def find(name: str) -> Prompt:
    """The prompt of that name, a user's before ours. Raises UnknownNameError, PromptError."""
    ours = _built_in(name)
    theirs = user_folder() / f"{name}.md"
    if not theirs.is_file():
        return ours
    try:
        text = theirs.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"the prompt {theirs} cannot be read: {error}") from error
    read = _read(name, text, str(theirs), ours.fields)
    return Prompt(name, read.version, ours.fields, read.body, str(theirs))


def names() -> list[str]:
    """Every prompt of the package, sorted."""
    return sorted(
        f"{package}/{entry.name.removesuffix('.md')}"
        for package in PACKAGES
        if (folder := files("orrery") / package / "prompts").is_dir()
        for entry in folder.iterdir()
        if entry.name.endswith(".md")
    )


def versions() -> dict[str, str]:
    """The version of every prompt, by name; of one that a user replaced also where it came from."""
    found = {name: find(name) for name in names()}
    return {
        name: each.version if each.place == _built_in(name).place else f"{each.version} ({each.place})"
        for name, each in found.items()
    }


def user_folder() -> Path:
    """Where a user's own prompts are looked for."""
    return Path(os.environ.get("ORRERY_PROMPTS") or Path(".orrery") / "prompts")


@cache
def _built_in(name: str) -> Prompt:
    package, _, file = name.partition("/")
    place = files("orrery") / package / "prompts" / f"{file}.md"
    if not _NAME.fullmatch(name) or package not in PACKAGES or not place.is_file():
        raise UnknownNameError("prompt", name, names())
    return _read(name, place.read_text(encoding="utf-8"), str(place), None)


def _read(name: str, text: str, place: str, allowed: tuple[str, ...] | None) -> Prompt:
    """A prompt from its text; `allowed` are the only fields that it may have, None where it declares them itself."""
    text = text.replace("\r\n", "\n")
    head, closed, body = text.removeprefix(_FENCE).partition(f"\n{_FENCE}")
    facts = dict(line.split(":", 1) for line in head.splitlines() if ":" in line)
    version = facts.get("version", "").strip()
    if not text.startswith(_FENCE) or not closed or not version:
        raise PromptError(f"the prompt {place} must begin with a line '---', a line 'version: 1' and a line '---'")
    declared = tuple(filter(None, (field.strip() for field in facts.get("fields", "").split(","))))
    fields = declared if allowed is None else allowed
    used = dict.fromkeys(_FIELD.findall(body))
    for field in used:
        if field not in fields:
            raise PromptError(
                f"the prompt {place} has a field {field!r} that nothing fills; {suggestion(field, fields)}"
            )
    return Prompt(name, version, fields, body.strip() + "\n", place)
