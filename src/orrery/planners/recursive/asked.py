"""Asked: the contracts as a model fulfils them, each by a prompt file of its own.

A call that its tokens no longer allow is not made: the part then counts as atomic, the answer as the findings one
after another, and as accepted. What others found reaches the model as data, under a name that says so.
"""

from __future__ import annotations

import msgspec

from orrery.agents.conversation import labelled
from orrery.models.prompts import prompt
from orrery.planners.asking import TEXT, ask, left_to_write, object_of
from orrery.planners.recursive.contracts import (
    Answer,
    Atomicity,
    Finding,
    Part,
    Split,
    Step,
    Verdict,
    as_data,
    fault_in,
)
from orrery.tools.context import ToolContext

LEAST_REPLY = 48
"""A reply of fewer tokens would hardly be one."""
CORRECTIONS = 2
"""How often a plan that cannot be used is sent back."""

ATOMICITY = object_of(because=TEXT, atomic={"type": "boolean"})
SPLIT = object_of(
    because=TEXT,
    parts={
        "type": "array",
        "items": object_of(goal=TEXT, after={"type": "array", "items": {"type": "integer", "minimum": 1}}),
    },
)
ANSWER = object_of(summary=TEXT)
VERDICT = object_of(critique=TEXT, ok={"type": "boolean"}, again={"type": "string", "enum": ["answer", "plan"]})


async def atomize(part: Part, ctx: ToolContext) -> Atomicity:
    """Ask whether the part is one step."""
    text = prompt("planners/recursive-atomize", **_about(part), most=part.most_parts)
    if _is_too_dear(text, part):
        return Atomicity(True, "too few tokens are left to plan with")
    told = await ask(text, ATOMICITY, ctx, model=part.model, tokens=part.tokens)
    return Atomicity(told.data["atomic"], told.data["because"], told.tokens)


async def split(part: Part, ctx: ToolContext) -> Split:
    """Ask for a plan; one that cannot be used is sent back with what is wrong with it."""
    spent, wrong, plan = 0, "", Split(())
    for number in range(1, CORRECTIONS + 2):
        left = None if part.tokens is None else part.tokens - spent
        text = prompt("planners/recursive-split", **_about(part, wrong), most=part.most_parts)
        if left is not None and left_to_write(text, left) < LEAST_REPLY:
            break
        told = await ask(text, SPLIT, ctx, model=part.model, tokens=left)
        spent += told.tokens
        steps = tuple(Step(step["goal"], tuple(step["after"])) for step in told.data["parts"])
        plan = Split(steps, told.data["because"], spent)
        fault = fault_in(plan, part)
        if not fault:
            return plan
        wrong = f"Your plan number {number} cannot be used: {fault}."
    return msgspec.structs.replace(plan, tokens=spent)


async def aggregate(part: Part, findings: tuple[Finding, ...], ctx: ToolContext) -> Answer:
    """Ask for the answer that the findings amount to."""
    found = labelled("the parts of the goal", as_data(findings))
    text = prompt("planners/recursive-aggregate", goal=part.goal, critique=critique_of(part), findings=found)
    if _is_too_dear(text, part):
        return Answer("\n".join(f"{finding.goal}: {finding.summary}" for finding in findings))
    told = await ask(text, ANSWER, ctx, model=part.model, tokens=part.tokens)
    return Answer(told.data["summary"], tokens=told.tokens)


async def verify(part: Part, summary: str, ctx: ToolContext) -> Verdict:
    """Ask whether an answer reaches its goal."""
    text = prompt("planners/recursive-verify", goal=part.goal, answer=labelled("whoever worked on the goal", summary))
    if _is_too_dear(text, part):
        return Verdict(True, "not judged: too few tokens are left")
    told = await ask(text, VERDICT, ctx, model=part.model, tokens=part.tokens)
    return Verdict(told.data["ok"], told.data["critique"], told.data["again"], told.tokens)


def executor_prompt(part: Part) -> str:
    """What a model is asked that does an atomic part."""
    return prompt("planners/recursive-execute", **_about(part))


def critique_of(part: Part, wrong: str = "") -> str:
    """What was wrong so far, numbered: a question that says nothing new would be answered from the cache."""
    before = f"Answer number {part.round - 1} was not accepted: {part.critique}" if part.round > 1 else ""
    return "\n".join(filter(None, (before, wrong))) or "none"


def _about(part: Part, wrong: str = "") -> dict[str, str]:
    return {
        "goal": part.goal,
        "request": part.request,
        "given": labelled("earlier parts", as_data(part.given)),
        "critique": critique_of(part, wrong),
    }


def _is_too_dear(text: str, part: Part) -> bool:
    return part.tokens is not None and left_to_write(text, part.tokens) < LEAST_REPLY


__all__ = ["aggregate", "atomize", "critique_of", "executor_prompt", "split", "verify"]
