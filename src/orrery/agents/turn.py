"""A turn's second half: the decision on what the model said. It answers, or grows into tools and the next turn.

The next turn stands beside this one, so that an agent of a hundred turns is nested no deeper than one of two:

    a/brief   what the agent is, and the opening of its conversation
    a/1.call  the model's first reply              a/1   the decision on it
    a/1.files_read-1, a/1.files_read-2.ask, ...    what it asked for
    a/1.told  what the model is told of that
    a/2.call  the model's second reply             a/2   ...

Every call refers to the replies and results before it. They are in the log once, however many turns follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from orrery.agents.calls import Made, files_written, made, not_made, program
from orrery.agents.compaction import compact
from orrery.agents.conversation import results
from orrery.agents.spec import AgentSpec, own_task, spec_from
from orrery.agents.styles import Actions, actions_of, as_list, checked
from orrery.errors import AgentLimitError
from orrery.graph import Add, Edge, Edit, Growth, Link, Patch, Ref, Task, TaskId
from orrery.models.prompts import prompt
from orrery.tools import Context, tool, tools

PROGRAMS_KEPT: Final = 10
"""The results of so many programs are variables of the next one."""


class At(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an agent stands: all that one turn hands to the next besides the conversation.

    Args:
        turn: the number of the turn, from 1.
        since: the turn after which the conversation was compacted last; 0: never.
        width: how many calls this turn allows.
        tokens: used by the model calls so far.
        corrected: how many answers were sent back.
        programs: the turns whose programs worked, of the last ones.
    """

    turn: int = 1
    since: int = 0
    width: int = 1
    tokens: int = 0
    corrected: int = 0
    programs: tuple[int, ...] = ()


def first_turn(spec: AgentSpec, agent: TaskId = "") -> list[Task]:
    """The two tasks of the first turn; `agent` is empty inside a graph of its own, which has the agent's names only."""
    return _turn(spec, _Names(agent), At(width=1 if spec.style == "react" else spec.width))


class _Names:
    """The ids of an agent's tasks."""

    def __init__(self, agent: TaskId) -> None:
        self._prefix = f"{agent}/" if agent else ""

    def brief(self, *path: str) -> Ref:
        return Ref(f"{self._prefix}brief", path)

    def of(self, turn: int, part: str = "") -> TaskId:
        return f"{self._prefix}{turn}.{part}" if part else f"{self._prefix}{turn}"

    def opening(self, at: At) -> list[Ref]:
        """References to what the conversation begins with: the brief's, or what compaction made of all before."""
        if not at.since:
            return [self.brief("messages")]
        compacted = self.of(at.since, "compact")
        return [Ref(compacted, ("opening",)), Ref(compacted, ("kept",))]

    def exchanged(self, at: At) -> list[Ref]:
        """References to what was said since, up to this turn."""
        return [
            Ref(self.of(turn, part), path)
            for turn in range(at.since + 1, at.turn)
            for part, path in (("call", ("message",)), ("told", ("messages",)))
        ]


def _turn(spec: AgentSpec, names: _Names, at: At) -> list[Task]:
    """The call of the model and the decision on its reply."""
    chat = tools.get("model.chat")
    settings = {**({"parallel_tool_calls": False} if spec.style == "react" and spec.offered else {}), **spec.settings}
    asked: dict[str, Any] = {"messages": [*names.opening(at), *names.exchanged(at)]}
    if spec.model is not None:
        asked["model"] = spec.model
    if spec.offered or spec.schema is not None:
        asked["tools"] = names.brief("tools")
    if settings:
        asked["settings"] = settings
    if not spec.cache:
        asked["cache"] = False
    call = chat.task(names.of(at.turn, "call"), asked)
    known = {"brief": names.brief(), "reply": Ref(call.id), "at": msgspec.to_builtins(at)}
    if at.turn > 1:
        known["signs"] = Ref(names.of(at.turn - 1, "told"), ("signs",))
    return [call, own_task(turn, names.of(at.turn), known)]


@tool(name="agent.turn", effects="idempotent", executor="inline")
def turn(
    brief: dict[str, Any],
    reply: dict[str, Any],
    at: dict[str, Any],
    *,
    ctx: Context,
    signs: dict[str, Any] | None = None,
) -> Any:
    """What follows from a reply of the model: the answer, or the tools that it asks for and the next turn.

    Args:
        brief: what `agent.brief` made.
        reply: what `model.chat` returned.
        at: where the agent stands.
        signs: what the turn before showed: how many calls this one allows, and whether its program worked.

    Raises:
        AgentLimitError: its turns, tokens or corrections are used up.
    """
    stands = _reached(at, reply, signs or {})
    return Decision(spec_from(brief["spec"]), stands, ctx.task.rpartition("/")[0], ctx.folder).on(brief, reply)


def _reached(at: Mapping[str, Any], reply: Mapping[str, Any], signs: Mapping[str, Any]) -> At:
    """Where the agent stands now that the reply is there and the turn before has ended."""
    stands = msgspec.convert(at, At)
    programs = (*stands.programs, stands.turn - 1) if signs.get("ran") else stands.programs
    return msgspec.structs.replace(
        stands,
        tokens=stands.tokens + _tokens(reply),
        width=signs.get("width", stands.width),
        programs=programs[-PROGRAMS_KEPT:],
    )


def _tokens(reply: Mapping[str, Any]) -> int:
    spent = reply.get("spent", {})
    return int(spent.get("input_tokens", 0)) + int(spent.get("output_tokens", 0))


