"""Everything about one task: why it is as it is, what it was given and gave, and what it held up."""

from __future__ import annotations

import msgspec
import pytest
from tests.dashboard.logs import Log

from orrery.dashboard.happenings import events_of
from orrery.dashboard.panel import outputs_of, panel_of
from orrery.dashboard.past import past_of
from orrery.dashboard.rows import TaskPanel
from orrery.dashboard.spectator import Spectator
from orrery.dashboard.timeline import timeline_of
from orrery.errors import Failure, UnknownNameError
from orrery.graph import ITEM, Blob, Each, Edge, Graph, Ref, Task, Template
from orrery.graph.nest import nested
from orrery.graph.values import encode
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev


def watching(journal: MemoryJournal) -> Spectator:
    spectator = Spectator(journal, "r")
    spectator.catch_up()
    return spectator


def panel(journal: MemoryJournal, task: str) -> TaskPanel:
    return panel_of(watching(journal), task)


@pytest.fixture
def log(journal: MemoryJournal) -> Log:
    """fetch -> parse -> tell -> send, and a note that is taken whatever happens."""
    tasks = [
        Task("fetch", "http.get", {"url": "https://example.org"}),
        Task(
            "parse", "text.parse", {"page": Ref("fetch", ("body",)), "about": Template(("of ", Ref("fetch", ("n",))))}
        ),
        Task("tell", "say", {"text": Ref("parse")}),
        Task("send", "mail", {"text": Ref("tell")}),
        Task("note", "say", {"text": "done"}),
        Task("apart", "say"),
    ]
    return Log(journal, "r", Graph(tasks, [Edge("parse", "note", on="completion")], {"told": Ref("tell")}))


def test_inputs_have_their_values_and_where_they_come_from(journal: MemoryJournal, log: Log) -> None:
    waiting = panel(journal, "parse")
    assert [(one.name, one.value.kind, one.sources) for one in waiting.inputs] == [
        ("page", "none", ("fetch",)),
        ("about", "none", ("fetch",)),
    ]
    assert waiting.inputs[0].value.text == "waits for fetch"
    assert (waiting.waits_for, waiting.editable, waiting.locked) == (("fetch",), True, "")
    assert waiting.story == "parse waits for fetch (ready)."
    assert waiting.definition == 'parse = text.parse(page=fetch.body, about=t"of {fetch.n}")'
    log.did("fetch", 1.0, 2.0, value={"body": "<p>hello</p>", "n": 3})
    ready = panel(journal, "parse")
    assert [one.value.text for one in ready.inputs] == ["<p>hello</p>", "of 3"]
    fetched = panel(journal, "fetch")
    assert fetched.output is not None
    assert (fetched.output.kind, fetched.output.json, fetched.output.size_bytes > 10) == (
        "json",
        {"body": "<p>hello</p>", "n": 3},
        True,
    )
    assert (fetched.editable, fetched.locked) == (False, "it is succeeded, and what has started cannot be edited")
    assert fetched.effects == "keyed"


def test_an_input_that_cannot_be_made_says_why(journal: MemoryJournal, log: Log) -> None:
    log.did("fetch", 1.0, 2.0, value={"n": Blob("0" * 64, 10, "value")})
    page, about = panel(journal, "parse").inputs
    assert (page.value.kind, "has no entry 'body'" in page.value.text) == ("error", True)
    assert about.value.kind in ("error", "text")


def test_a_failure_says_what_it_held_up(journal: MemoryJournal, log: Log) -> None:
    assert set(panel(journal, "fetch").delays) == {"parse", "tell", "send", "note"}
    assert panel(journal, "apart").delays == ()
    log.did("fetch", 1.0, 2.0, value={"body": "b", "n": 1})
    cause = Failure("KeyError", "x", detail="Traceback: line 3")
    failure = Failure("ValueError", "bad page", severity="permanent", cause=cause)
    log.say(ev.TaskStarted(3.0, "parse", 1), ev.TaskProgressed(3.5, "parse", 1, None, "reading"))
    log.say(ev.TaskFailed(4.0, "parse", 1, failure))
    found = panel(journal, "parse")
    assert found.delays == ("tell", "send")
    assert found.failure is not None
    assert (found.failure["message"], found.failure["cause"]["type"]) == ("bad page", "KeyError")
    assert found.detail == "Traceback: line 3"
    assert found.story == "parse failed in attempt 1: ValueError: bad page."
    assert [(one.number, one.outcome, one.because) for one in found.attempts] == [(1, "failed", "ValueError: bad page")]
    assert [(one.text, one.at) for one in found.logs] == [("reading", 3.5)]
    assert panel(journal, "note").row.state == "ready"
    assert outputs_of(watching(journal)) == {}


def test_who_was_given_a_failure_and_fails_was_held_up_by_it(journal: MemoryJournal) -> None:
    tasks = [Task("read", "work"), Task("apart", "work"), Task("use", "work", {"x": Ref("read")}), Task("tell", "work")]
    edges = [
        Edge("read", "use", on="completion"),
        Edge("apart", "use", on="completion"),
        Edge("use", "tell"),
        Edge("apart", "tell", on="completion"),
    ]
    log = Log(journal, "r", Graph(tasks, edges))
    for task in ("read", "apart", "use"):
        log.say(ev.TaskStarted(1.0, task, 1), ev.TaskFailed(2.0, task, 1, Failure("ValueError", "no")))
    assert panel(journal, "read").delays == ("use", "tell")
    assert panel(journal, "apart").delays == ()


