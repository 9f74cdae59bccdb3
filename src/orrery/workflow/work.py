"""Work: what one task of a workflow file performs, whichever way the file says it.

`uses` names a tool, a Python function or another workflow file; `run` is a command for the shell tools; `ask`
is a question for a person. Arguments are checked here, against the tool's schema or the function's signature.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from orrery.errors import (
    FlowError,
    GraphError,
    InputError,
    MissingExtraError,
    OperationError,
    UnknownNameError,
    suggestion,
)
from orrery.graph import Effects, Limits, refs_in
from orrery.tools.tool import Tool
from orrery.tools.toolset import tools
from orrery.workflow import code, nesting, scripts
from orrery.workflow.document import Node, Scalar, Sequence
from orrery.workflow.flow import Flow
from orrery.workflow.references import ReferenceSyntax, with_texts_unknown
from orrery.workflow.shapes import Record
from orrery.workflow.step import Step
from orrery.workflow.workflow import Workflow

if TYPE_CHECKING:
    from orrery.workflow.loader import File
    from orrery.workflow.references import Scope

MAX_NESTED_BYTES = 10_000_000
_WAYS = ("uses", "run", "ask")


class Work(NamedTuple):
    """What a task performs, and what is known about it before the task says otherwise."""

    op: str
    args: dict[str, Any]
    executor: str = "thread"
    effects: Effects = Effects()
    limits: Limits = Limits()
    seconds: float | None = None
    takes_defaults: bool = True


NOTHING = Work("unreadable", {})
"""Stands for work whose problem has been noted, so that the rest of the file is still checked."""


def read_work(record: Record, file: File, scope: Scope) -> Work:
    """What the task performs; problems are noted in the file's report."""
    ways = [way for way in _WAYS if way in record]
    args = {name: file.value(named.value, scope) for name, named in record.get("with", {}).items()}
    if len(ways) != 1:
        what = f"it has {' and '.join(map(repr, ways))}; keep one" if ways else "it does nothing"
        if ways or not any(way in _given(record) for way in _WAYS):
            file.report.add("no-work", record.node, f"{what}: a task has one of 'uses', 'run' and 'ask'")
        return NOTHING
    way = ways[0]
    if way == "run":
        return _command(record, args, file, scope)
    if way == "ask":
        question = _text(record.get("ask"), file, scope)
        return Work("ask", {"question": question, **args}, executor="person", takes_defaults=False)
    uses = str(record.get("uses"))
    if uses.startswith(code.PYTHON):
        return _function(uses, record, args, file)
    if uses.endswith((".yaml", ".yml")):
        return _workflow(uses, record, args, file)
    return _tool(uses, record, args, file)


def _given(record: Record) -> Mapping[str, Any]:
    return getattr(record.node, "entries", {})


# -- tools and commands -----------------------------------------------------------------------------------


def _tool(name: str, record: Record, args: dict[str, Any], file: File, at: str = "uses") -> Work:
    try:
        tool = tools.get(name)
    except UnknownNameError as error:
        more = "" if "did you mean" in str(error) else "; a Python function is py:module:function, a file ./name.yaml"
        file.report.add("unknown-tool", record.at(at), f"{error}{more}")
        return NOTHING
    except MissingExtraError as error:
        file.report.add("missing-extra", record.at(at), str(error))
        return NOTHING
    return _as_tool(tool, name, record, args, file, at=at)


def _as_tool(tool: Tool[..., Any], op: str, record: Record, args: dict[str, Any], file: File, *, at: str) -> Work:
    unknown = with_texts_unknown(args)
    for problem in tool.check(unknown):
        argument = problem.argument
        text = f"argument {argument!r}{' ' if problem.message.startswith('is ') else ': '}{problem.message}"
        file.report.add("argument", _argument_node(record, argument, at), text)
    effects = tool.effects_for(unknown)
    return Work(op, args, tool.executor, effects, tool.limits, tool.estimate_s)


def _argument_node(record: Record, argument: str, otherwise: str) -> Node:
    named = record.get("with", {}).get(argument)
    return named.node if named is not None else record.at(otherwise)


def _command(record: Record, args: dict[str, Any], file: File, scope: Scope) -> Work:
    node = record.at("run")
    if isinstance(node, Sequence):
        vector = [_text(word, file, scope) for word in record.get("run")]
        if not node.items:
            file.report.add("no-work", node, "the command is empty; its first item is the program")
        return _tool("shell.run", record, scripts.vector_arguments(vector, args), file, at="run")
    try:
        arguments = scripts.script_arguments(_text(record.get("run")[0], file, scope), args)
    except ReferenceSyntax as error:
        file.report.add("reference", node, str(error))
        return NOTHING
    return _tool("shell.script", record, arguments, file, at="run")


