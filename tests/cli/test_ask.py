"""Questions at the terminal: what is shown, what counts as an answer, and that the run goes on meanwhile."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.cli.ask import Questions, somebody_is_there
from orrery.cli.picture import Picture
from orrery.cli.screen import FINE
from orrery.graph import Edge, Effects, Graph, Ref, Task
from orrery.scheduler import events as ev

from .conftest import Folder
from .test_picture import Scene
from .test_terminal import Terminal, terminals

__all__ = ["terminals"]

in_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux reads the screen back")

Verdict = Literal["approve", "deny", "rerun"]


class Desk:
    """Where answers arrive."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str, Any]] = []

    def answer(self, task: str, verdict: Verdict, value: Any = None, *, by: str = "") -> None:
        """Keep it."""
        self.answers.append((task, verdict, value))


def asking(*tasks: Task, read: str = "", edges: Sequence[Edge] = ()) -> tuple[Scene, Desk, Questions]:
    """A scene in which persons are asked, and where the answers go; `read` is a question whose answer is returned."""
    scene, desk = Scene(Graph(tasks, edges, outputs={"said": Ref(read)} if read else None)), Desk()
    return scene, desk, Questions(desk, scene.tally)


def question(task: str, text: str) -> Task:
    """A task that asks a person."""
    return Task(task, "ask", {"question": text}, executor="person")


def test_a_word_and_enter_is_an_answer_and_a_key_alone_is_none() -> None:
    _, desk, questions = asking(question("ship", "Ship it?"))
    questions.hear("y")
    assert desk.answers == []
    questions.hear("es\n")
    assert desk.answers == [("ship", "approve", True)]
    assert questions.current is None, "it is not asked again while the answer is on its way"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("n\n", ("deny", None)),
        ("NO\r", ("deny", None)),
        ("Paris\n", ("approve", "Paris")),
        ('{"n": 3}\n', ("approve", {"n": 3})),
        ("xx\x7f\x7fy\n", ("approve", True)),
        ("never mind\x15n\n", ("deny", None)),
    ],
)
def test_what_is_typed_is_read_as_yes_as_no_or_as_the_answer_itself(typed: str, expected: tuple[str, Any]) -> None:
    _, desk, questions = asking(question("ask", "Where to?"), read="ask")
    questions.hear(typed)
    assert desk.answers == [("ask", *expected)]


def test_a_question_whose_answer_nobody_reads_takes_only_yes_or_no_and_says_so() -> None:
    _, desk, questions = asking(question("ask", "Remove it?"))
    questions.hear("perhaps\n")
    assert desk.answers == []
    assert "'perhaps' is no answer here" in questions.lines()[-1].plain
    questions.hear("n\n")
    assert desk.answers == [("ask", "deny", None)]


def test_a_question_whose_answer_is_only_taken_note_of_takes_only_yes_or_no() -> None:
    """As the question before a step, which who looks at the results is told of in any case."""
    step = Task("step", "files.remove", {"path": "x"})
    join = Task("join", "x", {"said": Ref("ok")})
    _, desk, questions = asking(
        question("ok", "May it be done?"), step, join, edges=[Edge("ok", "step"), Edge("ok", "join", on="completion")]
    )
    questions.hear("nope\n")
    assert desk.answers == []
    assert questions.lines()[-1].plain.endswith("'nope' is no answer here; y: yes, n: no; then Enter")


def test_what_is_pasted_behind_an_answer_does_not_answer_the_next_question() -> None:
    _, desk, questions = asking(question("a", "One?"), question("b", "Two?"))
    questions.hear("y\ny\n")
    assert desk.answers == [("a", "approve", True)]
    assert questions.current is not None
    assert questions.current.task == "b"


def test_a_lost_attempt_can_be_made_again() -> None:
    scene = Scene(Graph([Task("pay", "x", effects=Effects("once"))]))
    desk = Desk()
    questions = Questions(desk, scene.tally)
    scene.start("pay")
    scene.happen(ev.AttemptLost(scene.at, "pay", 1, "its worker died"))
    assert questions.lines()[-1].plain == "  r: run it again, y: it was done, n: let it fail; then Enter"
    questions.hear("r\n")
    assert desk.answers == [("pay", "rerun", None)]


