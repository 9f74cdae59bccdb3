"""PlanReader: text in pieces of any size, statements out as soon as their line has ended. Does no I/O."""

from __future__ import annotations

import re

from orrery.errors import Problem
from orrery.planners.llm.grammar import End, Fault, Statement, begins_statement, interrupts, read, step_number

MAX_LINE_CHARS = 64_000
"""The longest statement that is read; what a model writes without end must not fill the memory."""
_MAX_PROSE_CHARS = 500
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^'\\]|\\.)*'" + r"""|(?P<open>[(\[{])|(?P<close>[)\]}])|["'#]""")


class PlanReader:
    """Reads a plan while it is being written.

    A statement ends with its line, unless brackets are open: then it goes on with the next. A line that begins a
    step ends a statement whose brackets were never closed, so that one mistake does not swallow what follows. What
    comes after the plan's end is not read.

    Args:
        quoted_references: as in `grammar.read`.
        max_line_chars: a longer statement is a fault; its rest is skipped.

    Attributes:
        ended: whether the plan's end was read.
        prose: the beginning of what was read as no part of a plan.
    """

    def __init__(self, *, quoted_references: bool = False, max_line_chars: int = MAX_LINE_CHARS) -> None:
        self._quoted_references, self._most = quoted_references, max_line_chars
        self._pieces: list[str] = []  # of the unfinished line
        self._chars = 0
        self._skipping = False  # the rest of a line that is too long
        self._open: list[str] = []  # the lines of a statement whose brackets are open
        self._open_chars = self._depth = 0
        self.ended = False
        self.prose = ""

    def feed(self, text: str) -> list[Statement]:
        """Take some text; return the statements that it completed, in order."""
        found: list[Statement] = []
        *whole, rest = text.split("\n")
        for line in whole:
            self._keep(line, found)
            self._end_line(found)
        self._keep(rest, found)
        return found

    def finish(self) -> list[Statement]:
        """The text has ended: return what its last line says."""
        found: list[Statement] = []
        self._end_line(found)
        if self._open:
            self._close(found)
        return found

    def _keep(self, piece: str, found: list[Statement]) -> None:
        if not piece or self._skipping or self.ended:
            return
        self._pieces.append(piece)
        self._chars += len(piece)
        if self._chars + self._open_chars > self._most:
            line = "".join((*self._open, *self._pieces))[: self._most]
            self._pieces.clear()
            self._open.clear()
            self._chars = self._open_chars = self._depth = 0
            self._skipping = True
            if begins_statement(line):
                number = step_number(line)
                place = "the answer" if number is None else f"line {number}"
                message = f"it is longer than {self._most} characters; put long texts into files, or use several steps"
                found.append(Fault(number, line[:200], Problem("plan/line-length", place, message)))

    def _end_line(self, found: list[Statement]) -> None:
        line = "".join(self._pieces).removesuffix("\r")
        self._pieces.clear()
        self._chars = 0
        if self._skipping or self.ended:
            self._skipping = False
            return
        if self._open and interrupts(line):
            self._close(found)
        if self._open or begins_statement(line):
            self._open.append(line)
            self._open_chars += len(line)
            self._depth += _depth_of(line)
            if self._depth <= 0:
                self._close(found)
        elif len(self.prose) < _MAX_PROSE_CHARS and line.strip():
            self.prose = f"{self.prose}\n{line.strip()}".strip()[:_MAX_PROSE_CHARS]

    def _close(self, found: list[Statement]) -> None:
        line = " ".join(self._open)
        self._open.clear()
        self._open_chars = self._depth = 0
        statement = None if self.ended else read(line, quoted_references=self._quoted_references)
        if statement is not None:
            found.append(statement)
            self.ended = isinstance(statement, End)


def _depth_of(line: str) -> int:
    """By how many brackets a line opens more than it closes; a text that does not end on it leaves none open."""
    depth = 0
    for token in _BRACKETS.finditer(line):
        if token["open"]:
            depth += 1
        elif token["close"]:
            depth -= 1
        elif token[0] == "#":
            break
        elif len(token[0]) == 1:
            return -1_000_000
    return depth
