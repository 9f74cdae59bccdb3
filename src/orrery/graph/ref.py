"""Ref: a typed reference to another task's result, and what may be referred to."""

from __future__ import annotations

from collections.abc import Iterator

TaskId = str
Path = tuple[str | int, ...]

INPUTS = "@inputs"
"""The source that stands for the inputs of the run: `Ref(INPUTS, ("name",))`."""
ITEM = "@item"
"""The source that stands for the current item, inside a task with `each`."""
INDEX = "@index"
"""The source that stands for the current item's position, counted from 0."""
PSEUDO_SOURCES = (INPUTS, ITEM, INDEX)


class Ref:
    """A typed reference to (a part of) another task's result; never text inside a string.

    Args:
        task: the task whose result is meant, or one of `PSEUDO_SOURCES`.
        path: keys and positions that lead into the result; empty for the whole.
    """

    # Not a msgspec struct: the codec must be able to tell a reference from a map that looks like one.
    __slots__ = ("path", "task")
    __match_args__ = ("task", "path")

    task: TaskId
    path: Path

    def __init__(self, task: TaskId, path: Path = ()) -> None:
        object.__setattr__(self, "task", task)
        object.__setattr__(self, "path", path)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Ref is a value; make a new one instead of setting {name!r}")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __getitem__(self, key: str | int) -> Ref:
        return Ref(self.task, (*self.path, key))

    def __iter__(self) -> Iterator[Ref]:
        raise TypeError("a Ref stands for a result that does not exist yet, so it cannot be iterated")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ref) and self.task == other.task and _same_path(self.path, other.path)

    def __hash__(self) -> int:
        return hash((self.task, self.path))

    def __reduce__(self) -> tuple[type[Ref], tuple[TaskId, Path]]:
        return Ref, (self.task, self.path)

    def __repr__(self) -> str:
        return f"Ref({self.task!r})" if not self.path else f"Ref({self.task!r}, {self.path!r})"


def _same_path(a: Path, b: Path) -> bool:
    # 1 == True == 1.0 in Python, but a key and a position are different places.
    return a == b and all(type(x) is type(y) for x, y in zip(a, b, strict=True))
