"""Fleet speed: what a lease, a thousand devices and a hundred megabytes cost, as users get them.

The hub and the devices are the processes that `orrery hub` and `orrery device` start, with their default settings;
what they are held against is measured beside them, in turns.
"""
