"""Library: the tools that were made, one folder each, and what is in it only if it is what was admitted.

    .orrery/tools/count_words/tool.json     what it is, where it comes from, and the digest of all three files
                              tool.py       its code (empty for one that is composed of other tools)
                              tests.json    the tests that it passed

A folder is written aside and then renamed into place, so it is there whole or not at all. The digest says that nothing
was changed since; it is no signature, so the code is screened again whenever it is read.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from orrery.errors import ToolLibraryError, UnknownNameError
from orrery.tools.made.composition import Composition
from orrery.tools.made.screening import screen
from orrery.tools.made.specification import Case, Specification
from orrery.tools.toolset import MADE_PREFIX, made_folder

_OLD = ".old"
_MOST_ATTEMPTS = 100
_MOST_BYTES = 1 << 20


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a tool comes from.

    Args:
        need: the words in which it was asked for.
        run, task: who asked.
        model: who wrote it.
        prompts: the versions of the prompts that were used.
        rounds: how many versions of the code were tried.
    """

    need: str
    run: str = ""
    task: str = ""
    model: str = ""
    prompts: dict[str, str] = {}
    rounds: int = 1


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One tool of the library.

    Args:
        tests: the tests that it passed.
        code: its program; empty where `composition` says how it is put together.
        version: counts the tools that had this name.
    """

    spec: Specification
    tests: tuple[Case, ...]
    provenance: Provenance
    code: str = ""
    composition: Composition | None = None
    version: int = 1

    @property
    def name(self) -> str:
        """Its name as a tool."""
        return MADE_PREFIX + self.spec.name

    @property
    def digest(self) -> str:
        """The SHA-256 of everything in it, in hexadecimal."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()


class Library:
    """The made tools of a folder.

    Args:
        folder: where they are; $ORRERY_TOOLS, else `.orrery/tools` in the working folder.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        self.folder = Path(folder or made_folder())

    def names(self) -> list[str]:
        """The names of its tools, sorted; whether they are sound is seen when they are read."""
        if not self.folder.is_dir():
            return []
        places = [place for place in self.folder.iterdir() if not place.name.startswith(".")]
        return sorted(MADE_PREFIX + place.name for place in places if (place / "tool.json").is_file())

    def read(self, name: str) -> Entry:
        """The tool of that name, as it was admitted.

        Raises:
            UnknownNameError: there is none.
            ToolLibraryError: it is incomplete, damaged, or not what its digest says.
        """
        place = self.folder / name.removeprefix(MADE_PREFIX)
        if name not in self.names():
            raise UnknownNameError("made tool", name, self.names())
        try:
            facts = msgspec.json.decode(_content(place / "tool.json"))
            tests = msgspec.json.decode(_content(place / "tests.json"), type=tuple[Case, ...])
            code = _content(place / "tool.py").decode()
            digest = facts.pop("digest")
            entry = msgspec.convert({**facts, "tests": msgspec.to_builtins(tests), "code": code}, Entry)
        except (OSError, ValueError, KeyError, AttributeError, TypeError, msgspec.MsgspecError) as error:
            raise ToolLibraryError(f"the made tool {name!r} cannot be read: {error}; remove {place}") from error
        faults = [] if digest == entry.digest else ["its content is not what its digest says"]
        faults += [] if place.name == entry.spec.name else [f"it calls itself {entry.spec.name!r}"]
        faults += [str(problem) for problem in entry.spec.problems()]
        if not faults:
            faults += (
                screen(entry.code, entry.spec) if entry.composition is None else entry.composition.faults(entry.spec)
            )
        if faults:
            raise ToolLibraryError(f"the made tool {name!r} is not used: {'; '.join(faults)}; remove {place}")
        return entry

    def sound(self) -> Iterator[Entry]:
        """The tools that can be read, in order of their names."""
        for name in self.names():
            try:
                yield self.read(name)
            except ToolLibraryError:  # one that is damaged spoils no other; `read` says what is wrong
                continue

    def keep(self, entry: Entry) -> Entry:
        """Put a tool in; one of the same name is set aside, and the new one is the next version.

        Raises ToolLibraryError if the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".new-", dir=self.folder) as aside:
                for attempt in range(_MOST_ATTEMPTS):
                    try:
                        return self._put(entry, Path(aside) / entry.spec.name)
                    except OSError:  # another process keeps a tool of this name in this moment: that one goes first
                        if attempt + 1 == _MOST_ATTEMPTS:
                            raise
        except OSError as error:
            raise ToolLibraryError(f"the made tool {entry.name!r} cannot be kept: {error}") from error
        raise AssertionError("the last attempt returns or raises")

    def _put(self, entry: Entry, aside: Path) -> Entry:
        place = self.folder / entry.spec.name
        if place.exists():
            entry = msgspec.structs.replace(entry, version=self._version(place) + 1)
        aside.mkdir(exist_ok=True)
        for name, content in _files(entry).items():
            (aside / name).write_bytes(content)
        if place.exists():
            old = self.folder / _OLD / f"{place.name}-{entry.version - 1}"
            old.parent.mkdir(exist_ok=True)
            shutil.rmtree(old, ignore_errors=True)
            place.rename(old)
        aside.rename(place)
        return entry

    def _version(self, place: Path) -> int:
        try:
            return self.read(MADE_PREFIX + place.name).version
        except (ToolLibraryError, UnknownNameError):
            return 0


def _files(entry: Entry) -> dict[str, bytes]:
    facts: dict[str, Any] = msgspec.to_builtins(entry)
    tests, code = facts.pop("tests", []), facts.pop("code", "")
    return {
        "tool.json": msgspec.json.format(msgspec.json.encode({"digest": entry.digest, **facts}), indent=2) + b"\n",
        "tests.json": msgspec.json.format(msgspec.json.encode(tests), indent=2) + b"\n",
        "tool.py": code.encode(),
    }


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"{path.name} has more than {_MOST_BYTES} bytes")
    return data


__all__ = ["Entry", "Library", "Provenance"]
