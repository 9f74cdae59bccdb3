"""BatchExecutor: batches on the driver's own loop, each with the driver at hand, since it drives runs of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from orrery.runtime.context import Context
from orrery.runtime.executors.inline import InlineExecutor
from orrery.runtime.executors.outcome import AttemptKey
from orrery.runtime.executors.protocol import Host, Invocation
from orrery.scheduler.events import Event

if TYPE_CHECKING:
    from orrery.runtime.driver import Driver

Hear = Callable[[str, Sequence[Event]], None]


class BatchContext(Context):
    """The context of a batch. Used on the driver's own loop only.

    Attributes:
        driver: of this run, and of those that the batch begins.
        hear: called with the events of every run once they are durable; the batch sets it.
        closing: the session ends; what goes on is to be left as it is, for whoever resumes it.
    """

    __slots__ = ("closing", "driver", "hear")

    def __init__(self, invocation: Invocation, host: Host) -> None:
        super().__init__(invocation, host)
        self.driver = cast("Driver", host)
        self.hear: Hear | None = None
        self.closing = False


class BatchExecutor(InlineExecutor):
    """Runs batches. They only wait for their windows, so they take no place among the inline executor's attempts."""

    async def open(self, host: Host) -> None:
        """Get ready, and listen to what happens."""
        await super().open(host)
        if isinstance(observers := getattr(host, "observers", None), list):
            observers.append(self._observe)

    async def close(self) -> None:
        """Stop the batches. Their windows are left as they are, and go on when the batch is resumed."""
        for context in self._contexts.values():
            cast("BatchContext", context).closing = True
        await super().close()

    def _context(self, invocation: Invocation, key: AttemptKey) -> Context:
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = BatchContext(invocation, self._host)
        return context

    def _observe(self, run: str, events: Sequence[Event]) -> None:
        for context in list(self._contexts.values()):
            hear = cast("BatchContext", context).hear
            if hear is not None:
                hear(run, events)
