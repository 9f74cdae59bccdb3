"""The bench of the fleet's speed at its smallest: everything in it really runs, and what it says adds up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orrery.bench.command import main


def measured(part: str, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """The rows of one part by what they begin with."""
    assert main(["fleet-speed", "--quick", "--only", part, "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["bench"] == "fleet-speed"
    return {row["case"]: row for row in report["rows"]}


def test_leases_are_counted_and_timed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = measured("leases", capsys)
    [rate] = [row for case, row in rows.items() if case.startswith("leases a second")]
    assert rate["value"] > 10
    assert rate["ratio"] == pytest.approx(rate["value"] / rate["baseline"], rel=1e-3)
    times = {case: row["value"] for case, row in rows.items() if case.startswith("p50")}
    assert len(times) == 4
    assert all(0 < ms < 10_000 for ms in times.values())
    used = [row["value"] for case, row in rows.items() if case.startswith("processor time")]
    assert len(used) == 5
    assert used[0] == pytest.approx(sum(used[1:]), rel=1e-3)


def test_devices_come_and_the_hub_is_watched(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(measured("many", capsys).values())
    assert rows[0]["unit"] == "MB"
    assert rows[0]["value"] >= rows[0]["baseline"] > 5
    assert rows[1]["unit"] == "cores"
    assert 0 <= rows[1]["value"] < 4
    assert rows[2]["unit"] == "s"
    assert rows[2]["value"] > 0


def test_a_blob_is_copied_both_ways_beside_plain_sockets(capsys: pytest.CaptureFixture[str]) -> None:
    rows = measured("blobs", capsys)
    assert len(rows) == 4
    for row in rows.values():
        assert row["value"] > 0
        assert row["baseline"] > 0
        assert row["ratio"] == pytest.approx(row["value"] / row["baseline"], rel=1e-3)


def test_a_broker_is_measured_where_there_is_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = measured("mqtt", capsys)
    assert all(row["value"] > 0 and not row["target"] for row in found.values())
    monkeypatch.setattr("orrery.bench.fleet_speed.broker.shutil.which", lambda *_, **__: None)
    assert main(["fleet-speed", "--quick", "--only", "mqtt"]) == 0
    assert "there is no mosquitto here" in capsys.readouterr().out


def test_an_unknown_part_is_the_callers_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet-speed", "--only", "blob"]) == 2
    assert "blobs" in capsys.readouterr().err
