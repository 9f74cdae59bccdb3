"""Maker: from a need in words to a tool that can be called, made only if nothing that exists will do.

Source: the tool manager of AgentOrchestra (Zhang et al., 2025), which retrieves, creates and reuses tools. Ours
differs in what it takes for a new tool to be believed: see `suite` and `trial`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from orrery.errors import PlannerReplyError, ToolRefusedError
from orrery.planners.asking import model_named
from orrery.planners.toolbox import find_tools
from orrery.planners.toolmaking import asked
from orrery.planners.toolmaking.suite import Suite, weaknesses
from orrery.planners.toolmaking.trial import Trial, try_code, try_composition
from orrery.tools import Tool, ToolContext, tools
from orrery.tools.made import Composition, Entry, Library, Provenance, Specification

CORRECTIONS = 2
"""How often a specification, or tests, that cannot be used are sent back."""
REPAIRS = 3
"""How often code that was refused is written again."""
MOST_CANDIDATES = 8
"""So many tools that may fit are shown to the model that chooses."""
_MOST_TOLD = 8


class Found(msgspec.Struct, frozen=True):
    """A tool for a need.

    Args:
        tool: its name in the registry.
        description: what it does.
        arguments: the JSON Schema of its arguments.
        built: whether it was made for this need, rather than found.
        because: why it is this one.
    """

    tool: str
    description: str
    arguments: dict[str, Any]
    built: bool
    because: str


async def find_or_make(
    need: str,
    ctx: ToolContext,
    *,
    model: str | None = None,
    repairs: int = REPAIRS,
    among: Sequence[str] | None = None,
    library: Library | None = None,
) -> Found:
    """The tool for a need: one that is registered or was made before; else a new one.

    Args:
        model: whom to ask; None means the default model.
        repairs: how often code that was refused is written again.
        among: the names of the tools that may be found; None means every registered one. Made tools always count.
        library: where made tools are kept.

    Raises:
        ToolRefusedError: nothing fits, and no new tool passed its tests.
        PlannerReplyError: no usable specification was given.
        PlannerOptionError, ModelError: there is no model to ask, or it gave no usable answer.
    """
    model, library = model_named(model), library or Library()
    candidates = find_tools(need, among, most=MOST_CANDIDATES)
    choice = None
    if candidates:
        ctx.progress(None, f"{len(candidates)} tools may fit")
        choice = await asked.choose(need, candidates, ctx, model)
        for tool in candidates:
            if choice.decision == "use" and tool.name == choice.tool:
                return _found(tool, built=False, because=choice.because)
    composition = choice.composition if choice else None
    entry = await _make(need, ctx, composition=composition, model=model, repairs=repairs, library=library)
    because = (
        f"nothing that exists fits; made in {entry.provenance.rounds} rounds and tested by {len(entry.tests)} cases"
    )
    return _found(tools.get(library.keep(entry).name), built=True, because=because)


async def _make(
    need: str, ctx: ToolContext, *, composition: Composition | None, model: str, repairs: int, library: Library
) -> Entry:
    ctx.progress(None, "specifying a new tool")
    spec = await _specified(need, ctx, model, library)
    ctx.progress(None, f"testing what {spec.name} is to be")
    suite = await _tested(spec, ctx, model)
    origin = Provenance(need, ctx.run, ctx.task, model, asked.prompt_versions())
    if composition is not None:
        trial = await try_composition(composition, spec, suite, ctx)
        if trial.passed:
            return Entry(spec, suite.cases, origin, composition=composition)
    code, trial = "", Trial(told=())
    for number in range(1, repairs + 2):
        ctx.progress(None, f"writing {spec.name}, round {number}")
        code = await asked.write_code(spec, code, trial.told[:_MOST_TOLD], ctx, model, number=number)
        trial = await try_code(code, spec, suite, ctx)
        if trial.passed:
            return Entry(spec, suite.cases, msgspec.structs.replace(origin, rounds=number), code)
    said = "; ".join(trial.faults[:3])
    more = f"; and {len(trial.faults) - 3} more" if len(trial.faults) > 3 else ""
    raise ToolRefusedError(f"no version of {spec.signature} passed its tests in {repairs + 1} rounds: {said}{more}")


async def _specified(need: str, ctx: ToolContext, model: str, library: Library) -> Specification:
    wrong: list[str] = []
    for number in range(1, CORRECTIONS + 2):
        spec = await asked.specify(need, wrong, ctx, model, number=number)
        wrong = [problem.message for problem in spec.problems()]
        if not wrong:
            return msgspec.structs.replace(spec, name=_free(spec.name, library))
    raise PlannerReplyError(f"no usable specification was given for {need!r:.80}: {'; '.join(wrong[:3])}")


async def _tested(spec: Specification, ctx: ToolContext, model: str) -> Suite:
    wrong: list[str] = []
    for number in range(1, CORRECTIONS + 2):
        suite = await asked.write_tests(spec, wrong, ctx, model, number=number)
        wrong = weaknesses(spec, suite)
        if not wrong:
            return suite
    raise ToolRefusedError(f"no tests of {spec.signature} were given that count: {'; '.join(wrong[:3])}")


def _free(name: str, library: Library) -> str:
    """The name, or the next one that no other made tool has: who relies on that one must find it unchanged."""
    taken = {each.partition(".")[2] for each in library.names()}
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[:44]}_{number}"
    return free


def _found(tool: Tool[..., Any], *, built: bool, because: str) -> Found:
    return Found(tool.name, tool.description, dict(tool.parameters), built, because)


__all__ = ["CORRECTIONS", "REPAIRS", "Found", "find_or_make"]
