"""Passes that are wrong in one way each, and what the checks say of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orrery.graph import Edge, Graph
from orrery.graph.text import parse
from orrery.passes import Rewritten
from orrery.passes.check import AT_ONCE, faults

BEFORE = """
a = f(n=1) [pure]
b = f(a, n=2) [pure, after d.completion]
c = f(n=3) [pure, after b if "result == 0"]
d = g(n=4) [writes "file:x"]
e = g(n=5) [writes "file:x", softly after d, when "n > 1" (n=@inputs.n)]
h = g(n=6) [pure, after a, after c, needs 1]
return c, said=t"so: {b}", h
"""


def codes(after: str, became: dict[str, str] | None = None, before: str = BEFORE) -> list[str]:
    return [problem.code for problem in faults(parse(before), Rewritten(parse(after), became=became or {}))]


def changed(*changes: tuple[str, str]) -> str:
    text = BEFORE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_a_pass_that_changes_nothing_is_right() -> None:
    assert codes(BEFORE) == []


WRONG: list[tuple[str, str, tuple[tuple[str, str], ...]]] = [
    ("a data edge is dropped", "pass/dropped-edge", (("b = f(a, n=2)", "b = f(n=2)"),)),
    ("an edge of order is dropped", "pass/dropped-edge", (("after d.completion", "after a"),)),
    ("an edge fires on something else", "pass/dropped-edge", ((' if "result == 0"', ' if "result == 1"'),)),
    ("a hard edge becomes a soft one", "pass/dropped-edge", (("after d.completion", "softly after d"),)),
    (
        "a source is gone and its reader stays",
        "pass/dropped-edge",
        (("a = f(n=1) [pure]\n", ""), ("(a, ", "("), ("after a, after c, needs 1", "after c")),
    ),
    ("a count is another", "pass/join", (("needs 1", "needs 2"),)),
    ("a count is gone", "pass/join", ((", needs 1", ""),)),
    ("a task waits for one it did not wait for", "pass/added-edge", (("softly after d, when", "after d, when"),)),
    ("an effect is gone", "pass/effects", (("e = g(n=5)", "e2 = g(n=5)"),)),
    ("an effect is there twice", "pass/effects", (("return", 'e2 = g(n=5) [writes "file:x", after e]\nreturn'),)),
    ("an effect has other arguments", "pass/effects", (("n=5", "n=6"),)),
    ("an effect is unconditional", "pass/condition", ((', when "n > 1" (n=@inputs.n)', ""),)),
    ("an effect is said to be none", "pass/effects", (('[writes "file:x"]', '[pure, reads "file:x"]'),)),
    ("an effect may be repeated", "pass/effects", (('[writes "file:x"]', '[writes "file:x", retry 3]'),)),
    ("pure work has an effect now", "pass/effects", (("c = f(n=3) [pure, ", "c = f(n=3) ["),)),
    ("a person is no longer asked", "pass/effects", (("c = f(n=3) [pure, ", "c = f(n=3) [pure, executor person, "),)),
    ("two writes may come in either order", "pass/order", (("softly after d, ", ""),)),
    ("an output is gone", "pass/outputs", (("return c, ", "return "),)),
    ("an output is new", "pass/outputs", (("return c, ", "return c, a, "),)),
    ("an output is another task's", "pass/outputs", (("return c, ", "return c=a, "),)),
    ("an output is a part", "pass/outputs", (("return c, ", "return c=c[0], "),)),
]


@pytest.mark.parametrize(("code", "changes"), [wrong[1:] for wrong in WRONG], ids=[wrong[0] for wrong in WRONG])
def test_every_broken_word_is_found(code: str, changes: tuple[tuple[str, str], ...]) -> None:
    assert code in codes(changed(*changes))


RIGHT: list[tuple[str, dict[str, str], tuple[tuple[str, str], ...]]] = [
    (
        "a soft edge between what does not conflict",
        {},
        (("b = f(a, n=2) [pure, after", "b = f(a, n=2) [pure, softly after e, after"),),
    ),
    ("a path on the same condition", {}, (("b = f(a, n=2)", "a2 = copy(a) [pure]\nb = f(a2, n=2)"),)),
    (
        "a path after a new task on the same condition",
        {},
        (
            ('after b if "result == 0"', "after gate"),
            ("c = f", 'gate = f(n=0) [pure, after b if "result == 0"]\nc = f'),
        ),
    ),
    (
        "one task does the work of another",
        {"a": "a2"},
        (("a = f", "a2 = f"), ("(a, ", "(a=a2, "), ("after a,", "after a2,")),
    ),
    (
        "its result is a part of another's",
        {"b": "b2"},
        (("b = f", "b2 = f"), ("after b if", "after b2 if"), ("{b}", "{b2.answers[0]}")),
    ),
    ("a soft edge becomes a hard one on completion", {}, (("softly after d, ", "after d.completion, "),)),
    ("a device is chosen", {}, (('e = g(n=5) [writes "file:x"', 'e = g(n=5) [writes "file:x", executor fleet'),)),
    ("a template is written otherwise", {}, ((r't"so: {b}"', 'template("so", ": ", b)'),)),
]


@pytest.mark.parametrize(("became", "changes"), [right[1:] for right in RIGHT], ids=[right[0] for right in RIGHT])
def test_what_is_right_is_not_found_wrong(became: dict[str, str], changes: tuple[tuple[str, str], ...]) -> None:
    assert codes(changed(*changes), became) == []


def test_a_name_that_nobody_has_is_found() -> None:
    assert codes(BEFORE, {"a": "nobody"}) == ["pass/became"]
    assert codes(BEFORE, {"nobody": "a"}) == ["pass/became"]


def test_one_that_may_be_left_out_does_not_stand_for_one_that_may_not() -> None:
    before = 'a = f(n=1) [pure, when "n > 1" (n=@inputs.n)]\nb = f(n=1) [pure]\nreturn a, b'
    assert codes(before.replace("b = f(n=1) [pure]\n", "").replace("a, b", "a, b=a"), {"b": "a"}, before) == [
        "pass/condition"
    ]
    always = 'a = f(n=1) [pure, when "true"]\nreturn a'
    assert codes("a = f(n=1) [pure]\nreturn a", None, always) == []


def test_a_new_task_that_may_be_skipped_does_not_come_between() -> None:
    before = "a = f() [pure]\nb = f(a) [pure]\nreturn b"
    between = "a = f() [pure]\nx = copy(a) [pure{}]\ny = copy(x) [pure]\nb = f(a=y) [pure]\nreturn b"
    assert codes(between.format(""), None, before) == []
    assert codes(between.format(', when "n > 1" (n=@inputs.n)'), None, before) == ["pass/added-edge"]


def test_a_task_that_needs_k_of_n_deals_with_failures_behind_soft_edges_too() -> None:
    before = "a = f() [pure]\nb = f() [pure]\nc = f() [pure, after a, softly after b, needs 1]\nreturn c"
    assert codes(before.replace(", softly after b", ""), None, before) == ["pass/join"]
    assert codes(before.replace(", needs 1", ""), None, before) == ["pass/join"]
    assert codes(before, None, before.replace(", softly after b", "")) == ["pass/join"]


def test_two_effects_do_not_become_one() -> None:
    before = "a = g(n=1)\nb = g(n=1)\nreturn a, b"
    assert "pass/effects" in codes("a = g(n=1)\nreturn a, b=a", {"b": "a"}, before)


def test_an_order_through_a_task_that_is_gone_is_missed() -> None:
    before = 'a = g() [writes "x"]\nb = f() [pure, after a]\nc = g() [writes "x", softly after b]\nreturn c'
    gone = 'a = g() [writes "x"]\nc = g() [writes "x"]\nreturn c'
    assert codes(gone, None, before) == ["pass/order"]
    assert codes(gone.replace('[writes "x"]\nreturn', '[writes "x", softly after a]\nreturn'), None, before) == []


def test_a_reader_does_not_move_across_a_writer_and_may_across_a_reader() -> None:
    read, other = ('{} = g() [pure, reads "x"{}]\n'.format(*at) for at in (("b", ", softly after a"), ("b", "")))
    writer, reader = 'a = g() [writes "x"]\n', 'a = g() [pure, reads "x"]\n'
    assert codes(writer + other, None, writer + read) == ["pass/order"]
    assert codes(reader + other, None, reader + read) == []


def test_an_edge_that_a_path_says_already_may_be_said() -> None:
    before = "a = f() [pure]\nb = f(a) [pure]\nc = f(b) [pure]\nreturn c"
    assert codes(before.replace("c = f(b)", "c = f(b, a)"), None, before) == []
    before = before.replace("[pure]\nc", "[pure, after a.completion]\nc")
    assert codes(before.replace("c = f(b)", "c = f(b, a)"), None, before) == ["pass/added-edge"]


@pytest.mark.parametrize("rewire", [lambda n: n % 2, lambda n: (n + 1) % 2], ids=["as it was", "the other way"])
def test_more_questions_than_one_sweep_answers(rewire: Callable[[int], int]) -> None:
    many = AT_ONCE + 100
    lines = "".join(f"t{number} = f() [pure]\n" for number in range(many))
    before = parse("x0 = f() [pure]\nx1 = f() [pure]\n" + lines)
    before = Graph(before, [Edge(f"x{number % 2}", f"t{number}") for number in range(many)])
    through = [Edge("x0", "y0"), Edge("x1", "y1")]
    after = Graph(
        [*before, *parse("y0 = f() [pure]\ny1 = f() [pure]\n")],
        [*through, *(Edge(f"y{rewire(number)}", f"t{number}") for number in range(many))],
    )
    found = faults(before, Rewritten(after))
    assert bool(found) == (rewire(0) != 0)
