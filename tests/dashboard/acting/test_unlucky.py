"""What befalls the folder of a dashboard while it runs is told, and is no fault of ours."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import aclosing
from pathlib import Path

import pytest
from tests.dashboard.acting.desk import Desk

from orrery.dashboard import launching, token
from orrery.dashboard.web.stream import changes


@pytest.mark.parametrize("run", [".", ".."])
def test_a_name_that_a_browser_takes_for_a_step_in_an_address_is_refused(desk: Desk, run: str) -> None:
    said = desk.post("/runs", target="asks.yaml", run=run)
    assert (said.status, said.json["code"]) == (400, "run-name")


@pytest.mark.parametrize("path", ["/runs", "/runs/r/retry"])
def test_a_full_disk_is_told_to_who_starts_something(desk: Desk, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    desk.begin("kinds.yaml", "r", inputs={"text": "", "real": 1, "yes": True, "map": {}})
    desk.wait_for(lambda machine: machine.state == "succeeded")

    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(launching, "_write", full)
    words = {"target": "kinds.yaml", "run": "next", "inputs": {"text": "x"}} if path == "/runs" else {}
    said = desk.post(path, **words)
    assert (said.status, said.json["code"]) == (503, "store")
    assert "No space left" in said.json["message"]


def test_a_word_that_cannot_be_taken_back_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unlink(_path: Path, **_: bool) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "unlink", unlink)
    token.forget_running(1, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be taken away there")
@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_store_that_was_taken_away_is_told_by_every_door(desk: Desk, is_replaced: bool) -> None:
    desk.begin("kinds.yaml", "r", inputs={"text": "", "real": 1, "yes": True, "map": {}})
    desk.wait_for(lambda machine: machine.state == "succeeded")
    path = Path(desk.store.removeprefix("sqlite:///"))
    if is_replaced:
        path.with_name("other").write_bytes(b"")
        os.replace(path.with_name("other"), path)
    else:
        path.unlink()
    for said in (desk.get("/runs"), desk.get("/runs/r/rows"), desk.post("/runs", target="kinds.yaml")):
        assert (said.status, said.json["code"]) == (503, "store")
        assert "start `orrery ui` anew" in said.json["message"]

    async def look() -> bytes:
        async with aclosing(changes(desk.board, "r", 0)) as parts:  # type: ignore[type-var]
            return b"".join([part async for part in parts])

    assert b"event: refused" in asyncio.run(look())
