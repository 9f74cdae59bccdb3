"""WorkerLimits: what one worker process may use.

Processor time and open files bind on Linux and macOS, for what a task starts itself as well. Memory is counted as
address space, which Linux enforces and macOS does not. Nothing here binds on Windows.
"""

from __future__ import annotations

import signal
import sys
import time
from types import FrameType

import msgspec

from orrery.errors import LimitReachedError


class WorkerLimits(msgspec.Struct, frozen=True, array_like=True):
    """Limits of one worker process; None sets no limit.

    Args:
        memory_bytes: of address space, which a program that maps large files or has many threads uses more of than
            of memory.
        cpu_s: processor time of one attempt.
        open_files: at once.
    """

    memory_bytes: int | None = None
    cpu_s: int | None = None
    open_files: int | None = None


def bind(limits: WorkerLimits) -> None:
    """Let the limits bind this process and what it starts; it leaves no core dump in any case."""
    if sys.platform == "win32":
        return
    import resource

    wanted = {resource.RLIMIT_CORE: 0}
    if limits.open_files is not None:
        wanted[resource.RLIMIT_NOFILE] = limits.open_files
    if limits.memory_bytes is not None and sys.platform != "darwin":  # which knows the limit and refuses to set it
        wanted[resource.RLIMIT_AS] = limits.memory_bytes
    for kind, most in wanted.items():
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))
    if limits.cpu_s is not None:
        signal.signal(signal.SIGXCPU, _too_long)


def begin_attempt(limits: WorkerLimits) -> None:
    """Count processor time from here: a worker performs one attempt after the other."""
    if limits.cpu_s is None or sys.platform == "win32":
        return
    import resource

    global _cpu_s  # noqa: PLW0603 - the handler of a signal is handed nothing
    _cpu_s = limits.cpu_s
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(time.process_time()) + 1 + limits.cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


_cpu_s = 0


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise LimitReachedError(f"it used more than the {_cpu_s} s of processor time that a task may use here")
