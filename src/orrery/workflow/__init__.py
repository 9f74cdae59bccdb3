"""From a request to a graph: workflow files and Python flows become a `Workflow`.

It describes and checks; it runs nothing. Plans made by a model are the planners' business. May import
`tools`, `scheduler.events`, `graph`, `registry` and `errors`.
"""

from orrery.workflow.flow import Flow, flow
from orrery.workflow.keys import json_schema
from orrery.workflow.loader import load, loads
from orrery.workflow.step import Step, ask, task, text, when
from orrery.workflow.target import load_target
from orrery.workflow.workflow import UNSET, InputSpec, Workflow

__all__ = [
    "UNSET",
    "Flow",
    "InputSpec",
    "Step",
    "Workflow",
    "ask",
    "flow",
    "json_schema",
    "load",
    "load_target",
    "loads",
    "task",
    "text",
    "when",
]
