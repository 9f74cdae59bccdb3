"""Many devices, one constellation: the protocol between a hub and devices, and who does what in it.

What decides does no I/O: `session`, `blobs`, `hub` and `device` take events with their time and return what is to be
done. The frames are in `messages` and `profile`, their bytes in `codec`. `transports` move messages, a `link` carries a
session over them, and a `dialler` keeps one up to a hub. A `porter` moves blobs; a `fetcher` and a `blob_server` are
made of it. `client` is the end of a run, and `hubs` says which hub it uses.

It is not for performing work: whoever makes a device hands in the performer. It imports the journal's blobs, the
graph and the floor; nothing of tools, workflows or the runtime.
"""
