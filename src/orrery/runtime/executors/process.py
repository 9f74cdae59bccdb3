"""ProcessExecutor: work that keeps a processor busy, in processes that can really be killed."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import msgspec

from orrery.errors import OperationError, OrreryError
from orrery.graph import values
from orrery.runtime.executors import outcome
from orrery.runtime.executors.limits import WorkerLimits
from orrery.runtime.executors.link import Hello, Link, Work, encode_down
from orrery.runtime.executors.outcome import AttemptKey, key_of, stopped
from orrery.runtime.executors.protocol import Host, Invocation
from orrery.runtime.operations import being_loaded
from orrery.scheduler.codec import decode_events
from orrery.scheduler.events import AttemptLost, Event, TaskFailed, TaskProgressed

WORKER = "orrery.runtime.executors.worker"


class _Worker:
    """One worker process and the driver's end of the link to it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        on_event: Callable[[_Worker, Event], None],
        on_lost: Callable[[_Worker], None],
        limits: WorkerLimits | None,
    ) -> None:
        self.attempt: AttemptKey | None = None
        self.killed = False
        self._path: list[str] = []
        self._loop, self._on_event, self._on_lost, self._limits = loop, on_event, on_lost, limits
        ours, theirs = socket.socketpair()
        try:
            self._process = _spawn(theirs)
        except OSError:
            ours.close()
            raise
        self._link = Link(loop, ours, on_frame=self._receive, on_lost=self._mourn)
        # A process that the worker left behind may hold the link open, so the exit itself is heard, too.
        self._exit_fd = _exit_of(self._process.pid)
        if self._exit_fd is not None:
            loop.add_reader(self._exit_fd, self._exited)

    def send(self, work: Work, host: Host) -> None:
        """Send work, and before it the import path if it changed: a workflow may have brought its own folder."""
        if self._path != sys.path:
            self._path = list(sys.path)
            hello = Hello(self._path, os.environ.get("PYTHONPATH"), pickle.dumps(host.blobs), self._limits)
            self._link.send(encode_down(hello))
        self._link.send(encode_down(work))

    def kill(self) -> None:
        """Kill the worker and every process that it started and that stayed in its group."""
        self.killed = True
        self._kill_group()

    def _kill_group(self) -> None:
        # It is not reaped yet, so its number cannot be anybody else's. Of a dead group some systems say that it
        # is not there, others that it is not ours.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def how_it_ended(self) -> str:
        """What to say of a worker that is gone."""
        code = self._process.returncode
        return f"worker exited with signal {-code}" if code < 0 else f"worker exited with status {code}"

    def _receive(self, frame: bytes) -> None:
        for event in decode_events(frame):
            self._on_event(self, event)

    def _exited(self) -> None:
        self._link.drain()
        self._mourn()

    def _mourn(self) -> None:
        """The link broke or the process ended: make sure of both, once."""
        if self._process.returncode is not None:
            return
        self._link.close()
        if self._exit_fd is not None:
            self._loop.remove_reader(self._exit_fd)
            os.close(self._exit_fd)
        self._kill_group()  # an exit that has begun keeps its status
        self._process.wait()
        self._on_lost(self)


def _spawn(connection: socket.socket) -> subprocess.Popen[bytes]:
    """A new worker with the other end of its link, which is closed here."""
    with connection:
        return subprocess.Popen(
            [sys.executable, "-m", WORKER, str(connection.fileno())],
            stdin=subprocess.DEVNULL,
            stdout=2,  # stdout is the driver's to speak on
            pass_fds=[connection.fileno()],
            # The worker finds Orrery wherever this process found it; `Hello` puts the variable back.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            start_new_session=True,
        )


