"""A request in plain words over a fleet: the planner is told of the devices, and its steps run there."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from tests.fleet.fleets import WITHIN_S, fleet
from tests.fleet.test_run_option import orrery

THINKER = """
def think(situation):
    names = [device["name"] for device in situation["devices"]]
    if situation["turn"] == 1:
        reads = '1. files.read(path="note.txt") each [' + ", ".join(map('"{}"'.format, names)) + '] on $item'
        return reads + '\\n2. text.count(text=$1[0]) on "any"\\nanswer: [$1, $2.words]'
    return "done"
"""


def test_the_constellation_spreads_over_the_devices_that_the_hub_knows(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "thinker.py").write_text(THINKER)
        async with fleet(tmp_path / "fleet", {"north": 1, "south": 1}) as there:
            for name in ("north", "south"):
                (tmp_path / "fleet" / name / "work" / "note.txt").write_text(f"said by {name}")
            status, printed = await orrery(
                tmp_path,
                *("run", "what do the notes say?", "--planner", "constellation", "--json", "--yes"),
                *("--option", "thinker=py:./thinker.py:think"),
                ORRERY_HUB=there.address.url,
                ORRERY_HUB_TOKEN=there.address.token,
            )
            assert status == 0, printed
            said = json.loads(printed.splitlines()[-1])
            assert said["outputs"] == {"answer": [["said by north", "said by south"], 3]}

    asyncio.run(asyncio.wait_for(story(), 3 * WITHIN_S))


def test_a_hub_that_was_not_named_and_does_not_answer_costs_a_request_nothing_but_a_word(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "a.txt").write_text("one\ntwo\n")
        status, printed = await orrery(
            tmp_path,
            *("run", "count the lines of a.txt"),
            ORRERY_HUB="ws://127.0.0.1:9",
            ORRERY_HUB_TOKEN="client.none",
        )
        assert status == 0, printed
        assert "planned for this machine alone" in printed
        status, printed = await orrery(tmp_path, *("plan", "count the lines of a.txt", "--hub", "ws://127.0.0.1:9"))
        assert status in (1, 2)
        assert "127.0.0.1:9" in printed

    asyncio.run(asyncio.wait_for(story(), 3 * WITHIN_S))
