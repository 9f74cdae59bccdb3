"""Cassettes: what was answered once is answered again, to an equal request.

A cassette is a JSON file of pairs: what was asked, with its digest, and what was answered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
from msgspec import Struct

from orrery.errors import ModelScriptError
from orrery.models.simulated.answer import Answer
from orrery.models.simulated.asked import Asked
from orrery.models.simulated.faults import Fault
from orrery.models.simulated.service import Script

VERSION = 1


class Pair(Struct, omit_defaults=True):
    """One request and its answer; `asked` is there to be read by people, the digest decides."""

    digest: str
    asked: dict[str, Any] = {}
    answer: Answer | None = None
    fault: Fault | None = None

    @property
    def said(self) -> Answer | Fault:
        """What was answered."""
        return self.fault or self.answer or Answer()


class _File(Struct, forbid_unknown_fields=True):
    pairs: list[Pair]
    cassette: int = VERSION


class Recorder:
    """A script that answers as another one does, and keeps the pairs; `with` writes them at the end.

    Args:
        path: of the cassette; what was there is replaced.
    """

    def __init__(self, script: Script, path: str | Path) -> None:
        self._script, self._path = script, Path(path)
        self._pairs: list[Pair] = []

    def __call__(self, asked: Asked) -> Answer | Fault:
        """The other script's answer."""
        said = self._script(asked)
        said = Answer(said) if isinstance(said, str) else said
        shown = {"model": asked.model, "text": asked.text, "prompt": asked.prompt}
        fault = said if isinstance(said, Fault) else None
        self._pairs.append(Pair(asked.digest, shown, said if isinstance(said, Answer) else None, fault))
        return said

    def save(self) -> None:
        """Write the cassette. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_bytes(msgspec.json.format(msgspec.json.encode(_File(self._pairs)), indent=2) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.save()


class Cassette:
    """A script that answers from recorded pairs. Equal requests get their recorded answers in turn, the last one stays.

    Args:
        strict: a request that was not recorded is an error; otherwise it gets the next answer that none has had.
    """

    def __init__(self, pairs: Iterable[Pair], *, strict: bool = True, place: str = "cassette") -> None:
        self._strict, self._place = strict, place
        self._pairs = list(pairs)
        self._by_digest: dict[str, list[int]] = defaultdict(list)
        for number, pair in enumerate(self._pairs):
            self._by_digest[pair.digest].append(number)
        self._given: set[int] = set()

    @classmethod
    def read(cls, path: str | Path, *, strict: bool = True) -> Cassette:
        """The cassette in a file. Raises ModelScriptError, OSError."""
        return cls.parse(Path(path).read_bytes(), str(path), strict=strict)

    @classmethod
    def parse(cls, content: bytes, place: str, *, strict: bool = True) -> Cassette:
        """The cassette in the content of a file. Raises ModelScriptError."""
        try:
            found = msgspec.json.decode(content, type=_File)
        except msgspec.DecodeError as error:
            raise ModelScriptError(f"{place}: this is no cassette: {error}") from error
        if found.cassette != VERSION:
            raise ModelScriptError(f"{place}: cassettes of version {found.cassette} are not known, only {VERSION}")
        return cls(found.pairs, strict=strict, place=place)

    def __call__(self, asked: Asked) -> Answer | Fault:
        """The recorded answer. Raises ModelScriptError where there is none."""
        numbers = self._by_digest.get(asked.digest, [])
        fresh = [number for number in numbers if number not in self._given]
        if not numbers and not self._strict:
            fresh = [number for number in range(len(self._pairs)) if number not in self._given]
        chosen = (fresh or numbers[-1:])[:1]
        if not chosen:
            raise ModelScriptError(
                f"{self._place}: nothing was recorded for {asked.text[:80]!r} "
                f"(digest {asked.digest[:12]}); record it again, or replay with strict off"
            )
        self._given.add(chosen[0])
        return self._pairs[chosen[0]].said
