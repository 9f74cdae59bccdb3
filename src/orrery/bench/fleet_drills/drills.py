"""The drills: every fault, for every kind of effect for which it makes a difference."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

from orrery.bench.fleet_drills.drill import ONE, SKILL, SUBJECT, TWO, Drill, Promise, Scene
from orrery.bench.fleet_drills.machines import HUB, RUN
from orrery.errors import UnknownNameError
from orrery.graph.task import EffectKind

KINDS: tuple[EffectKind, ...] = get_args(EffectKind)
_FEW: tuple[EffectKind, ...] = ("pure", "once")
_STRICT: tuple[EffectKind, ...] = ("keyed", "once")
FLAPS = 6
WRONG_S = 300.0
"""How wrong the clock of a device is: five minutes."""
TIMEOUT_S = 8.0
LONG_S = 20.0
"""A lease that outlasts the start of a hub, also on a machine that is busy."""

# -- what is done ---------------------------------------------------------------------------------------------------


async def nothing(scene: Scene) -> None:
    """Let it go on."""
    scene.held.let_go()


async def kill_device(scene: Scene) -> None:
    """The device dies for good."""
    await scene.machines.kill(scene.execution.device)


async def restart_device(scene: Scene) -> None:
    """The device dies, and is started again."""
    await scene.machines.kill(scene.execution.device)
    await scene.machines.start(scene.execution.device)


async def kill_all_of_the_skill(scene: Scene) -> None:
    """Every device that could do it dies."""
    for name in scene.machines.proxies:
        if name in (ONE.name, TWO.name):
            await scene.machines.kill(name)


async def flap(scene: Scene) -> None:
    """The connection is cut and mended once a second; in the middle of it the work is done."""
    proxy = scene.machines.proxies[scene.execution.device]
    for flap in range(FLAPS):
        proxy.cut(refuse=True)
        if flap == FLAPS // 2:
            await scene.finish()
        await asyncio.sleep(0.5)  # the beat is the fault itself
        proxy.heal()
        await asyncio.sleep(0.5)


async def cut_and_finish(scene: Scene) -> None:
    """The work is done while nobody can be told, and the lease is over before anybody is."""
    scene.machines.proxies[scene.execution.device].cut(refuse=True)
    await _finish_unheard(scene)


async def deafen_and_finish(scene: Scene) -> None:
    """The same on a connection that is half open: nothing arrives, and nobody is told so."""
    scene.machines.proxies[scene.execution.device].half_open()
    await _finish_unheard(scene)


async def _finish_unheard(scene: Scene) -> None:
    device = scene.execution.device
    await scene.finish()
    await scene.machines.until_seen(lambda seen: seen[device] == "gone")
    scene.machines.proxies[device].heal()


async def cut_and_hold(scene: Scene) -> None:
    """Both sides live, and the lease ends before the work does."""
    scene.machines.proxies[scene.execution.device].cut(refuse=True)
    await _hold_unheard(scene)


async def deafen_and_hold(scene: Scene) -> None:
    """The same on a connection that is half open."""
    scene.machines.proxies[scene.execution.device].half_open()
    await _hold_unheard(scene)


async def _hold_unheard(scene: Scene) -> None:
    device = scene.execution.device
    await scene.execution.gone.wait()  # the device has to stop it by itself
    await scene.machines.until_seen(lambda seen: seen[device] == "gone")
    scene.machines.proxies[device].heal()


async def restart_hub(scene: Scene) -> None:
    """The hub dies and comes back, and then the work is done."""
    await scene.machines.kill(HUB)
    await scene.machines.start(HUB)
    scene.held.let_go()


async def kill_hub_and_finish(scene: Scene) -> None:
    """The work is done while there is no hub."""
    await scene.machines.kill(HUB)
    await scene.finish()
    await scene.machines.start(HUB)


async def kill_hub_and_hold(scene: Scene) -> None:
    """There is no hub for longer than the lease."""
    await scene.machines.kill(HUB)
    await scene.execution.gone.wait()
    await scene.machines.start(HUB)


async def resume_run(scene: Scene) -> None:
    """The run's process dies, another goes on with it, and then the work is done."""
    await scene.machines.kill(RUN)
    await scene.start_run()
    scene.held.let_go()


async def kill_run_and_finish(scene: Scene) -> None:
    """The work is done while nobody waits for it."""
    await scene.machines.kill(RUN)
    await scene.finish()
    await scene.execution.gone.wait()
    await scene.start_run()


async def kill_hub_and_run(scene: Scene) -> None:
    """The work is done while there is neither hub nor run."""
    await scene.machines.kill(RUN)
    await scene.machines.kill(HUB)
    await scene.finish()
    await scene.machines.start(HUB)
    await scene.start_run()


async def kill_everything(scene: Scene) -> None:
    """The lights go out, and on again."""
    device = scene.execution.device
    for name in (RUN, HUB, device):
        await scene.machines.kill(name)
    for name in (HUB, device):
        await scene.machines.start(name)
    await scene.start_run()


