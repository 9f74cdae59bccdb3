"""The open trace: where a call goes while a flow is being turned into a graph.

It stands down here so that everything a flow may call (a task, a tool, another flow) can find the open
trace without knowing who opened it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from orrery.graph.task import Effects


class Trace(Protocol):
    """Takes down calls as tasks instead of letting them run."""

    def call(self, name: str, op: str, args: Mapping[str, Any], *, executor: str, effects: Effects) -> Any:
        """Add a task that performs `op`, with an id made from `name`; what comes back stands for its result."""


_open: ContextVar[Trace | None] = ContextVar("orrery_open_trace", default=None)


def open_trace() -> Trace | None:
    """The trace that calls must be handed to, or None when calls are to run as they are."""
    return _open.get()


@contextmanager
def tracing(trace: Trace | None) -> Iterator[None]:
    """Within the block, `trace` is the open trace; None lets calls run as they are."""
    token = _open.set(trace)
    try:
        yield
    finally:
        _open.reset(token)
