"""What the documents say of the repository is so: links lead somewhere, tables are complete."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "changes").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    ]
)
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
SOMEBODYS_MACHINE = re.compile(r"(?<![\w.~-])/(?:home|Users|root|tmp|private)/[\w.-]+")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def prose(path: Path) -> str:
    """The document without its code blocks, in which brackets mean something else."""
    text = re.sub(r"^( *)(```|~~~).*?^\1\2 *$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`(?!\])", "", text)


@cache
def anchors(path: Path) -> set[str]:
    """The fragments under which the document's headings are found, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+?) *$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_inside_the_repository_leads_somewhere(document: Path) -> None:
    broken = []
    for target in LINK.findall(prose(document)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        end = (document.parent / file).resolve() if file else document
        if not end.exists() or (fragment and end.suffix == ".md" and fragment not in anchors(end)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_no_document_holds_a_path_of_somebodys_machine(document: Path) -> None:
    assert SOMEBODYS_MACHINE.findall(document.read_text(encoding="utf-8")) == []


def test_every_package_has_its_line_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    packages = [path.stem for path in (ROOT / "src/orrery").iterdir() if path.suffix in ("", ".py")]
    absent = [name for name in packages if not name.startswith("__") and f"| `{name}` |" not in text]
    assert absent == []


def test_every_path_that_the_architecture_names_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|docs|tests|examples|changes)/[\w./-]+)`", text)
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_every_system_of_the_papers_page_has_a_state() -> None:
    text = (ROOT / "docs/papers.md").read_text(encoding="utf-8")
    table = text.partition("| system |")[2].splitlines()[2:]
    rows = [line.split("|")[1:-1] for line in table if line.startswith("|")]
    assert len(rows) == 69
    states = {"not yet", "idea in use", "works"}
    assert [row[0].strip() for row in rows if row[-1].strip() not in states] == []
