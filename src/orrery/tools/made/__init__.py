"""Tools that were made for a need: specified, tested, admitted, and kept in a library beside the runs.

How they are made is the business of `orrery.planners.toolmaking`; here is what they are, how they are kept, and
how they run: pure functions of plain data, in a subprocess under limits. Imported when one of them is looked up.
"""

from orrery.tools.made.composition import Call, Composition
from orrery.tools.made.library import Entry, Library, Provenance
from orrery.tools.made.specification import Case, Specification
from orrery.tools.made.tool import as_tool, made_tool

__all__ = [
    "Call",
    "Case",
    "Composition",
    "Entry",
    "Library",
    "Provenance",
    "Specification",
    "as_tool",
    "made_tool",
]