@dataclass(frozen=True)
class Decision:
    """The decision of one turn.

    Args:
        spec: what the agent is.
        at: where it stands.
        agent: the id of its task.
        folder: the run's folder.
    """

    spec: AgentSpec
    at: At
    agent: TaskId
    folder: Path

    @property
    def _names(self) -> _Names:
        return _Names(self.agent)

    def on(self, brief: Mapping[str, Any], reply: Mapping[str, Any]) -> Any:
        """The answer, or the growth by what is to be done and the next turn. Raises AgentLimitError."""
        spec, at = self.spec, self.at
        actions = actions_of(reply, spec, at.width)
        problems: list[str] = []
        if spec.schema is not None and (actions.answers or actions.none):
            answer, problems = checked(actions.answers[-1].args if actions.answers else reply["text"], spec.schema)
            if not problems:
                return answer
            if at.corrected >= spec.corrections:
                raise AgentLimitError(
                    f"the answer of {spec.name!r} does not have the form that was asked for, after "
                    f"corrections={spec.corrections}: {'; '.join(problems[:3])}"
                )
        elif actions.none:
            return reply["text"]
        if at.turn >= spec.max_turns:
            raise AgentLimitError(f"{spec.name!r} had no answer after max_turns={spec.max_turns}")
        if spec.max_tokens is not None and at.tokens >= spec.max_tokens:
            raise AgentLimitError(
                f"{spec.name!r} used {at.tokens} tokens without an answer, and max_tokens={spec.max_tokens}"
            )
        # By what the call was charged for: the results to come are held to a part of the window of their own.
        too_long = _tokens(reply) > spec.compact_at * brief["window_tokens"]
        return self._growth(actions, problems, window=brief["window_tokens"], too_long=too_long)

    def _growth(self, actions: Actions, problems: Sequence[str], *, window: int, too_long: bool) -> Growth:
        names, at = self._names, self.at
        everything = [*self._calls(actions, problems)]
        args: dict[str, Any] = {"calls": [each.told for each in everything], "notes": self._notes(actions, problems)}
        if actions.program is not None:
            ran = self._program(actions.program)
            args["program"] = ran.told
            everything.append(ran)
        args["chars"] = _room(self.spec, window, len(everything))
        if self.spec.style != "react":
            args["width"] = {"now": at.width, "most": self.spec.width, "rule": self.spec.widths}
        told = own_task(results, names.of(at.turn, "told"), args)
        edits: list[Edit] = [edit for each in everything for edit in each.edits]
        edits.append(Add(told))
        # On completion: a tool that failed, or that a person denied, is told to the model like any other result.
        edits += [Link(Edge(task, told.id, on="completion")) for each in everything for task in each.waits]
        after = msgspec.structs.replace(at, turn=at.turn + 1, corrected=at.corrected + bool(problems))
        if too_long:
            edits.append(Add(self._compacted(after, window)))
            after = msgspec.structs.replace(after, since=at.turn)
        edits += [Add(task) for task in _turn(self.spec, names, after)]
        return Growth(Patch(tuple(edits), by=names.of(at.turn)), result=Ref(names.of(after.turn)))

    def _calls(self, actions: Actions, problems: Sequence[str]) -> Iterator[Made]:
        """What becomes of each call, a structured answer that is sent back among them."""
        written: list[Path] = []
        for position, call in enumerate(actions.calls, start=1):
            one = made(call, self.spec, self._names.of(self.at.turn), position, self.folder)
            files = files_written(one, self.folder)
            if again := next((file for file in files if any(_meet(file, other) for other in written)), None):
                # Each was judged by what the folder holds now, which the other call is about to change.
                why = f"it was not made: it writes {again}, as an earlier call of this turn does; ask again for it"
                one = not_made(call, why)
            written += files
            yield one
        for call in actions.beyond:
            most = "one call" if len(actions.calls) == 1 else f"{len(actions.calls)} calls"
            yield not_made(call, f"it was not made: this turn allowed {most}; ask again if you still need it")
        for call in actions.answers:
            yield not_made(call, prompt("agents/correct", problems=as_list(problems)))

    def _program(self, text: str) -> Made:
        names = self._names
        earlier = [Ref(names.of(turn, "told"), ("value",)) for turn in self.at.programs]
        inputs = {"results": earlier, "data": names.brief("data")}
        return program(text, inputs, self.spec, names.of(self.at.turn, "program"), self.folder)

    def _notes(self, actions: Actions, problems: Sequence[str]) -> list[str]:
        """What the model is told besides results."""
        notes = []
        if problems and not actions.answers:
            notes.append(prompt("agents/correct", problems=as_list(problems)))
        if self.at.turn + 1 == self.spec.max_turns:
            notes.append(prompt("agents/last"))
        return notes

    def _compacted(self, after: At, window: int) -> Task:
        """The conversation up to this turn, made short."""
        names = self._names
        _, *kept = names.opening(after)
        args: dict[str, Any] = {
            "opening": names.brief("messages"),
            "messages": [*kept, *names.exchanged(after)],
            "most_tokens": int(self.spec.compact_at * window / 2),
            "goal": names.brief("goal"),
            "by": self.spec.summary,
        }
        if after.since:
            args["earlier"] = Ref(names.of(after.since, "compact"), ("summary",))
        if self.spec.model is not None:
            args["model"] = self.spec.model
        return own_task(compact, names.of(self.at.turn, "compact"), args)


def _meet(file: Path, other: Path) -> bool:
    """Whether two paths are one, or one lies in the other: what is copied into a folder gets a name there."""
    return file.is_relative_to(other) or other.is_relative_to(file)


def _room(spec: AgentSpec, window_tokens: int, results: int) -> int:
    """How many characters of one result are shown: those of one turn fill a quarter of the window at most."""
    return max(500, min(spec.result_chars, window_tokens // max(1, results)))
