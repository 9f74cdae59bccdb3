"""The guide to fleets does what it says: its workflows give the same on this machine and on devices."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from orrery import Session
from orrery.fleet.hubs import HubAddress
from orrery.runtime.executors.fleet import FleetExecutor
from orrery.workflow import load_target
from tests.docs.blocks import blocks_of
from tests.fleet.fleets import WITHIN_S, fleet

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "fleet.md"
LOGS = {"web1": "GET /\nERROR one\nERROR two\n", "web2": "ERROR three\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for block in blocks_of(GUIDE):
        if block.name:
            (tmp_path / block.name).write_text("\n".join(block.lines) + "\n")
    return tmp_path


async def errors(folder: Path, hub: HubAddress | None) -> int:
    workflow = load_target("errors.yaml", folder, {})
    async with Session(f"sqlite:///{folder}/runs.db", executors={"fleet": FleetExecutor(hub)}) as session:
        result = await session.start(workflow, folder=folder).wait()
        assert result.error is None
        found: int = result.outputs["errors"]
        return found


def test_the_workflow_counts_what_the_devices_have(folder: Path) -> None:
    async def story() -> None:
        async with fleet(folder) as there:
            for name, skills in (("web1", ()), ("web2", ("big",))):
                device = await there.add(name, skills=skills)
                (device.folder / "work" / "app.log").write_text(LOGS[name])
            assert await errors(folder, there.address) == 3

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))


def test_without_a_hub_it_reads_the_file_of_this_machine(folder: Path) -> None:
    (folder / "app.log").write_text(LOGS["web1"])
    assert asyncio.run(errors(folder, None)) == 4


def test_the_flow_runs_here_and_on_a_device(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(folder)
    import run_errors  # type: ignore[import-not-found]

    assert asyncio.run(run_errors.count(None, "ERROR one\nfine\nERROR two\n")) == 2

    async def story() -> None:
        async with fleet(folder, allow=("py:errors_flow:*",)) as there:
            await there.add("web2", skills=("big",))
            assert await run_errors.count(there.address, "ERROR one\nfine\nERROR two\n") == 2

    asyncio.run(asyncio.wait_for(story(), WITHIN_S))
