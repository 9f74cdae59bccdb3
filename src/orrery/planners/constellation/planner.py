"""ConstellationPlanner: think, edit, wait for results, and think again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from orrery.errors import Failure, PatchRefused, PlannerReplyError, Problem
from orrery.graph import Patch, Ref, TaskId
from orrery.planners.asking import model_named
from orrery.planners.constellation.edits import edits_for, parse
from orrery.planners.constellation.options import Options
from orrery.planners.constellation.turns import Turns
from orrery.planners.devices import names_of
from orrery.planners.llm.binding import Binder
from orrery.planners.options import read_options
from orrery.planners.protocol import Goal, View
from orrery.planners.toolbox import usable
from orrery.scheduler.states import ENDED
from orrery.tools.approval import policy


class ConstellationPlanner:
    """Lets a thinker change what has not started, after each batch of results.

    Results that arrive while it thinks are in the next batch. What it thinks about is kept from starting meanwhile,
    for `hold_s` at most; everything else goes on. What is refused is told to it, with the reasons. It ends when the
    thinker says so, when its turns are used up, or when nothing is left that could end.
    """

    def check(self, goal: Goal) -> None:
        """Whether the options are right and there is somebody to think. Raises PlannerOptionError."""
        options = read_options(Options, goal.options, planner="constellation")
        if options.thinker is None:
            model_named(options.model)

    async def plan(self, goal: Goal, view: View) -> AsyncIterator[Patch]:
        """The patches of all turns.

        Raises:
            PlannerOptionError: the goal's options are wrong, or there is no model to think.
            PlannerReplyError: the thinker failed, or never said anything that can be done.
        """
        self.check(goal)  # better now than by a turn that fails
        options = read_options(Options, goal.options, planner="constellation")
        binder = Binder(
            view.task, usable(goal.tools), policy(goal.approve), view.folder, options.step_timeout_s, names_of(goal)
        )
        turns = Turns(goal, options, view, binder)
        turn = max(1, turns.last())
        again = turns.last() > 0  # called again after a crash: what this turn said may have been taken in already
        problems: Sequence[Problem] = ()
        refusals = 0
        while turn <= options.max_turns:
            begin: Patch | None = None
            news = turns.unseen()
            if not again:
                if turn > 1 and not news and not problems:
                    if not await view.changed():
                        return
                    continue
                begin = turns.begin(turn, news, problems)
            with _held(view, turns.open() if problems or again else turns.ahead_of(news), options):
                if begin is not None:
                    yield begin
                said = parse(await _reply(view, turns.id(turn)))
                edits, problems = edits_for(said, binder, view.graph, again=again)
                if edits and not problems:
                    try:
                        yield Patch(edits, because=f"turn {turn}")
                    except PatchRefused as refused:
                        problems = refused.problems
            again = False
            if said.is_done and not problems:
                return
            turn += 1
            refusals = refusals + 1 if problems else 0
            if refusals > options.max_refusals:
                if not turns.steps():
                    raise PlannerReplyError(f"the thinker made no plan that can be done: {problems[0]}")
                problems, refusals = (), 0  # its edit is given up; the next results may give it a better idea
        view.progress(None, f"all {options.max_turns} turns are used up")


def _held(view: View, tasks: Sequence[TaskId], options: Options) -> AbstractContextManager[None]:
    return view.hold(tasks, seconds=options.hold_s) if tasks else nullcontext()


async def _reply(view: View, turn: TaskId) -> str:
    """What a turn came to, once it has ended. Raises PlannerReplyError."""
    while view.state(turn) not in ENDED:
        if not await view.changed():
            raise PlannerReplyError(f"{turn!r} cannot be done: {view.state(turn)}")
    value = view.value(Ref(turn))
    if isinstance(value, list | tuple) and all(isinstance(line, str) for line in value):
        value = "\n".join(value)
    if isinstance(value, Failure):
        raise PlannerReplyError(f"the thinker failed: {value}")
    if not isinstance(value, str):
        raise PlannerReplyError(f"the thinker returned a {type(value).__name__}, not the lines of its edits")
    return value
