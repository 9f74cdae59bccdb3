"""The tree of a run: whatever order rows come in, it is the tree that a fresh look would make."""

from __future__ import annotations

import random

import pytest

from orrery.dashboard.rows import Change, RunHead, TaskRow
from orrery.dashboard.spectator import Spectator
from orrery.dashboard.terminal.outline import Outline
from orrery.journal.memory import MemoryJournal
from orrery.testing.world import RUN, run_world

HEAD = RunHead("r", "running", live=True, seq=1, started_at=0.0, now=0.0)


def row(task: str, state: str = "waiting", *, parent: str = "", born: int = 1, each: bool = False) -> TaskRow:
    return TaskRow(task, "op", state, changed=1, born=born, parent=parent, each=each)


def outline(*rows: TaskRow) -> Outline:
    found = Outline()
    found.take(Change(1, HEAD, rows))
    return found


def in_view(tree: Outline) -> list[tuple[str, int]]:
    return [(line.task, line.depth) for line in tree.lines]


def told(tree: Outline) -> object:
    """All that is drawn of a tree, but for times."""
    counts = {task: {state: n for state, n in group.counts.items() if n} for task, group in tree.groups.items()}
    return tree.lines, {task: found for task, found in counts.items() if found}


@pytest.mark.parametrize("seed", range(12))
def test_rows_taken_as_they_come_make_the_tree_of_a_fresh_look(seed: int) -> None:
    chance, journal, source = random.Random(seed), MemoryJournal(), MemoryJournal()
    run_world(seed, journal=source)
    lease, watching, tree, seq = journal.create(RUN, 0.0), Spectator(journal, RUN), Outline(), 0
    for _, event in source.read(RUN):
        journal.append([(lease, [event])])
        if chance.random() < 0.3:
            watching.catch_up()
            change = watching.changed_after(seq)
            before = list(tree.lines)
            touched = tree.take(change)
            seq = change.seq
            assert touched is None or tree.lines == before, "lines in view were exchanged without a word"
            fresh = Outline()
            fresh.take(watching.changed_after(0))
            assert told(tree) == told(fresh)


def test_what_is_made_of_a_list_is_closed_and_counted_until_it_is_opened() -> None:
    tree = outline(row("map", each=True), *(row(f"map/{n}", "running", parent="map") for n in range(3)), row("end"))
    assert in_view(tree) == [("map", 0), ("end", 0)]
    assert tree.groups["map"].total == 3
    tree.turn("map")
    assert in_view(tree) == [("map", 0), ("map/0", 1), ("map/1", 1), ("map/2", 1), ("end", 0)]


def test_a_change_below_a_closed_group_touches_its_line_only() -> None:
    tree = outline(row("map", each=True), row("map/0", "running", parent="map"))
    assert tree.take(Change(2, HEAD, (row("map/0", "succeeded", parent="map"),))) == {"map"}
    assert tree.groups["map"].counts["succeeded"] == 1
    assert tree.take(Change(3, HEAD, (row("map/1", parent="map"),))) == {"map"}
    assert tree.take(Change(4, HEAD, (row("other"),))) is None


def test_words_show_what_has_them_and_what_is_above_it() -> None:
    tree = outline(row("map", each=True), row("map/a", "failed", parent="map"), row("map/b", parent="map"), row("end"))
    tree.look_for("FAILED")
    assert in_view(tree) == [("map", 0), ("map/a", 1)]
    tree.take(Change(2, HEAD, (row("map/a", "succeeded", parent="map"), row("map/b", "failed", parent="map"))))
    assert in_view(tree) == [("map", 0), ("map/b", 1)]
    tree.look_for("")
    assert in_view(tree) == [("map", 0), ("end", 0)]


def test_to_show_a_task_opens_what_is_above_it() -> None:
    tree = outline(row("a", each=True), row("a/b", parent="a", each=True), row("a/b/c", parent="a/b"))
    assert tree.show("a/b/c") == 2
    assert tree.show("nowhere") is None


def test_what_a_patch_took_away_is_counted_no_longer() -> None:
    tree = outline(row("map", each=True), row("map/0", parent="map"), row("map/1", parent="map"))
    assert tree.take(Change(2, HEAD, gone=("map/0",))) is None
    assert tree.groups["map"].total == 1
    assert tree.take(Change(3, HEAD, gone=("map/1",))) is None
    assert "map" not in tree.groups
