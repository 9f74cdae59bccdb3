"""Requests in other people's words: what the frozen planner made of them is the least that a later one may reach."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orrery.bench.planning.rules import (
    TUNED_ON,
    UNSEEN,
    Verdict,
    Word,
    by_category,
    differences,
    requests,
    rows,
    score,
)
from orrery.bench.report import Options
from orrery.graph import Graph

LEAST_RIGHT = {UNSEEN: 31, TUNED_ON: 68}
"""Measured, of 44 and of 68; in neither was anything wrong or failed."""
MOST_WRONG = 0
MOST_FAILED = 0


@pytest.fixture(scope="module", params=[UNSEEN, TUNED_ON], ids=lambda suite: suite.stem)
def suite(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture(scope="module")
def verdicts(suite: Path) -> list[Verdict]:
    return score(requests(suite))


def test_no_fewer_are_right_and_no_more_are_wrong_than_when_they_were_written(
    suite: Path, verdicts: list[Verdict]
) -> None:
    for category, table in by_category(verdicts).items():
        print(f"{category:12}", *(f"{word} {table[word]:2}" for word in ("right", "refused", "wrong", "failed")))
    for verdict in verdicts:
        if verdict.word != "right":
            print(f"{verdict.word}: {verdict.case['request']}\n    {verdict.because}")
    words: Counter[Word] = Counter(verdict.word for verdict in verdicts)
    assert words["right"] >= LEAST_RIGHT[suite]
    assert words["wrong"] <= MOST_WRONG
    assert words["failed"] <= MOST_FAILED


def test_every_refusal_says_why(verdicts: list[Verdict]) -> None:
    assert all("[plan/" in verdict.because for verdict in verdicts if verdict.word == "refused")


@pytest.mark.parametrize(("suite", "least", "of_each"), [(UNSEEN, 44, 4), (TUNED_ON, 48, 5)])
def test_there_are_enough_requests_of_every_category(suite: Path, least: int, of_each: int) -> None:
    counts = Counter(case["category"] for case in requests(suite))
    assert set(counts) == {"files", "logs", "tables", "metrics", "shell", "charts", "conditions"}
    assert min(counts.values()) >= of_each
    assert counts.total() >= least


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        ({"one": 3}, 3),
        ({"one": "c"}, ["c"]),
        ({"one": "West"}, [{"region": "West", "count": 1}]),
        ({"list": ["a", "b"]}, [{"path": "a", "size": 2}, {"path": "b", "size": 1}]),
        ({"list": ["a", "b"], "any_order": True}, ["b", "a"]),
        ({"pairs": {"x": 1, "y": 2}}, {"y": 2, "x": 1}),
        ({"pairs": {"x": 1}, "more": True}, [{"group": "x", "count": 1}, {"group": "y", "count": 0}]),
        ({"rows": [{"status": 500}]}, [{"status": 500, "host": "h"}]),
        ({"kind": "number"}, 0.5),
    ],
)
def test_the_same_content_in_another_form_is_right(case: dict[str, Any], answer: Any, tmp_path: Path) -> None:
    assert not list(differences(case, Graph(), answer, {}, tmp_path))


@pytest.mark.parametrize(
    ("case", "answer"),
    [
        ({"one": 3}, 4),
        ({"one": 3}, [3, 4]),
        ({"one": 1}, True),
        ({"one": "1"}, 1),
        ({"list": ["a", "b"]}, ["b", "a"]),
        ({"list": ["a", "b"], "any_order": True}, ["a", "b", "c"]),
        ({"pairs": {"x": 1, "y": 2}}, [{"group": "x", "count": 2}, {"group": "y", "count": 1}]),
        ({"pairs": {"x": 1}}, 1),
        ({"rows": [{"status": 500}]}, [{"status": 500}, {"status": 503}]),
        ({"kind": "number"}, "many"),
        ({"draws": "bar"}, None),
        ({"files": ["a.txt"]}, None),
        ({"text": {"a.txt": "a\n"}}, None),
        ({"records": {"a.jsonl": [{"a": 1}]}}, None),
    ],
)
def test_another_result_is_wrong(case: dict[str, Any], answer: Any, tmp_path: Path) -> None:
    assert list(differences(case, Graph(), answer, {}, tmp_path))


def test_a_file_that_nobody_asked_for_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "stray.txt").write_text("x", encoding="utf-8")
    assert list(differences({"one": 3}, Graph(), 3, {"lost.txt": b"x"}, tmp_path)) == [
        "lost.txt was not to be touched",
        "stray.txt was not to be touched",
    ]


def test_the_rows_of_the_bench_account_for_every_request() -> None:
    values = {row.case: row.value for row in rows(Options(quick=True))}
    asked = len(requests(UNSEEN)[::9])
    words = [values[f"rules, {word} of them"] for word in ("refused", "wrong", "failed")]
    assert values[f"rules, right of {asked} requests that it had not seen"] + sum(words) == asked
