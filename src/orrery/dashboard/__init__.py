"""A run to look at: its rows as they change, its past, what it cost, and what another run did otherwise.

The modules here read journals and answer with structs; `web` puts them behind HTTP and `terminal` on a screen. Nothing
here drives a run: a word to one goes through `orrery.runtime.remote`, and a run that is begun here is a process of its
own.
"""
