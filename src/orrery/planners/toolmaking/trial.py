"""Trial: a candidate is run on its tests and on generated arguments, twice, and everything that is wrong is listed."""

from __future__ import annotations

import asyncio
import copy
import inspect
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from orrery.errors import ArgumentError, OrreryError, ToolError
from orrery.planners.toolmaking.suite import Suite
from orrery.tools import ToolContext, tools
from orrery.tools.made import Case, Composition, Specification
from orrery.tools.made.kinds import fits, same, sample
from orrery.tools.made.running import Called, Ran, call_each
from orrery.tools.made.screening import screen

SEEDS = (1, 2, 3)
CALLS_PER_SEED = 8
TIMEOUT_S = 3.0

Run = Callable[[Sequence[dict[str, Any]]], Awaitable[Ran]]


class Trial(msgspec.Struct, frozen=True):
    """What a candidate was found to do wrong.

    Args:
        faults: everything; none means that it is admitted.
        told: what its author may be told: half of the tests are held back, or code would be written to them.
    """

    faults: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the candidate may be used."""
        return not self.faults


async def try_code(
    source: str, spec: Specification, suite: Suite, ctx: ToolContext, *, timeout_s: float = TIMEOUT_S
) -> Trial:
    """Try the code of a tool: screened, then run in a subprocess under limits."""
    faults = screen(source, spec)
    if faults:
        return Trial(tuple(faults), tuple(faults))
    return await _tried(lambda calls: call_each(source, spec.name, calls, ctx, timeout_s=timeout_s), spec, suite)


async def try_composition(composition: Composition, spec: Specification, suite: Suite, ctx: ToolContext) -> Trial:
    """Try a composition of pure tools, by calling them."""
    faults = composition.faults(spec)
    if faults:
        return Trial(tuple(faults), tuple(faults))

    async def perform(name: str, args: dict[str, Any]) -> Any:
        tool = tools.get(name)
        result = tool.call(args, ctx) if tool.is_async else await asyncio.to_thread(tool.call, args, ctx)
        return await result if inspect.isawaitable(result) else result

    async def call(args: dict[str, Any]) -> Called:
        given = copy.deepcopy(args)
        try:
            return Called(msgspec.to_builtins(await composition.call(given, perform)), changed=not same(given, args))
        except (OrreryError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            refused = isinstance(error, ToolError | ArgumentError | ValueError)
            return Called(error=f"{type(error).__name__}: {error}", refused=refused)

    async def run(calls: Sequence[dict[str, Any]]) -> Ran:
        return Ran(tuple([await call(args) for args in calls]))

    return await _tried(run, spec, suite)


async def _tried(run: Run, spec: Specification, suite: Suite) -> Trial:
    cases = (*spec.examples, *suite.cases)
    generated = _generated(spec)
    calls = [*(case.args for case in cases), *generated]
    # Both are awaited even if one fails, or its subprocess would be left behind.
    first, second = await asyncio.gather(run(calls), run(calls), return_exceptions=True)
    for ran in (first, second):
        if isinstance(ran, ToolError):
            return Trial((str(ran),), (str(ran),))
        if isinstance(ran, BaseException):
            raise ran
    assert isinstance(first, Ran)
    assert isinstance(second, Ran)
    found = _Found()
    for reached in dict.fromkeys((*first.reached, *second.reached)):
        found.add(f"it tried to reach something outside: {reached}")
    for number, (args, one, other) in enumerate(zip(calls, first.calls, second.calls, strict=True)):
        held_back = len(spec.examples) <= number < len(cases) and (number - len(spec.examples)) % 2 == 1
        found.add(_fault_of_any(spec, args, one, other), held_back=held_back)
        if number < len(cases):
            found.add(_fault_of_case(suite, cases[number], one), held_back=held_back)
    for args, called in zip(generated, first.calls[len(cases) :], strict=True):
        if not called.error:
            broken = suite.broken_property(args, called.value)
            found.add(f"for {args!r:.120} it returns {called.value!r:.80}, but {broken} must hold" if broken else "")
        elif not called.refused:
            found.add(f"for {args!r:.120} it fails with {called.error:.160}")
    return found.trial()


class _Found:
    """The faults so far."""

    def __init__(self) -> None:
        self._faults: dict[str, None] = {}
        self._told: dict[str, None] = {}
        self._held_back = 0

    def add(self, fault: str, *, held_back: bool = False) -> None:
        if not fault:
            return
        self._faults[fault] = None
        if held_back:
            self._held_back += 1
        else:
            self._told[fault] = None

    def trial(self) -> Trial:
        hint = [f"{self._held_back} tests that you are not shown fail"] if self._held_back else []
        return Trial(tuple(self._faults), (*self._told, *hint))


def _generated(spec: Specification) -> list[dict[str, Any]]:
    """Arguments of the right types, the same every time."""
    found: list[dict[str, Any]] = []
    for seed in SEEDS:
        chance = random.Random(f"{spec.name} {seed}")  # noqa: S311 (not a secret)
        found += [{name: sample(hint, chance) for name, hint in spec.hints.items()} for _ in range(CALLS_PER_SEED)]
    return found


def _fault_of_any(spec: Specification, args: dict[str, Any], one: Called, other: Called) -> str:
    """What is wrong with a call whatever it should return."""
    if bool(one.error) != bool(other.error) or not same(one.value, other.value):
        return f"for {args!r:.120} it does not return the same twice"
    if one.changed:
        return f"it changes its arguments, such as {args!r:.120}"
    if one.error:
        return ""
    if one.kind != "plain":
        return f"for {args!r:.120} it returns a {one.kind}, which is no {spec.returns}"
    if not fits(one.value, spec.result):
        return f"for {args!r:.120} it returns {one.value!r:.80}, which is no {spec.returns}"
    return ""


def _fault_of_case(suite: Suite, case: Case, called: Called) -> str:
    if case.raises:
        did = f"fails with {called.error:.160}" if called.error else f"returns {called.value!r:.80}"
        return "" if called.refused else f"for {case.args!r:.160} it must raise ValueError, and {did}"
    if called.error:
        return f"for {case.args!r:.160} it must return {case.expect!r:.80}, and fails with {called.error:.160}"
    if not suite.accepts(case, called.value):
        return f"for {case.args!r:.160} it must return {case.expect!r:.80}, and returns {called.value!r:.80}"
    return ""


__all__ = ["Trial", "try_code", "try_composition"]
