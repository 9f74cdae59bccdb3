"""The guide to devices: its workflow runs on a device as it says, and its options are those that there are."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

from orrery.runtime.device import DeviceOptions, make_device
from tests.docs.blocks import ROOT, blocks_of
from tests.fleet.test_device import WITHIN_S, Rig, rig

GUIDE = ROOT / "docs" / "guides" / "devices.md"
OF_OTHERS = {"--task", "--target", "--home-dir", "--system", "--now"}
"""Options of other commands."""


def test_its_workflow_runs_on_a_device(tmp_path: Path) -> None:
    (flow,) = (block for block in blocks_of(GUIDE) if block.language == "yaml")
    (tmp_path / "flow.yaml").write_text("\n".join(flow.lines), encoding="utf-8")
    (tmp_path / "token").touch(mode=0o600)

    async def story() -> None:
        async with rig(tmp_path) as fleet:
            token = fleet.hub.registry.enrolment_token(name="pi", at=fleet.hub.now())
            device = make_device(fleet.url, tmp_path / "pi", token=token, options=DeviceOptions(slots=1))
            running = asyncio.create_task(device.run())
            await fleet.online()
            (tmp_path / "token").write_text(fleet.hub.client_token, encoding="utf-8")
            assert "hello from a device" in await _run(fleet, tmp_path)
            assert (tmp_path / "pi" / "files" / "hello.txt").read_text() == "hello from a device"
            device.drain("the test is over")
            async with asyncio.timeout(WITHIN_S):
                await running

    asyncio.run(story())


async def _run(fleet: Rig, folder: Path) -> str:
    command = [sys.executable, "-m", "orrery", "run", "flow.yaml", "--hub", fleet.url, "--hub-token-file", "token"]
    done = await asyncio.to_thread(
        subprocess.run, [*command, "--json"], cwd=folder, capture_output=True, timeout=WITHIN_S, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.dumps(json.loads(done.stdout.splitlines()[-1]))


def test_its_options_are_those_that_there_are() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - OF_OTHERS
    done = subprocess.run(
        [sys.executable, "-m", "orrery", "device", "--help"], capture_output=True, timeout=WITHIN_S, check=False
    )
    known = set(re.findall(r"--[a-z][a-z-]+", done.stdout.decode()))
    assert named
    assert named <= known, named - known
