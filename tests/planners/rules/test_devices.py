"""Requests over the devices of a fleet: what is done where, what is taken together, and what is asked back."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orrery.errors import NotUnderstoodError
from orrery.graph import Graph, Ref, Task, Template
from orrery.graph.place import FLEET
from orrery.planners import Goal
from orrery.planners.protocol import Device
from orrery.planners.rules import RulesPlanner, understand
from orrery.tools import tool
from orrery.tools.toolset import tools

DEVICES = (
    Device("web1", ("web", "builder"), "linux"),
    Device("web2", ("web", "tester"), "linux"),
    Device("db1", ("database",), "linux"),
    Device("pi1", ("camera", "sensor"), "linux"),
    Device("big1", ("gpu", "analysis"), "linux"),
)
_TAKES_A_WHILE = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of this machine; what lies on the devices is unknown."""
    (tmp_path / "notes.txt").write_text("one\ntwo\n")
    (tmp_path / "data.csv").write_text("host,load\na,1\nb,2\n")
    return tmp_path


def planned(text: str, folder: Path, **more: Any) -> Graph:
    """The plan of a request to which yes was said beforehand."""
    return understand(text, folder, devices=DEVICES, **{"approve": "yes", **more}).graph


def told(graph: Graph) -> str:
    """A plan as a person may read it: where each task is done, what it calls, and what comes back."""
    lines = [f"{_where(task)}: {task.id} = {task.op}({_args(task.args)}){_further(task)}" for task in graph]
    return "\n".join([*lines, f"-> {_args(graph.outputs)}"])


def _where(task: Task) -> str:
    if task.place is None:
        return "here"
    assert task.executor == FLEET
    return ", ".join(map(str, task.place.on)) or "any"


def _further(task: Task) -> str:
    each = f" for each of {_value(task.each.over)}" if task.each is not None else ""
    return each + (f" if {task.when.source}" if task.when is not None else "")


def _args(args: Any) -> str:
    return ", ".join(f"{name}={_value(value)}" for name, value in args.items())


def _value(value: Any) -> str:
    match value:
        case Ref():
            return ".".join([value.task, *map(str, value.path)])
        case Template():
            return "".join(part if isinstance(part, str) else f"{{{_value(part)}}}" for part in value.parts)
        case dict():
            return "{" + _args(value) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value)


def _plans() -> list[tuple[str, str]]:
    """The requests of `device_plans.txt`, each after a ">", with the plan below it."""
    text = (Path(__file__).parent / "device_plans.txt").read_text(encoding="utf-8")
    blocks = [block.strip().partition("\n") for block in text.split("\n> ")[1:]]
    return [(request, plan) for request, _, plan in blocks]


PLANS = _plans()


@pytest.mark.parametrize(("request_", "plan"), PLANS, ids=[request[:60] for request, _ in PLANS])
def test_a_request_is_done_where_it_says(request_: str, plan: str, folder: Path) -> None:
    assert told(planned(request_, folder)) == plan


