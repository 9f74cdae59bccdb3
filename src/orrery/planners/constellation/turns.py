"""Turns: what was thought already, read off the graph. It is the planner's only memory, so a crash costs none of it.

A turn is a task of the run: it refers to the results that it is about, so whatever is referred to by a turn was
seen, and what has ended without that is what the next turn is about. Since it reads how its steps ended, a step
that fails is dealt with by whoever thinks, and is not the run's failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from orrery.errors import Problem
from orrery.graph import Add, Edge, Effects, Estimate, Limits, Link, Patch, Ref, Task, TaskId
from orrery.planners.constellation.options import Options
from orrery.planners.llm.binding import Binder
from orrery.planners.llm.writing import write
from orrery.planners.protocol import Goal, View
from orrery.scheduler.states import ENDED, State

MODEL = "py:orrery.planners.constellation.thinker:think"
"""The thinker that asks a model."""
MOST_PAST = 50
"""Of the steps that ended before, so many are told again; the others were told when they ended."""
MOST_LINE_CHARS = 400
"""Of a step that is told: every turn tells it again, and that is written to the log."""
THINK_SECONDS = 5.0


class Turns:
    """The turns of one plan.

    Args:
        goal: what is wanted.
        binder: knows which tasks the steps are.
    """

    def __init__(self, goal: Goal, options: Options, view: View, binder: Binder) -> None:
        self._goal, self._options, self._view, self._binder = goal, options, view, binder
        prefix = re.escape(view.task)
        self._step = re.compile(rf"{prefix}-(\d+)(-ask)?")
        self._think = re.compile(rf"{prefix}-think-(\d+)")

    def id(self, turn: int) -> TaskId:
        """The task of a turn."""
        return f"{self._view.task}-think-{turn}"

    def last(self) -> int:
        """The number of the last turn there was; 0 before the first."""
        return max((int(match[1]) for match in map(self._think.fullmatch, self._view.graph.tasks) if match), default=0)

    def unseen(self) -> list[TaskId]:
        """The steps that have ended and that no turn was about, in the order in which they were added.

        A question that was answered is none of them: what came of it shows in its step. One that was denied is.
        """
        graph = self._view.graph
        seen = {source for turn in range(1, self.last() + 1) for source in graph.incoming.get(self.id(turn), ())}
        return [task for task in self.steps() if task not in seen and self._is_news(task)]

    def _is_news(self, task: TaskId) -> bool:
        state = self._view.state(task)
        return state is State.FAILED if task.endswith("-ask") else state in ENDED

    def steps(self) -> list[TaskId]:
        """The tasks of all steps, in the order in which they were added."""
        return [task for task in self._view.graph.tasks if self._step.fullmatch(task)]

    def ahead_of(self, ended: Iterable[TaskId]) -> list[TaskId]:
        """The steps that have not started and stand behind some that have ended: what a turn about those may change."""
        reached = dict.fromkeys(ended)
        for task in (queue := list(reached)):
            for target in self._view.graph.outgoing.get(task, ()):
                if target not in reached:
                    reached[target] = None
                    queue.append(target)
        return [task for task in reached if self._step.fullmatch(task) and self._has_not_started(task)]

    def open(self) -> list[TaskId]:
        """All steps that have not started."""
        return [task for task in self.steps() if self._has_not_started(task)]

    def _has_not_started(self, task: TaskId) -> bool:
        return self._view.state(task) in (State.WAITING, State.READY)

    def begin(self, turn: int, news: Sequence[TaskId], problems: Sequence[Problem]) -> Patch:
        """The patch that adds a turn about what has ended, or about what was wrong with the turn before."""
        options = self._options
        situation: dict[str, Any] = {
            "goal": self._goal.text,
            "turn": turn,
            "left": options.max_turns - turn,
            "steps": self._told(news),
            "results": {self._name(task): Ref(task) for task in news},
            "problems": [str(problem) for problem in problems],
            "tools": None if self._goal.tools is None else list(self._goal.tools),
        }
        if self._goal.devices:
            situation["devices"] = [asdict(device) for device in self._goal.devices]
        if options.thinker is None:
            situation |= {"model": options.model, "max_tools": options.max_tools}
        task = Task(
            self.id(turn),
            operation(options.thinker, self._view.folder),
            {"situation": situation},
            executor="inline" if options.thinker is None else "thread",
            effects=Effects("idempotent"),
            limits=Limits(timeout_s=options.think_timeout_s),
            estimate=Estimate(THINK_SECONDS),
            label=_label(news, problems),
        )
        edges = (Link(Edge(source, task.id, on="completion")) for source in news)
        return Patch((Add(task), *edges), because=task.label)

    def _name(self, task: TaskId) -> str:
        return task.removeprefix(f"{self._view.task}-")

    def _told(self, news: Sequence[TaskId]) -> list[dict[str, Any]]:
        """The steps as they stand: all that are open or new, and the last of the others."""
        told: list[dict[str, Any]] = []
        past: list[int] = []
        for number, step in self._binder.steps_in(self._view.graph).items():
            task = self._binder.task_id(number)
            state = self._view.state(task)
            if state in ENDED and task not in news:
                past.append(len(told))
            told.append(
                {"number": number, "line": _short(write(step)), "state": state.value if state is not None else ""}
            )
        forgotten = set(past[:-MOST_PAST])
        return [step for position, step in enumerate(told) if position not in forgotten]


def operation(thinker: str | None, folder: Path) -> str:
    """The operation that thinks; a script's path is read against the run's folder, wherever the run is resumed."""
    if thinker is None:
        return MODEL
    place, colon, name = thinker.removeprefix("py:").rpartition(":")
    if thinker.startswith("py:") and colon and place.endswith(".py"):
        return f"py:{(folder / place).resolve()}:{name}"
    return thinker


def _short(line: str) -> str:
    return line if len(line) <= MOST_LINE_CHARS else f"{line[: MOST_LINE_CHARS - 3]}..."


def _label(news: Sequence[TaskId], problems: Sequence[Problem]) -> str:
    if problems:
        return "think again: what was said cannot be done"
    if not news:
        return "think: what to begin with"
    return f"think about {len(news)} {'result' if len(news) == 1 else 'results'}"
