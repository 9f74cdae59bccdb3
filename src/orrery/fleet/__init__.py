"""Many devices, one constellation: the protocol between a hub and devices, and who does what in it.

What decides does no I/O: `session`, `hub` and `device` take events with their time and return what is to be done.
What moves bytes is in `transports`, and small servers and clients introduce the two.

It is not for performing work: whoever makes a device hands in the performer. It imports the journal's blobs, the
graph and the floor; nothing of tools, workflows or the runtime.
"""