def test_a_grown_task_waits_for_its_children_and_falls_with_them(journal: MemoryJournal) -> None:
    log = Log(journal, "r", Graph([Task("many", "spread"), Task("sum", "add", {"all": Ref("many")})]))
    patch, result = nested(Graph([Task("0", "work"), Task("1", "work")], outputs={"result": Ref("1")}), under="many")
    log.say(ev.TaskStarted(1.0, "many", 1), ev.TaskExpanded(2.0, "many", 1, patch, result))
    grown = panel(journal, "many")
    assert (grown.children, grown.waits_for, grown.delays) == (2, ("many/1", "many/0"), ("sum",))
    log.say(ev.TaskStarted(3.0, "many/0", 1), ev.TaskFailed(4.0, "many/0", 1, Failure("ValueError", "no")))
    assert panel(journal, "many/0").delays == ("many", "sum")
    log.did("many/1", 5.0, 6.0, value="one")
    assert panel(journal, "many/0").delays == ("many", "sum")
    assert panel(journal, "sum").row.state == "skipped"
    assert panel(journal, "sum").locked == "the run has ended"


def test_items_of_a_list_are_named_where_they_are_not_known_yet(journal: MemoryJournal) -> None:
    Log(journal, "r", Graph([Task("each", "work", {"x": Ref(ITEM, ("name",))}, each=Each([1, 2]))]))
    assert [(one.name, one.value.text or one.value.json) for one in panel(journal, "each").inputs] == [
        ("each", [1, 2]),
        ("x", "@item.name"),
    ]


def test_an_unknown_task_is_an_error(journal: MemoryJournal, log: Log) -> None:
    with pytest.raises(UnknownNameError):
        panel(journal, "parser")


def test_events_are_read_from_either_end_and_of_one_task(journal: MemoryJournal, log: Log) -> None:
    log.did("fetch", 1.0, 2.0, value={"body": "b", "n": 1})
    for number in range(50):
        log.did("apart", 3.0, 3.0) if number == 0 else log.say(ev.RunPaused(4.0), ev.RunContinued(4.0))
    spectator = watching(journal)
    last = spectator.machine.seq
    first = events_of(spectator, most=3)
    assert ([one.seq for one in first.events], first.more) == ([1, 2, 3], True)
    tail = events_of(spectator, before=last + 1, most=3)
    assert ([one.seq for one in tail.events], tail.more) == ([last - 2, last - 1, last], True)
    rest = events_of(spectator, after=last - 2, most=3)
    assert ([one.seq for one in rest.events], rest.more) == ([last - 1, last], False)
    assert events_of(spectator, before=1).events == ()
    assert events_of(spectator, after=last).events == ()
    mine = events_of(spectator, task="fetch")
    assert [(one.seq, one.type, one.task) for one in mine.events] == [
        (3, "TaskStarted", "fetch"),
        (4, "TaskSucceeded", "fetch"),
    ]
    assert [one.seq for one in events_of(spectator, task="fetch", before=4, most=1).events] == [3]
    assert events_of(spectator, task="nobody").events == ()


def test_the_past_leads_to_the_present(journal: MemoryJournal, log: Log) -> None:
    log.did("fetch", 1.0, 2.0, value={"body": "b", "n": 1})
    log.did("parse", 2.5, 4.0)
    spectator = watching(journal)
    past = past_of(spectator)
    states: dict[str, str] = {}
    for task, state in zip(past.task, past.state, strict=True):
        states[past.tasks[task]] = past.states[state]
    assert states == {row.id: row.state for row in spectator.changed_after(0).tasks}
    assert (past.until, past.started_at) == (spectator.machine.seq, 0.0)
    assert list(past.seq) == sorted(past.seq)
    assert msgspec.json.encode(past)


def test_the_timeline_names_what_the_run_waited_for(journal: MemoryJournal, log: Log) -> None:
    log.did("fetch", 1.0, 2.0, value={"body": "b", "n": 1})
    log.did("apart", 2.0, 2.5)
    log.did("parse", 2.5, 4.0)
    log.say(ev.TaskStarted(5.0, "tell", 1))
    timeline = timeline_of(watching(journal))
    assert [(one.task, one.outcome) for one in timeline.attempts] == [
        ("fetch", "succeeded"),
        ("apart", "succeeded"),
        ("parse", "succeeded"),
        ("tell", "running"),
    ]
    assert timeline.critical == (("fetch", 1), ("parse", 1), ("tell", 1))
    assert timeline.waited_s == (2.0, 2.0, 1.0)


def test_a_value_in_a_blob_is_shown_like_any_other(journal: MemoryJournal, log: Log) -> None:
    blob = journal.blobs.put(encode({"body": "x" * 10, "n": 7}), "value")
    log.did("fetch", 1.0, 2.0, value=blob)
    assert [one.value.text for one in panel(journal, "parse").inputs] == ["x" * 10, "of 7"]
    output = panel(journal, "fetch").output
    assert output is not None
    assert (output.json, output.size_bytes) == ({"body": "x" * 10, "n": 7}, blob.size_bytes)
