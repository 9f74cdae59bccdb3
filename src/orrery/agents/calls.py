"""From a call that a model asks for to the tasks that make it: found, repaired, judged, and asked for where need be.

A call that cannot be made is no error of the agent's: the model is told why, and goes on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from orrery.agents.spec import REMEMBER, RUN, AgentSpec, Offered, tool_of
from orrery.agents.styles import Call
from orrery.errors import AgentDefinitionError, OrreryError, suggestion
from orrery.graph import Add, Edit, Ref, Task, TaskId
from orrery.graph.resolve import as_text
from orrery.tools import Tool
from orrery.tools import tool as make_tool
from orrery.tools.approval import asked_first, policy
from orrery.tools.repair import repair
from orrery.workflow import code

PROGRAM: Final = "python.run"
"""What a program of the style "code" is run by."""
MAX_ARGUMENT_CHARS: Final = 200_000
_SHOWN_CHARS = 200
_FILE = "file:"


class Made(NamedTuple):
    """What becomes of one call.

    Args:
        edits: what is added to the graph for it.
        told: what `agent.results` is to know of it, in the form of `Told`.
        waits: the tasks whose end it waits for, however they end.
    """

    edits: tuple[Edit, ...]
    told: dict[str, Any]
    waits: tuple[TaskId, ...] = ()


class _NotMade(Exception):
    """The call is not made; the message, for the model, says why."""


def not_made(call: Call, why: str) -> Made:
    """A call that is not made, and why."""
    return Made((), {"id": call.id, "name": call.name, "not_done": why})


def made(call: Call, spec: AgentSpec, turn: TaskId, position: int, folder: Path) -> Made:
    """The task that makes a call, and in front of it one for a person where the policy wants it.

    Args:
        turn: the task of the turn, with whose id that of the call begins.
        position: which of the turn's calls it is.
        folder: the run's folder, by which the policy judges.
    """
    try:
        offered, right = _settled(call, spec)
        task = task_of(offered.op, f"{turn}.{offered.name}-{position}", right.args, spec)
        return _tasks(right, spec, task, offered.name if offered.bound else tool_of(offered.op).name, folder)
    except (_NotMade, AgentDefinitionError) as why:
        return not_made(call, str(why))


def program(text: str, inputs: Mapping[str, Any], spec: AgentSpec, task: TaskId, folder: Path) -> Made:
    """The task that runs a program which the model wrote."""
    call = Call("", "program", {"code": text, "inputs": dict(inputs)})
    try:
        return _tasks(call, spec, task_of(PROGRAM, task, call.args, spec), PROGRAM, folder)
    except _NotMade as why:
        return not_made(call, str(why))


def files_written(call: Made, folder: Path) -> list[Path]:
    """The files that a call will write, as whole paths, links followed."""
    tasks = [edit.task for edit in call.edits if isinstance(edit, Add)]
    names = [name.removeprefix(_FILE) for task in tasks for name in task.effects.writes if name.startswith(_FILE)]
    return [Path(os.path.realpath(folder / name)) for name in names]


def offer_data(offered: Offered) -> dict[str, Any]:
    """What a model is told of a tool: name, description and the JSON Schema of what it may give."""
    tool = tool_of(offered.op)
    return {
        "name": offered.name,
        "description": offered.description or tool.description,
        "parameters": _parameters(offered, tool),
    }


def _parameters(offered: Offered, tool: Tool[..., Any]) -> dict[str, Any]:
    if offered.parameters:
        return offered.parameters
    schema = dict(tool.parameters)
    schema["properties"] = {name: part for name, part in schema["properties"].items() if name not in offered.bound}
    schema["required"] = [name for name in schema["required"] if name not in offered.bound]
    return schema


def _settled(call: Call, spec: AgentSpec) -> tuple[Offered, Call]:
    """The tool that is meant, and the call with all of its arguments, as they are right. Raises _NotMade."""
    if len(as_text(call.args)) > MAX_ARGUMENT_CHARS:
        raise _NotMade(f"the arguments are longer than {MAX_ARGUMENT_CHARS} characters; give it less at once")
    known = {each.name: each for each in spec.offered}
    try:
        meant = repair(call.name, call.args, {name: _as_seen(each) for name, each in known.items()})
        offered = known[meant.name]
        args, changes = meant.args, meant.changes
        # What is settled is not the model's to change: an agent cannot give its sub-agent more than it has.
        allowed = _parameters(offered, tool_of(offered.op))["properties"] if offered.bound else args
        for name in args:
            if name not in allowed:
                raise _NotMade(f"{meant.name} has no argument {name!r}; {suggestion(name, allowed)}")
        if offered.op == RUN:
            args = _handed_on(args, spec)
        if offered.bound:
            whole = repair(meant.name, {**args, **offered.bound}, {meant.name: tool_of(offered.op)})
            args, changes = whole.args, (*changes, *whole.changes)
    except OrreryError as error:
        raise _NotMade(str(error)) from error
    args = _one_level_less(args, spec) if offered.op == RUN else args
    return offered, call._replace(args=args, changes=changes)


def _as_seen(offered: Offered) -> Tool[..., Any]:
    """The tool by which a call's name is found; where arguments are bound, one that takes whatever is given."""
    return _anything if offered.bound else tool_of(offered.op)


