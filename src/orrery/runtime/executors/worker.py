"""The worker process: performs one attempt after another for the driver at the other end of a socket.

It is started by the process executor as `python -m orrery.runtime.executors.worker FD`, as the leader of a
process group of its own. It never outlives the driver: a thread sleeps until the driver hangs up, by
closing or by dying in whatever way, and then kills the whole group, also in the middle of a computation.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import socket
import sys
import threading
import time
from contextlib import suppress

from orrery.graph import values
from orrery.journal.blobs import BlobStore
from orrery.runtime.context import Context
from orrery.runtime.executors.limits import WorkerLimits, begin_attempt, bind
from orrery.runtime.executors.link import Hello, Work, decode_down, receive_frames, send_frame
from orrery.runtime.executors.perform import perform
from orrery.runtime.executors.protocol import Invocation
from orrery.scheduler.codec import encode_events
from orrery.scheduler.events import Event


class DriverFromAfar:
    """The driver as its worker sees it: a Host whose reports go through the socket."""

    def __init__(self, connection: socket.socket, blobs: BlobStore, limits: WorkerLimits | None) -> None:
        self._connection, self._blobs, self.limits = connection, blobs, limits
        self._sending = threading.Lock()  # progress may come from any thread
        self._ahead_s = 0.0

    @property
    def blobs(self) -> BlobStore:
        """Where large values go: the driver's own store."""
        return self._blobs

    def set_clock(self, now: float) -> None:
        """Follow the driver's clock, which reads `now`."""
        self._ahead_s = now - time.monotonic()

    def now(self) -> float:
        """The driver's time, in seconds since the epoch."""
        return time.monotonic() + self._ahead_s

    def report(self, run: str, event: Event) -> None:  # noqa: ARG002 - the driver knows what this worker is at
        """Hand over what happened."""
        data = encode_events([event])
        with self._sending:
            send_frame(self._connection, data)


def main(fd: int) -> None:
    """Serve the driver at the other end of `fd` until it hangs up."""
    os.set_inheritable(fd, False)
    connection = socket.socket(fileno=fd)
    threading.Thread(target=_die_with_driver, args=(connection,), name="orrery-die-with-driver", daemon=True).start()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with suppress(ConnectionError):  # the driver is gone, and this process within a moment
        _serve(connection)


def _serve(connection: socket.socket) -> None:
    driver: DriverFromAfar | None = None
    for frame in receive_frames(connection):
        message = decode_down(frame)
        del frame
        if isinstance(message, Hello):
            blobs = _take_over(message)
            if driver is None and message.limits is not None:
                bind(message.limits)
            driver = DriverFromAfar(connection, blobs, message.limits)
        else:
            assert driver is not None, "the driver says hello first"
            _perform(message, driver)
            del message


def _perform(work: Work, driver: DriverFromAfar) -> None:
    driver.set_clock(work.now)
    invocation = Invocation(
        run=work.run,
        task=work.task,
        attempt=work.attempt,
        key=work.key,
        op=work.op,
        args=values.decode(work.args),
        limits=work.limits,
        folder=work.folder,
    )
    context = Context(invocation, driver)
    if driver.limits is not None:
        begin_attempt(driver.limits)
    driver.report(invocation.run, perform(invocation, driver, context, cpu_clock=time.process_time))


def _take_over(hello: Hello) -> BlobStore:
    sys.path[:] = hello.path
    if hello.python_path is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = hello.python_path
    blobs: BlobStore = pickle.loads(hello.blobs)  # noqa: S301 - from the process that started this one
    return blobs


def _die_with_driver(connection: socket.socket) -> None:
    hangup = select.poll()
    hangup.register(connection, 0)  # no event but the hang-up, which is always reported
    hangup.poll()
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
