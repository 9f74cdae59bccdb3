"""Two graphs in one picture: what is gone, new and changed."""

from __future__ import annotations

from xml.etree import ElementTree

from orrery.drawing.compare import changes, compared
from orrery.graph import Edge, Graph, Ref, Task

BEFORE = Graph([Task("a", "load"), Task("b", "load"), Task("c", "count", {"x": Ref("b")}), Task("d", "say")])
AFTER = Graph([Task("a", "load"), Task("c", "count", {"x": Ref("a")}), Task("d", "say"), Task("e", "say")])


def test_tasks_are_gone_new_or_changed_and_the_rest_is_not_named() -> None:
    assert changes(BEFORE, AFTER) == {"b": "gone", "c": "changed", "e": "new"}


def test_a_task_that_waits_for_others_now_is_changed() -> None:
    linked = Graph(list(BEFORE), [Edge("a", "d", hard=False)])
    assert changes(BEFORE, linked) == {"d": "changed"}


def test_the_picture_is_one_document_with_both_graphs_titles_and_reasons() -> None:
    picture = compared(BEFORE, AFTER, titles=("before <4>", "after"), notes=["b does what a does"])
    root = ElementTree.fromstring(picture)
    texts = ["".join(found.itertext()) for found in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"before <4>", "after", "b does what a does", "gone", "new", "changed"} <= set(texts)
    assert texts.count("a") == 2


def test_empty_graphs_have_a_picture_too() -> None:
    ElementTree.fromstring(compared(Graph(), Graph(), titles=("", "")))
