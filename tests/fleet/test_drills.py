"""Fault drills on real processes: a few of the quickest here, all of them by `orrery bench fleet-drills`."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from orrery.bench.command import main
from orrery.bench.fleet_drills.drill import SUBJECT, Drill, Promise
from orrery.bench.fleet_drills.drills import DRILLS, chosen, nothing
from orrery.bench.fleet_drills.judge import broken_promises
from orrery.bench.fleet_drills.stage import plan, play
from orrery.bench.fleet_drills.witness import Execution
from orrery.errors import UnknownNameError
from orrery.graph.task import EffectKind
from orrery.runtime import Session

QUICK = ("killed/once-99-returns", "hub/once-done-without", "run/once-done-without", "liar/spare")


@pytest.mark.parametrize("name", QUICK)
def test_what_was_promised_comes_of_a_drill(name: str, tmp_path: Path) -> None:
    (drill,) = chosen(name)
    assert not asyncio.run(play(drill, tmp_path)).broken


def test_there_are_enough_and_every_kind_is_killed_at_every_point() -> None:
    names = [drill.name for drill in DRILLS]
    assert len(set(names)) == len(names) >= 30
    for kind in get_args(EffectKind):
        for at in (0, 50, 99):
            assert {f"killed/{kind}-{at}-spare", f"killed/{kind}-{at}-returns"} <= set(names)
    groups = Counter(drill.group for drill in DRILLS)
    assert {"flapping", "cut", "half-open", "hub", "run", "everything", "clock", "liar", "skill"} <= set(groups)
    with pytest.raises(UnknownNameError, match="killed"):
        chosen("kiled")


def test_the_seeded_fleets_are_a_part_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet-drills", "--only", "simulated", "--seeds", "3", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    values = {row["case"]: row["value"] for row in report["rows"]}
    assert (values["seeded fleets"], values["seeded: a promise broken"]) == (3, 0)
    assert main(["fleet-drills", "--only", "nonesuch"]) == 2


# -- the judge ------------------------------------------------------------------------------------------------------


def judged(tmp_path: Path, kind: EffectKind, executions: list[Execution], effects: list[str]) -> tuple[str, ...]:
    """What the judge says of a run in which nothing was performed, beside what was seen."""
    drill = Drill(name="made/up", kind=kind, strike=nothing, promise=Promise(state="cancelled", times=(0, 9)))
    sink, store = tmp_path / "effects.jsonl", f"sqlite:///{tmp_path}/runs.db"
    lines = [json.dumps({"task": SUBJECT, "key": key, "attempt": 1}) for key in effects]
    sink.write_text("".join(f"{line}\n" for line in lines))

    async def cancelled() -> None:
        async with Session(store) as session:
            run = session.start(plan(drill, sink, ""), run="drill", folder=tmp_path)
            run.cancel()
            await run.wait()

    asyncio.run(cancelled())
    lost, doubled, otherwise = broken_promises(drill, store, sink, executions)
    return (*lost, *doubled, *otherwise)


def seen(device: str, began_at: float, gone_at: float, *, key: str = "k", value: str = "") -> Execution:
    return replace(Execution(SUBJECT, 1, key, device, began_at), gone_at=gone_at, value=value)


def test_the_judge_finds_nothing_where_there_is_nothing(tmp_path: Path) -> None:
    assert not judged(tmp_path, "once", [seen("a", 1, 2), seen("b", 2, 3)], ["k"])


@pytest.mark.parametrize(
    ("kind", "executions", "effects", "says"),
    [
        ("once", [], ["k", "k"], "may happen once, and happened 2 times"),
        ("keyed", [], ["k", "l"], "booked 2 times, under the keys ['k', 'l']"),
        ("pure", [], ["k"], "is pure, and changed something"),
        ("pure", [seen("a", 1, 2, value="v")], [], "was done, and the run does not know"),
        ("keyed", [seen("a", 1, 3), seen("b", 2, 4)], [], "ran on a and b at the same time"),
        ("keyed", [seen("a", 1, 2), seen("b", 3, 4, key="l")], [], "performed under several keys"),
    ],
)
def test_the_judge_sees(
    tmp_path: Path, kind: EffectKind, executions: list[Execution], effects: list[str], says: str
) -> None:
    (found,) = judged(tmp_path, kind, executions, effects)
    assert says in found