def _text(node: Scalar, file: File, scope: Scope) -> Any:
    """A node as text with references; numbers as they are written."""
    return file.value(node, scope) if isinstance(node.value, str) else node.text


# -- Python functions -------------------------------------------------------------------------------------


def _function(uses: str, record: Record, args: dict[str, Any], file: File) -> Work:
    place, _colon, qualname = uses.removeprefix(code.PYTHON).rpartition(":")
    if not place or not qualname:
        file.report.add(
            "function", record.at("uses"), f"{uses!r} names no function: write py:module:function or py:./file.py:name"
        )
        return NOTHING
    try:
        module = code.load(place, file.folder)
        found = code.attribute(module, qualname, uses)
    except OperationError as error:
        file.report.add("function", record.at("uses"), str(error))
        return NOTHING
    op = code.placed(uses, file.folder)
    if isinstance(found, Flow):
        return _flow(found, record, args, file)
    if isinstance(found, Tool):
        return _as_tool(found, op, record, args, file, at="uses")
    function = found.function if isinstance(found, Step) else found
    if not callable(function):
        file.report.add("function", record.at("uses"), f"{uses!r} is {type(found).__name__}, which cannot be called")
        return NOTHING
    _check_call(function, args, record, file)
    if isinstance(found, Step):
        own = found.own
        return Work(op, args, own.executor, own.effects, own.limits, own.seconds)
    return Work(op, args, "inline" if inspect.iscoroutinefunction(function) else "thread")


def _check_call(function: Callable[..., Any], args: Mapping[str, Any], record: Record, file: File) -> None:
    try:
        parameters = inspect.signature(function).parameters
    except (ValueError, TypeError):  # some built-in functions do not say what they take
        return
    named = {
        name: parameter
        for name, parameter in parameters.items()
        if name != "ctx" and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    is_open = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for name in args:
        if name not in named and not is_open:
            node = _argument_node(record, name, "uses")
            hint = suggestion(name, named) if named else "it takes none"
            file.report.add("argument", node, f"{record.get('uses')!r} has no argument {name!r}; {hint}")
    for name, parameter in named.items():
        if parameter.default is parameter.empty and name not in args:
            file.report.add("argument", record.at("uses"), f"argument {name!r} is missing")


# -- other workflows ----------------------------------------------------------------------------------------


def _workflow(uses: str, record: Record, args: dict[str, Any], file: File) -> Work:
    inner = file.nested(uses, record.at("uses"))
    return NOTHING if inner is None else _nested(inner, record, args, file)


def _flow(found: Flow[..., Any], record: Record, args: dict[str, Any], file: File) -> Work:
    static = {name: args[name] for name in found.static if name in args and not _has_refs(args[name])}
    try:
        return _nested(found.workflow(**static), record, args, file)
    except (FlowError, InputError, GraphError) as error:
        file.report.add("flow", record.at("uses"), str(error))
        return NOTHING


def _nested(inner: Workflow, record: Record, args: dict[str, Any], file: File) -> Work:
    uses = record.get("uses")
    inputs: dict[str, Any] = {}
    for name, value in args.items():
        node, spec = _argument_node(record, name, "uses"), inner.inputs.get(name)
        if spec is None:
            hint = suggestion(name, inner.inputs) if inner.inputs else "it takes none"
            file.report.add("argument", node, f"{uses!r} has no input {name!r}; {hint}")
            continue
        inputs[name] = value
        if spec.static and _has_refs(value):
            file.report.add("argument", node, f"input {name!r} of {uses!r} is static: it must be known before the run")
        elif not _has_refs(value):
            try:
                inputs[name] = spec.read(value)
            except InputError as error:
                file.report.add("argument", node, str(error))
    for name, spec in inner.inputs.items():
        if name not in args:
            if spec.required:
                file.report.add("argument", record.at("uses"), f"{uses!r} needs the input {name!r} under 'with'")
            inputs[name] = None if spec.required else spec.default
    graph = nesting.packed(inner.graph)
    if len(graph) > MAX_NESTED_BYTES:
        what = f"with all it uses, {uses!r} has {len(graph):,} bytes; at most {MAX_NESTED_BYTES:,} fit into one task"
        file.report.add("too-large", record.at("uses"), what)
    return Work(nesting.GROW, {"graph": graph, "inputs": inputs}, "inline", Effects("pure"), takes_defaults=False)


def _has_refs(value: Any) -> bool:
    return any(True for _ in refs_in(value))
