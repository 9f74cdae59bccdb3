"""Jobs to machines: the fastest, or the cheapest in time. Numbers in, an assignment out; knows nothing of graphs.

`problem` says what is asked, `schedule` what an assignment comes to; `lists` makes them one job after the other,
`search` improves them, `exact` proves the best.
"""

from orrery.routing.placement.exact import Exact, available, exact
from orrery.routing.placement.lists import as_they_come, heft, least_loaded, round_robin, upward
from orrery.routing.placement.problem import NEVER, Machine, Need, Problem
from orrery.routing.placement.schedule import Schedule, faults, lower_bound, simulate
from orrery.routing.placement.search import EFFORT, search

__all__ = [
    "EFFORT",
    "NEVER",
    "Exact",
    "Machine",
    "Need",
    "Problem",
    "Schedule",
    "as_they_come",
    "available",
    "exact",
    "faults",
    "heft",
    "least_loaded",
    "lower_bound",
    "round_robin",
    "search",
    "simulate",
    "upward",
]
