"""The workflow as data: tasks, the dependencies between them, and the edits that change it.

A graph is a value: versioned, serialisable, checked. It knows nothing of running, time or tools.
Imports the standard library, msgspec and `errors` only.
"""

from orrery.graph.edge import Condition, Edge
from orrery.graph.expr import Expr
from orrery.graph.graph import Graph
from orrery.graph.growth import Growth
from orrery.graph.live import LiveGraph
from orrery.graph.patch import Add, Drop, Edit, Link, Patch, Replace, SetOutputs, Unlink
from orrery.graph.place import Place
from orrery.graph.ref import INDEX, INPUTS, ITEM, Ref, TaskId
from orrery.graph.task import Each, Effects, Estimate, Limits, Retry, Task, refs_in
from orrery.graph.template import Template
from orrery.graph.values import Blob

__all__ = [
    "INDEX",
    "INPUTS",
    "ITEM",
    "Add",
    "Blob",
    "Condition",
    "Drop",
    "Each",
    "Edge",
    "Edit",
    "Effects",
    "Estimate",
    "Expr",
    "Graph",
    "Growth",
    "Limits",
    "Link",
    "LiveGraph",
    "Patch",
    "Place",
    "Ref",
    "Replace",
    "Retry",
    "SetOutputs",
    "Task",
    "TaskId",
    "Template",
    "Unlink",
    "refs_in",
]
