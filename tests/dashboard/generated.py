"""Requests made by Schemathesis from the OpenAPI document: each answer is one that the document promises.

`python -m tests.dashboard.generated 200` makes so many well-formed and as many malformed ones for every operation; a
second number is the seed.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from tests.dashboard.fuzz import fresh_board

from orrery.dashboard.board import Board
from orrery.dashboard.web.app import application

Operation = APIOperation[Any, Any, Any, Any]
KNOWN = {"run": ("asks", "a/b", "over"), "task": ("ask", "ship", "x/y")}
"""Names that there are in the store; half of the requests have some, so that not all end at an unknown run."""
NAMES = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")


def operations(board: Board) -> list[Operation]:
    """Every operation that the document of the application over a board describes."""
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", application(board))
    schema.validate()
    return [
        found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)
    ]  # a wrong one is no valid schema


def examine(operation: Operation, examples: int, *, seeded: int = 0) -> Counter[int]:
    """How often each status was answered to so many requests of each kind.

    Raises FailureGroup: an answer is not as the document says.
    """
    statuses = Counter[int]()
    checks: Any = CHECKS.get_by_names(NAMES)
    for mode in schemathesis.GenerationMode:

        @seed(seeded)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink],
        )
        @given(case=operation.as_strategy(generation_mode=mode), names=st.fixed_dictionaries(_NAMES))
        def ask(case: schemathesis.Case[Any], names: dict[str, str | None]) -> None:
            for name, known in names.items():
                if name in case.path_parameters and known and not case.path.endswith("/stream"):  # those go on
                    case.path_parameters[name] = known
            answer = case.call()
            statuses[answer.status_code] += 1
            case.validate_response(answer, checks=checks)

        ask()
    return statuses


_NAMES = {name: st.sampled_from([None] * len(known) + list(known)) for name, known in KNOWN.items()}


def fresh(folder: Path) -> Board:
    """A board to be asked; what it starts says that it cannot."""
    (folder / "flow.yaml").write_text('name: x\ntasks:\n  ask: {ask: "Go on?"}\n', encoding="utf-8")
    return fresh_board(folder)


def main() -> None:
    """Ask as often as the command line says, with the seed that it says."""
    examples, seeded = map(int, [*sys.argv[1:], *("100", "0")[len(sys.argv) - 1 :]])
    began, every = time.monotonic(), Counter[int]()
    with tempfile.TemporaryDirectory() as folder:
        board = fresh(Path(folder))
        for operation in operations(board):
            statuses = examine(operation, examples, seeded=seeded)
            every += statuses
            print(f"{operation.label}: {dict(sorted(statuses.items()))}", flush=True)
        board.close()
    print(f"{every.total():,} requests in {time.monotonic() - began:.0f} s: {dict(sorted(every.items()))}")


if __name__ == "__main__":
    main()
