"""The bench of the dashboard at its smallest: a real run, server and browser, and what it says adds up."""

from __future__ import annotations

import json
import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from orrery.bench.command import main
from orrery.bench.dashboard.measure import PAGE
from orrery.bench.dashboard.memory import slope

LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="what a process uses is read from /proc")


def measured(part: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The rows of one part."""
    assert main(["dashboard", "--quick", "--only", part, "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["bench"] == "dashboard"
    rows: list[dict[str, Any]] = report["rows"]
    return rows


@LINUX
def test_a_server_is_watched_while_one_listens_and_one_polls(capsys: pytest.CaptureFixture[str]) -> None:
    share, sent, idle = measured("server", capsys)
    assert 0 <= idle["value"] <= 100 * (os.cpu_count() or 1)
    assert 0 <= share["value"] <= 100 * (os.cpu_count() or 1)
    assert 0 < sent["value"] < sent["baseline"]
    assert sent["ratio"] == pytest.approx(sent["value"] / sent["baseline"], rel=1e-3)


def is_page_drawn() -> bool:
    """Whether there is a page that says when it has drawn a graph."""
    return any("orrery:drawn" in file.read_text() for file in (PAGE.parent / "assets").glob("*.js"))


@LINUX
@pytest.mark.skipif(shutil.which("chromium") is None, reason="there is no Chromium here")
@pytest.mark.skipif(find_spec("playwright") is None, reason="there is no Playwright here")
@pytest.mark.skipif(not is_page_drawn(), reason="the page has not been built: make ui")
def test_a_page_paints_and_takes_longer_than_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    cold, warm = measured("paint", capsys)
    for row in (cold, warm):
        assert 0 < row["baseline"] < row["value"] < 60
        assert row["ratio"] == pytest.approx(row["value"] / row["baseline"], rel=1e-3)


def test_without_a_browser_the_way_out_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    assert main(["dashboard", "--only", "frames"]) == 2
    said = capsys.readouterr().err
    assert "pip install 'orrery[bench]'" in said
    assert "[missing-browser]" in said


def test_growth_is_the_same_with_a_few_that_lie_aside() -> None:
    points = [(float(minute), 5.0 + 0.25 * minute) for minute in range(20)]
    assert slope(points) == pytest.approx(0.25)
    points[7], points[12] = (7.0, 90.0), (12.0, 0.0)
    assert slope(points) == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("wrong", ["--only=paints", "--minutes=0", "--minutes=soon"])
def test_a_wrong_request_is_the_callers_mistake(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dashboard", wrong]) == 2
    assert capsys.readouterr().err
