"""Functions that a task or a model may call: typed, described, with declared effects.

A tool knows nothing of graphs, scheduling or journals; whoever runs it hands in a `ToolContext`. The
built-in toolsets (files, shell, http, data, text, metrics, chart) are modules of this package, imported
when one of their tools is looked up. May import `graph`, `registry` and `errors`.
"""

from typing import TYPE_CHECKING

from orrery.lazy import exports
from orrery.tools.context import BlobWriter, Context, ToolContext
from orrery.tools.tool import ArgumentProblem, Tool, recorder, tool
from orrery.tools.toolset import tools

if TYPE_CHECKING:
    from orrery.tools.local import LocalContext

__all__ = [
    "ArgumentProblem",
    "BlobWriter",
    "Context",
    "LocalContext",
    "Tool",
    "ToolContext",
    "recorder",
    "tool",
    "tools",
]

# Calling by hand needs temporary files and hashes, which a run never asks this package for.
__getattr__, __dir__ = exports(__name__, {"LocalContext": "orrery.tools.local"})
