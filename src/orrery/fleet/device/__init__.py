"""One device of a fleet: its attempts from `Assign` to `Result`.

`core` decides and does no I/O, `journal` remembers across crashes, `agent` introduces both to a hub and to a
performer. What a task does is not known here: whoever makes a device hands the performer in.
"""
