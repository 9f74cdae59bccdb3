"""From what a plan says back to the lines that say it."""

from __future__ import annotations

import json
import re
from typing import Any

from orrery.graph import Expr, Ref, Template
from orrery.planners.llm.grammar import SHOWN, TEXT, WORD, End, Step


def write(statement: Step | End) -> str:
    """The line that says it."""
    if isinstance(statement, End):
        return f"answer: {write_value(statement.answer)}" if statement.answers else "join()"
    args = ", ".join(
        write_value(value) if name is None else f"{name}={write_value(value)}" for name, value in statement.args
    )
    line = f"{statement.number}. {statement.tool}({args})"
    if statement.each is not None:
        line += f" each {write_value(statement.each)}"
    if statement.on is not None:
        line += f" on {write_value(statement.on)}"
    if statement.after:
        line += " after " + ", ".join(f"${number}" for number in statement.after)
    if statement.when is not None:
        line += f" if {_written_condition(statement.when)}"
    return line


def write_value(value: Any) -> str:
    """A value as the grammar has it."""
    kind = type(value)
    if kind is Ref:
        return write_ref(value)
    if kind is Template:
        parts = [
            json.dumps(part, ensure_ascii=False) if isinstance(part, str) else write_ref(part) for part in value.parts
        ]
        # Without a text among them, the parts would not be a text.
        return " + ".join(parts if any(isinstance(part, str) for part in value.parts) else ['""', *parts])
    if kind is dict:
        return "{" + ", ".join(f"{_key(key)}: {write_value(inner)}" for key, inner in value.items()) + "}"
    if kind is list or kind is tuple:
        return f"[{', '.join(map(write_value, value))}]"
    return json.dumps(value, ensure_ascii=False, default=str)


def write_ref(ref: Ref) -> str:
    """A reference as the grammar has it."""
    shown = SHOWN.get(ref.task) or f"${ref.task}"
    for step in ref.path:
        if isinstance(step, int):
            shown += f"[{step}]"
        else:
            shown += f".{step}" if WORD.fullmatch(step) else f"[{json.dumps(step, ensure_ascii=False)}]"
    return shown


def _key(key: Any) -> str:
    return key if isinstance(key, str) and WORD.fullmatch(key) else json.dumps(str(key), ensure_ascii=False)


_TEXT_OR_NAME = re.compile(rf"{TEXT.pattern}|(?<![\w.])[^\W\d]\w*")


def _written_condition(when: Expr) -> str:
    def one(token: re.Match[str]) -> str:
        ref = when.names.get(token[0])
        return token[0] if ref is None else write_ref(ref)

    return _TEXT_OR_NAME.sub(one, when.source)
