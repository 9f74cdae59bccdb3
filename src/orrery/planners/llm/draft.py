"""Draft: one plan while it comes in. Text in; steps to be planned, and what is wrong with the others, out.

Does no I/O. It knows which steps are planned, holds those that wait for others, and remembers the lines that a model
has to write anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orrery.errors import Problem
from orrery.planners.llm.assembly import Assembly
from orrery.planners.llm.binding import Binder, Bound
from orrery.planners.llm.grammar import End, Fault, Statement, Step
from orrery.planners.llm.reader import PlanReader
from orrery.planners.llm.writing import write

ANSWER, SECOND = -1, -2
"""Numbers, in place of a line's, of what is wrong with something else."""


@dataclass
class Draft:
    """One plan, asked for once or more often.

    Args:
        binder: makes tasks of its steps.
        earlier: the steps that are planned already, by number.
        begun: how many of those are steps of this plan, which was interrupted.
        quoted_references: as in `grammar.read`.

    Attributes:
        end: how the plan ends; None until that was read.
        faults: what is wrong, by the number of the line; ANSWER for the plan's end, SECOND for a number taken twice.
        lines: how many steps were read in all.
    """

    binder: Binder
    earlier: Mapping[int, Step]
    begun: int = 0
    quoted_references: bool = False
    end: End | None = None
    faults: dict[int, list[Problem]] = field(default_factory=dict)
    lines: int = 0
    prose: str = ""
    _said: int = 0
    _open: dict[int, list[Problem]] = field(default_factory=dict)
    _bound: dict[int, Bound] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._assembly = Assembly(self.earlier)
        for number, step in self.earlier.items():
            self._assembly.known(number, step)
        self._reader = PlanReader(quoted_references=self.quoted_references)

    @property
    def written(self) -> list[str]:
        """The lines that need not be written again: those that are planned, and those that wait for others."""
        mine = [bound.step for number, bound in self._bound.items() if number not in self.faults]
        return [write(step) for step in mine]

    @property
    def has_ended(self) -> bool:
        """Whether the plan's end was read in the present answer of the model."""
        return self._reader.ended

    def begin_answer(self) -> None:
        """The model answers anew. Lines that were wrong and that it does not write again are left out of the plan."""
        self._reader = PlanReader(quoted_references=self.quoted_references)
        self._open, self.faults, self._said = self.faults, {}, 0

    def feed(self, text: str) -> list[Bound]:
        """Take some text; return the steps that can now be planned, in order."""
        return self.take(self._reader.feed(text))

    def finish_answer(self, *, cut_off: bool) -> list[Bound]:
        """The model has ended its answer; `cut_off` says that its last line may be half of one."""
        ready = [] if cut_off else self.take(self._reader.finish())
        self.prose = self.prose or self._reader.prose
        return ready

    def take(self, statements: Sequence[Statement]) -> list[Bound]:
        """Take statements that were read already; return the steps that can now be planned, in order."""
        ready: list[Bound] = []
        self._said += len(statements)
        for statement in statements:
            match statement:
                case Fault(number, _, problem):
                    self._blame(ANSWER if number is None else number, problem)
                case End():
                    self.end = statement
                    self.faults.pop(ANSWER, None)
                case Step():
                    ready += self._take_step(statement)
        return ready

    def _take_step(self, step: Step) -> list[Bound]:
        self.lines += 1
        bound = self.binder.bind(step)
        if isinstance(bound, list):
            if step.number not in self._bound and step.number not in self.earlier:
                self._blame(step.number, *bound)
            else:
                self._blame(SECOND, *bound)
            return []
        added = self._assembly.add(bound.step)
        if isinstance(added, Problem):
            self._blame(SECOND, added)
            return []
        self.faults.pop(step.number, None)
        self._bound.setdefault(step.number, bound)
        return [self._bound[each.number] for each in added]

    def refuse(self, number: int, problems: list[Problem]) -> None:
        """A step could not be planned after all: the graph does not take it."""
        self._assembly.forget(number)
        self._bound.pop(number, None)
        self._blame(number, *problems)

    def _blame(self, number: int, *problems: Problem) -> None:
        self.faults.setdefault(number, []).extend(problems)

    def problems(self) -> list[Problem]:
        """Everything that is wrong, now that the model has ended its answer; circles are broken up."""
        if not self._said:  # it has not decided to leave the wrong lines out: it has not answered
            self.faults = self._open
        found = [problem for problems in self.faults.values() for problem in problems]
        found += self._assembly.problems(expected=self.faults)
        while circle := self._assembly.loop():
            self._assembly.drop(circle)
            for number in circle:
                self._bound.pop(number, None)
        if self.end is not None:
            found += self._assembly.check_end(self.end)
        if not self._bound and not self.begun and not found and (self.end is None or not self.end.answers):
            said = f"; it says: {self.prose[:200]!r}" if self.prose else ""
            found.append(Problem("plan/empty", "the plan", f"there is no step in it{said}"))
        return found
