"""The reference pages are what the code is: nothing missing, nothing stale."""

from __future__ import annotations

import re

import pytest

import orrery
from orrery.scheduler.states import STEPS, State
from tests.docs import frames
from tests.docs.reference import FAMILIES, MAKERS, PAGES, PART, whole

MADE = ["states.md", "events.md", "python.md", "fleet-protocol.md"]


@pytest.mark.parametrize("name", MADE)
def test_a_page_made_from_the_code_is_current(name: str) -> None:
    page = (PAGES / name).read_text(encoding="utf-8")
    assert page == whole(page), "run `python -m tests.docs.reference`"


def test_every_field_of_every_frame_is_told_of() -> None:
    assert list(frames.missing()) == []


def test_every_made_part_stands_on_a_page() -> None:
    found = [part["name"] for page in PAGES.glob("*.md") for part in PART.finditer(page.read_text(encoding="utf-8"))]
    assert sorted(found) == sorted(MAKERS)


def test_every_state_has_its_line() -> None:
    page = (PAGES / "states.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \| [A-Z].*\. \|$", page, re.MULTILINE) == [state.value for state in State]


def test_the_diagram_has_an_arrow_for_every_step_of_the_table() -> None:
    page = (PAGES / "states.md").read_text(encoding="utf-8")
    arrows = {
        (source, target, step)
        for source, target, steps in re.findall(r"^    (\w+) --> (\w+): (.*)$", page, re.MULTILINE)
        for step in steps.split(", ")
    }
    assert arrows == {(source.value, target.value, step.name.lower()) for (source, step), target in STEPS.items()}


def test_every_public_name_is_on_the_page() -> None:
    named = [name for names in FAMILIES.values() for name in names]
    assert sorted([*named, "__version__"]) == sorted(orrery.__all__)


def test_every_public_name_says_what_it_is() -> None:
    page = (PAGES / "python.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### `(\w+)`\n\n```python\n.*?```\n\n(.*?)$", page, re.DOTALL | re.MULTILINE))
    assert [name for name, said in sections.items() if not said.strip()] == []


def test_the_index_leads_to_every_page() -> None:
    docs = PAGES.parent
    index = (docs / "index.md").read_text(encoding="utf-8")
    pages = [str(path.relative_to(docs)) for path in docs.rglob("*.md") if path.name != "index.md"]
    assert [page for page in pages if f"]({page})" not in index] == []
