"""Questions to the person at the terminal: asked right there, while the run goes on.

A word and Enter is an answer, so a key that was pressed by chance is none. What was typed before a question
appeared is thrown away for the same reason.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from textwrap import wrap
from typing import Any, Literal, NamedTuple, Protocol

from rich.text import Text

from orrery.cli.options import command, read_value
from orrery.cli.tally import Tally
from orrery.errors import OrreryError
from orrery.graph import Expr
from orrery.graph.ref import TaskId
from orrery.graph.task import refs_in
from orrery.runtime.person import me
from orrery.scheduler.asking import PERSON
from orrery.scheduler.machine import Machine
from orrery.scheduler.results import blob_is_too_large
from orrery.telling.plain import short
from orrery.telling.printable import printable

Verdict = Literal["approve", "deny", "rerun"]
YES, NO, AGAIN = frozenset({"y", "yes"}), frozenset({"n", "no"}), frozenset({"r", "rerun", "again"})
MOST_CALLS = 3
MOST_LINES = 10
"""Of a question that is shown below a tree; the rest is in `orrery show`."""


class Question(NamedTuple):
    """What a person is asked.

    Args:
        text: the question, with its reasons, in lines.
        calls: what is done if the answer is yes, as it would be called, where the text does not say so itself.
        repeats: an attempt was lost, and nobody knows whether it took effect; it can be made again.
        is_choice: nothing reads the answer, so only yes and no are answers: whoever types anything else does not
            mean yes by it.
    """

    task: TaskId
    text: str
    repeats: bool = False
    is_choice: bool = False
    calls: tuple[str, ...] = ()

    @property
    def hint(self) -> str:
        """What may be typed."""
        if self.repeats:
            return "r: run it again, y: it was done, n: let it fail"
        return "y: yes, n: no" if self.is_choice else "y: yes, n: no, or an answer"


class Answers(Protocol):
    """Where an answer goes, such as a `Run`."""

    def answer(self, task: TaskId, verdict: Verdict, value: Any = None, *, by: str = "") -> None:
        """Answer a task that waits for a person."""


class Questions:
    """The open questions of a run, one at a time, and what is being typed.

    Args:
        run: takes the answers.
        tally: knows what is asked.
        store: the URL of the store, where it was named by hand.
    """

    def __init__(self, run: Answers, tally: Tally, store: str | None = None) -> None:
        self._run, self._tally, self._store = run, tally, store
        self._answered: set[TaskId] = set()
        self._typed = ""
        self._complaint = ""

    @property
    def current(self) -> Question | None:
        """The question that stands now: the oldest that has no answer yet."""
        asking = self._tally.asking
        self._answered &= asking.keys()  # asked again, it needs another answer
        for task in asking:
            if task not in self._answered:
                return question_of(self._tally.machine, task)
        return None

    def hear(self, typed: str) -> None:
        """Take what was typed; a new line makes it an answer."""
        if typed.startswith("\x1b"):  # an arrow key and its like
            return
        for key in typed:
            if key in "\r\n":
                self._submit()
                return  # what was pasted behind it is no answer to the next question
            if key in "\x7f\b":
                self._typed = self._typed[:-1]
            elif key == "\x15":  # Ctrl-U
                self._typed = ""
            elif key.isprintable():
                self._typed += key
        self._complaint = ""

    def _submit(self) -> None:
        question, word = self.current, self._typed.strip()
        self._typed, self._complaint = "", ""
        if question is None or not word:
            return
        verdict, value = _read(word, question)
        if verdict is None:
            self._complaint = f"{word!r} is no answer here"
            return
        self._answered.add(question.task)
        self._run.answer(question.task, verdict, value, by=me())

    def lines(self, width: int = 100_000) -> list[Text]:
        """The question and what may be answered, wrapped at a width. Nothing if nothing is asked."""
        question = self.current
        if question is None:
            return []
        lines = [Text(f"? {question.task}", "bold magenta")]
        for line in printable(question.text).splitlines():
            lines += [Text(f"  {part}") for part in wrap(line, max(20, width - 2))]
        for call in question.calls:
            lines += [Text(f"  {part}", "bold") for part in wrap(printable(call), max(20, width - 2))]
        if len(lines) > MOST_LINES:
            later = command(f"show {self._tally.machine.run} --task {question.task}", self._store)
            lines = [*lines[: MOST_LINES - 1], Text(f"  all of it: {later}", "dim")]
        waiting = len(self._tally.asking) - len(self._answered) - 1
        more = f" ({waiting} more wait behind it)" if waiting > 0 else ""
        hint = Text("  ").append(f"{self._complaint}; " if self._complaint else "", "yellow")
        return [*lines, hint.append(f"{question.hint}; then Enter{more}", "dim")]

    def prompt(self) -> Text:
        """The line in which what is being typed can be seen."""
        return Text("  > ", "magenta").append(self._typed, "bold").append("_", "dim")


def question_of(machine: Machine, task: TaskId) -> Question:
    """What a task asks."""
    record = machine.records[task]
    if record.task.executor != PERSON:
        return Question(task, record.because, repeats=True)
    calls = tuple(call for op, call in _calls_behind(machine, task) if op not in record.because)
    return Question(task, record.because, is_choice=not _is_read(machine, task), calls=calls[:MOST_CALLS])


def _calls_behind(machine: Machine, task: TaskId) -> Iterator[tuple[str, str]]:
    """The operations that wait for an answer, each with its call as far as its arguments are known."""
    for target in machine.graph.outgoing[task]:
        definition = machine.graph.tasks[target]
        on = machine.graph.incoming[target][task].on
        if (on == "success" or isinstance(on, Expr)) and target != machine.records[task].parent:
            args = (f"{name}={_argument(machine, value)}" for name, value in definition.args.items())
            each = " for each item" if definition.each is not None else ""
            name = definition.op.rpartition(":")[2]  # of a function of the user's, without the place of its file
            yield definition.op, f"{name}({', '.join(args)}){each}"


def _argument(machine: Machine, value: Any) -> str:
    try:
        filled = machine.results.fill(value, blob_is_too_large)
    except (LookupError, OrreryError):  # an item of a for-each, or a result that is too large to look at
        return "..."
    return short(filled, 120) if not isinstance(filled, str) else json.dumps(short(filled, 120), ensure_ascii=False)


def _is_read(machine: Machine, task: TaskId) -> bool:
    """Whether anything is done with the result of a task.

    Whoever waits for its end, however it ends, only takes note of it: as of the word of a person on a step of a plan.
    """
    graph, parent = machine.graph, machine.records[task].parent
    targets = [target for target in graph.outgoing[task] if graph.incoming[target][task].on != "completion"]
    readers = [ref for target in targets for ref in graph.tasks[target].refs()]
    tree = machine.records[parent].tree if parent is not None else None
    return any(ref.task == task for ref in (*readers, *refs_in(graph.outputs), *refs_in(tree)))


def _read(word: str, question: Question) -> tuple[Verdict | None, Any]:
    """What a typed word means; None if it means nothing."""
    lower = word.lower()
    if lower in YES:
        return "approve", True
    if lower in NO:
        return "deny", None
    if question.repeats:
        return ("rerun", None) if lower in AGAIN else (None, None)
    return (None, None) if question.is_choice else ("approve", read_value(word))


class Keyboard:
    """What is typed at the terminal that this process has in the foreground, as it is typed.

    Args:
        hear: takes it, on the event loop.
        raw: take keys one by one and without their echo, for a display that shows them itself.
    """

    def __init__(self, hear: Callable[[str], None], *, raw: bool) -> None:
        self._hear, self._raw = hear, raw
        self._loop: asyncio.AbstractEventLoop | None = None
        self._before: list[Any] | None = None

    def start(self) -> None:
        """Listen from now on; what was typed before is dropped. Does nothing while it listens."""
        if self._loop is not None:
            return
        import termios

        descriptor = sys.stdin.fileno()
        if self._raw:
            self._before = termios.tcgetattr(descriptor)
            quiet = termios.tcgetattr(descriptor)
            quiet[3] &= ~(termios.ICANON | termios.ECHO)  # Ctrl-C stays a signal
            termios.tcsetattr(descriptor, termios.TCSANOW, quiet)
        termios.tcflush(descriptor, termios.TCIFLUSH)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(descriptor, self._read)

    def stop(self) -> None:
        """Leave the terminal as it was found."""
        if self._loop is None:
            return
        import termios

        descriptor = sys.stdin.fileno()
        self._loop.remove_reader(descriptor)
        self._loop = None
        if self._before is not None:
            termios.tcsetattr(descriptor, termios.TCSANOW, self._before)
            self._before = None

    def _read(self) -> None:
        try:
            typed = os.read(sys.stdin.fileno(), 4096)
        except OSError:  # the terminal is gone
            typed = b""
        if not typed:
            self.stop()
            return
        self._hear(typed.decode("utf-8", "replace"))


def somebody_is_there() -> bool:
    """Whether stdin is a terminal at which this process may listen: a job in the background may not."""
    if os.name == "nt" or sys.stdin is None or sys.stdin.closed:
        return False
    try:
        descriptor = sys.stdin.fileno()
        return os.isatty(descriptor) and os.tcgetpgrp(descriptor) == os.getpgrp()
    except (OSError, ValueError):  # no descriptor at all, as in some test runners; or no controlling terminal
        return False


__all__ = ["Answers", "Keyboard", "Question", "Questions", "question_of", "somebody_is_there"]
