"""The fixture `simulated`: model servers for a test, and a configuration that leads to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest

from orrery.models.simulated import INSTANT, SimulatedServer, Timing, echo
from orrery.models.simulated.service import Script


class Simulated(Protocol):
    """Starts a server; `ORRERY_MODELS` and `ORRERY_MODEL` lead to the one that was started last."""

    def __call__(
        self, script: Script = echo, *, first_s: float = ..., tokens_per_s: float = ..., **options: Any
    ) -> SimulatedServer:
        """A running server, in a thread of its own.

        Args:
            first_s, tokens_per_s: its timing; it answers at once unless given.
            options: as `SimulatedServer` takes them.
        """
        ...


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Simulated]:
    """A factory of running servers; they end with the test, and an error of a script fails it."""
    with ExitStack() as servers:

        def start(
            script: Script = echo,
            *,
            first_s: float = INSTANT.first_s,
            tokens_per_s: float = INSTANT.tokens_per_s,
            **options: Any,
        ) -> SimulatedServer:
            options.setdefault("timing", Timing(first_s=first_s, tokens_per_s=tokens_per_s))
            server = servers.enter_context(SimulatedServer(script, **options))
            config = tmp_path / "simulated-models.toml"
            config.write_text(server.config(), encoding="utf-8")
            monkeypatch.setenv("ORRERY_MODELS", str(config))
            monkeypatch.setenv("ORRERY_MODEL", "sim-openai-chat:simulated")
            return server

        yield start
