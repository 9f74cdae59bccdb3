"""Options: what a goal says to its planner, read into the struct that the planner keeps them in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from orrery.errors import PlannerOptionError, suggestion

Count = Annotated[int, Meta(ge=1)]
Tries = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]

Options = TypeVar("Options", bound=msgspec.Struct)


def read_options(kind: type[Options], given: Mapping[str, Any], *, planner: str, **settled: Any) -> Options:
    """The options of a goal as a struct, whose fields all have defaults.

    Args:
        planner: its name, for the message.
        settled: fields that are no options: the goal says them in another way.

    Raises:
        PlannerOptionError: with everything that is wrong with them.
    """
    known = [name for name in kind.__struct_fields__ if name not in settled]
    wrong = []
    for name, value in given.items():
        if name not in known:
            wrong.append(f"there is no option {name!r}; {suggestion(name, known, most=20)}")
            continue
        try:
            msgspec.convert({name: value}, kind, strict=False)
        except msgspec.ValidationError as error:
            wrong.append(f"option {name!r}: {str(error).partition(' - at ')[0]}, not {value!r:.60}")
    if wrong:
        raise PlannerOptionError(f"the planner {planner!r}: {'; '.join(wrong)}")
    return msgspec.convert({**given, **settled}, kind, strict=False)


__all__ = ["Count", "Seconds", "Tries", "read_options"]
