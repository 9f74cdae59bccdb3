"""The reference page says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from orrery.graph.codec import from_json, to_json
from orrery.graph.text import parse, write
from orrery.graph.text_reader import CLAUSES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "graph.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_its_python_runs() -> None:
    for block in _blocks("python"):
        exec(compile(block, "graph.md", "exec"), {})


def test_its_graphs_can_be_read_and_survive_being_written() -> None:
    (text,) = _blocks("orrery")
    graph = parse(text, source="graph.md")
    assert parse(write(graph)) == graph
    (document,) = _blocks("json")
    assert from_json(to_json(from_json(document))) == from_json(document)


def test_it_names_every_clause() -> None:
    table = PAGE.split("### Clauses")[1].split("###")[0]
    assert [clause for clause in CLAUSES if not re.search(rf"`{clause}\b", table)] == []
