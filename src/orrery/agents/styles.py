"""Styles: what a reply asks for, and how much of it is done in one turn.

* react (Yao et al., 2022): reason, act, observe; one tool in a turn.
* wide: as many tools in a turn as do not need each other, as LLMCompiler (Kim et al., 2023) and others found to save
  turns; a policy sets how many.
* code (CodeAct, Wang et al., 2024): the action is a program.

All three are one loop. They differ in the prompt, in the width, and in whether a block of Python is an action.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orrery.agents.spec import AgentSpec
from orrery.models.answers import misfits, read_json
from orrery.models.prompts import prompt

ANSWER = "answer"
"""The tool by whose call a structured answer is given: models fill in a tool's arguments more reliably than they
write JSON into a text, and it goes together with other tools at every provider."""
_WRAPPED = "value"
_PROGRAM = re.compile(r"^```(?:python|py)[ \t]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE | re.IGNORECASE)


class Call(NamedTuple):
    """One call that a model asks for; `changes` says what was repaired in it."""

    id: str
    name: str
    args: Any
    changes: tuple[str, ...] = ()


class Actions(NamedTuple):
    """What a reply asks for. Where all is empty, its text is the answer.

    Args:
        calls: the calls to be made, in order.
        beyond: calls that are more than this turn allows.
        program: a program to be run; None without one.
        answers: structured answers that it gives, as calls of `ANSWER`.
    """

    calls: tuple[Call, ...] = ()
    beyond: tuple[Call, ...] = ()
    program: str | None = None
    answers: tuple[Call, ...] = ()

    @property
    def none(self) -> bool:
        """Whether nothing is to be done."""
        return not (self.calls or self.beyond or self.answers) and self.program is None


def actions_of(reply: Mapping[str, Any], spec: AgentSpec, width: int) -> Actions:
    """What a reply of `model.chat` asks for, under the agent's style."""
    asked = [Call(str(call["id"]), str(call["name"]), call["args"]) for call in reply.get("calls", ())]
    answers = tuple(call for call in asked if spec.schema is not None and call.name == ANSWER)
    calls = [call for call in asked if call not in answers]
    found = _PROGRAM.search(reply.get("text", "")) if spec.style == "code" else None
    return Actions(tuple(calls[:width]), tuple(calls[width:]), found[1] if found else None, answers)


def next_width(*, now: int, most: int, rule: str, throttled: bool) -> int:
    """How many calls the next turn allows.

    Args:
        now: what this turn allowed.
        most: the agent's own width.
        rule: "constant", "descending" or "halved". The last is the one by which congestion is avoided in networks
            (additive increase, multiplicative decrease: Chiu and Jain, 1989).
        throttled: a service said in this turn that it was asked too often.
    """
    if rule == "descending":
        return max(1, now - 1)
    if rule == "halved":
        return max(1, now // 2) if throttled else min(most, now + 1)
    return most


def system_prompt(spec: AgentSpec) -> str:
    """What the model is told first."""
    how = f" by calling the tool `{ANSWER}`" if spec.schema is not None else " in plain words, without any call"
    fields: dict[str, Any] = {"instructions": spec.instructions, "turns": spec.max_turns, "how": how}
    if spec.style == "wide":
        fields["width"] = spec.width
    return prompt(f"agents/{spec.style}", **fields)


# -- structured answers ---------------------------------------------------------------------------------------


def answer_offer(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The tool by which an answer of this schema is given; what is no object is wrapped in one."""
    parameters = schema if schema.get("type") == "object" else _wrapper(schema)
    return {"name": ANSWER, "description": "Give the final answer.", "parameters": dict(parameters)}


def _wrapper(schema: Mapping[str, Any]) -> dict[str, Any]:
    inner = {key: value for key, value in schema.items() if key != "$defs"}
    wrapped: dict[str, Any] = {"type": "object", "properties": {_WRAPPED: inner}, "required": [_WRAPPED]}
    return {**wrapped, "$defs": schema["$defs"]} if "$defs" in schema else wrapped


def checked(given: Any, schema: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """An answer as the schema wants it, and everything in which it is not so.

    Args:
        given: the arguments of a call of `ANSWER`, or the text of a reply in which JSON may stand.
    """
    if isinstance(given, str):
        try:
            given = read_json(given)
        except ValueError as error:
            return None, [f"it is not JSON: {error}"]
    wrapped = schema.get("type") != "object" and isinstance(given, dict) and given.keys() == {_WRAPPED}
    value = given[_WRAPPED] if wrapped else given
    return value, misfits(value, schema)


def as_list(problems: Sequence[str], most: int = 10) -> str:
    """Problems as the lines of a list; of very many only the first."""
    more = [f"- and {len(problems) - most} more"] if len(problems) > most else []
    return "\n".join([f"- {problem}" for problem in problems[:most]] + more)
