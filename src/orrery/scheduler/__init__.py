"""Events in, commands out: what happens next, decided without clock, socket, thread or chance.

The scheduler knows tasks and their states, not what they do. It performs nothing itself: the runtime
carries out its commands in real time, `orrery.testing` in virtual time. May import `graph` and below.
"""

from orrery.scheduler.commands import CancelTask, Command, StartTask
from orrery.scheduler.events import Budget, Event, GrowthCaps, RunOptions, Usage
from orrery.scheduler.machine import Machine
from orrery.scheduler.scheduler import Scheduler, Turn
from orrery.scheduler.states import State
from orrery.scheduler.story import story

__all__ = [
    "Budget",
    "CancelTask",
    "Command",
    "Event",
    "GrowthCaps",
    "Machine",
    "RunOptions",
    "Scheduler",
    "StartTask",
    "State",
    "Turn",
    "Usage",
    "story",
]
