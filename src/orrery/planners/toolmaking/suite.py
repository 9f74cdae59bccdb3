"""Suite: the tests of a tool that does not exist yet, and whether they are worth anything.

Tests that a function without content would pass prove nothing. So before any code is tried, the tests are held against
stand-ins: one that returns nothing, one that gives an argument back, one that always says the same, and one that has
learned the examples by heart. A suite that lets one of them through does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from orrery.errors import ExpressionError
from orrery.graph import Expr
from orrery.tools.made import Case, Specification
from orrery.tools.made.kinds import same

LEAST_NEW_CASES = 5
"""Fewer cases than this, not counting those that are examples, leave too much open."""


class Suite(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tests of one specification.

    Args:
        cases: calls and their results.
        properties: conditions over `result` and the arguments that hold for every call that returns.
    """

    cases: tuple[Case, ...]
    properties: tuple[str, ...] = ()

    def broken_property(self, args: Mapping[str, Any], result: Any) -> str:
        """The first property that does not hold for a call; empty if all do."""
        for source in self.properties:
            try:
                holds = Expr(source).evaluate({**args, "result": result})
            except ExpressionError:
                holds = False
            if not holds:
                return source
        return ""

    def accepts(self, case: Case, value: Any) -> bool:
        """Whether a value is the right answer to a case."""
        return not case.raises and same(value, case.expect) and not self.broken_property(case.args, value)


class StandIn(NamedTuple):
    """A function without content: what it does, in words, and the function."""

    deed: str
    function: Callable[[Mapping[str, Any]], Any]


def stand_ins(spec: Specification, suite: Suite) -> Iterator[StandIn]:
    """Functions that no suite may let through."""
    yield StandIn("returns None", lambda _: None)
    for name in spec.arguments:
        yield StandIn(f"returns its argument {name}", lambda args, name=name: args[name])  # type: ignore[misc]
    constants: list[Any] = []
    for case in (*spec.examples, *suite.cases):
        if not case.raises and not any(same(case.expect, known) for known in constants):
            constants.append(case.expect)
    for constant in constants:
        yield StandIn(f"always returns {constant!r:.40}", lambda _, constant=constant: constant)  # type: ignore[misc]
        yield StandIn(
            f"knows the examples by heart and returns {constant!r:.40} for all else",
            lambda args, constant=constant: _by_heart(spec, args, constant),  # type: ignore[misc]
        )


def weaknesses(spec: Specification, suite: Suite) -> list[str]:
    """Everything for which the tests do not count; empty if they do."""
    found = spec.misfits(suite.cases, "case")
    if found:
        return found
    for number, case in enumerate(suite.cases, 1):
        for other in (*spec.examples, *suite.cases[: number - 1]):
            if same(case.args, other.args) and not _agree(case, other):
                found.append(f"case {number} contradicts another result for the same arguments, {case.args!r:.80}")
    for source in suite.properties:
        wrong = _property_fault(spec, suite, source)
        if wrong:
            found.append(wrong)
    new = [case for case in suite.cases if not any(same(case.args, example.args) for example in spec.examples)]
    if len(new) < LEAST_NEW_CASES:
        found.append(f"{len(new)} cases are not among the examples; at least {LEAST_NEW_CASES} must be")
    if not found:
        found += [
            f"a function that {each.deed} would pass"
            for each in stand_ins(spec, suite)
            if all(suite.accepts(case, each.function(case.args)) for case in suite.cases)
        ]
    return found


def _property_fault(spec: Specification, suite: Suite, source: str) -> str:
    try:
        known = {"result", *spec.arguments}
        unknown = [name for name in Expr(source).free_names() if name not in known]
    except ExpressionError as error:
        return f"the property {source!r:.80} cannot be read: {error}"
    if unknown:
        return f"the property {source!r:.80} is about {unknown[0]!r}, which is neither an argument nor the result"
    alone = Suite((), (source,))
    for case in (*spec.examples, *suite.cases):
        if not case.raises and alone.broken_property(case.args, case.expect):
            return f"the property {source!r:.80} does not hold for the case {case.args!r:.80}"
    return ""


def _agree(case: Case, other: Case) -> bool:
    return case.raises == other.raises and (case.raises or same(case.expect, other.expect))


def _by_heart(spec: Specification, args: Mapping[str, Any], otherwise: Any) -> Any:
    for example in spec.examples:
        if same(dict(args), example.args):
            return example.expect
    return otherwise


__all__ = ["LEAST_NEW_CASES", "StandIn", "Suite", "stand_ins", "weaknesses"]