def test_there_are_enough_of_them() -> None:
    assert len(PLANS) >= 50


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("read a.txt on web9", "plan/unknown-device", "there is no device 'web9'; did you mean 'web2' or 'web1'?"),
        ("copy a.txt from web1, web2 and db2 to big1", "plan/unknown-device", "there is no device 'db2'"),
        ("copy notes.txt to wbe1", "plan/unknown-device", "there is no device 'wbe1'"),
        ("run 'date' on every device except web7", "plan/unknown-device", "there is no device 'web7'"),
        ("run 'date' on all printer servers", "plan/unknown-device", "no device says that it is 'printer'"),
        ("run 'date' on every device with the skill printer", "plan/unknown-device", "no device has that skill"),
        ("run 'date' on both servers", "plan/ambiguous", "which 2 devices? there are 5"),
        ("run 'date' on all three web servers", "plan/ambiguous", "which 3 devices? there are 2: web1, web2"),
        ("run 'date' on the web server", "plan/ambiguous", "which of web1, web2? Say its name"),
        ("count the errors in app.log on web servers", "plan/ambiguous", "on all web servers, or on one of them?"),
        ("read a.txt on web1 and write it to b.txt", "plan/ambiguous", "is 'b.txt' written here, or on web1?"),
        ("on web1, read a.txt. Then write it to b.txt.", "plan/ambiguous", "is 'b.txt' written here, or on web1?"),
        ("copy a.txt to b.txt on web1", "plan/ambiguous", "is 'a.txt' here, or on web1?"),
        ("count the lines of a.txt on web1 and b.txt", "plan/ambiguous", "is 'b.txt' here, or on web1?"),
        ("the largest file under data/ on web1 and web2", "plan/ambiguous", "for each of web1, web2, or for all"),
        ("copy app.log from web1 and web2 to big1", "plan/ambiguous", "they would have the same name on big1"),
        ("count the lines of a.txt on a web server", "plan/ambiguous", "on which device do the files lie?"),
        ("write 'x' to a.txt on any device", "plan/ambiguous", "on which device is it written?"),
        ("read a.txt there", "plan/no-reference", "No device was named before"),
        ("run 'date' on both of them", "plan/ambiguous", "both of which?"),
        ("if app.log on web1 and web2 has errors, list notes.txt", "plan/ambiguous", "a condition is about one device"),
        ("first run 'date' on web1, then on web2", "plan/not-understood", "on web2"),
        ("move a.txt from web1 to web2", "plan/not-understood", "to web2"),
        ("count the lines of gone.txt", "plan/no-such-file", "there is no file 'gone.txt' here"),
        (
            "collect the lines of events.log since 2026-03-03 from web1 and web2, and write them to all.log on big1",
            "plan/no-tool",
            "a log's records are no lines any more",
        ),
        (
            "show the cpu usage of all devices. Only those over 80 %. Write them to busy.csv there.",
            "plan/ambiguous",
            "which of them is known only when it has run",
        ),
        ("which device has the highest cpu usage? Run 'ps' there.", "plan/ambiguous", "known only when it has run"),
        (
            "on web1, count the errors in app.log; on web2, count the warnings",
            "plan/not-understood",
            "I do not see what is to be done on web2",
        ),
        ("count the errors in app.log.gz on web1", "plan/no-tool", "'app.log.gz' may be compressed"),
        ("count the errors in logs/app.log* on web1", "plan/no-tool", "'logs/app.log*' may be compressed"),
        ("which of web1 and web2 is the best?", "plan/not-understood", ""),
        (
            "count the errors in app.log on web1 and web2 and write them to n.csv on web1 and web2",
            "plan/ambiguous",
            "does each get what it gave itself",
        ),
    ],
)
def test_what_may_mean_two_things_is_asked_back(text: str, code: str, says: str, folder: Path) -> None:
    with pytest.raises(NotUnderstoodError) as caught:
        planned(text, folder)
    assert code in {problem.code for problem in caught.value.problems}
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "which devices are online and what can they do?",
        "Which devices are online? What can they do?",
        "list all devices",
        "which servers do I have, and what are their skills?",
        "which devices are online? Don't let any of them do anything for that.",
    ],
)
def test_the_fleet_is_told_of_without_asking_a_device(text: str, folder: Path) -> None:
    graph = planned(text, folder)
    assert all(task.place is None for task in graph)
    (task,) = graph
    assert [row["device"] for row in task.args["lists"][0]] == ["web1", "web2", "db1", "pi1", "big1"]
    assert task.args["lists"][0][4]["skills"] == ["gpu", "analysis"]


@pytest.mark.parametrize(
    "text",
    [
        "count the lines of notes.txt",
        "show the rows where load is over 1 in data.csv",
        "average load for each host in data.csv",
        "run 'date' and write the output to date.txt",
        "what is the cpu usage?",
        "if notes.txt exists, copy it to kept.txt",
    ],
)
def test_a_fleet_changes_nothing_for_what_is_done_here(text: str, folder: Path) -> None:
    alone = understand(text, folder, approve="yes").graph
    assert told(planned(text, folder)) == told(alone)


def test_the_number_that_is_written_is_the_one_that_was_told(folder: Path) -> None:
    text = "count the lines in the csv files below {}, then write the number to n.txt here"
    (folder / "data").mkdir()
    for where in ("data/", "data/ on web1"):
        plan = told(planned(text.format(where), folder))
        assert re.search(r"records.reduce\(items=lines-of-each(-web1)?, how='sum', column='lines'\)", plan)
        assert "how='count'" not in plan


def test_without_a_fleet_a_device_is_an_unknown_word(folder: Path) -> None:
    with pytest.raises(NotUnderstoodError):
        understand("count the lines of notes.txt on web1", folder)


# -- for any devices, files and ways to say it -------------------------------------------------------------------------

_NAMES = [device.name for device in DEVICES]
_FILE = st.from_regex(r"[a-z]{3,6}\.(txt|log|ini)", fullmatch=True)
_ON = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4, unique=True)
_SAYING = st.sampled_from(
    [
        "count the lines of {file} on {on}",
        "On {on}, count the lines of {file}.",
        "on {on} read {file} and count its words",
        "show the first 3 lines of {file} on each of {on}",
        "hash {file} on {on}",
        "find the lines containing 'x' in {file} on {on}",
        "replace 'a' with 'b' in {file} on {on}",
        "remove {file} on {on}",
        "write 'hello' to {file} on {on}",
        "collect {file} from {on}",
        "how many words are in {file} on {on}?",
    ]
)


