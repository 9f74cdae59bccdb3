"""Candidates on trial: what gets in, what does not, and for what reason."""

from __future__ import annotations

import asyncio
import os

import pytest
from tests.planners.hierarchical.test_suite import DOUBLE, GOOD, spec_of, suite_of

from orrery.bench.planning.workshop import FAULTS, JOBS, Job, faulty
from orrery.planners.toolmaking import Suite, Trial, try_code, try_composition
from orrery.tools import LocalContext
from orrery.tools.made import Call, Case, Composition, Specification
from orrery.tools.made.screening import screen


def tried(context: LocalContext, source: str, spec: Specification = DOUBLE, suite: Suite | None = None) -> Trial:
    return asyncio.run(try_code(source, spec, suite or Suite(GOOD), context, timeout_s=3.0))


def double(body: str) -> str:
    return f"def double_it(number: int) -> int:\n    {body}\n"


@pytest.mark.parametrize("job", JOBS[::3], ids=lambda job: job.name)
def test_right_code_is_admitted(context: LocalContext, job: Job) -> None:
    assert tried(context, job.code, spec_of(job), suite_of(job)).faults == ()


@pytest.mark.parametrize("seed", range(len(FAULTS)))
def test_a_fault_of_every_kind_is_kept_out(context: LocalContext, seed: int) -> None:
    job, kind, code = faulty(seed)
    trial = tried(context, code, spec_of(job), suite_of(job))
    assert not trial.passed, f"{kind}:\n{code}"
    assert trial.told


@pytest.mark.parametrize("seed", [seed for seed in range(60) if faulty(seed)[1] == "slip"][:4])
def test_slips_of_the_pen_are_kept_out(context: LocalContext, seed: int) -> None:
    job, _, code = faulty(seed)
    assert not tried(context, code, spec_of(job), suite_of(job)).passed


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return number + number if number < 10**5 else 0", "but result == number * 2 must hold"),
        ("return number * 2 / 1", "which is no int"),
        ("return True if number == 1 else number * 2", "returns True"),
        ("return double_it(number)", "RecursionError"),
        ("if number > 40: raise KeyError(number)\n    return number * 2", "fails with KeyError"),
    ],
)
def test_generated_arguments_find_what_the_cases_leave_open(context: LocalContext, body: str, said: str) -> None:
    trial = tried(context, double(body), suite=Suite(GOOD, ("result == number * 2",)))
    assert any(said in fault for fault in trial.faults), trial.faults


def test_half_of_the_tests_are_held_back_from_who_writes_the_code(context: LocalContext) -> None:
    trial = tried(context, double("return 0"))
    assert "for {'number': 2} it must return 4, and returns 0" in trial.told
    assert not any("'number': 3}" in told for told in trial.told)
    assert "2 tests that you are not shown fail" in trial.told
    assert any("'number': 3}" in fault for fault in trial.faults)


def test_a_refusal_is_a_value_error_and_nothing_else(context: LocalContext) -> None:
    suite = Suite((*GOOD, Case({"number": 13}, raises=True)))
    refusing = "if number == 13: raise {}('no')\n    return number * 2"
    assert tried(context, double(refusing.format("ValueError")), suite=suite).passed
    trial = tried(context, double(refusing.format("KeyError")), suite=suite)
    assert "for {'number': 13} it must raise ValueError, and fails with KeyError: 'no'" in trial.faults


