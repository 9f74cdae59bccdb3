"""Assembly: from steps in the order in which they are written to steps in an order in which they can be planned."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from orrery.errors import Problem
from orrery.graph.task import refs_in
from orrery.planners.llm.grammar import SHOWN, End, Step


class Assembly:
    """The steps of one plan. A step that refers to one which has not come yet is held until that one comes.

    Numbers only name steps: they may leave gaps and come in any order. A second step of the same number is a
    problem, unless it says the same as the first. Each step is looked at a constant number of times.

    Args:
        planned: the numbers of the steps that are planned already.
    """

    def __init__(self, planned: Collection[int] = ()) -> None:
        self._planned: dict[int, Step | None] = dict.fromkeys(planned)
        self._held: dict[int, Step] = {}
        self._missing: dict[int, int] = {}  # how many of the steps that a held one needs are not planned
        self._waiting: dict[int, list[int]] = {}  # who waits for a step
        self._blamed: set[int] = set()  # held steps that may be written anew

    @property
    def planned(self) -> Collection[int]:
        """The numbers of the steps that could be planned, earlier ones among them."""
        return self._planned.keys()

    @property
    def held(self) -> list[Step]:
        """The steps that wait for others, in the order in which they came."""
        return list(self._held.values())

    def add(self, step: Step) -> list[Step] | Problem:
        """Take a step; return those that can now be planned, in order, or what is wrong with this one."""
        number = step.number
        if number in self._blamed:
            self.drop([number])
        if number in self._planned or number in self._held:
            known = self._held.get(number) or self._planned.get(number)
            if known == step:
                return []
            return Problem("plan/duplicate", f"line {number}", f"there is a line {number} already; take another number")
        missing = [need for need in step.needs() if need not in self._planned]
        self._held[number] = step
        self._missing[number] = len(missing)
        for need in missing:
            self._waiting.setdefault(need, []).append(number)
        return self._released([number] if not missing else [])

    def known(self, number: int, step: Step) -> None:
        """Say what a step is that was planned before, so that it may be repeated."""
        self._planned[number] = step

    def _released(self, free: list[int]) -> list[Step]:
        ready: list[Step] = []
        for number in free:  # it grows while it is read
            step = self._held.pop(number)
            del self._missing[number]
            self._planned[number] = step
            ready.append(step)
            for waiting in self._waiting.pop(number, ()):
                self._missing[waiting] -= 1
                if not self._missing[waiting]:
                    free.append(waiting)
        return ready

    def problems(self, expected: Collection[int] = ()) -> list[Problem]:
        """Why the held steps cannot be planned, now that no more come.

        Args:
            expected: steps that are asked for again; who waits for one of those is not to blame.
        """
        found: list[Problem] = []
        blocked = {need for need in self._waiting if need not in self._held}
        for need in sorted(blocked - set(expected)):
            waiting = ", ".join(map(str, self._waiting[need]))
            message = f"line {waiting} needs ${need}, and there is no line {need}"
            found.append(Problem("plan/unknown-line", f"line {self._waiting[need][0]}", message))
            self._blamed.update(self._waiting[need])
        loop = self._loop(blocked)
        if loop:
            circle = " -> ".join(f"${number}" for number in (*loop, loop[0]))
            found.append(Problem("plan/cycle", f"line {loop[0]}", f"these lines wait for each other: {circle}"))
        return found

    def drop(self, numbers: Iterable[int]) -> None:
        """Forget held steps, so that they can be written anew."""
        for number in numbers:
            self._blamed.discard(number)
            step = self._held.pop(number, None)
            if step is not None:
                del self._missing[number]
                for need in step.needs():
                    if number in self._waiting.get(need, ()):
                        self._waiting[need].remove(number)
                        if not self._waiting[need]:
                            del self._waiting[need]

    def forget(self, number: int) -> None:
        """A step that was given out could not be planned: it is as if it had never come."""
        self._planned.pop(number, None)

    def loop(self) -> list[int]:
        """The numbers of held steps that wait for each other in a circle; empty if there is none."""
        return self._loop({need for need in self._waiting if need not in self._held})

    def _loop(self, blocked: Collection[int]) -> list[int]:
        behind = set(blocked)  # all that waits, directly or not, for something that is not there
        queue = list(behind)
        for number in queue:
            for waiting in self._waiting.get(number, ()):
                if waiting not in behind:
                    behind.add(waiting)
                    queue.append(waiting)
        rest = {number: step for number, step in self._held.items() if number not in behind}
        if not rest:
            return []
        path: dict[int, None] = {}
        number = next(iter(rest))
        while number not in path:
            path[number] = None
            number = next(need for need in rest[number].needs() if need in rest)
        walked = list(path)
        return walked[walked.index(number) :]

    def check_end(self, end: End) -> list[Problem]:
        """What is wrong with the plan's end: it speaks of steps that are not there."""
        numbers = dict.fromkeys(int(ref.task) for ref in refs_in(end.answer) if ref.task not in SHOWN)
        unknown = [number for number in numbers if number not in self._planned and number not in self._held]
        return [
            Problem("plan/unknown-line", "the answer", f"it needs ${number}, and there is no line {number}")
            for number in unknown
        ]