def _said(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@_TAKES_A_WHILE
@given(saying=_SAYING, file=_FILE, names=_ON)
def test_what_touches_a_file_is_done_on_the_device_that_was_said(
    saying: str, file: str, names: list[str], folder: Path
) -> None:
    graph = planned(saying.format(file=file, on=_said(names)), folder)
    touching = [task for task in graph if any(file in name for name in (*task.effects.reads, *task.effects.writes))]
    assert {_where(task) for task in touching} == set(names)
    for task in graph:
        assert (task.place is None) == (task.executor != FLEET)
        assert task.place is None or task.place.on[0] in task.id


@_TAKES_A_WHILE
@given(file=_FILE, source=st.sampled_from(_NAMES), targets=_ON)
def test_a_copy_is_read_where_it_lies_and_written_where_it_goes(
    file: str, source: str, targets: list[str], folder: Path
) -> None:
    others = [name for name in targets if name != source]
    if not others:
        return
    graph = planned(f"copy {file} from {source} to {_said(others)}", folder)
    assert [(_where(task), task.op) for task in graph] == [
        (source, "files.read_bytes"),
        *((name, "files.write") for name in others),
    ]
    read = next(iter(graph))
    assert all(task.args["content"] == Ref(read.id) for task in list(graph)[1:])


_WORDS = """on from to of at the each every all both web1 web2 db1 web9 device servers web gpu with a any here there
other others and , . then read count copy write lines a.txt b.log it them if errors in except together which has most
cpu where is run 'x' over 80 %"""
_PIECES = st.lists(st.sampled_from(_WORDS.split()), max_size=14)


@settings(deadline=None, max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=_PIECES)
def test_every_text_is_a_plan_or_a_refusal_and_nothing_else(pieces: list[str], folder: Path) -> None:
    try:
        graph = planned(" ".join(pieces), folder)
    except NotUnderstoodError:
        return
    for task in graph:
        assert task.place is None or set(task.place.on) <= set(_NAMES)


# -- approval, offers, tools ------------------------------------------------------------------------------------------


def _asked(text: str, folder: Path) -> list[str]:
    graph = planned(text, folder, approve="ask")
    return [str(task.args["question"]) for task in graph if task.executor == "person"]


def test_what_changes_something_on_a_device_is_asked_about(folder: Path) -> None:
    assert _asked("write 'x' to new.txt on web1", folder) == ["Write 'new.txt' on web1?"]
    assert len(_asked("remove tmp.txt on both web servers", folder)) == 2
    assert len(_asked("run 'date' on web1", folder)) == 1
    assert _asked("copy a.txt from web1 to big1", folder) == ["Write 'a.txt' on big1?"]


def test_reading_on_a_device_is_not_asked_about(folder: Path) -> None:
    assert _asked("count the errors in app.log on all devices", folder) == []
    assert _asked("what is the cpu usage on pi1?", folder) == []


def test_a_file_of_keys_is_refused_on_a_device_too(folder: Path) -> None:
    with pytest.raises(NotUnderstoodError, match="where keys are kept"):
        planned("write 'x' to .ssh/config.txt on web1", folder)


def test_a_tool_that_a_device_does_not_offer_is_told_before_anything_runs(folder: Path) -> None:
    devices = (Device("web1", tools=("files.read", "text.count")), Device("web2"))
    with pytest.raises(NotUnderstoodError, match=r"web1 does not offer the tool 'shell\.run'"):
        understand("run 'date' on web1", folder, approve="yes", devices=devices)
    graph = understand("count the lines of app.log that contain 'x' on web1", folder, devices=devices).graph
    assert [_where(task) for task in graph if task.op == "files.read"] == ["web1"]
    assert all(task.place is None for task in graph if task.op == "text.grep")


def test_a_tool_of_the_user_is_called_where_it_was_said(folder: Path) -> None:
    @tool(name="lamp.blink", effects="once")
    def blink(word: str) -> str:
        """Blink the lamp."""
        return f"blinked {word}"

    tools.add(blink.name, blink)
    try:
        one = planned("blink 'sos' on pi1", folder)
        both = planned("on both web servers blink 'sos'", folder)
    finally:
        tools._things.pop("lamp.blink", None)
    assert [(_where(task), task.op) for task in one] == [("pi1", "lamp.blink")]
    assert [_where(task) for task in both if task.op == "lamp.blink"] == ["web1", "web2"]


def test_the_planner_hands_on_the_devices_of_its_goal(folder: Path) -> None:
    class _View:
        graph = type("Empty", (), {"tasks": {}})()
        task = "plan"

    view: Any = _View()
    view.folder = folder

    async def first() -> Any:
        goal = Goal("read a.txt on web1", approve="yes", devices=DEVICES)
        return await anext(aiter(RulesPlanner().plan(goal, view)))

    patch = asyncio.run(first())
    assert told(Graph().apply(patch)).startswith("web1: read-web1 = files.read")


def test_a_name_is_no_device_where_it_is_a_value(folder: Path) -> None:
    (folder / "hosts.csv").write_text("host,load\nweb1,1\nweb2,2\n")
    plan = told(planned("show the rows where host is web1 in hosts.csv", folder))
    assert re.search(r"here: \S+ = records.where\(.*value='web1'", plan)
