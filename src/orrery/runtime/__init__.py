"""Performs the scheduler's commands in real time: driver, sessions, executors.

Knows nothing of what tasks do. May import `workflow`, `tools`, `journal`, `scheduler`, `graph` and below.
Its names are loaded on first use: a worker process needs hardly any of them.
"""

from typing import TYPE_CHECKING

from orrery.lazy import exports

if TYPE_CHECKING:
    from orrery.runtime.api import aresume, arun, resume, run
    from orrery.runtime.result import Result
    from orrery.runtime.session import Run, Session

__all__ = ["Result", "Run", "Session", "aresume", "arun", "resume", "run"]

__getattr__, __dir__ = exports(
    __name__,
    {
        "Result": "orrery.runtime.result",
        "Run": "orrery.runtime.session",
        "Session": "orrery.runtime.session",
        "aresume": "orrery.runtime.api",
        "arun": "orrery.runtime.api",
        "resume": "orrery.runtime.api",
        "run": "orrery.runtime.api",
    },
)
