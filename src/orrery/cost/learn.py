"""Learn: read from the events of past runs what each task took.

A run is read by itself, without the scheduler: its log may be of another version, unfinished, or of a run that failed.
What can be told from it is taken:

* an attempt that succeeded, with its seconds from when its executor really began; one that failed counts only as such,
  one that was stopped (the slower of two hedged ones, say) or lost with its process not at all;
* how long a task took to settle: from when its executor was given it, so that the start of a worker, or the line before
  a device, is in it, to its end, repeated attempts and the pauses between them included;
* of a task with a for-each, the number of items; its children teach what an item takes, under the name of the step;
* a task that grew into others, such as an agent or a planner, took what all of them took together;
* whether a task ran or was left out by a condition, in runs that succeeded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from orrery.cost import catalogue
from orrery.cost.calls import ModelCall
from orrery.cost.learned import RUNS, Learned, Taught
from orrery.cost.question import Question, input_bytes, is_of_item, question_of, target_of, value_bytes
from orrery.errors import OrreryError
from orrery.graph.patch import Add, Drop, Patch, Replace
from orrery.graph.ref import INDEX, INPUTS, ITEM, Ref, TaskId
from orrery.graph.task import Task, refs_in
from orrery.graph.values import decode
from orrery.journal.protocol import Journal, RunSummary
from orrery.models.request import CHARS_PER_TOKEN
from orrery.scheduler import events as ev
from orrery.scheduler.asking import PERSON
from orrery.tracing import Attempt, Attempts

EVENTS = 200_000
"""So many events are read at most: some seconds' worth. The newest runs go first; one that is too long is left out."""


def learn(
    journal: Journal, learned: Learned | None = None, *, runs: int = RUNS, events: int = EVENTS, before: str = ""
) -> Learned:
    """What the last runs of a store took; those that `learned` was taught by already are not read again.

    Runs that somebody drives at present are left out. One that cannot be read is passed over and named in
    `Learned.skipped`.

    Args:
        learned: to be taught more; a new one by default.
        runs: so many at most, the newest.
        events: so many in all at most.
        before: the name of a run; only those that were created before it teach, as when it began.
    """
    learned = Learned() if learned is None else learned
    learned.skipped = {}
    chosen: list[RunSummary] = []
    known = journal.runs()
    end = next((place for place, summary in enumerate(known) if summary.run == before), len(known))
    for summary in reversed(known[:end][-runs:]):
        is_driven = summary.live and summary.state in ("running", "paused")
        if summary.run in learned.taken or is_driven:
            continue
        if summary.events > events:
            learned.skipped[summary.run] = f"it has {summary.events:,} events, which would take too long to read"
            continue
        events -= summary.events
        chosen.append(summary)
    for summary in reversed(chosen):  # the oldest first, so that the newest count most
        try:
            learned.take(summary.run, taught_by(event for _, event in journal.read(summary.run)))
        except (OrreryError, msgspec.MsgspecError) as error:  # damaged, or of a version that this one cannot read
            learned.skipped[summary.run] = str(error)
    return learned


def taught_by(events: Iterable[ev.Event]) -> list[Taught]:
    """What one run taught, by its events."""
    reader = _Reader()
    for event in events:
        reader.take(event)
    return reader.taught()


class _Story(msgspec.Struct, gc=False):
    """What became of one task."""

    handed_at: float | None = None
    began_at: float = 0.0
    ended_at: float = 0.0
    seconds: float = 0.0
    money: float = 0.0
    tokens: float = 0.0
    tries: int = 0
    outcome: str = ""
    where: str = ""
    result_bytes: float | None = None
    items: int | None = None
    was_lost: bool = False
    skipped: bool = False


