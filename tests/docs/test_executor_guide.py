"""The guide to executors does what it says: its code runs, and its executor passes the conformance suite."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from orrery.runtime.executors.protocol import Executor
from orrery.testing.executors import ExecutorConformance

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "executors.md"


def code_of(guide: Path) -> str:
    """The guide's Python, with the guide's own line numbers, so that an error points into it."""
    lines, inside = [], False
    for line in guide.read_text().splitlines():
        fence = re.match(r"```(\w*)", line)
        lines.append(line if inside and not fence else "")
        if fence:
            inside = fence[1] == "python"
    return "\n".join(lines)


@cache
def _run_guide() -> tuple[ModuleType, str]:
    module = ModuleType("executor_guide")
    sys.modules[module.__name__] = module
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code_of(GUIDE), str(GUIDE), "exec"), module.__dict__)
    return module, printed.getvalue()


def test_the_guides_code_prints_what_it_says() -> None:
    _, printed = _run_guide()
    [promised] = re.findall(r"^print\(.*\)  # (.*)$", GUIDE.read_text(), re.MULTILINE)
    assert printed == promised + "\n"


def test_the_guides_executor_is_as_short_as_it_says() -> None:
    code = code_of(GUIDE)
    body = code[code.index("class FreshThreads") : code.index("from orrery.graph import")]
    assert len([line for line in body.splitlines() if line.strip()]) <= 25


class TestTheGuidesExecutor(ExecutorConformance):
    def setup_class(self) -> None:
        _run_guide()  # here, because it has an event loop of its own

    def executor(self) -> Executor:
        executor: Executor = _run_guide()[0].TestFreshThreads().executor()
        return executor