def _exit_of(pid: int) -> int | None:
    """A descriptor that becomes readable when the process exits; None on systems that have no such thing."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None


def _is_worker() -> bool:
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    return spec is not None and spec.name == WORKER


class ProcessExecutor:
    """Runs attempts in worker processes, started when they are first needed and used again and again.

    A worker inherits the import path, the environment and the working folder; what it prints goes to this
    process's stderr. It finds the function by its name, so the function must be importable. Cancelling
    kills the worker, its whole process group at that, and another takes its place. POSIX only.

    Args:
        capacity: attempts at once, and workers at most; by default one per processor.
        limits: what a worker may use.
    """

    def __init__(self, capacity: int | None = None, *, limits: WorkerLimits | None = None) -> None:
        self._capacity, self._limits = capacity or os.cpu_count() or 1, limits
        # Whoever takes an attempt out of the table reports its end, so there is exactly one.
        self._attempts: dict[AttemptKey, Invocation] = {}
        self._queued: dict[AttemptKey, msgspec.Raw] = {}
        self._idle: list[_Worker] = []
        self._workers: dict[_Worker, None] = {}
        self._all_gone: asyncio.Event | None = None

    @property
    def capacity(self) -> int:
        """How many attempts it can run at once."""
        return self._capacity

    async def open(self, host: Host) -> None:
        """Get ready; nothing is started before this. The host's blob store must survive pickling.

        Raises:
            OperationError: this is a worker that loads a script, and the script starts a run by being loaded.
                The run would start workers that load the script, and so on without end.
        """
        if (op := being_loaded()) is not None and _is_worker():
            raise OperationError(
                f"{op!r} cannot be loaded by a worker without starting a run: "
                'put the call that starts it under `if __name__ == "__main__":`'
            )
        self._host = host
        self._loop = asyncio.get_running_loop()

    def start(self, invocation: Invocation) -> None:
        """Begin an attempt and return at once."""
        key = key_of(invocation)
        self._attempts[key] = invocation
        try:
            self._queued[key] = msgspec.Raw(values.encode(dict(invocation.args)))
        except OrreryError as error:
            now, failure = self._host.now(), outcome.failure_of(error)
            self._finish(key, TaskFailed(now, invocation.task, invocation.attempt, failure))
            return
        self._dispatch()

    def cancel(self, run: str, task: str, attempt: int) -> None:
        """Ask that an attempt ends; it is confirmed by its final event. Unknown attempts are ignored."""
        key = (run, task, attempt)
        if self._queued.pop(key, None) is not None:
            self._finish(key, stopped(key, self._host))
            return
        for worker in self._workers:
            if worker.attempt == key:
                worker.kill()  # confirmed when it is gone

    async def close(self) -> None:
        """Stop everything: attempts still running are cancelled, all workers are killed."""
        for key in list(self._queued):
            self.cancel(*key)
        if self._workers:
            self._all_gone = asyncio.Event()
            for worker in self._workers:
                worker.kill()
            await self._all_gone.wait()

    def _dispatch(self) -> None:
        """Hand what is queued to workers that have nothing to do, or to new ones."""
        while self._queued and (self._idle or len(self._workers) < self._capacity):
            key = next(iter(self._queued))
            try:
                if not self._idle:
                    self._hire()
            except OSError as error:  # the system has no more processes, or no more files
                del self._queued[key]
                because = f"no worker could be started: {error}"
                self._finish(key, AttemptLost(self._host.now(), key[1], key[2], because))
                continue
            args, invocation, worker = self._queued.pop(key), self._attempts[key], self._idle.pop()
            worker.attempt = key
            work = Work(
                now=self._host.now(),
                run=invocation.run,
                task=invocation.task,
                attempt=invocation.attempt,
                key=invocation.key,
                op=invocation.op,
                args=args,
                limits=invocation.limits,
                folder=invocation.folder,
            )
            worker.send(work, self._host)

    def _hire(self) -> None:
        worker = _Worker(self._loop, on_event=self._heard, on_lost=self._lost, limits=self._limits)
        self._workers[worker] = None
        self._idle.append(worker)

    def _heard(self, worker: _Worker, event: Event) -> None:
        """A worker reports. What it says of an attempt that has ended (a stray thread's progress) is dropped."""
        key = worker.attempt
        if key is None or (event.task, event.attempt) != key[1:]:  # type: ignore[attr-defined]
            return
        event = msgspec.structs.replace(event, at=self._host.now())
        if isinstance(event, TaskProgressed):
            self._host.report(key[0], event)
            return
        worker.attempt = None
        if not worker.killed:
            self._idle.append(worker)
        self._finish(key, event)
        self._dispatch()

    def _lost(self, worker: _Worker) -> None:
        del self._workers[worker]
        if worker in self._idle:
            self._idle.remove(worker)
        key = worker.attempt
        if key is not None:
            now = self._host.now()
            lost = AttemptLost(now, key[1], key[2], because=worker.how_it_ended())
            self._finish(key, stopped(key, self._host) if worker.killed else lost)
        if self._all_gone is None:
            self._dispatch()
        elif not self._workers:
            self._all_gone.set()

    def _finish(self, key: AttemptKey, event: Event) -> None:
        if self._attempts.pop(key, None) is not None:
            self._host.report(key[0], event)
