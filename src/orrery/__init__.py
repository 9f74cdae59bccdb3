"""Orrery: a compiler and runtime for agent workflows.

Names are loaded when they are first used, so that `import orrery` costs next to nothing.
"""

from typing import TYPE_CHECKING

from orrery.lazy import exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from orrery.errors import Failure, OrreryError
    from orrery.graph import Edge, Expr, Graph, Patch, Ref, Retry, Task
    from orrery.runtime import Result, Session, aresume, arun, resume, run
    from orrery.runtime.context import Context
    from orrery.tools import tool
    from orrery.workflow import ask, flow, load, task, text, when

__all__ = [
    "Context",
    "Edge",
    "Expr",
    "Failure",
    "Graph",
    "OrreryError",
    "Patch",
    "Ref",
    "Result",
    "Retry",
    "Session",
    "Task",
    "__version__",
    "aresume",
    "arun",
    "ask",
    "flow",
    "load",
    "resume",
    "run",
    "task",
    "text",
    "tool",
    "when",
]


__getattr__, __dir__ = exports(
    __name__,
    {
        "Context": "orrery.runtime.context",
        "Edge": "orrery.graph",
        "Expr": "orrery.graph",
        "Failure": "orrery.errors",
        "Graph": "orrery.graph",
        "OrreryError": "orrery.errors",
        "Patch": "orrery.graph",
        "Ref": "orrery.graph",
        "Result": "orrery.runtime",
        "Retry": "orrery.graph",
        "Session": "orrery.runtime",
        "Task": "orrery.graph",
        "aresume": "orrery.runtime",
        "arun": "orrery.runtime",
        "ask": "orrery.workflow",
        "flow": "orrery.workflow",
        "load": "orrery.workflow",
        "resume": "orrery.runtime",
        "run": "orrery.runtime",
        "task": "orrery.workflow",
        "text": "orrery.workflow",
        "tool": "orrery.tools",
        "when": "orrery.workflow",
    },
)
