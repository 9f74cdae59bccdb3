"""A batch in a process of its own, over simulated workers: so that it can be killed, and its memory be measured.

`python -m orrery.bench.optimiser.rows_process SETTING` runs the table in the folder, or resumes the run if it is there.
It prints a line of JSON for each mark on the way, and one about the end.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from orrery.errors import UnknownRunError
from orrery.graph import INPUTS, Effects, Graph, Ref, Task
from orrery.graph.values import encode
from orrery.runtime import Session
from orrery.runtime.batch.plan import batch_of, batch_options
from orrery.runtime.executors.protocol import Host, Invocation
from orrery.scheduler.events import Event, RunOptions, TaskProgressed, TaskStopped, TaskSucceeded
from orrery.workflow.workflow import InputSpec, Workflow

STEPS = 4
MEDIAN_S, SIGMA = 0.008, 1.0
"""Latencies are log-normal: half are below the median, one in a hundred is over ten times as long."""
TABLE, EXECUTED = "table.csv", "executed.log"


class Setting(msgspec.Struct, frozen=True):
    """What the process is to do.

    Args:
        folder: with the table, the store and the log of what was executed.
        run: the name of the batch.
        slots: of the simulated workers; their latencies are multiplied by `scale`.
        die_after: the process kills itself when so many attempts have begun; 0: never.
    """

    folder: str
    run: str
    slots: int
    seed: int
    scale: float = 1.0
    die_after: int = 0


class Mark(msgspec.Struct, frozen=True):
    """How many rows have ended after so many seconds, and the memory of the process then, in MB (10^6 bytes)."""

    seconds: float
    rows: int
    rss_mb: float


class Ended(msgspec.Struct, frozen=True, tag=True):
    """How the batch ended."""

    state: str
    seconds: float
    succeeded: int
    tasks: int


def latency_s(seed: int, row: int, step: int) -> float:
    """How long a step of a row takes, whoever runs it."""
    return random.Random(f"{seed}/{row}/{step}").lognormvariate(0, SIGMA) * MEDIAN_S  # noqa: S311 (not a secret)


def workflow(*, effects: Effects | None = None) -> Workflow:
    """Four steps, each of which takes what the one before it gave."""
    tasks = [
        Task(
            f"step{step}",
            "simulated",
            {"row": Ref(INPUTS, ("row",)), "step": step, "before": Ref(f"step{step - 1}") if step else 0},
            "workers",
            effects or Effects("idempotent"),
        )
        for step in range(STEPS)
    ]
    return Workflow(
        "steps", Graph(tasks, outputs={"sum": Ref(f"step{STEPS - 1}")}), {"row": InputSpec("row", "integer")}
    )


class Workers:
    """Simulated workers: an executor with slots, whose attempts only take time.

    Args:
        slots: attempts at once.
        scale: by which every latency is multiplied.
        log: a file to whose end the row and step of every attempt is written, as it begins.
        die_after: the process is killed when so many attempts have begun.
    """

    def __init__(
        self, slots: int, seed: int, *, scale: float = 1.0, log: Path | None = None, die_after: int = 0
    ) -> None:
        self._die_after = die_after
        self._slots, self._seed, self._scale = slots, seed, scale
        self._log = None if log is None else os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._running: dict[tuple[str, str, int], asyncio.TimerHandle] = {}
        self.started = 0

    @property
    def capacity(self) -> int:
        """How many attempts it can run at once."""
        return self._slots

    async def open(self, host: Host) -> None:
        """Get ready."""
        self._host, self._loop = host, asyncio.get_running_loop()

    def start(self, invocation: Invocation) -> None:
        """Begin an attempt."""
        row, step = invocation.args["row"], invocation.args["step"]
        self.started += 1
        if self._log is not None:
            os.write(self._log, b"%d %d\n" % (row, step))
        if self.started == self._die_after:
            os.kill(os.getpid(), signal.SIGKILL)
        key = (invocation.run, invocation.task, invocation.attempt)
        value = msgspec.Raw(encode(invocation.args["before"] + row))
        seconds = latency_s(self._seed, row, step) * self._scale
        self._running[key] = self._loop.call_later(seconds, self._end, key, value)

    def _end(self, key: tuple[str, str, int], value: msgspec.Raw) -> None:
        del self._running[key]
        self._host.report(key[0], TaskSucceeded(self._host.now(), key[1], key[2], value))

    def cancel(self, run: str, task: str, attempt: int) -> None:
        """End an attempt."""
        timer = self._running.pop((run, task, attempt), None)
        if timer is not None:
            timer.cancel()
            self._host.report(run, TaskStopped(self._host.now(), task, attempt))

    async def close(self) -> None:
        """End all attempts."""
        for key in list(self._running):
            self.cancel(*key)
        if self._log is not None:
            os.close(self._log)


def rss_mb() -> float:
    """The memory of this process that is resident now, in MB; the most there has been where the system does not say."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


async def _run(setting: Setting) -> Ended:
    folder, name = Path(setting.folder), setting.run
    workers = Workers(
        setting.slots, setting.seed, scale=setting.scale, log=folder / EXECUTED, die_after=setting.die_after
    )
    began = time.perf_counter()
    rows = (folder / TABLE).read_bytes().count(b"\n") - 1

    def hear(run: str, events: Sequence[Event]) -> None:
        for event in events if run == name else ():
            if isinstance(event, TaskProgressed) and event.fraction is not None:
                mark = Mark(time.perf_counter() - began, round(event.fraction * rows), rss_mb())
                print(msgspec.json.encode(mark).decode(), flush=True)

    async with Session(f"sqlite:///{folder}/runs.db", executors={"workers": workers}, observers=(hear,)) as session:
        try:
            run = session.resume(name)
        except UnknownRunError:
            batch = batch_of(workflow(), Path(TABLE), folder=folder)
            began = time.perf_counter()
            run = session.start(batch, run=name, folder=folder, options=batch_options(RunOptions()))
        result = await run.wait()
    found = result.outputs["rows"]
    return Ended(result.state, time.perf_counter() - began, found["succeeded"], found["tasks"])


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(_run(msgspec.json.decode(sys.argv[1], type=Setting)))).decode(), flush=True)
