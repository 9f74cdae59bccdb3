"""`orrery bench`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def bench(*words: Annotated[str, Parameter(allow_leading_hyphen=True)]) -> int:
    """Measure this installation, each number beside its baseline.

    Args:
        words: The name of a bench and its options; without any, the benches are listed.
            --json prints one object, --quick takes seconds, --full also what takes minutes,
            --seed S, --seeds N and --jobs N set how much is done.
    """
    from orrery.bench.command import main

    return main(words, prog="orrery bench")
