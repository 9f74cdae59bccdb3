"""From candidates to a choice with its reason: who does it, and by which way.

`tool_graph`: a graph of tools, the way through it, their health, and what follows when one fails. `placement`: jobs to
machines, the fastest or the cheapest. `replicas`: calls to the replicas of a model server, and their order.

Pure: health is told, time comes in; a file of tools is all that is ever read. Runs nothing: `planners.routed` makes
tasks of a way, `passes.place` of a placement. The three know nothing of each other. Imports `cost` and below.
"""