@pytest.mark.parametrize(
    "sneaky",
    [
        "import re\n\ndef f(x):\n    return re.enum.sys.modules['os'].system('touch made-it')",
        "import re\n\ndef f(x):\n    return re.enum.sys.modules['builtins'].open('made-it', 'w')",
        "import re\n\ndef f(x):\n    return re.enum.sys.modules['builtins'].__import__('socket')",
    ],
)
def test_code_that_got_past_the_screening_still_reaches_nothing(context: LocalContext, sneaky: str) -> None:
    from orrery.tools.made.running import call_each

    ran = asyncio.run(call_each(sneaky, "f", [{"x": 1}], context))
    assert ran.calls[0].error
    assert not os.path.exists(context.folder / "made-it")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import os\n", "it may not import os"),
        ("from . import x\n", "its own package"),
        ("from re import sys\n", "it may not import sys from re"),
        ("from datetime import datetime\nNOW = datetime.now()\n", "the attribute now"),
        ("X = eval('1')\n", "it may not use eval"),
        ("X = ().__class__\n", "the attribute __class__"),
        ("print('hello')\n", "only imports, constants and definitions"),
        ("async def g(): pass\n", "only imports, constants and definitions"),
        ("def g():\n    with x: pass\n", "it may not open anything"),
        ("def g():\n    try: pass\n    except: pass\n", "it may not hide every error"),
        ("def g():\n    global X\n", "it may not keep state"),
        ("def double_it(number): return 1\n", "it does so 2 times"),
        ("(\n", "it is no Python"),
        ("X = '" + "x" * 30_000 + "'\n", "20000 is the most"),
    ],
)
def test_the_screening_names_what_it_refuses(source: str, said: str) -> None:
    found = screen(source + double("return number * 2"), DOUBLE)
    assert any(said in fault for fault in found), found


def test_the_screening_lets_ordinary_code_through() -> None:
    code = (
        '"""Doubles."""\nimport math\nfrom collections import Counter\nimport urllib.parse\n\nFACTOR: int = 2\n\n'
        "class Helper:\n    pass\n\n"
        + double("return math.prod([number, FACTOR]) + len(Counter()) * len(urllib.parse.quote(''))")
    )
    assert screen(code, DOUBLE) == []


TAKE_TWO = Specification(
    "first_sorted",
    "The first entries of a list in order.",
    {"rows": "list[dict[str, int]]", "count": "int"},
    "list[dict[str, int]]",
    (Case({"rows": [{"n": 2}, {"n": 1}], "count": 1}, [{"n": 1}]), Case({"rows": [], "count": 2}, [])),
)
ROWS = [{"n": 3}, {"n": 1}, {"n": 2}]
TAKEN = Suite(
    (
        Case({"rows": ROWS, "count": 2}, [{"n": 1}, {"n": 2}]),
        Case({"rows": ROWS, "count": 0}, []),
        Case({"rows": ROWS, "count": 3}, [{"n": 1}, {"n": 2}, {"n": 3}]),
        Case({"rows": [{"n": 5}], "count": 1}, [{"n": 5}]),
        Case({"rows": [{"n": 5}, {"n": 4}], "count": 2}, [{"n": 4}, {"n": 5}]),
    )
)


def composed(*calls: Call) -> Composition:
    return Composition(calls)


ALL_ROWS = {"items": {"argument": "rows"}, "count": {"argument": "count"}}


def test_a_composition_that_passes_the_tests_is_admitted(context: LocalContext) -> None:
    in_order = Call("records.sort", {"records": {"argument": "rows"}, "by": "n"})
    first = Call("records.take", {"items": {"call": 1}, "count": {"argument": "count"}})
    suite = Suite(TAKEN.cases)
    trial = asyncio.run(try_composition(composed(in_order, first), TAKE_TWO, suite, context))
    assert not [fault for fault in trial.faults if "must return" in fault]


def test_a_composition_of_the_wrong_calls_or_none_is_kept_out(context: LocalContext) -> None:
    for composition, said in (
        (composed(), "it has 0 calls"),
        (composed(Call("nobody", {})), "no tool 'nobody'"),
        (composed(Call("files.remove", {"path": {"argument": "rows"}})), "only pure tools"),
        (composed(Call("records.take", {"items": {"argument": "things"}, "count": 1})), "no argument 'things'"),
        (composed(Call("records.take", {"items": {"call": 1}, "count": 1})), "which does not come before it"),
        (composed(Call("records.take", {"item": {"argument": "rows"}, "count": 1})), "no such argument"),
        (
            composed(Call("records.take", {"items": {"argument": "rows"}, "count": {"argument": "count"}})),
            "must return",
        ),
    ):
        trial = asyncio.run(try_composition(composition, TAKE_TWO, TAKEN, context))
        assert any(said in fault for fault in trial.faults), (said, trial.faults)
