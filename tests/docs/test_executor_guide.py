"""The guide to executors does what it says: its code runs, and its executor passes the conformance suite."""

from __future__ import annotations

import re
from pathlib import Path

from orrery.runtime.executors.protocol import Executor
from orrery.testing.executors import ExecutorConformance
from tests.docs.blocks import program_of, run_program

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "executors.md"


def test_the_guides_code_prints_what_it_says() -> None:
    _, printed = run_program(GUIDE)
    [promised] = re.findall(r"^print\(.*\)  # (.*)$", GUIDE.read_text(), re.MULTILINE)
    assert printed == promised + "\n"


def test_the_guides_executor_is_as_short_as_it_says() -> None:
    code = program_of(GUIDE)
    body = code[code.index("class FreshThreads") : code.index("from orrery.graph import")]
    assert len([line for line in body.splitlines() if line.strip()]) <= 25


class TestTheGuidesExecutor(ExecutorConformance):
    def setup_class(self) -> None:
        run_program(GUIDE)  # here, because it has an event loop of its own

    def executor(self) -> Executor:
        executor: Executor = run_program(GUIDE)[0].TestFreshThreads().executor()
        return executor
