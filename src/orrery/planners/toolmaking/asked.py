"""Asked: what a model is asked while a tool is made, one prompt file for each question.

Choosing, specifying, testing and writing are separate questions, and none sees more than it must: who writes the tests
never sees code, and who writes the code never sees the tests, only which of the open half it failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from orrery.models.prompts import find, prompt
from orrery.planners.asking import TEXT, ask, object_of
from orrery.planners.toolmaking.suite import Suite
from orrery.tools.context import ToolContext
from orrery.tools.made import Call, Case, Composition, Specification
from orrery.tools.tool import Tool

PROMPTS = ("choose", "specify", "test", "write")

_CASE = {
    "type": "object",
    "properties": {"args": {"type": "object"}, "expect": {}, "raises": {"type": "boolean"}},
    "required": ["args"],
}

CHOICE = object_of(
    because=TEXT,
    decision={"type": "string", "enum": ["use", "compose", "make"]},
    tool=TEXT,
    calls={"type": "array", "items": object_of(tool=TEXT, args={"type": "object"})},
)
SPECIFICATION = object_of(
    name=TEXT,
    description=TEXT,
    arguments={"type": "array", "items": object_of(name=TEXT, type=TEXT)},
    returns=TEXT,
    examples={"type": "array", "items": _CASE},
)
TESTS = object_of(cases={"type": "array", "items": _CASE}, properties={"type": "array", "items": TEXT})
CODE = object_of(code=TEXT)


class Choice(msgspec.Struct, frozen=True):
    """Whether a tool fits, whether a few together do, or whether one has to be made."""

    decision: Literal["use", "compose", "make"]
    because: str
    tool: str = ""
    calls: tuple[Call, ...] = ()

    @property
    def composition(self) -> Composition | None:
        """How existing tools would be put together, where that is the choice."""
        return Composition(self.calls) if self.decision == "compose" and self.calls else None


async def choose(need: str, candidates: Sequence[Tool[..., Any]], ctx: ToolContext, model: str | None) -> Choice:
    """Ask which of the tools that were found fits, if any."""
    shown = [
        {
            "name": tool.name,
            "description": tool.description,
            "arguments": tool.parameters.get("properties", {}),
            "required": list(tool.required),
            "pure": tool.effects.kind == "pure",
        }
        for tool in candidates
    ]
    text = prompt("planners/toolmaking-choose", need=need, tools=_lines(shown))
    return msgspec.convert((await ask(text, CHOICE, ctx, model=model)).data, Choice)


async def specify(
    need: str, wrong: Sequence[str], ctx: ToolContext, model: str | None, *, number: int = 1
) -> Specification:
    """Ask for the specification of a new tool; `wrong` says what was wrong with the one before this `number`."""
    text = prompt("planners/toolmaking-specify", need=need, wrong=_listed(wrong, number))
    data = (await ask(text, SPECIFICATION, ctx, model=model)).data
    arguments = {argument["name"]: argument["type"] for argument in data["arguments"]}
    return msgspec.convert({**data, "arguments": arguments}, Specification)


async def write_tests(
    spec: Specification, wrong: Sequence[str], ctx: ToolContext, model: str | None, *, number: int = 1
) -> Suite:
    """Ask for the tests of a specification; `wrong` says why those before this `number` did not count."""
    text = prompt("planners/toolmaking-test", specification=_shown(spec), wrong=_listed(wrong, number))
    return msgspec.convert((await ask(text, TESTS, ctx, model=model)).data, Suite)


async def write_code(
    spec: Specification, before: str, wrong: Sequence[str], ctx: ToolContext, model: str | None, *, number: int = 1
) -> str:
    """Ask for the code of a specification; `before` is the version before this `number`, `wrong` what it did wrong."""
    text = prompt(
        "planners/toolmaking-write",
        specification=_shown(spec),
        signature=spec.signature,
        before=before or "none",
        wrong=_listed(wrong, number),
    )
    return str((await ask(text, CODE, ctx, model=model)).data["code"])


def prompt_versions() -> dict[str, str]:
    """The versions of the prompts that tools are made with."""
    return {name: find(f"planners/toolmaking-{name}").version for name in PROMPTS}


def _shown(spec: Specification) -> str:
    examples = [_case(example) for example in spec.examples]
    return _lines([{"signature": spec.signature, "description": spec.description}, *examples])


def _case(case: Case) -> dict[str, Any]:
    return {"args": case.args, "raises": True} if case.raises else {"args": case.args, "expect": case.expect}


def _lines(items: Sequence[Any]) -> str:
    return "\n".join(msgspec.json.encode(item).decode() for item in items) or "none"


def _listed(faults: Sequence[str], number: int) -> str:
    # The number also keeps a question that is asked again, with nothing else new in it, out of the cache of answers.
    if number == 1:
        return "nothing, this is the first"
    return "\n".join([f"This is version {number}. Wrong with the one before:", *(f"- {fault}" for fault in faults)])


__all__ = ["PROMPTS", "Choice", "choose", "prompt_versions", "specify", "write_code", "write_tests"]
