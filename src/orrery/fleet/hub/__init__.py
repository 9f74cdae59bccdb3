"""The hub: where devices and runs meet.

`core` decides: events in, commands out, no I/O. `server` gives it connections, `registry` remembers who may come.
It imports no more than the rest of the fleet does.
"""
