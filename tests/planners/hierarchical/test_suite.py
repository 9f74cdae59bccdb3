"""Which tests count: those that no function without content would pass."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.bench.planning.workshop import JOBS, Job
from orrery.errors import ToolDefinitionError
from orrery.planners.toolmaking import Suite, weaknesses
from orrery.tools.made import Case, Specification
from orrery.tools.made.kinds import fits, hint_of, same, sample


def spec_of(job: Job) -> Specification:
    data = job.specification
    arguments = {argument["name"]: argument["type"] for argument in data["arguments"]}
    return msgspec.convert({**data, "arguments": arguments}, Specification)


def suite_of(job: Job) -> Suite:
    return msgspec.convert(job.tests, Suite)


DOUBLE = Specification(
    "double_it", "Twice a whole number.", {"number": "int"}, "int", (Case({"number": 1}, 2), Case({"number": 0}, 0))
)


def cases(*pairs: tuple[int, int]) -> tuple[Case, ...]:
    return tuple(Case({"number": number}, expect) for number, expect in pairs)


GOOD = cases((2, 4), (3, 6), (-1, -2), (10, 20), (7, 14))


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_the_tests_of_every_job_count(job: Job) -> None:
    assert spec_of(job).problems() == []
    assert weaknesses(spec_of(job), suite_of(job)) == []


@pytest.mark.parametrize(
    ("suite", "said"),
    [
        (Suite(GOOD[:3]), "3 cases are not among the examples; at least 5"),
        (Suite(cases((0, 0), (0, 0), (0, 0), (0, 0), (0, 0))), "0 cases are not among the examples"),
        (Suite((*GOOD, Case({"number": 1}, 3))), "case 6 contradicts another result"),
        (Suite((*GOOD, Case({"amount": 1}, 3))), "case 6 gives amount; it must give number"),
        (Suite((*GOOD, Case({"number": "1"}, 2))), "number is '1', which is no int"),
        (Suite((*GOOD, Case({"number": 9}, 18.5))), "expects 18.5, which is no int"),
        (Suite(GOOD, ("result > number",)), "does not hold for the case"),
        (Suite(GOOD, ("result == total",)), "is about 'total', which is neither an argument nor the result"),
        (Suite(GOOD, ("__import__('os')",)), "cannot be read"),
    ],
)
def test_tests_that_prove_nothing_or_contradict_themselves_do_not_count(suite: Suite, said: str) -> None:
    assert any(said in weakness for weakness in weaknesses(DOUBLE, suite)), weaknesses(DOUBLE, suite)


def test_a_suite_that_a_stand_in_would_pass_does_not_count() -> None:
    same_again = Specification("keep_it", "The same number again.", {"number": "int"}, "int", (Case({"number": 1}, 1),))
    identity = Suite(cases((2, 2), (3, 3), (4, 4), (5, 5), (6, 6)))
    assert weaknesses(same_again, identity) == ["a function that returns its argument number would pass"]
    constant = Suite(cases((2, 0), (3, 0), (4, 0), (5, 0), (6, 0)))
    found = weaknesses(DOUBLE, constant)
    assert "a function that knows the examples by heart and returns 0 for all else would pass" in found
    nothing = Specification("say_nothing", "Returns nothing at all.", {"number": "int"}, "int | None", ())
    none = Suite(tuple(Case({"number": number}, None) for number in range(5)))
    assert "a function that returns None would pass" in weaknesses(nothing, none)


def test_a_specification_says_everything_that_is_wrong_with_it() -> None:
    wrong = Specification("X", "Short.", {"class": "int", "size": "set[int]"}, "int", ())
    said = " ".join(str(problem) for problem in wrong.problems())
    for part in ("its name must be", "says nothing", "'class' is no argument's name", "'set[int]'", "no example"):
        assert part in said


KINDS = st.recursive(
    st.sampled_from(["int", "float", "str", "bool", "None", "Any"]),
    lambda inner: st.one_of(
        inner.map(lambda kind: f"list[{kind}]"),
        inner.map(lambda kind: f"dict[str, {kind}]"),
        st.tuples(inner, inner).map(" | ".join),
    ),
    max_leaves=5,
)


@given(KINDS, st.randoms(use_true_random=False))
def test_every_sample_of_a_kind_is_of_that_kind_and_equal_to_itself(kind: str, chance: Any) -> None:
    hint = hint_of(kind)
    value = sample(hint, chance)
    assert fits(value, hint)
    assert same(value, value)
    assert same(msgspec.json.decode(msgspec.json.encode(value)), value)


@pytest.mark.parametrize("text", ["set[int]", "os.PathLike", "list[int", "dict[int, str]", "__import__('os')", "", "1"])
def test_what_is_no_kind_is_refused(text: str) -> None:
    with pytest.raises(ToolDefinitionError, match="no type of a made tool"):
        hint_of(text)


def test_values_that_only_look_alike_are_told_apart() -> None:
    assert not fits(True, int)
    assert not fits((1,), list[int])
    assert not fits(float("nan"), float)
    assert fits(1, float)
    assert not same(True, 1)
    assert not same("1", 1)
    assert not same([1], [1, 2])
    assert same(0.1 + 0.2, 0.3)
