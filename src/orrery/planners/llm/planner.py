"""LlmPlanner: asks a model for a plan, carries out its steps while the rest is being written, and plans again.

Source: LLMCompiler (Kim et al., ICML 2024): a plan in lines, a task-fetching unit that starts what is ready, a joiner
that answers or asks for another plan. Here references are typed, a failed or hanging step is a result like any other,
the joiner is left out where the plan says itself what the answer is, and after a crash the model is asked only for the
lines that are missing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orrery.errors import PatchRefused
from orrery.graph import (
    Add,
    Drop,
    Edge,
    Edit,
    Effects,
    Estimate,
    Limits,
    Link,
    Patch,
    Ref,
    Retry,
    SetOutputs,
    Task,
    TaskId,
)
from orrery.graph.task import refs_in
from orrery.models.prompts import prompt
from orrery.planners import evidence
from orrery.planners.asking import model_named
from orrery.planners.cache import PlanCache, shape_of
from orrery.planners.devices import listed_devices, names_of
from orrery.planners.driving import Apply, as_patches
from orrery.planners.llm.binding import Binder, Bound
from orrery.planners.llm.dictation import Dictation
from orrery.planners.llm.draft import Draft
from orrery.planners.llm.grammar import End, Step
from orrery.planners.llm.joiner import JOIN
from orrery.planners.llm.options import Options
from orrery.planners.llm.reuse import Reusable, kept, recalled
from orrery.planners.llm.writing import write
from orrery.planners.options import read_options
from orrery.planners.protocol import Goal, View
from orrery.planners.toolbox import fitting, listed, usable
from orrery.scheduler.asking import PERSON
from orrery.scheduler.states import ENDED, State
from orrery.tools.approval import is_no, policy

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage

ANSWER = "answer"
"""The output that a plan sets."""
_NONE: Mapping[int, Bound] = MappingProxyType({})


class LlmPlanner:
    """Plans with a model, as the goal's options say: see `Options`."""

    def check(self, goal: Goal) -> None:
        """Whether the options are right and there is a model to ask. Raises PlannerOptionError."""
        model_named(read_options(Options, goal.options, planner="llm").model)

    def plan(self, goal: Goal, view: View) -> AsyncIterator[Patch]:
        """The patches of the plan, while it comes in.

        Raises:
            PlannerOptionError: an option is not one, or there is no model to ask.
            PlannerReplyError: the model's plan stayed wrong, however often it was asked.
            LimitReachedError: the plan did not end within its limits.
            ModelError: the model gave no usable answer.
        """
        options = read_options(Options, goal.options, planner="llm")
        return as_patches(lambda apply: _Planning(goal, view, options, apply).whole())


