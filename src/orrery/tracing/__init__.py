"""What a run did, read off its events: its attempts, what ran at once, and what it waited for.

Not for deciding anything, and not for drawing: the command line and the applications do that. Reads no store; whoever
has a journal hands the events in. May import `scheduler`, `graph` and below.
"""

from orrery.tracing.attempts import Attempt, Attempts, attempts_of
from orrery.tracing.critical_path import critical_path
from orrery.tracing.parallelism import Parallelism, lanes, parallelism

__all__ = ["Attempt", "Attempts", "Parallelism", "attempts_of", "critical_path", "lanes", "parallelism"]
