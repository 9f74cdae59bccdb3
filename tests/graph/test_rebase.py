"""A patch made for a graph as it was, for the graph as it has become in other hands."""

from __future__ import annotations

from typing import TypeGuard

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from orrery.errors import PatchRefused
from orrery.graph import Add, Drop, Edge, Graph, Link, Patch, Ref, Replace, SetOutputs, Task, Unlink
from orrery.graph.diff import same
from orrery.graph.patch import Edit, compact
from orrery.graph.rebase import rebased
from orrery.testing.strategies import graphs, patches

A, B, C = Task("a", "work"), Task("b", "work", {"x": Ref("a")}), Task("c", "work")
BEFORE = Graph([A, B, C], [Edge("a", "c")], {"b": Ref("b"), "c": Ref("c")})
OTHER_B = Replace(Task("b", "other", {"x": Ref("a")}))


def both(mine: Patch, theirs: Patch) -> Graph:
    now = BEFORE.apply(theirs)
    return now.apply(rebased(mine, BEFORE, now))


def test_changes_of_different_things_both_come_to_be() -> None:
    theirs = Patch((Add(Task("d", "work")), Replace(Task("c", "other")), SetOutputs({"b": Ref("b"), "d": Ref("d")})))
    mine = Patch((OTHER_B, Unlink("a", "c"), SetOutputs({"b": Ref("b", ("n",)), "c": Ref("c")})))
    after = both(mine, theirs)
    assert [after[task].op for task in ("b", "c", "d")] == ["other", "other", "work"]
    assert (dict(after.edges), dict(after.outputs)) == ({}, {"b": Ref("b", ("n",)), "d": Ref("d")})


@pytest.mark.parametrize(
    ("mine", "theirs", "place"),
    [
        (OTHER_B, Replace(Task("b", "third", {"x": Ref("a")})), "task 'b'"),
        (Drop("c"), Link(Edge("b", "c")), "task 'c'"),
        (Link(Edge("a", "c", on="failure")), Link(Edge("a", "c", on="completion")), "edge 'a' -> 'c'"),
        (Unlink("a", "c"), Link(Edge("a", "c", hard=False)), "edge 'a' -> 'c'"),
        (SetOutputs({"b": 1}), SetOutputs({"b": Ref("b"), "c": 2}), "output 'c'"),
    ],
)
def test_two_changes_of_one_thing_are_refused(mine: object, theirs: object, place: str) -> None:
    with pytest.raises(PatchRefused) as refused:
        both(Patch((mine,)), Patch((theirs,)))  # type: ignore[arg-type]
    assert [(p.code, p.place) for p in refused.value.problems] == [("patch/changed-meanwhile", place)]


def test_an_edge_of_a_task_that_the_patch_itself_adds_may_come_and_go() -> None:
    mine = Patch((Add(Task("d", "work")), Link(Edge("a", "d")), Unlink("a", "d")))
    after = both(mine, Patch((Add(Task("e", "work")),)))
    assert "d" in after
    assert ("a", "d") not in after.edges


def test_an_edge_that_went_with_its_task_need_not_be_taken_away() -> None:
    after = both(Patch((Unlink("a", "c"),)), Patch((SetOutputs({"b": Ref("b")}), Drop("c"))))
    assert list(after.tasks) == ["a", "b"]


def test_what_is_away_need_not_be_taken_away() -> None:
    away = Patch((SetOutputs({"b": Ref("b")}), Drop("c")))
    now = BEFORE.apply(away)
    assert rebased(away, BEFORE, now).edits == ()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_what_was_patched_is_as_it_was_wanted_and_all_else_as_others_left_it(data: DataObject) -> None:
    before = data.draw(graphs(max_tasks=5))
    mine, theirs = data.draw(patches(before, max_edits=3)), data.draw(patches(before, max_edits=3))
    wanted, now = before.apply(mine), before.apply(theirs)
    try:
        after = now.apply(rebased(mine, before, now))
    except PatchRefused:
        assert mine.edits
        assert theirs.edits
        return
    edits = compact(mine.edits)
    defined = {edit.task if isinstance(edit, Drop) else edit.task.id for edit in edits if not_of_edges(edit)}
    for task in {**after.tasks, **now.tasks, **wanted.tasks}:
        source = wanted if task in defined else now
        assert same(after.tasks.get(task), source.tasks.get(task))
    linked = {edge_of(edit) for edit in edits if isinstance(edit, Link | Unlink)}
    for ends in {**after.edges, **now.edges, **wanted.edges}:
        if not defined.intersection(ends):  # a task that is dropped takes its edges along
            assert after.edges.get(ends) == (wanted if ends in linked else now).edges.get(ends)


def not_of_edges(edit: Edit) -> TypeGuard[Add | Replace | Drop]:
    return isinstance(edit, Add | Replace | Drop)


def edge_of(edit: Link | Unlink) -> tuple[str, str]:
    return edit.edge.key if isinstance(edit, Link) else (edit.source, edit.target)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_where_nobody_else_changed_anything_a_patch_does_what_it_did(data: DataObject) -> None:
    before = data.draw(graphs(max_tasks=5))
    mine = data.draw(patches(before))
    assert before.apply(rebased(mine, before, before)) == before.apply(mine)
