"""The runs of a seeded fleet: clients with their tasks, and the sinks to which the effects of tasks go."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from orrery.fleet.messages import (
    ANYWHERE,
    Accept,
    Assign,
    Cancel,
    Hello,
    Progress,
    Reject,
    Result,
    Welcome,
)
from orrery.fleet.session import Incoming
from orrery.graph.place import Place
from orrery.graph.task import EffectKind
from orrery.testing.fleet_hosts import Dialling

if TYPE_CHECKING:
    from orrery.testing.fleet_world import World

SKILLS = ("gpu", "camera", "disk")
EFFECTS: tuple[EffectKind, ...] = ("pure", "idempotent", "keyed", "once")


class Sinks:
    """Where the effects of tasks go, and what there has been of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.keyed: dict[str, set[str]] = {}
        self.once: dict[str, int] = {}
        self.words: dict[str, int] = {}
        self.runs: dict[str, set[str]] = {}

    def begins(self, device: str, assign: Assign) -> None:
        """A device begins an attempt."""
        there = self.runs.setdefault(assign.key, set())
        there.add(device)
        if len(there) > 1 and assign.effects != "pure":
            self.world.broken(f"{assign.key} runs on {sorted(there)} at once")

    def ends(self, device: str, assign: Assign) -> None:
        """It does not run there any more."""
        self.runs.get(assign.key, set()).discard(device)

    def commit(self, device: str, assign: Assign) -> None:
        """An attempt takes effect."""
        task = f"{assign.run}/{assign.task}"
        if assign.effects == "keyed":
            self.keyed.setdefault(task, set()).add(assign.key)
        elif assign.effects == "once":
            self.once[task] = self.once.get(task, 0) + 1
            if self.once[task] > 1 + self.words.get(task, 0):
                self.world.broken(f"{task} may happen once, and was done again on {device} by {assign.work}")

    def word(self, run: str, task: str) -> None:
        """A person says that a task may be done again."""
        name = f"{run}/{task}"
        self.words[name] = self.words.get(name, 0) + 1

    def judge(self) -> None:
        """Hold what happened against what was promised."""
        for task, keys in self.keyed.items():
            if len(keys) > 1:
                self.world.broken(f"{task} was done under the keys {sorted(keys)}")


class Task:
    """One task of a client's run, and how it ended."""

    def __init__(self, run: str, name: str, effects: EffectKind, assign: Assign, deadline_s: float | None) -> None:
        self.run, self.name, self.effects, self.assign, self.deadline_s = run, name, effects, assign, deadline_s
        self.key = assign.key
        self.attempt = 0
        self.outcome = ""
        self.message = ""
        self.cancelled = False


