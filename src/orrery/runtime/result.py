"""Result: what is left of a run for whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orrery.errors import Failure, RunFailedError
from orrery.graph.values import Blob, decode
from orrery.journal.blobs import BlobStore
from orrery.scheduler.events import RunState
from orrery.scheduler.machine import Machine


@dataclass(frozen=True)
class Result:
    """How a run ended.

    Args:
        run_id: its name in the store.
        state: "succeeded", "failed", "cancelled" or "partial" (some outputs were not produced); "running"
            of a run that is still going on.
        outputs: what it returned, by name, as far as it was produced.
        error: why it did not succeed.
        seconds: from its start to its last event.
        tasks: how many tasks ended in each state.
    """

    run_id: str
    state: RunState
    outputs: dict[str, Any]
    error: Failure | None
    seconds: float
    tasks: dict[str, int] = field(default_factory=dict)

    @property
    def output(self) -> Any:
        """The one value that a flow returned. Raises RunFailedError if the run did not succeed."""
        if self.state != "succeeded":
            raise RunFailedError(f"run {self.run_id!r} {self.state}: {self.error}")
        return self.outputs["result"] if self.outputs.keys() == {"result"} else self.outputs


def result_of(machine: Machine, blobs: BlobStore) -> Result:
    """The result of a run as it stands."""

    def load(blob: Blob) -> Any:
        return decode(blobs.get(blob))

    return Result(
        run_id=machine.run,
        state=machine.state,
        outputs=machine.outputs(load),
        error=machine.failure,
        seconds=machine.now - machine.started_at,
        tasks=machine.counts(),
    )
