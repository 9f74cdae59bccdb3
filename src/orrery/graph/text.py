r"""The readable form of a graph: one statement a task, in the manner of assignments, without loss.

    # a comment
    load = files.read(path="a.txt")
    count = text.count(load.text, what="lines") [pure, timeout 30s, retry 3, after load]
    tell = say(message=t"no file: {load}") [after load.failure]
    return lines=count

Statements end with the line or with ";"; inside brackets lines do not count. `write` and `parse` are each
other's inverse. The grammar, with what every clause means, is in docs/reference/graph.md:

    statement  = name "=" op "(" [argument {"," argument}] ")" ["[" clause {"," clause} "]"]
               | "return" argument {"," argument}
    argument   = name "=" value | reference          (a reference alone is named by its last part)
    reference  = (name | "@inputs" | "@item" | "@index") {"." word | "[" (integer | string) "]"}
    value      = "null" | "true" | "false" | number | "inf" | "-inf" | "nan" | string | reference
               | "[" [value {"," value}] "]" | "{" [key ":" value {"," key ":" value}] "}"
               | "t" string with {reference} in it | ("template" | "bytes" | "blob" | "failure") "(" ... ")"
    name       = a word, "/" and "-" between words, or anything between backquotes
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from orrery.errors import Failure
from orrery.graph.edge import Condition, Edge
from orrery.graph.expr import Expr
from orrery.graph.graph import Graph
from orrery.graph.ref import PSEUDO_SOURCES, Ref, TaskId
from orrery.graph.task import Effects, Estimate, Limits, Retry, Task
from orrery.graph.template import Template
from orrery.graph.text_reader import parse
from orrery.graph.text_scanner import KEYWORDS, NAME, OP, WORD
from orrery.graph.values import Blob, decode, encode

__all__ = ["parse", "statement", "write"]

LINE_CHARS = 110
_SWAP = str.maketrans('"`', '`"')


def write(graph: Graph, *, only: Collection[TaskId] | None = None) -> str:
    """The graph as text, one statement a task, in the order in which the tasks were added.

    Args:
        only: the tasks to be written; `parse` reads the text where it is told of the others.
    """
    into: dict[TaskId, list[Edge]] = {}
    for edge in graph.edges.values():
        into.setdefault(edge.target, []).append(edge)
    lines = [statement(task, into.get(task.id, ())) for task in graph if only is None or task.id in only]
    if graph.outputs:
        lines.append("return " + ", ".join(_arguments(graph.outputs)))
    return "".join(f"{line}\n" for line in lines)


def statement(task: Task, edges: Iterable[Edge]) -> str:
    """One task as text, with the explicit edges that lead into it."""
    head = f"{_name(task.id)} = {_op(task.op)}"
    arguments, clauses = _arguments(task.args), _clauses(task, edges)
    line = f"{head}({', '.join(arguments)})" + (f" [{', '.join(clauses)}]" if clauses else "")
    if len(line) <= LINE_CHARS:
        return line
    call = f"{head}({', '.join(arguments)})"
    if len(call) > LINE_CHARS:
        call = f"{head}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"
    return call + (" [\n" + "".join(f"    {clause},\n" for clause in clauses) + "]" if clauses else "")


def _clauses(task: Task, edges: Iterable[Edge]) -> list[str]:
    effects, limits, estimate = task.effects, task.limits, task.estimate
    clauses: list[str] = []
    if effects.kind != Effects().kind:
        clauses.append(effects.kind)
    if effects.reads:
        clauses.append(f"reads {_strings(effects.reads)}")
    if effects.writes:
        clauses.append(f"writes {_strings(effects.writes)}")
    if task.executor != "inline":
        clauses.append(f"executor {_name(task.executor)}")
    if task.place is not None:
        clauses.append(f"at {_value(task.place.said())}")
    if task.each is not None:
        clauses.append(f"each {_value(task.each.over)}" + (" accepting errors" if task.each.accept_errors else ""))
    if task.when is not None:
        clauses.append(f"when {_condition(task.when)}")
    clauses.extend(_edge(edge) for edge in edges)
    if task.join is not None:
        clauses.append(f"needs {task.join}")
    clauses.extend(_limits(limits))
    if estimate.seconds != Estimate().seconds:
        clauses.append(f"takes {_seconds(estimate.seconds)}")
    if estimate.money:
        clauses.append(f"costs {_number(estimate.money)}")
    if estimate.tokens:
        clauses.append(f"tokens {estimate.tokens}")
    if estimate.difficulty is not None:
        clauses.append(f"difficulty {_number(estimate.difficulty)}")
    if task.label:
        clauses.append(f"label {_string(task.label)}")
    return clauses


def _limits(limits: Limits) -> Iterable[str]:
    for word, seconds in (("timeout", limits.timeout_s), ("deadline", limits.deadline_s)):
        if seconds is not None:
            yield f"{word} {_seconds(seconds)}"
    retry, usual = limits.retry, Retry()
    if retry is not None:
        clause = f"retry {retry.attempts}"
        for word, number, default, shown in (
            ("backoff", retry.backoff_s, usual.backoff_s, _seconds),
            ("factor", retry.factor, usual.factor, _number),
            ("most", retry.max_backoff_s, usual.max_backoff_s, _seconds),
            ("jitter", retry.jitter, usual.jitter, _number),
        ):
            if number != default:
                clause += f" {word} {shown(number)}"
        yield clause + (f" on {_strings(retry.on)}" if retry.on else "")
    for resource, amount in limits.resources.items():
        yield f"holds {_name(resource)} {amount}"
    if limits.hedge_after_s is not None:
        yield f"hedge {_seconds(limits.hedge_after_s)}"


def _edge(edge: Edge) -> str:
    clause = f"{'' if edge.hard else 'softly '}after {_name(edge.source)}{_trigger(edge.on)}"
    return clause + (f" weight {_number(edge.weight)}" if edge.weight != 1.0 else "")


def _trigger(on: Condition) -> str:
    if isinstance(on, Expr):
        return f" if {_condition(on)}"
    return "" if on == "success" else f".{on}"


def _condition(condition: Expr) -> str:
    names = ", ".join(_arguments(condition.names))
    return _string(condition.source) + (f" ({names})" if names else "")


def _arguments(values: Mapping[str, Any]) -> list[str]:
    return [
        _value(value) if type(value) is Ref and _short_name(value) == name else f"{_name(name)}={_value(value)}"
        for name, value in values.items()
    ]


def _short_name(ref: Ref) -> str | None:
    """The name that a reference has when it stands alone: its last part."""
    last = ref.path[-1] if ref.path else None if ref.task in PSEUDO_SOURCES else ref.task
    return last if isinstance(last, str) else None


def _value(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return _string(value)
    if kind is Ref:
        return _ref(value)
    if value is None or kind is bool:
        return json.dumps(value)
    if kind is int:
        return str(value) if value.bit_length() < 10_000 else hex(value)  # Python reads only so many decimal digits
    if kind is float:
        return repr(value)
    if kind is list or kind is tuple:
        return f"[{', '.join(map(_value, value))}]"
    if kind is dict:
        return "{" + ", ".join(f"{_key(key)}: {_value(inner)}" for key, inner in value.items()) + "}"
    if kind is Template:
        return _template(value)
    if kind is bytes:
        return f'bytes("{base64.b64encode(value).decode("ascii")}")'
    if kind is Blob:
        return f"blob({_string(value.digest)}, {value.size_bytes}, {_string(value.media)})"
    if kind is Failure:
        return f"failure({_value(msgspec.to_builtins(value))})"
    return _value(decode(encode(value)))


def _template(template: Template) -> str:
    shown = ""
    after_text = True
    for part in template.parts:
        if isinstance(part, str):
            if (after_text and shown) or not part:
                break
            shown += _string(part)[1:-1].replace("{", "{{").replace("}", "}}")
        else:
            ref = _ref(part)
            if any(mark in ref for mark in '"\\{}'):
                break
            shown += f"{{{ref}}}"
        after_text = isinstance(part, str)
    else:
        if any(True for _ in template.refs()):
            return f't"{shown}"'
    return f"template({', '.join(map(_value, template.parts))})"  # parts that run together stay apart


def _ref(ref: Ref) -> str:
    shown = ref.task if ref.task in PSEUDO_SOURCES else _name(ref.task)
    for step in ref.path:
        if isinstance(step, int):
            shown += f"[{step}]"
        else:
            shown += f".{step}" if WORD.fullmatch(step) else f"[{_string(step)}]"
    return shown


def _name(text: str) -> str:
    if NAME.fullmatch(text) and text not in KEYWORDS:
        return text
    return json.dumps(text.translate(_SWAP), ensure_ascii=False).translate(_SWAP)


def _op(text: str) -> str:
    return text if OP.fullmatch(text) else json.dumps(text.translate(_SWAP), ensure_ascii=False).translate(_SWAP)


def _key(text: str) -> str:
    return text if WORD.fullmatch(text) else _string(text)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _strings(texts: Iterable[str]) -> str:
    return " ".join(map(_string, texts))


def _number(number: float) -> str:
    return repr(int(number)) if math.isfinite(number) and number == int(number) and abs(number) < 1e15 else repr(number)


def _seconds(seconds: float) -> str:
    return f"{_number(seconds)}s"
