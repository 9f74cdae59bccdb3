"""What others say is shown, and steers no terminal: an operator reads of them in tables and lines."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from orrery.cli.devices import _lines
from orrery.cli.screen import say, say_table
from orrery.fleet.profile import DeviceView, Profile

STEERING = "\x1b[2J\x1b]0;mine\x07\x9b2J\u202egnp.exe\u2066\x08\r\n2026-01-01 00:00:00  started  hub"


def shown(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, color_system=None, width=200, markup=False)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def steers(text: str) -> bool:
    return any(not (one.isprintable() or one == "\n") for one in text)


@pytest.mark.parametrize("terminal", [True, False])
def test_a_record_of_the_audit_log_is_one_line_and_steers_nothing(*, terminal: bool) -> None:
    console = shown(terminal)
    say_table(console, ("when", "what", "who", "why"), [("now", "error", STEERING, STEERING), ("now", "a", "b", "c")])
    assert not steers(text_of(console))
    assert len(text_of(console).splitlines()) == 3


@pytest.mark.parametrize("terminal", [True, False])
def test_a_line_steers_nothing(*, terminal: bool) -> None:
    console = shown(terminal)
    say(console, f"no connection: {STEERING}")
    assert not steers(text_of(console))


def test_a_device_does_not_steer_the_list_of_devices() -> None:
    console = shown(True)
    profile = Profile(skills=(STEERING, "b"), host=STEERING, os=STEERING, slots=2**53)
    view = DeviceView("pi", "online", 0.0, profile, latency_s=1e300, trust=1e300, heard_at=-1e300)
    for line in _lines(console, {}, [view]):
        say(console, line)
    assert not steers(text_of(console).replace("\n", " "))
