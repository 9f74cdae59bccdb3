"""The fleet on its page: a real hub and a real device, let in, drained and revoked, as the hub's registry has it."""

from __future__ import annotations

import contextlib
import re
import shlex
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from tests.dashboard.browser.house import House
from tests.dashboard.browser.visit import Visit

from orrery.fleet.hub.registry import Registry
from orrery.fleet.hubs import HUB_FILE
from orrery.scheduler import events as ev

SOON_MS = 15_000
"""A device starts, and the page asks the hub every two seconds."""


@pytest.fixture
def hub(house: House) -> Iterator[Registry]:
    """The registry of a hub that runs in the folder; afterwards there is none, for the runs of other tests."""
    program = house.start("hub", "--listen", "ws://127.0.0.1:0", "--json")
    assert program.stdout is not None
    assert program.stdout.readline()
    with contextlib.closing(Registry(house.folder / ".orrery" / "hub")) as registry:
        yield registry
    program.terminate()
    program.communicate(timeout=30)
    (house.folder / HUB_FILE).unlink(missing_ok=True)


def test_a_device_is_let_in_works_is_drained_and_revoked(visit: Visit, house: House, hub: Registry) -> None:
    page = visit.open("fleet")
    expect(page.get_by_text("No devices yet")).to_be_visible()
    page.get_by_role("button", name="Enrol a device").click()
    dialog = page.get_by_role("dialog", name="Enrol a device")
    dialog.get_by_label("Name").fill("two words")
    visit.tolerate("400|422")
    dialog.get_by_role("button", name="Make a token").click()
    expect(dialog.get_by_role("alert")).to_contain_text("two words")
    dialog.get_by_label("Name").fill("pi")
    dialog.get_by_label("Skills").fill("gpu, camera")
    dialog.get_by_role("button", name="Make a token").click()
    command = page.get_by_role("dialog", name="Let pi in").get_by_label("Command").inner_text()
    page.get_by_role("button", name="Done").click()
    assert command.split()[0] == "orrery"
    house.start(*shlex.split(command)[1:], "--folder", str(house.folder / "pi"), "--slots", "3")
    card = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="pi"))
    expect(card).to_contain_text("online", timeout=SOON_MS)
    expect(card).to_contain_text("camera")
    assert hub.devices()["pi"].skills == ("gpu", "camera")

    house.end(house.run("spread", "spread.yaml"))
    assert [(one.task, one.where) for one in house.told("spread", ev.TaskSucceeded)] == [("here", ""), ("there", "pi")]
    visit.open("run/spread?task=there")
    expect(
        page.get_by_role("complementary", name="Task").get_by_text(re.compile(r"text\.count · on pi"))
    ).to_be_visible()
    visit.open("fleet")

    what = card.get_by_role("button", name="What to do with pi")
    what.click()
    page.get_by_role("menuitem", name=re.compile("^Drain")).click()
    expect(card).to_contain_text("draining")
    assert hub.devices()["pi"].draining
    what.click()
    page.get_by_role("menuitem", name="Let it work again").click()
    expect(card).to_contain_text("online")
    assert not hub.devices()["pi"].draining
    what.click()
    page.get_by_role("menuitem", name="Revoke…").click()
    revoke = page.get_by_role("dialog", name="Revoke pi?")
    expect(revoke.get_by_role("button", name="Revoke")).to_be_disabled()
    revoke.get_by_label(re.compile("Type its name")).fill("pi")
    revoke.get_by_role("button", name="Revoke").click()
    expect(card).to_contain_text("revoked")
    assert hub.devices()["pi"].revoked_at is not None
