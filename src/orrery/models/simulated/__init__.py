"""A model server for tests and load: five wire formats over real HTTP, answers from a script, time as stated.

`asked` and `answer` are what goes in and out of a script; `wire` has the formats as pure codecs; `service` decides
what is sent when; `connection` and `server` do the sending. Knows nothing of the clients of `orrery.models`.
"""

from typing import TYPE_CHECKING

from orrery.lazy import exports

if TYPE_CHECKING:
    from orrery.models.serving.timing import INSTANT, Timing
    from orrery.models.simulated.answer import Answer, tokens
    from orrery.models.simulated.asked import Asked, Call, Message, Result
    from orrery.models.simulated.counts import Counts
    from orrery.models.simulated.faults import Fault
    from orrery.models.simulated.limits import Limits
    from orrery.models.simulated.scripts import echo
    from orrery.models.simulated.server import SimulatedServer
    from orrery.models.simulated.service import Script

__all__ = [
    "INSTANT",
    "Answer",
    "Asked",
    "Call",
    "Counts",
    "Fault",
    "Limits",
    "Message",
    "Result",
    "Script",
    "SimulatedServer",
    "Timing",
    "echo",
    "tokens",
]

__getattr__, __dir__ = exports(
    __name__,
    {
        "INSTANT": "orrery.models.serving.timing",
        "Answer": "orrery.models.simulated.answer",
        "Asked": "orrery.models.simulated.asked",
        "Call": "orrery.models.simulated.asked",
        "Counts": "orrery.models.simulated.counts",
        "Fault": "orrery.models.simulated.faults",
        "Limits": "orrery.models.simulated.limits",
        "Message": "orrery.models.simulated.asked",
        "Result": "orrery.models.simulated.asked",
        "Script": "orrery.models.simulated.service",
        "SimulatedServer": "orrery.models.simulated.server",
        "Timing": "orrery.models.serving.timing",
        "echo": "orrery.models.simulated.scripts",
        "tokens": "orrery.models.simulated.answer",
    },
)
