"""What `understand` promises for every text, and how it uses tools that it does not know."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orrery.errors import NotUnderstoodError
from orrery.graph import Expr, Graph, Ref
from orrery.planners import Goal
from orrery.planners.rules import RulesPlanner, understand
from orrery.planners.rules.planner import MAX_CHARS
from orrery.planners.rules.vocabulary import VERBS
from orrery.runtime.session import Session
from orrery.scheduler.events import Event, PersonAsked
from orrery.tools import tool
from orrery.tools.toolset import tools

_NO_LIMIT = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
_PIECES = st.sampled_from(
    [
        *VERBS,
        *[
            "the",
            "every",
            "all",
            "of",
            "in",
            "under",
            "by",
            "per",
            "and",
            "then",
            "if",
            "otherwise",
            "unless",
            "for",
            "each",
            "it",
            "them",
            "to",
            "into",
            "as",
            "where",
            "with",
            "ten",
            "3",
            "100",
            ">",
            ",",
            ".",
            ";",
            "?",
            "not",
            "'x'",
            '"a',
            'b"',
            "src",
            "data/t.csv",
            "*.py",
            ".md",
            "largest",
            "top",
            "first",
            "lines",
            "words",
            "rows",
            "errors",
            "amount",
            "region",
            "bar",
            "chart",
            "line",
            "is",
            "more",
            "than",
            "at",
            "least",
            "status",
            "cpu",
            "memory",
            "free",
            "between",
            "sorted",
            "grouped",
            "https://x.org/",
            "5xx",
            "2025-03-01",
            "containing",
            "named",
            "except",
        ],
    ]
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "data/t.csv").write_text("region,amount\nNorth,3\nSouth,4\n")
    (tmp_path / "src/a.py").write_text("x = 1\n")
    (tmp_path / "x.txt").write_text("hello\n")
    return tmp_path


def _planned_or_refused(text: str, folder: Path) -> None:
    try:
        graph = understand(text, folder).graph
    except NotUnderstoodError as error:
        codes = [problem.code for problem in error.problems]
    else:
        assert len(graph) > 0
        return
    assert codes
    assert all(code.startswith("plan/") for code in codes)


@_NO_LIMIT
@given(st.text(max_size=300))
@example("(" * 50)
@example("'\"`“")
def test_any_text_is_planned_or_refused(folder: Path, text: str) -> None:
    _planned_or_refused(text, folder)


@settings(_NO_LIMIT, max_examples=400)
@given(st.lists(_PIECES, max_size=25).map(" ".join))
def test_any_order_of_known_words_is_planned_or_refused(folder: Path, text: str) -> None:
    _planned_or_refused(text, folder)


@pytest.mark.parametrize(
    "text", ["count the lines of x.txt and " * 4_000, "a" * 100_000, "'" * 100_000, "if " * 33_000]
)
def test_a_text_of_100_kB_is_refused_at_once(folder: Path, text: str) -> None:
    begun = time.process_time()
    with pytest.raises(NotUnderstoodError, match="at most"):
        understand(text, folder)
    assert time.process_time() - begun < 1.0


@pytest.mark.parametrize("word", ["and ", "if ", "the ", "count ", "x.txt ", "every ", "largest ", ", ", "under src "])
def test_the_longest_text_that_is_read_takes_no_long_time(folder: Path, word: str) -> None:
    begun = time.process_time()
    _planned_or_refused((word * MAX_CHARS)[:MAX_CHARS], folder)
    assert time.process_time() - begun < 5.0


def test_every_word_that_says_something_is_accounted_for(folder: Path) -> None:
    with pytest.raises(NotUnderstoodError, match=r"at 11, 'purple'"):
        understand("count the purple lines of x.txt", folder)


@pytest.mark.parametrize(
    ("request_", "word"),
    [
        ("lines containing 'a' and 'b' in x.txt", "b"),
        ("the two largest rows of each region in data/t.csv", "largest"),
        ("rows of data/t.csv where region is North or amount is 4", "or"),
        ("what is the longest line in x.txt", "longest"),
    ],
)
@pytest.mark.parametrize("approve", ["yes", "ask"])
def test_a_word_that_matters_and_changes_nothing_is_refused(
    folder: Path, request_: str, word: str, approve: str
) -> None:
    with pytest.raises(NotUnderstoodError, match=f"'{word}'"):
        understand(request_, folder, approve=approve)


def test_new_files_get_a_free_name(folder: Path) -> None:
    (folder / "chart.png").write_bytes(b"mine")
    graph = understand("draw a bar chart of amount by region in data/t.csv", folder).graph
    assert graph.outputs["files"] == ["chart-2.png"]


def test_a_person_is_asked_before_an_effect_that_the_policy_wants_asked(folder: Path) -> None:
    graph = understand("delete x.txt", folder).graph
    (asked,) = (task for task in graph if task.op == "ask")
    assert asked.executor == "person"
    assert graph.edges[asked.id, "remove"].on == Expr("result != false")  # to answer so is to say no
    assert not [task for task in understand("delete x.txt", folder, approve="yes").graph if task.op == "ask"]


def test_a_denied_effect_does_not_happen(folder: Path) -> None:
    async def run() -> None:
        async with Session("memory://") as session:
            run = session.start(understand("delete x.txt", folder).graph, folder=folder)

            def seen(_run: str, events: list[Event]) -> None:
                for event in events:
                    if isinstance(event, PersonAsked):
                        run.answer(event.task, "deny")

            session.driver.observers.append(seen)  # type: ignore[arg-type]
            await asyncio.wait_for(run.wait(), 20)

    asyncio.run(run())
    assert (folder / "x.txt").exists()


def test_what_the_policy_refuses_is_not_planned(folder: Path) -> None:
    (folder / ".ssh").mkdir()
    (folder / ".ssh/id").write_text("secret")
    with pytest.raises(NotUnderstoodError, match="where keys are kept"):
        understand("show .ssh/id", folder)


def test_only_allowed_tools_are_used(folder: Path) -> None:
    with pytest.raises(NotUnderstoodError, match=r"'files\.read', which may not be used"):
        understand("count the lines of x.txt", folder, ["files.glob"])


def test_a_file_is_read_after_it_was_written(folder: Path) -> None:
    graph = understand("write 'a b c' to new.txt and then count the words in it", folder).graph
    assert ("write-new", "read") in graph.edges


# -- tools of the user -------------------------------------------------------------------------------------


@tool(effects="pure")
def translate(text: str, language: str) -> str:
    """Translate a text into another language."""
    return f"{language}: {text}"


@tool(name="mail.send", effects="once", writes=("net:mail",))
def send_mail(to: str, subject: str = "", body: str = "") -> bool:
    """Send a mail to somebody."""
    return bool(to and subject and body)


@tool(effects="pure")
def weather(city: str, days: int = 1) -> str:
    """The weather forecast of a city."""
    return f"sunny in {city} for {days} days"


@pytest.fixture
def own_tools() -> Iterator[None]:
    mine = (translate, send_mail, weather)
    for one in mine:
        tools.add(one.name, one)
    yield
    for one in mine:
        tools._things.pop(one.name, None)


@pytest.mark.usefixtures("own_tools")
def test_a_users_tool_is_found_and_its_arguments_are_filled(folder: Path) -> None:
    graph = understand("translate the file x.txt to French and save the result to fr.txt", folder).graph
    task = graph["translate"]
    assert task.args == {"text": Ref("read"), "language": "French"}
    assert graph["write-fr"].args["path"] == "fr.txt"


@pytest.mark.usefixtures("own_tools")
def test_a_result_goes_into_a_users_tool(folder: Path) -> None:
    graph = understand("show x.txt, then translate it to German", folder).graph
    assert graph["translate"].args == {"text": Ref("read"), "language": "German"}


@pytest.mark.usefixtures("own_tools")
def test_an_effectful_tool_is_used_only_where_its_name_is_said(folder: Path) -> None:
    graph = understand("send a mail to 'bob@example.org' with subject 'Hi'", folder).graph
    assert graph["send"].args["to"] == "bob@example.org"
    assert [task.op for task in graph if task.executor == "person"] == ["ask"]
    with pytest.raises(NotUnderstoodError, match="effects"):
        understand("notify somebody by mail", folder)


@pytest.mark.usefixtures("own_tools")
def test_a_missing_argument_is_named(folder: Path) -> None:
    with pytest.raises(NotUnderstoodError, match="needs 'language'"):
        understand("translate x.txt", folder)


# -- the planner -------------------------------------------------------------------------------------------


def test_the_planner_yields_one_patch(folder: Path) -> None:
    from orrery.planners.drafting import DraftView

    async def collect() -> Graph:
        graph = Graph()
        async for patch in RulesPlanner().plan(Goal("count the lines of x.txt"), DraftView(folder)):
            graph = graph.apply(patch)
        return graph

    graph = asyncio.run(collect())
    assert [task.op for task in graph] == ["files.read", "text.count"]
    assert graph.outputs == {"answer": Ref("count", ("lines",))}


def test_an_answer_of_false_to_a_question_of_the_request_holds_back_what_comes_behind_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n")
    graph = understand("ask me whether to go on, then copy a.txt to b.txt", tmp_path).graph

    async def answered() -> str:
        asked = asyncio.Event()

        def hear(_run: str, events: Sequence[Event]) -> None:
            if any(isinstance(event, PersonAsked) for event in events):
                asked.set()

        async with Session("memory:", observers=(hear,)) as session:
            run = session.start(graph, folder=tmp_path)
            await asyncio.wait_for(asked.wait(), 10)
            [question] = [task.id for task in graph if task.executor == "person"]
            run.answer(question, "approve", False)
            return (await asyncio.wait_for(run.wait(), 10)).state

    assert asyncio.run(answered()) != "running"
    assert not (tmp_path / "b.txt").exists()
