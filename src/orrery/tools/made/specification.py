"""Specification: what a made tool is to do, before there is any code: typed arguments, a typed result, examples."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec

from orrery.errors import Problem, ToolDefinitionError
from orrery.tools.made.kinds import fits, hint_of

_NAME = re.compile(r"[a-z][a-z0-9_]{2,47}")
MOST_ARGUMENTS = 8


class Case(msgspec.Struct, frozen=True, omit_defaults=True):
    """One call and what must come of it: the value, or a refusal (a ValueError) where `raises`."""

    args: dict[str, Any]
    expect: Any = None
    raises: bool = False


class Specification(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """What a made tool is.

    Args:
        name: of the function; the tool is then "made.NAME".
        description: what it does, for people and for the search that finds it.
        arguments: argument names to types, such as {"words": "list[str]"}; all are required.
        returns: the type of the result.
        examples: calls with their results.
    """

    name: str
    description: str
    arguments: dict[str, str]
    returns: str
    examples: tuple[Case, ...] = ()

    @cached_property
    def hints(self) -> dict[str, Any]:
        """The type of each argument. Raises ToolDefinitionError."""
        return {name: hint_of(text) for name, text in self.arguments.items()}

    @cached_property
    def result(self) -> Any:
        """The type of the result. Raises ToolDefinitionError."""
        return hint_of(self.returns)

    @property
    def signature(self) -> str:
        """As it would be written: "count_words(text: str) -> int"."""
        taken = ", ".join(f"{name}: {text}" for name, text in self.arguments.items())
        return f"{self.name}({taken}) -> {self.returns}"

    def problems(self) -> list[Problem]:
        """Everything that is wrong with it; empty if a tool could be made to it."""
        place = f"the specification of {self.name!r:.60}"
        found: list[str] = []
        if not _NAME.fullmatch(self.name):
            found.append("its name must be 3 to 48 small letters, digits and '_', beginning with a letter")
        if len(self.description.split()) < 3:
            found.append("its description says nothing; write a sentence")
        if not 1 <= len(self.arguments) <= MOST_ARGUMENTS:
            found.append(f"it has {len(self.arguments)} arguments; 1 to {MOST_ARGUMENTS} are possible")
        found += [f"{name!r} is no argument's name" for name in self.arguments if not _is_argument(name)]
        try:
            typed = (self.hints, self.result) is not None
        except ToolDefinitionError as error:
            found.append(str(error))
            typed = False
        if typed and not found:
            found += self.misfits(self.examples, "example")
        if not self.examples:
            found.append("it has no example")
        return [Problem("tool/specification", place, message) for message in found]

    def misfits(self, cases: Iterable[Case], what: str) -> list[str]:
        """Everything in which cases are not calls of this signature."""
        found = []
        for number, case in enumerate(cases, 1):
            if case.args.keys() != self.arguments.keys():
                wanted = ", ".join(self.arguments)
                found.append(f"{what} {number} gives {', '.join(case.args) or 'nothing'}; it must give {wanted}")
                continue
            found += [
                f"{what} {number}: {name} is {value!r:.40}, which is no {self.arguments[name]}"
                for name, value in case.args.items()
                if not fits(value, self.hints[name])
            ]
            if not case.raises and not fits(case.expect, self.result):
                found.append(f"{what} {number} expects {case.expect!r:.40}, which is no {self.returns}")
        return found


def _is_argument(name: str) -> bool:
    import keyword

    return (
        name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_") and name not in ("ctx", "self")
    )


__all__ = ["Case", "Specification"]
