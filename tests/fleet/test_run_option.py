"""`orrery run --hub`: the commands find the hub, run on its devices, and say where things ran."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.fleet.fleets import WITHIN_S, fleet

WORKFLOW = """
name: where
tasks:
  ask:
    runs-on: pi
    uses: text.count
    with: {text: "a b c"}
outputs: {words: "${{ tasks.ask.words }}"}
"""


async def orrery(folder: Path, *words: str, **environment: str) -> tuple[int, str]:
    """The exit status of a command, and what it printed."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith("ORRERY_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orrery",
        *words,
        cwd=folder,
        env={**usual, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode()


@pytest.mark.parametrize("named_by", ["options", "environment"])
def test_a_run_finds_its_hub_and_says_where_it_ran(tmp_path: Path, named_by: str) -> None:
    async def story() -> None:
        (tmp_path / "where.yaml").write_text(WORKFLOW)
        async with fleet(tmp_path / "fleet", {"pi": 1}) as there:
            token = tmp_path / "token"
            token.write_text(there.address.token)
            token.chmod(0o600)
            options, environment = [], {}
            if named_by == "options":
                options = ["--hub", there.address.url, "--hub-token-file", str(token)]
            else:
                environment = {"ORRERY_HUB": there.address.url, "ORRERY_HUB_TOKEN": there.address.token}
            status, printed = await orrery(tmp_path, "run", "where.yaml", *options, **environment)
            assert status == 0, printed
            assert "words  3" in printed
            status, printed = await orrery(tmp_path, "show", "last")
            assert "on pi" in printed

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_a_token_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "where.yaml").write_text(WORKFLOW)
        (tmp_path / "token").write_text("client.x")
        (tmp_path / "token").chmod(0o644)
        options = ["--hub", "ws://127.0.0.1:9", "--hub-token-file", "token"]
        status, printed = await orrery(tmp_path, "run", "where.yaml", *options)
        assert status == 2
        assert "chmod 600 token" in printed

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))