def test_the_question_its_call_and_what_is_typed_stand_below_the_tree_and_fit() -> None:
    scene, _, questions = asking(
        question("ok", "May it be done? It removes 'old.log'.\nIt is files.remove(path=\"old.log\")"),
        question("ok2", "And new.log?"),
    )
    questions.hear("y")
    lines = [line.plain for line in [*questions.lines(), questions.prompt()]]
    assert lines == [
        "? ok",
        "  May it be done? It removes 'old.log'.",
        '  It is files.remove(path="old.log")',
        "  y: yes, n: no; then Enter (1 more wait behind it)",
        "  > y_",
    ]
    from rich.console import Console

    console = Console(file=io.StringIO(), width=40, height=12, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        asked = [*questions.lines(36), questions.prompt()]
        console.print(Picture(scene.tally, "flow", FINE, 0, scene.at, asked=asked))
    shown = captured.get().splitlines()
    assert len(shown) < 12
    assert all(len(line) <= 40 for line in shown)
    assert shown[-1].startswith("  > y_")


def test_a_question_cannot_steer_the_terminal() -> None:
    _, _, questions = asking(question("ask", "Sure?\x1b[2J\x07"))
    assert "\x1b" not in "".join(line.plain for line in questions.lines())


@given(typed=st.lists(st.text(max_size=8), max_size=8))
def test_whatever_is_typed_answers_once_at_most_and_never_with_a_steering_sign(typed: list[str]) -> None:
    _, desk, questions = asking(question("ask", "Where to?"), read="ask")
    for piece in typed:
        questions.hear(piece)
    assert len(desk.answers) <= 1
    assert all(character.isprintable() for character in questions.prompt().plain)


def test_nobody_is_there_when_stdin_is_no_terminal() -> None:
    assert not somebody_is_there()


# -- on a real terminal -------------------------------------------------------------------------------------


TWO = """
name: two
tasks:
  ask: {ask: "Ship it?"}
  ship: {uses: "py:./work.py:note", with: {line: shipped}, needs: ask}
  other: {uses: "py:./work.py:note", with: {line: other}}
outputs: {said: "${{ tasks.ship }}"}
"""


@in_tmux
def test_a_person_at_the_terminal_is_asked_there_while_the_run_goes_on(
    folder: Folder, terminals: list[Terminal]
) -> None:
    folder.write("two.yaml", TWO)
    terminals.append(screen := Terminal(folder, "run", "two.yaml", "--run", "r", LC_ALL="C.UTF-8"))
    lines = screen.until("then Enter")
    assert lines[0].startswith("two  1/3 tasks · 1 waiting for a person"), lines
    assert any(line.startswith("├─ ✓ other") or line.startswith("└─ ✓ other") for line in lines), lines
    assert lines[-4:] == ["  Ship it?", '  note(line="shipped")', "  y: yes, n: no; then Enter", "  > _"], lines
    screen.press("y")
    screen.until("> y_")
    screen.press("Enter")
    lines = screen.until("status 0")
    assert any("said  shipped" in line for line in lines), lines
    assert folder.lines() == ["other", "shipped"]


@in_tmux
def test_control_c_leaves_the_question_waiting_and_says_how_to_answer_it_later(
    folder: Folder, terminals: list[Terminal]
) -> None:
    terminals.append(screen := Terminal(folder, "run", "asks.yaml", "--run", "r", LC_ALL="C.UTF-8"))
    screen.until("then Enter")
    screen.press("C-c")
    lines = screen.until("status 130")
    assert any("`orrery approve r ask` answers ask" in line for line in lines), lines
    assert any("`orrery resume r` goes on from here" in line for line in lines), lines
    assert json.loads(folder.orrery("show", "r", "--json").stdout)["asking"] == {"ask": "Ship it?"}
    assert folder.orrery("approve", "r", "ask").returncode == 0
    assert folder.orrery("resume", "r").returncode == 0
    assert folder.lines() == ["shipped"]


@in_tmux
def test_what_is_typed_on_a_terminal_that_cannot_redraw_is_an_answer_too(
    folder: Folder, terminals: list[Terminal]
) -> None:
    terminals.append(screen := Terminal(folder, "run", "asks.yaml", "--run", "r", LC_ALL="C.UTF-8", TERM="dumb"))
    screen.until("then Enter")
    screen.press("n")
    screen.press("Enter")
    lines = screen.until("status 1")
    assert any("it was denied" in line for line in lines), lines


def test_a_run_in_a_pipe_says_on_stderr_how_to_answer_and_waits(folder: Folder) -> None:
    process = folder.start("run", "asks.yaml", "--run", "r", "--json")
    assert process.stderr is not None
    assert process.stderr.readline() == "ask asks: Ship it?  (orrery approve r ask)\n"
    assert folder.orrery("approve", "r", "ask").returncode == 0
    out, _ = process.communicate(timeout=30)
    assert json.loads(out)["state"] == "succeeded"
