"""The planner that asks a model: a plan in lines, whose steps start while the rest is still being written.

`grammar` says what a line means and `reader` reads lines from a stream; neither does I/O.
"""