# -- the list -------------------------------------------------------------------------------------------------------

ASKED = Promise(state="partial", says=(SUBJECT,), asks=True)
AGAIN = Promise(times=(2, 2))
MISSING = Promise(state="partial", says=(SKILL,))


def _killed() -> Iterator[Drill]:
    """A device is killed at each point of a task: with a spare it stays dead, alone it comes back."""
    for kind in KINDS:
        for at in (0, 50, 99):
            promise = ASKED if kind == "once" else AGAIN
            spare = Drill(name=f"killed/{kind}-{at}-spare", kind=kind, at=at, strike=kill_device, promise=promise)
            yield replace(spare, members=(ONE, TWO))
            yield replace(spare, name=f"killed/{kind}-{at}-returns", strike=restart_device)


def _network() -> Iterator[Drill]:
    for kind in (*_FEW, "keyed"):
        yield Drill(name=f"flapping/{kind}", kind=kind, strike=flap)
    for group, finish, hold in (
        ("cut", cut_and_finish, cut_and_hold),
        ("half-open", deafen_and_finish, deafen_and_hold),
    ):
        for kind in _STRICT:
            yield Drill(name=f"{group}/{kind}-done", kind=kind, strike=finish)
        for kind in KINDS:
            promise = ASKED if kind == "once" else AGAIN
            yield Drill(name=f"{group}/{kind}-held", kind=kind, strike=hold, promise=promise, members=(ONE, TWO))


def _hub_and_run() -> Iterator[Drill]:
    for kind in _FEW:
        yield Drill(name=f"hub/{kind}-restarted", kind=kind, strike=restart_hub, members=(ONE, TWO), lease_s=LONG_S)
        yield Drill(name=f"hub/{kind}-done-without", kind=kind, strike=kill_hub_and_finish, members=(ONE, TWO))
    yield Drill(name="hub/idempotent-away", kind="idempotent", strike=kill_hub_and_hold, promise=AGAIN)
    yield Drill(name="hub/once-away", kind="once", strike=kill_hub_and_hold, promise=ASKED)
    for kind in _STRICT:
        yield Drill(name=f"run/{kind}-resumed", kind=kind, strike=resume_run, members=(ONE, TWO))
        yield Drill(name=f"run/{kind}-done-without", kind=kind, strike=kill_run_and_finish, members=(ONE, TWO))
        yield Drill(name=f"run/{kind}-and-hub", kind=kind, strike=kill_hub_and_run, members=(ONE, TWO))
    yield Drill(name="everything/keyed", kind="keyed", strike=kill_everything, promise=AGAIN)
    yield Drill(name="everything/once", kind="once", strike=kill_everything, promise=ASKED)


def _clocks() -> Iterator[Drill]:
    late = Promise(state="partial", says=("timeout",))
    for name, wrong_s in (("ahead", WRONG_S), ("behind", -WRONG_S)):
        members = (replace(ONE, clock_s=wrong_s),)
        yield Drill(name=f"clock/{name}", kind="once", strike=nothing, members=members, timeout_s=60.0)
        yield Drill(
            name=f"clock/{name}-times-out",
            kind="pure",
            strike=_hold,
            members=members,
            timeout_s=TIMEOUT_S,
            promise=late,
        )


async def _hold(scene: Scene) -> None:
    """It never ends by itself."""


def _lacking() -> Iterator[Drill]:
    liar = replace(ONE, lies=True)
    yield Drill(name="liar/spare", kind="once", strike=nothing, members=(liar, TWO))
    refused = replace(MISSING, says=(liar.name, "allow"), times=(0, 0))
    yield Drill(name="liar/alone", kind="once", strike=nothing, members=(liar,), promise=refused, strikes=False)
    for kind in (KINDS[0], KINDS[2]):
        gone = replace(MISSING, times=(1, 1))
        yield Drill(
            name=f"skill/{kind}-gone", kind=kind, strike=kill_all_of_the_skill, promise=gone, members=(ONE, TWO)
        )
    yield Drill(
        name="skill/rerun",
        kind="once",
        strike=kill_device,
        promise=Promise(times=(2, 2), asks=True),
        members=(ONE, TWO),
        verdict="rerun",
    )


DRILLS: tuple[Drill, ...] = (*_killed(), *_network(), *_hub_and_run(), *_clocks(), *_lacking())


def chosen(only: str) -> list[Drill]:
    """The drills of that name or group; all for an empty one. Raises UnknownNameError."""
    found = [drill for drill in DRILLS if not only or only in (drill.name, drill.group)]
    if not found:
        raise UnknownNameError("drill", only, sorted({one for drill in DRILLS for one in (drill.name, drill.group)}))
    return found


__all__ = ["DRILLS", "KINDS", "chosen"]