@make_tool(effects="once")
def _anything(**given: Any) -> dict[str, Any]:
    return given


def _one_level_less(args: dict[str, Any], spec: AgentSpec) -> dict[str, Any]:
    """The arguments of a sub-agent, which may nest one level less, and may do nothing that its caller may not."""
    if spec.depth < 1:
        raise _NotMade("agents may not be nested deeper; do it yourself, or say that it cannot be done")
    approve = "refuse" if args.get("approve") == "refuse" else spec.approve
    return {**args, "depth": min(args.get("depth", spec.depth), spec.depth - 1), "approve": approve}


def _handed_on(args: dict[str, Any], spec: AgentSpec) -> dict[str, Any]:
    """What a model says of an agent that it calls: the tools that it gives to that one are its own. Raises _NotMade."""
    own = {name: each for each in spec.offered for name in (each.op, each.name)}
    if spec.style == "code":
        own.setdefault(PROGRAM, Offered("program", PROGRAM))
    names = list(args.get("tools") or ())
    wanted = [*names, *([PROGRAM] * (args.get("style") == "code")), *([REMEMBER] * (args.get("memory") == "user"))]
    for name in wanted:
        if not isinstance(name, str):
            raise _NotMade("the tools of another agent are names of your own tools")
        if name not in own:
            raise _NotMade(f"you have no tool {name!r} that you could hand on; {suggestion(name, own)}")
    return {**args, "tools": [msgspec.to_builtins(own[name]) for name in names]} if names else args


def _tasks(call: Call, spec: AgentSpec, task: Task, source: str, folder: Path) -> Made:
    """The call as tasks, once the policy has been asked; `source` is what a person calls the tool. Raises _NotMade."""
    # An agent that was given a memory may write into it: that is what it was given for.
    agreed = task.op == REMEMBER and spec.memory == task.args["scope"]
    verdict = policy("yes" if agreed else spec.approve)(tool_of(task.op), task.args, folder)
    if verdict.word == "refuse":
        raise _NotMade(f"{source} was not called: {verdict.because}")
    if verdict.word == "ask" and spec.approve == "refuse":
        raise _NotMade(f"{source} was not called, for it would need a person's word: {verdict.because}")
    told: dict[str, Any] = {"id": call.id, "name": call.name, "source": source, "value": Ref(task.id)}
    if call.changes:
        told["changes"] = list(call.changes)
    if verdict.word == "allow":
        return Made((Add(task),), told, (task.id,))
    shown = as_text(task.args["code"] if task.op == PROGRAM else task.args)
    shown = shown if len(shown) <= _SHOWN_CHARS else f"{shown[:_SHOWN_CHARS]}..."
    question = f"May {spec.name!r} call {source} with {shown}? {verdict.because}"
    ask = f"{task.id}.ask"
    return Made(asked_first(task, question, ask=ask), {**told, "asked": Ref(ask)}, (ask, task.id))


def task_of(op: str, name: TaskId, args: dict[str, Any], spec: AgentSpec) -> Task:
    """The task that calls a tool, within a limit of time in any case, unless it is an agent, which has its own.

    An agent has not written the tools that it calls, and one that blocks would hold up the loop on which all else
    runs. So async functions from outside of Orrery get a thread, and a loop, of their own, unless they keep
    connections that belong to one loop.
    """
    tool = tool_of(op)
    task = msgspec.structs.replace(tool.task(name, args, timeout_s=None if op == RUN else spec.tool_timeout_s), op=op)
    foreign = op.startswith((code.PYTHON, code.LOCAL)) and not getattr(tool, "keeps_loop", False)
    if foreign and task.executor == "inline":
        task = msgspec.structs.replace(task, executor="thread")
    return task
