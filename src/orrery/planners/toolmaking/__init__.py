"""Making tools: a need in words becomes a tool that exists, a few put together, or a new one that was tested.

What is found is not made again. What is made is a pure function of plain data: specified first, tested by tests whose
author never saw the code, tried in a subprocess under limits, and kept in the library only if every test passes. May
import `tools`, `models` and `graph`.
"""

from orrery.planners.toolmaking.maker import Found, find_or_make
from orrery.planners.toolmaking.suite import Suite, weaknesses
from orrery.planners.toolmaking.trial import Trial, try_code, try_composition

__all__ = ["Found", "Suite", "Trial", "find_or_make", "try_code", "try_composition", "weaknesses"]