class _Reader:
    def __init__(self) -> None:
        self._tasks: dict[TaskId, Task] = {}
        self._parents: dict[TaskId, TaskId] = {}
        self._stories: dict[TaskId, _Story] = {}
        self._questions: dict[tuple[TaskId, str], Question] = {}
        self._open = Attempts()
        self._inputs: Any = None
        self._state = ""
        self._at = 0.0

    def take(self, event: ev.Event) -> None:
        """Note what an event says."""
        match event:
            case ev.RunStarted():
                self._inputs = decode(bytes(event.inputs))
            case ev.RunResumed():
                self._open.doubt(self._at)
            case ev.GraphPatched():
                self._patch(event.patch)
            case ev.TaskExpanded():
                self._grow(event)
            case ev.TaskSkipped():
                self._story(event.task).skipped = True
            case ev.TaskGaveUp():
                self._story(event.task).outcome = "" if event.cancelled else "failed"
            case ev.RunEnded():
                self._state = event.state
        attempt = self._open.take(event)
        if attempt is not None:
            self._end(attempt, event)
        self._at = event.at

    def _story(self, task: TaskId) -> _Story:
        found = self._stories.get(task)
        if found is None:
            found = self._stories[task] = _Story()
        return found

    def _patch(self, patch: Patch) -> None:
        for edit in patch.edits:
            match edit:
                case Add(task) | Replace(task):
                    self._tasks[task.id] = task
                case Drop(task_id):
                    self._tasks.pop(task_id, None)

    def _grow(self, event: ev.TaskExpanded) -> None:
        self._patch(event.patch)
        owner = self._parents.get(event.task, event.task) if event.beside else event.task
        added = [edit.task.id for edit in event.patch.edits if isinstance(edit, Add)]
        children = [task for task in added if task.startswith(f"{owner}/")]
        self._parents |= dict.fromkeys(children, owner)
        task = self._tasks.get(event.task)
        if task is not None and task.each is not None:
            self._story(event.task).items = len(children)

    def _end(self, attempt: Attempt, event: ev.Event) -> None:
        story = self._story(attempt.task)
        if attempt.outcome == "lost":
            story.was_lost = True
        if attempt.outcome not in ("succeeded", "failed", "grown") or story.outcome == "succeeded":
            return
        if story.handed_at is None:
            story.handed_at, story.began_at = attempt.queued_at, attempt.began_at
        story.ended_at = max(story.ended_at, attempt.ended_at)
        story.tries += 1
        story.outcome = attempt.outcome
        usage = getattr(event, "usage", None) or _NO_USAGE
        if attempt.outcome == "failed":
            return
        story.seconds = attempt.seconds
        story.money, story.tokens = _sane(usage.money), _sane(usage.tokens)
        if isinstance(event, ev.TaskSucceeded):
            story.where = event.where
            story.result_bytes = float(value_bytes(event.value))

    # -- what it amounts to ----------------------------------------------------------------------------------------

    def taught(self) -> list[Taught]:
        """What each task taught, in the order in which they were added."""
        self._sum_up()
        found = []
        for name, task in self._tasks.items():
            story = self._stories.get(name)
            if story is not None and task.executor != PERSON:
                found.append(self._taught_by(name, task, story))
        return found

    def _sum_up(self) -> None:
        """Count what tasks grew into as theirs; children stand behind their parents, so the last go first."""
        for name in reversed(list(self._tasks)):
            owner, story = self._parents.get(name), self._stories.get(name)
            above = self._stories.get(owner) if owner is not None else None
            if above is None or story is None:
                continue
            above.ended_at = max(above.ended_at, story.ended_at)
            above.money += story.money
            above.tokens += story.tokens
            above.result_bytes = (above.result_bytes or 0.0) + (story.result_bytes or 0.0)
            above.was_lost = above.was_lost or story.was_lost

    def _taught_by(self, name: TaskId, task: Task, story: _Story) -> Taught:
        step, call = self._definition(name, task), ModelCall.of(task)
        target = target_of(task) if call is not None else story.where
        question = self._question(step, target)
        succeeded, is_each = story.outcome in ("succeeded", "grown"), task.each is not None
        ran = None if self._state != "succeeded" or (story.tries == 0 and not story.skipped) else story.tries > 0
        done = succeeded and (story.outcome == "succeeded" or self._state == "succeeded")
        if is_each or not done or story.handed_at is None:
            return Taught(
                question,
                result_bytes=story.result_bytes if done and not is_each else None,  # its items teach that, one by one
                items=story.items if is_each else None,
                tries=0 if is_each else story.tries,
                gave_up=True if story.outcome == "failed" and not is_each else None,
                ran=ran,
            )
        took = story.seconds if story.outcome == "succeeded" else max(0.0, story.ended_at - story.began_at)
        recalled = call is not None and story.outcome == "succeeded" and not story.tokens
        answer = self._answer(step, call, story) if call is not None and story.tokens else None
        return Taught(
            question,
            seconds=took,
            money=story.money,
            tokens=story.tokens,
            answer_tokens=answer,
            settled_s=None if story.was_lost else max(0.0, story.ended_at - story.handed_at),
            result_bytes=story.result_bytes,
            tries=story.tries,
            gave_up=False,
            ran=ran,
            recalled=recalled,
        )

    def _question(self, step: Task, target: str) -> Question:
        found = self._questions.get((step.id, target))
        if found is None:  # made once for all items
            found = question_of(step, target, lambda ref: self._size(step, ref))
            self._questions[step.id, target] = found
        return found

    def _definition(self, name: TaskId, task: Task) -> Task:
        """The task as the graph had it before it ran: of an item, the task with the for-each."""
        parent = self._tasks.get(self._parents.get(name, ""))
        return parent if parent is not None and parent.each is not None and parent.op == task.op else task

    def _answer(self, step: Task, call: ModelCall, story: _Story) -> float:
        """The tokens of an answer: what was used, less what was read; at least what came back."""
        asked = ModelCall.of(step) or call
        read = catalogue.prompt_of(asked, lambda ref: self._size(step, ref)).tokens.mid
        came = (story.result_bytes or 0.0) / CHARS_PER_TOKEN
        return max(story.tokens - read, min(came, story.tokens))

    def _size(self, step: Task, ref: Ref) -> float:
        if ref.task == INDEX:
            return 8.0
        if ref.task == INPUTS:
            value = self._inputs
            for part in ref.path:
                try:
                    value = value[part]
                except (LookupError, TypeError):
                    return catalogue.RESULT_BYTES
            return input_bytes(value, lambda _ref: 0.0)
        if ref.task == ITEM:
            return self._item_size(step)
        story = self._stories.get(ref.task)
        known = story.result_bytes if story is not None else None
        return catalogue.RESULT_BYTES if known is None else known

    def _item_size(self, step: Task) -> float:
        over, story = step.each.over if step.each is not None else None, self._stories.get(step.id)
        items = max(1, story.items or 1) if story is not None else 1
        if any(map(is_of_item, refs_in(over))):  # of a for-each around this one
            return catalogue.RESULT_BYTES
        return input_bytes(over, lambda ref: self._size(step, ref)) / items


_NO_USAGE = ev.Usage()
_MOST = 1e12


def _sane(figure: float) -> float:
    """What an operation said that it used up; nothing where that cannot be."""
    return min(float(figure), _MOST) if figure >= 0 else 0.0
