"""What a graph looks like: lanes for the terminal, SVG, Mermaid and DOT, in the colours of its tasks' states.

Strings in, strings out; it runs nothing and needs no library. May import `scheduler`, `graph` and `errors`.
"""

from orrery.drawing.draw import dot, mermaid, svg, terminal

__all__ = ["dot", "mermaid", "svg", "terminal"]
