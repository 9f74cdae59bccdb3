"""Performs the scheduler's commands in real time: driver, sessions, executors.

Knows nothing of what tasks do. May import `workflow`, `tools`, `journal`, `scheduler`, `graph` and below.
"""

from orrery.runtime.api import aresume, arun, resume, run
from orrery.runtime.result import Result
from orrery.runtime.session import Run, Session

__all__ = ["Result", "Run", "Session", "aresume", "arun", "resume", "run"]
