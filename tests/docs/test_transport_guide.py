"""The guide to transports does what it says: its transport passes the conformance suite and is found by its URL."""

from __future__ import annotations

import re
from pathlib import Path

from orrery.fleet.transports import Transport
from orrery.fleet.transports.registry import transport_for
from orrery.testing.transports import TransportConformance
from tests.docs.blocks import blocks_of, run_program
from tests.fleet.mosquitto import CONFIGURATION, PREFIX, RULES

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "transports.md"


class TestTheGuidesTransport(TransportConformance):
    def transport(self) -> Transport:
        run_program(GUIDE)
        return transport_for("zip://127.0.0.1:0")

    def url(self) -> str:
        return "zip://127.0.0.1:0"


def test_the_guides_suite_is_one() -> None:
    module, _ = run_program(GUIDE)
    assert issubclass(module.TestZippedTransport, TransportConformance)
    assert isinstance(module.TestZippedTransport().transport(), module.ZippedTransport)


def test_the_guides_rules_for_mosquitto_are_those_that_the_tests_use() -> None:
    shown = ["\n".join(block.lines) + "\n" for block in blocks_of(GUIDE) if block.language == "text"]
    assert RULES in shown
    assert f"/{PREFIX}" in shown[-1]
    [configuration] = [text for text in shown if text.startswith("listener")]
    used = set(re.findall(r"^\w+", CONFIGURATION, re.MULTILINE)) - {"user", "log_dest", "persistence"}
    assert used <= set(re.findall(r"^\w+", configuration, re.MULTILINE))
