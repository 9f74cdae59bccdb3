"""How a model server spends its time: reading prompts, keeping their beginnings, writing answers side by side.

`timing` is the law, `prefixes` what need not be read again, `replica` one server as a state machine, `simulation`
several of them in virtual time, `balance` which of them takes a call, `estimate` the same by formula. Plain
arithmetic; the clock comes in. The simulated server sends its tokens by it, and `cost` reckons with it.
"""

from orrery.models.serving.balance import Balance, balances
from orrery.models.serving.estimate import Load, batch_seconds, call_seconds, under_load
from orrery.models.serving.prefixes import Piece, PrefixCache
from orrery.models.serving.replica import Job, Replica
from orrery.models.serving.simulation import Call, Cluster, Served, Simulated, simulate
from orrery.models.serving.timing import INSTANT, Timing

__all__ = [
    "INSTANT",
    "Balance",
    "Call",
    "Cluster",
    "Job",
    "Load",
    "Piece",
    "PrefixCache",
    "Replica",
    "Served",
    "Simulated",
    "Timing",
    "balances",
    "batch_seconds",
    "call_seconds",
    "simulate",
    "under_load",
]
