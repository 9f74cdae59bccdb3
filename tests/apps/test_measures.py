"""What the observatory measures, on source whose numbers can be counted by hand."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.apps.observatory.complexity import cyclomatic, functions_in, maintainability
from orrery.apps.observatory.fingerprints import RUN, WINDOW, duplicates, fingerprints
from orrery.apps.observatory.history import read_log
from orrery.apps.observatory.imports import Module, read_imports
from orrery.apps.observatory.source import entropy_bits, measure_file, plain_tokens, python_tokens
from orrery.apps.observatory.svg import Scale, steps
from orrery.apps.observatory.treemap import Box, treemap


@pytest.mark.parametrize(
    ("source", "paths"),
    [
        ("x = 1", 1),
        ("if a and b or c: pass", 4),
        ("for x in y:\n    while z: pass", 3),
        ("try: pass\nexcept A: pass\nexcept B: pass", 3),
        ("x = [a for a in b if a if c]", 4),
        ("match x:\n    case 1: pass\n    case _: pass", 3),
        ("def f():\n    if a: pass", 1),
        ("x = 1 if a else 2", 2),
    ],
)
def test_each_decision_adds_a_path(source: str, paths: int) -> None:
    assert cyclomatic(ast.parse(source)) == paths


def test_functions_are_found_in_order_with_their_full_names() -> None:
    source = "class A:\n    def f(self):\n        def g(): pass\n    async def h(self):\n        if self: pass\n"
    found = [(one.name, one.line, one.lines, one.complexity) for one in functions_in(ast.parse(source))]
    assert found == [("A.f", 2, 2, 1), ("A.f.g", 3, 1, 1), ("A.h", 4, 2, 2)]


def test_longer_code_is_harder_to_maintain() -> None:
    short = maintainability([(1, "x"), (1, "="), (1, "1")], [], 1)
    long = maintainability([(line, f"x{line}") for line in range(1, 400)], [], 399)
    assert 0 <= long < short <= 100
    assert maintainability([], [], 0) == 100


def test_entropy_counts_the_bits_in_a_word() -> None:
    assert entropy_bits([]) == 0
    assert entropy_bits(["a", "a"]) == 0
    assert entropy_bits(["a", "b", "c", "d"]) == 2


def test_comments_and_layout_are_no_tokens() -> None:
    assert [token.text for token in python_tokens("x = 1  # one\n\n'''y'''\n")] == ["x", "=", "1", "'''y'''"]
    assert [token.text for token in plain_tokens("let a = 'b c';")] == ["let", "a", "=", "'b c'", ";"]


def test_a_file_is_measured(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import os\nfrom . import b\n\n\ndef f(x):\n    # why\n    return x if x else os\n")
    facts = measure_file(tmp_path, "a.py")
    assert (facts["lines"], facts["code_lines"], facts["complexity"], facts["problem"]) == (7, 4, 2, None)
    assert facts["imports"] == [".", ".b", "os"]
    assert facts["functions"] == [{"name": "f", "line": 5, "lines": 3, "complexity": 2}]


@pytest.mark.parametrize("content", [b"def f(:\n", b"x = '\xff'\n", b"x\x00y\n"])
def test_source_that_cannot_be_parsed_is_still_counted(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.py").write_bytes(content)
    facts = measure_file(tmp_path, "a.py")
    assert facts["problem"] is not None
    assert facts["problem"].startswith("cannot be parsed")
    assert facts["lines"] == 1


def test_a_file_that_is_gone_or_empty_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "empty.py").touch()
    assert "cannot be read" in str(measure_file(tmp_path, "gone.py")["problem"])
    assert measure_file(tmp_path, "empty.py")["maintainability"] == 100


words = st.lists(st.sampled_from("abcdefgh"), min_size=RUN + WINDOW - 1, max_size=90)


@given(words, words, words)
def test_a_copy_of_a_run_and_a_window_is_always_found(before: list[str], copied: list[str], after: list[str]) -> None:
    one = [(word, line) for line, word in enumerate([*before, *copied], 1)]
    other = [(word, line) for line, word in enumerate([*copied, *after], 1)]
    (pair, *_) = duplicates([("one", fingerprints(one)), ("other", fingerprints(other))])
    assert (pair["one"], pair["other"]) == ("one", "other")
    assert 0 < pair["share"] <= 1


def test_other_names_make_other_code_but_other_literals_do_not() -> None:
    code = [f"name{number % 7} = call({number})" for number in range(40)]
    marks = fingerprints([(t.text, t.line) for t in plain_tokens("\n".join(code))])
    literals = fingerprints([(t.text, t.line) for t in plain_tokens("\n".join(code).replace("(", "(9"))])
    names = fingerprints([(t.text, t.line) for t in plain_tokens("\n".join(code).replace("name", "other"))])
    assert marks == literals
    assert not {mark for mark, _ in marks} & {mark for mark, _ in names}


def test_a_log_becomes_days_and_churn() -> None:
    log = "\x01864000\x02a@x\n\n3\t1\ta.py\n-\t-\tb.png\n\x01432000\x02b@x\n\n2\t0\ta.py\n"
    history = read_log(log)
    assert history is not None
    assert (history["commits"], history["authors"], history["by_the_hour"]) == (2, 2, False)
    assert (history["first"], history["last"]) == ("1970-01-06", "1970-01-11")
    assert history["churn"] == {"a.py": {"commits": 2, "lines": 6}, "b.png": {"commits": 1, "lines": 0}}
    assert [one["commits"] for one in history["periods"]] == [1, 0, 0, 0, 0, 1]
    assert history["periods"][-1] == {"begins": "1970-01-11", "commits": 1, "added": 3, "removed": 1}


def test_no_commit_is_no_history() -> None:
    assert read_log("") is None


def test_packages_stand_above_what_they_import_and_loops_share_a_level() -> None:
    modules = [
        Module("src/a/__init__.py", 1, []),
        Module("src/a/low.py", 2, ["os"]),
        Module("src/b/__init__.py", 1, ["a.low"]),
        Module("src/c/__init__.py", 1, ["b", "d.x"]),
        Module("src/d/__init__.py", 1, ["..c"]),
        Module("src/d/x.py", 1, ["c"]),
        Module("tools/run.py", 9, ["c"]),
    ]
    imports = read_imports(modules)
    levels = {package["name"]: package["level"] for package in imports["packages"]}
    assert levels == {"a": 0, "b": 1, "c": 2, "d": 2, "tools": 3}
    names = [package["name"] for package in imports["packages"]]
    assert {(names[a], names[b]) for a, b, _ in imports["counts"]} == {
        *(("b", "a"), ("c", "b"), ("c", "d"), ("d", "c"), ("tools", "c"))
    }


def test_relative_imports_lead_to_modules_of_the_tree() -> None:
    modules = [
        Module("k/__init__.py", 1, []),
        Module("k/p/__init__.py", 1, [".x"]),
        Module("k/p/x.py", 1, ["..q.y"]),
        Module("k/q/__init__.py", 1, []),
        Module("k/q/y.py", 1, []),
    ]
    imports = read_imports(modules)
    names = [package["name"] for package in imports["packages"]]
    assert [(names[a], names[b]) for a, b, _ in imports["counts"]] == [("k.p", "k.q")]


@given(st.dictionaries(st.text(min_size=1, max_size=4), st.integers(0, 100_000), max_size=30))
def test_a_treemap_shares_its_box_in_proportion_and_without_overlap(weights: dict[str, int]) -> None:
    total = sum(weights.values())
    placed = treemap(weights, Box(0, 0, 300, 200))
    assert placed.keys() == {name for name, weight in weights.items() if weight > 0}
    for name, box in placed.items():
        assert box.width * box.height == pytest.approx(weights[name] / total * 60_000, rel=1e-6, abs=1e-3)
        assert box.x + box.width <= 300.001
        assert box.y + box.height <= 200.001


@given(st.floats(0.01, 1e9))
def test_steps_are_round_and_stay_below_the_most(most: float) -> None:
    found = steps(most)
    assert found[0] == 0
    assert found[-1] <= most * (1 + 1e-9)
    assert 2 <= len(found) <= 6
    mantissa = found[1] / 10 ** math.floor(math.log10(found[1]) + 1e-9)
    assert min(abs(mantissa - good) for good in (1, 2, 5)) < 1e-6


def test_a_scale_keeps_to_its_ends() -> None:
    scale = Scale(10, 100, 200)
    assert (scale(-1), scale(0), scale(5), scale(10), scale(99)) == (100, 100, 150, 200, 200)
    assert Scale(0, 100, 200)(3) == 100
