"""Template: text with holes that references fill. Structural, so a result can never become a reference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orrery.graph.ref import Ref


class Template:
    """Text in which some parts are results that do not exist yet; a leaf of a task's arguments.

    It is filled once, when the task starts. What fills it is never read again for references: a result
    that happens to contain "${{ ... }}" stays the text that it is.

    Args:
        parts: pieces of literal text and references, in reading order.
    """

    # Not a msgspec struct, for the reason that Ref is none: the codec must tell it from a map.
    __slots__ = ("parts",)
    __match_args__ = ("parts",)

    parts: tuple[str | Ref, ...]

    def __init__(self, parts: Iterable[str | Ref]) -> None:
        object.__setattr__(self, "parts", tuple(parts))

    def refs(self) -> Iterator[Ref]:
        """The references in it, in reading order."""
        for part in self.parts:
            if not isinstance(part, str):
                yield part

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Template is a value; make a new one instead of setting {name!r}")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Template) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)

    def __reduce__(self) -> tuple[type[Template], tuple[tuple[str | Ref, ...]]]:
        return Template, (self.parts,)

    def __repr__(self) -> str:
        return f"Template({self.parts!r})"


def joined(parts: Iterable[str | Ref]) -> tuple[str | Ref, ...]:
    """The parts with texts that touch made one, and empty ones left out: of two that read alike it is the same.

    >>> joined(["So ", "far", Ref("a"), ""])
    ('So far', Ref('a'))
    """
    found: list[str | Ref] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(before := found[-1], str):
            found[-1] = before + part
        elif part != "":
            found.append(part)
    return tuple(found)
