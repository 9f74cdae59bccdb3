"""Law: what coupling, handing over and leading cost. The estimates and the simulator follow the same one."""

from __future__ import annotations

import msgspec


class Law(msgspec.Struct, frozen=True):
    """How a coupled graph spends time on a number of workers.

    1. A worker takes the ready task with the longest path behind it, and of the free workers it is the one that did
       most of what the task builds on.
    2. A task takes its seconds, and `handover_s` for each task that it is coupled to, has seen, and that another worker
       did: what a worker did itself it knows. Data that go along hard edges are references and cost nothing.
    3. A task that starts before one that it is coupled to has ended has not seen it. With a probability of the
       coupling's weight that strikes: once all that struck have ended the task is done again, which takes `rework`
       times its seconds, and `handover_s` if another worker did any of them. Only then does what hangs on it go on.
    4. A group of several tasks has a lead, who takes `lead_s` before the first of them.

    Args:
        rework: seconds for doing a task again, as a multiple of doing it once. Above 1, as what was built on the first
            answer must be found and taken back; at 1 or below, on enough workers, no coupling were ever worth a wait.
        handover_s: for telling a worker what another did.
        lead_s: for leading a group.
    """

    rework: float = 1.5
    handover_s: float = 0.25
    lead_s: float = 1.0