class ClientHost(Dialling):
    """A run's process, and its log."""

    def __init__(self, world: World, name: str) -> None:
        super().__init__(world, name)
        self.run = name
        self.tasks: dict[str, Task] = {}
        self.results: dict[str, str] = {}
        self.open: dict[str, tuple[Assign, str, bool]] = {}
        self._ended: dict[str, int] = {}
        self._hub_ahead_s: float | None = None
        for number in range(world.chance.randint(1, 12)):
            self._make(number)
        world.report.tasks += len(self.tasks)

    def _make(self, number: int) -> None:
        chance = self.world.chance
        effects = chance.choice(EFFECTS)
        name = f"{number}-{effects}{'-fails' if chance.random() < 0.05 else ''}"
        place = Place(skills=(chance.choice(SKILLS),) if chance.random() < 0.4 else ())
        assign = Assign(
            work="",
            key=f"{self.run}@1/{name}",
            run=self.run,
            task=name,
            attempt=0,
            op=chance.choice(("work", "work", "other")),
            digest=name,
            effects=effects,
            place=place,
            rank=chance.choice((0.0, 1.0, 5.0)),
            seconds=chance.choice((0.01, 1.0, 4.0, 15.0)),
            timeout_s=None if chance.random() < 0.9 else 200.0,
        )
        deadline_s = chance.choice((20.0, 100.0)) if chance.random() < 0.1 else None
        self.tasks[assign.key] = Task(self.run, name, effects, assign, deadline_s)

    @property
    def is_done(self) -> bool:
        """Whether every task has its outcome."""
        return all(task.outcome for task in self.tasks.values())

    def start(self) -> None:
        """Begin the run, or go on with it."""
        if self.life:
            self.world.count("a resumed client")
        self.name = f"{self.run}/{self.life}"
        self.begin()
        for task in self.tasks.values():
            if task.outcome:
                continue
            if task.attempt and task.effects == "once" and not self._says_again(task):
                continue
            self.world.agenda.later(self.world.chance.uniform(0, 20), partial(self._submit, self.life, task))
        if self.world.trouble and self.world.chance.random() < 0.3:
            self.world.agenda.later(self.world.chance.uniform(0, 30), partial(self._cancel_some, self.life))

    def kill(self, back_s: float) -> None:
        """The process dies; its log does not."""
        if self.is_up and not self.is_done:
            self.world.count("a killed client")
            self.stop()
            self.open.clear()
            self._ended.clear()
            self.world.agenda.later(back_s, self.start)

    def _says_again(self, task: Task) -> bool:
        """Ask a person whether a task that may happen once is to be done again."""
        if self.world.chance.random() < 0.5:
            self.world.sinks.word(task.run, task.name)
            return True
        self._ends(task, "asked")
        return False

    def _submit(self, life: int, task: Task) -> None:
        if life != self.life or task.outcome:
            return
        task.attempt += 1
        self.world.report.attempts += 1
        deadline = None
        if task.deadline_s is not None and self._hub_ahead_s is not None:
            deadline = self.now() + self._hub_ahead_s + task.deadline_s
        assign = msgspec.structs.replace(
            task.assign, work=f"{task.key}#{task.attempt}", attempt=task.attempt, deadline=deadline
        )
        self.open[assign.work] = (assign, "", self.end is not None)
        if self.end is not None:
            self.end.post(assign)

    def _cancel_some(self, life: int) -> None:
        if life != self.life:
            return
        for task in self.tasks.values():
            work = f"{task.key}#{task.attempt}"
            if not task.outcome and work in self.open and self.world.chance.random() < 0.3:
                self.world.count("a cancelled attempt")
                task.cancelled = True
                if self.end is not None:
                    self.end.post(Cancel(work=work, because="it is not wanted"))
        for other in self.world.clients:
            if other is not self and self.end is not None and other.open:
                self.world.count("a cancellation of another's attempt")
                self.end.post(Cancel(work=self.world.chance.choice(list(other.open)), because="mischief"))

    def hello(self, session: str, received: int) -> Hello:
        return Hello(token=self.name, role="client", session=session, received=received)

    def welcomed(self, welcome: Welcome, sent_at: float) -> None:
        self._hub_ahead_s = welcome.now - (sent_at + self.now()) / 2
        if welcome.resumed or self.end is None:
            return
        for work, (assign, device, was_posted) in list(self.open.items()):
            seen_on = (device or ANYWHERE) if was_posted else ""
            self.open[work] = (assign, device, True)
            self.end.post(msgspec.structs.replace(assign, seen_on=seen_on))
            if self.tasks[assign.key].cancelled:
                self.end.post(Cancel(work=work, because="it is not wanted"))

    def frames(self, frames: list[Incoming], _latency_s: float | None) -> None:
        for frame in frames:
            match frame:
                case Accept() if frame.work in self.open:
                    assign, device, _ = self.open[frame.work]
                    self.open[frame.work] = (assign, frame.device or device, True)
                case Result():
                    self._result(frame)
                case Reject() if frame.work in self.open:
                    self.world.broken(f"{frame.work} was rejected by the hub: {frame.reason} {frame.message}")
                case Progress() if frame.work not in self.open and frame.work not in self.results:
                    self.world.broken(f"{frame.work} makes progress, and was not asked for")
                case _:
                    pass

    def _result(self, result: Result) -> None:
        known = self.results.get(result.work)
        if known is not None and known != result.status and result.work.rpartition("#")[0] in self.tasks:
            self.world.broken(f"{result.work} ended as {known} and then as {result.status}")
        if result.work not in self.open:
            return
        assign, _, _ = self.open.pop(result.work)
        self.results[result.work] = result.status
        task, effect = self.tasks[assign.key], result.effect
        again = partial(self.world.agenda.later, 0.5, partial(self._submit, self.life, task))
        if self.end is not None and result.status != "lost":
            self.end.post(Cancel(work=result.work, fence=result.fence, forget=True))
        match result.status:
            case "succeeded":
                if msgspec.msgpack.decode(result.value) != task.name:
                    self.world.broken(f"{result.work} has the result of {msgspec.msgpack.decode(result.value)}")
                self._ends(task, "succeeded")
            case "failed":
                assert result.failure is not None
                code = result.failure.code
                task.message = result.failure.message
                self._ends(task, code if code in ("no-device", "deadline") else "timeout" if code else "failed")
            case "stopped":
                if not task.cancelled:
                    self.world.broken(f"{result.work} was stopped, and its client did not want that")
                self._ends(task, "stopped")
            case "lost":
                if task.cancelled:
                    self._ends(task, "stopped")
                elif effect == "none" or task.effects != "once" or self._says_again(task):
                    again()

    def _ends(self, task: Task, outcome: str) -> None:
        task.outcome = outcome
        outcomes = self.world.report.outcomes
        outcomes[outcome] = outcomes.get(outcome, 0) + 1

    def judge(self) -> None:
        """Hold how the tasks ended against what was promised."""
        world = self.world
        for task in self.tasks.values():
            committed = world.sinks.once.get(f"{task.run}/{task.name}", 0)
            if task.outcome == "succeeded" and task.effects == "once" and not committed:
                world.broken(f"{task.key} succeeded, and never took effect")
            if task.outcome == "no-device":
                self._judge_missing(task)
            if world.report.spare and task.outcome not in ("succeeded", "asked", "stopped"):
                planted = (task.outcome == "failed" and "fails" in task.name) or (
                    task.outcome in ("deadline", "timeout") and (task.deadline_s or task.assign.timeout_s)
                )
                if not planted:
                    world.broken(f"{task.key} {task.outcome} though there is a spare device: {task.message}")

    def _judge_missing(self, task: Task) -> None:
        named = [f"the skill {skill!r}" for skill in task.assign.place.skills] + [f"the tool {task.assign.op!r}"]
        names = [device.name for device in self.world.devices if device.name in task.message]
        if not any(one in task.message for one in named) and not names and "no device yet" not in task.message:
            self.world.broken(f"{task.key} has no device, and is told: {task.message}")
