"""One device of a fleet: its attempts from `Assign` to `Result`.

`core` decides and does no I/O: `events` in and out, `attempt` what it does, `memory` what it remembers of each key
within the limits in `settings`. `agent` introduces it to a hub and to a `performer`, by a `clock` that does not sleep;
`journal` keeps its memory across crashes, `cache` the blobs that it holds, and `supply` brings those that an attempt
needs. What a task does is not known here: whoever makes a device hands the performer in.
"""
