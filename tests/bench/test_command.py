"""The contract of `orrery bench NAME --json`, and every bench at its smallest."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import pytest

from orrery.bench import Options, Report, Row, benches
from orrery.bench.command import main
from orrery.bench.world import Tally, report
from orrery.testing.world import WorldError

KEYS = {"case", "value", "unit", "baseline", "ratio", "target", "ok"}
NAMES = ("crash", "makespan", "overhead", "planners", "providers", "replay", "world")


@pytest.fixture(autouse=True, scope="module")
def without_what_others_left() -> None:
    """A bench collects garbage before it measures; what tests before these have imported is not to be looked at."""
    gc.collect()
    gc.freeze()


def measured(name: str, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, dict[str, Any]]:
    """The status and the object that a quick bench prints last."""
    status = main([name, "--quick", "--json", *more])
    return status, json.loads(capsys.readouterr().out.splitlines()[-1])


def values(found: dict[str, Any]) -> dict[str, float]:
    return {row["case"]: row["value"] for row in found["rows"]}


@pytest.mark.parametrize("name", NAMES)
def test_a_quick_bench_prints_one_object_as_promised(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, found = measured(name, capsys, "--jobs", "1")
    assert found.keys() == {"bench", "rows", "ok"}
    assert found["bench"] == name
    assert found["rows"]
    for row in found["rows"]:
        assert row.keys() - {"published"} == KEYS
        assert isinstance(row["case"], str)
        assert isinstance(row["value"], int | float)
        assert isinstance(row["ok"], bool)
    assert found["ok"] is all(row["ok"] for row in found["rows"])
    assert (status, found["ok"]) == (0, True)


def test_the_six_benches_are_known() -> None:
    assert set(NAMES) <= set(benches.names())


def test_without_a_name_the_names_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert set(NAMES) <= set(capsys.readouterr().out.split())


def test_an_unknown_name_is_the_callers_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["overhaed"]) == 2
    assert "did you mean 'overhead'" in capsys.readouterr().err


@pytest.mark.parametrize("argument", ["--seeds=0", "--jobs=none", "--no-such"])
def test_a_wrong_argument_is_the_callers_mistake(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["world", argument]) == 2
    assert "usage" in capsys.readouterr().err


def test_a_missed_target_shows_in_status_json_and_table(capsys: pytest.CaptureFixture[str]) -> None:
    def sluggish(options: Options) -> Report:
        return Report("sluggish", [Row("a task", 9.0, "µs", 2.0, 4.5, "<= 3x", ok=False, published="1 µs, elsewhere")])

    if "sluggish" not in benches:
        benches.add("sluggish", sluggish)
    assert main(["sluggish", "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)["rows"]
    assert row == {
        "case": "a task",
        "value": 9.0,
        "unit": "µs",
        "baseline": 2.0,
        "ratio": 4.5,
        "target": "<= 3x",
        "ok": False,
        "published": "1 µs, elsewhere",
    }
    assert main(["sluggish"]) == 1
    table = capsys.readouterr().out
    assert "MISSED" in table
    assert "1 of 1 rows missed" in table
    assert "published, a task: 1 µs, elsewhere" in table


def test_the_same_seed_makes_the_same_schedules(capsys: pytest.CaptureFixture[str]) -> None:
    first, again = measured("makespan", capsys)[1], measured("makespan", capsys)[1]
    other = measured("makespan", capsys, "--seed", "2")[1]
    assert first == again != other


def test_a_report_can_be_drawn(tmp_path: Path) -> None:
    assert main(["makespan", "--quick", "--plot", str(tmp_path / "makespan.svg")]) == 0
    assert "orrery bench makespan" in (tmp_path / "makespan.svg").read_text()


def test_a_chart_of_another_kind_is_the_callers_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["makespan", "--quick", "--plot", str(tmp_path / "makespan.bmp")]) == 2
    assert "svg" in capsys.readouterr().err


def test_a_world_is_counted_once_per_seed(capsys: pytest.CaptureFixture[str]) -> None:
    _, found = measured("world", capsys, "--seeds", "3")
    assert found["rows"][0]["unit"] == "of 3"


def test_a_world_that_breaks_a_promise_is_told_with_its_reproduction() -> None:
    failures = [(seed, str(WorldError(seed, "P4: the run does not end"))) for seed in range(4, 34)]
    found = report(Tally(worlds=100, failures=failures), 2.0, Options())
    assert not found.ok
    assert found.rows[0].value == 30
    text = found.to_text()
    assert "reproduce: orrery bench world --seed 4 --seeds 1" in text
    assert "and 10 more: 24, 25" in text
