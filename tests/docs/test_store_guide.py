"""The guide to stores does what it says: its code runs, and its store passes the conformance suite."""

from __future__ import annotations

import re
from pathlib import Path

from orrery.journal import Journal
from orrery.testing.journals import JournalConformance
from tests.docs.blocks import program_of, run_program

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "stores.md"


def test_the_guides_code_prints_what_it_says() -> None:
    _, printed = run_program(GUIDE)
    [promised] = re.findall(r"^ *print\(.*\)  # (.*)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert printed == promised + "\n"


def test_the_guides_store_is_as_short_as_it_says() -> None:
    code = program_of(GUIDE)
    body = code[code.index("class FollowedJournal") : code.index("@stores.register")]
    assert len([line for line in body.splitlines() if line.strip()]) <= 20


class TestTheGuidesStore(JournalConformance):
    def open(self, folder: Path) -> Journal:
        journal: Journal = run_program(GUIDE)[0].TestFollowedJournal().open(folder)
        return journal
