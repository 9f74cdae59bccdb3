"""Calls to the replicas of a model server: where each goes, and in which order they are made.

`calls` reads them off a graph, `plan` knows what they have in common, `assign` decides for one graph, `affinity` for
one after another. Knows nothing of tasks but that some of them ask models.
"""

from orrery.routing.replicas.affinity import Affinity, Placed
from orrery.routing.replicas.assign import Assignment, assign, performed
from orrery.routing.replicas.calls import model_calls

__all__ = ["Affinity", "Assignment", "Placed", "assign", "model_calls", "performed"]
