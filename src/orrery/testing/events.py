"""Hypothesis strategies for events: every kind, with values of every form that may travel in one."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import strategies as st

from orrery.errors import Failure, Problem
from orrery.graph import Add, Drop, Edge, Link, Patch, Ref, SetOutputs, Task, Unlink
from orrery.graph.values import encode
from orrery.scheduler import events as e
from orrery.testing.strategies import values

times = st.floats(min_value=0, max_value=4e9, allow_nan=False)
names = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)
numbers = st.integers(0, 2**31)
notes = st.text(st.characters(codec="utf-8"), max_size=60)


plain: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.floats() | notes | st.binary(max_size=20)
plain |= st.just(2**100) | st.builds(Failure, type=names, message=notes)
results = plain | st.builds(Ref, names, st.tuples(names | numbers)) | st.lists(plain, max_size=3)


def patches() -> st.SearchStrategy[Patch]:
    """Patches that can be written down; whether they fit a graph is another question."""
    arguments = st.dictionaries(names, results, max_size=3)
    edits = (
        st.builds(Add, st.builds(Task, id=names, op=names, args=arguments))
        | st.builds(Drop, names)
        | st.builds(Link, st.builds(Edge, names, names))
        | st.builds(Unlink, names, names)
        | st.builds(SetOutputs, arguments)
    )
    return st.builds(Patch, st.lists(edits, max_size=4).map(tuple), by=notes, because=notes)


def events() -> st.SearchStrategy[e.Event]:
    """Any event that may stand in a log."""
    raw = values().map(lambda value: msgspec.Raw(encode(value)))
    failures = st.builds(Failure, type=names, message=notes, code=names)
    usage = st.none() | st.builds(e.Usage, money=times, tokens=numbers, cpu_s=times)
    attempt = {"at": times, "task": names, "attempt": numbers}
    by = {"at": times, "by": notes}
    problems = st.lists(st.builds(Problem, names, notes, notes), max_size=2).map(tuple)
    return st.one_of(
        st.builds(e.RunStarted, at=times, run=names, inputs=raw, target=notes, folder=notes),
        st.builds(e.RunResumed, at=times, epoch=numbers),
        st.builds(e.RunPaused, **by),
        st.builds(e.RunContinued, **by),
        st.builds(e.RunCancelRequested, **by, because=notes),
        st.builds(e.GraphPatched, at=times, patch=patches()),
        st.builds(e.PatchRejected, at=times, patch=patches(), problems=problems),
        st.builds(e.EditOpened, at=times, edit=names, tasks=st.lists(names, max_size=3).map(tuple), until=times),
        st.builds(e.EditClosed, at=times, edit=names),
        st.builds(e.TaskStarted, **attempt),
        st.builds(e.TaskProgressed, **attempt, fraction=st.none() | st.floats(0, 1), note=notes),
        st.builds(e.TaskSucceeded, **attempt, value=raw, usage=usage, began_at=st.none() | times),
        st.builds(e.TaskFailed, **attempt, failure=failures, usage=usage),
        st.builds(e.TaskExpanded, **attempt, patch=patches(), result=results, usage=usage, beside=st.booleans()),
        st.builds(e.TaskStopped, **attempt, usage=usage),
        st.builds(e.AttemptLost, **attempt, because=notes),
        st.builds(e.TaskAnswered, at=times, task=names, verdict=st.sampled_from(["approve", "deny"]), value=raw),
        st.builds(e.TimeReached, at=times),
        st.builds(e.TaskSkipped, at=times, task=names, because=notes),
        st.builds(e.RetryScheduled, **attempt, due=times, because=notes),
        st.builds(e.TaskGaveUp, at=times, task=names, failure=failures, cancelled=st.booleans()),
        st.builds(e.PersonAsked, at=times, task=names, question=notes),
        st.builds(e.BudgetExceeded, at=times, limit=names, spent=times, allowed=times),
        st.builds(e.RunEnded, at=times, state=st.sampled_from(["succeeded", "failed", "cancelled", "partial"])),
    )