class _Planning:
    """One goal being planned."""

    def __init__(self, goal: Goal, view: View, options: Options, apply: Apply) -> None:
        self._goal, self._view, self._options, self._apply = goal, view, options, apply
        self._model = model_named(options.model)
        self._cache, self._shape, self._reused = PlanCache.of(view.folder), shape_of(goal.text), False
        self._tools = usable(goal.tools)
        self._binder = Binder(
            view.task, self._tools, policy(goal.approve), view.folder, options.step_timeout_s, names_of(goal)
        )
        tools = listed(fitting(self._tools, goal.text, options.max_tools))
        self._system = prompt("planners/llm-plan", tools=tools + listed_devices(goal.devices))

    # -- rounds -------------------------------------------------------------------------------------------

    async def whole(self) -> None:
        """Plan, and plan again while results ask for it, from wherever the graph says that one stands."""
        from orrery.models.call import ready

        await ready()
        round_number = max(1, self._rounds_joined())
        while True:
            if not self._is_planned(round_number):
                try:
                    if not await self._reuse(round_number):
                        await self._plan_round(round_number)
                except Exception:
                    await self._give_up_waiting_steps()
                    raise
            if not self._has_joiner(round_number):
                if await self._ended_well(round_number):
                    await self._remember(round_number)
                    return
                await self._forget()
                await self._apply(Patch(self._joining(round_number), because="a step failed that the answer needs"))
            if round_number >= self._options.max_rounds and not self._options.cache:
                return  # the joiner was told that it must answer
            if not await self._asks_for_more(round_number):
                await self._remember(round_number)
                return
            await self._forget()
            round_number += 1

    def _join_id(self, round_number: int) -> TaskId:
        return f"{self._view.task}-join-{round_number}"

    def _has_joiner(self, round_number: int) -> bool:
        return self._join_id(round_number) in self._view.graph.tasks

    def _rounds_joined(self) -> int:
        count = 0
        while self._has_joiner(count + 1):
            count += 1
        return count

    def _is_planned(self, round_number: int) -> bool:
        """Whether the plan of this round has its end: a joiner, or an answer that is not the last round's."""
        outputs = self._view.outputs
        before = Ref(self._join_id(round_number - 1), ("answer",))
        return self._has_joiner(round_number) or (ANSWER in outputs and outputs[ANSWER] != before)

    async def _asks_for_more(self, round_number: int) -> bool:
        joiner = self._join_id(round_number)
        await self._until_ended([joiner])
        if self._view.state(joiner) is not State.SUCCEEDED:
            return False  # the run says why
        return bool(self._view.value(Ref(joiner, ("replan",))))

    async def _ended_well(self, round_number: int) -> bool:
        """Whether the round's steps have all ended, and nothing that the answer needs is missing."""
        joined = self._joined_steps(round_number - 1)
        tasks = self._own_tasks(apart_from=joined)
        await self._until_ended(tasks)
        view = self._view
        if any(map(self._went_wrong, tasks)):
            return False
        for ref in refs_in(view.outputs.get(ANSWER)):
            try:
                view.value(ref)
            except LookupError:
                return False
        return True

    def _went_wrong(self, task: TaskId) -> bool:
        """Whether a task that has ended did not do what it was to do; of a question, whether the answer was no."""
        if self._view.state(task) in (State.FAILED, State.CANCELLED):
            return True
        return self._view.graph.tasks[task].executor == PERSON and is_no(self._view.value(Ref(task)))

    def _own_tasks(self, *, apart_from: Collection[str] = ()) -> list[TaskId]:
        graph, binder = self._view.graph, self._binder
        numbers = [number for number in binder.steps_in(graph) if str(number) not in apart_from]
        asks = [binder.ask_id(number) for number in numbers if binder.ask_id(number) in graph.tasks]
        return [*map(binder.task_id, numbers), *asks]

    async def _until_ended(self, tasks: Sequence[TaskId]) -> None:
        while any(self._view.state(task) not in ENDED for task in tasks):
            if not await self._view.changed():
                return

    # -- plans that are known -----------------------------------------------------------------------------

    async def _reuse(self, round_number: int) -> bool:
        """Plan from the cache, if it has a plan for such a request that can still be carried out."""
        if not self._options.cache or round_number > 1 or self._binder.steps_in(self._view.graph):
            return False
        found = await asyncio.to_thread(self._cache.find, self._shape)
        plan = recalled(found, self._shape) if found is not None else None
        if plan is None:
            return False
        draft = Draft(self._binder, {})
        bound = draft.take([*plan.steps, plan.end])
        if draft.problems() or any(one.changes for one in bound):
            await self._forget()
            return False
        because = f"plan from cache: the request has the shape of an earlier one, {self._shape.words!r:.200}"
        edits = [edit for one in bound for edit in one.edits]
        end = self._end_edits(round_number, draft.end or End(), {one.step.number: one for one in bound})
        try:
            await self._apply(Patch((*edits, *end), because=because))
        except PatchRefused:
            await self._forget()
            return False
        self._reused = True
        return True

    async def _remember(self, round_number: int) -> None:
        """Keep a plan that led to the answer at once, and in which nothing failed."""
        if not self._options.cache or round_number > 1 or self._reused:
            return
        tasks = [*self._own_tasks(), *([self._join_id(1)] if self._has_joiner(1) else [])]
        if any(self._view.state(task) not in ENDED for task in tasks):
            return  # it is only drafted
        if any(map(self._went_wrong, tasks)):
            await self._forget()
            return
        end = End() if self._has_joiner(1) else End(True, self._binder.back(self._view.outputs[ANSWER]))
        plan = Reusable(list(self._binder.steps_in(self._view.graph).values()), end)
        found = kept(plan, self._shape)
        if found is not None:
            await asyncio.to_thread(self._cache.keep, self._shape, found)

    async def _forget(self) -> None:
        if self._options.cache:
            await asyncio.to_thread(self._cache.drop, self._shape)

    # -- one plan -----------------------------------------------------------------------------------------

    async def _plan_round(self, round_number: int) -> None:
        options = self._options
        joined = self._joined_steps(round_number - 1)
        steps = self._binder.steps_in(self._view.graph)
        begun = [step for number, step in steps.items() if str(number) not in joined]
        draft = Draft(self._binder, steps, len(begun), options.compat == "llmcompiler")
        begun_lines = [write(step) for step in begun]
        opening = self._opening(round_number, steps)
        await Dictation(opening, begun_lines, draft, self._model, options, self._view, self._apply).take()
        edits = self._end_edits(round_number, draft.end or End())
        await self._apply(Patch(edits, because=f"the plan of round {round_number} is complete"))

    def _joined_steps(self, round_number: int) -> Mapping[str, Any]:
        """The steps that the joiner of a round looks at, and so those of that round and all before it."""
        joiner = self._view.graph.tasks.get(self._join_id(round_number))
        return joiner.args["lines"] if joiner is not None else {}

    def _opening(self, round_number: int, steps: Mapping[int, Step]) -> list[ModelMessage]:
        from orrery.models.messages import prompt as conversation

        if round_number == 1:
            return conversation(prompt("planners/llm-request", goal=self._goal.text), system=self._system)
        joined = self._joined_steps(round_number - 1)
        because = self._view.value(Ref(self._join_id(round_number - 1), ("replan",)))
        done = {number: step for number, step in steps.items() if str(number) in joined}
        shown = evidence.block((write(step), self._result(number)) for number, step in done.items())
        text = prompt(
            "planners/llm-again", goal=self._goal.text, because=because, steps=shown, next=max(done, default=0) + 1
        )
        return conversation(text, system=self._system)

    def _result(self, number: int) -> Any:
        return self._view.value(Ref(self._binder.task_id(number)))

    # -- the end ------------------------------------------------------------------------------------------

    def _end_edits(self, round_number: int, end: End, coming: Mapping[int, Bound] = _NONE) -> tuple[Edit, ...]:
        """The edits by which a plan ends: the answer where it is known, else the joiner."""
        if end.answers:
            return (SetOutputs({ANSWER: self._binder.placed(end.answer)}),)
        return self._joining(round_number, coming)

    def _joining(self, round_number: int, coming: Mapping[int, Bound] = _NONE) -> tuple[Edit, ...]:
        """The edits that add the joiner of a round over all steps so far, whatever becomes of them.

        Args:
            coming: steps that the same patch adds.
        """
        graph, binder, options = self._view.graph, self._binder, self._options
        steps = binder.steps_in(graph) | {number: bound.step for number, bound in coming.items()}
        there = graph.tasks.keys() | {
            edit.task.id for one in coming.values() for edit in one.edits if isinstance(edit, Add)
        }
        joiner = self._join_id(round_number)
        results: dict[str, Ref] = {str(number): Ref(binder.task_id(number)) for number in steps}
        asked = {str(n): Ref(binder.ask_id(n)) for n in steps if binder.ask_id(n) in there}
        task = Task(
            joiner,
            JOIN,
            {
                "goal": self._goal.text,
                "model": options.joiner or self._model,
                "lines": {str(number): write(step) for number, step in steps.items()},
                "results": results,
                "approvals": asked,
                "last": round_number >= options.max_rounds,
            },
            effects=Effects("idempotent"),
            limits=Limits(timeout_s=options.join_timeout_s, retry=Retry(attempts=options.max_retries + 1)),
            estimate=Estimate(5.0),
            label="look at the results",
        )
        edits: list[Edit] = [Add(task)]
        edits += [Link(Edge(ref.task, joiner, on="completion")) for ref in (*results.values(), *asked.values())]
        edits.append(SetOutputs({ANSWER: Ref(joiner, ("answer",))}))
        return tuple(edits)

    async def _give_up_waiting_steps(self) -> None:
        """Planning failed: take out what has not started, if the goal wants it so."""
        if self._options.on_failure == "keep":
            return
        tasks = self._own_tasks()
        with self._view.hold(tasks, seconds=5.0):
            graph = self._view.graph
            waiting = [task for task in tasks if self._view.state(task) in (State.WAITING, State.READY)]
            order = {task.id: place for place, task in enumerate(graph.in_order())}
            edits = tuple(Drop(task) for task in sorted(waiting, key=lambda task: -order[task]))
            with suppress(PatchRefused):  # one of them started in this moment: it is done, then
                await self._apply(Patch(edits, because="the plan was not completed"))
