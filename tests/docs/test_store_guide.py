"""The guide to stores does what it says: its code runs, and its store passes the conformance suite."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from orrery.journal import Journal
from orrery.testing.journals import JournalConformance

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "stores.md"


def code_of(guide: Path) -> str:
    """The guide's Python, with the guide's own line numbers, so that an error points into it."""
    lines, inside = [], False
    for line in guide.read_text(encoding="utf-8").splitlines():
        fence = re.match(r"```(\w*)", line)
        lines.append(line if inside and not fence else "")
        if fence:
            inside = fence[1] == "python"
    return "\n".join(lines)


@cache
def run_guide() -> tuple[ModuleType, str]:
    module = ModuleType("store_guide")
    sys.modules[module.__name__] = module
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code_of(GUIDE), str(GUIDE), "exec"), module.__dict__)
    return module, printed.getvalue()


def test_the_guides_code_prints_what_it_says() -> None:
    _, printed = run_guide()
    [promised] = re.findall(r"^ *print\(.*\)  # (.*)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert printed == promised + "\n"


def test_the_guides_store_is_as_short_as_it_says() -> None:
    code = code_of(GUIDE)
    body = code[code.index("class FollowedJournal") : code.index("@stores.register")]
    assert len([line for line in body.splitlines() if line.strip()]) <= 20


class TestTheGuidesStore(JournalConformance):
    def open(self, folder: Path) -> Journal:
        journal: Journal = run_guide()[0].TestFollowedJournal().open(folder)
        return journal
