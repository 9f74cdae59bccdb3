"""The fleet's benchmark: 55 requests across devices, each with a fixture, a gold graph, and checks of the end state.

`exercise` says what a request is, `categories` holds them, `setting` has the five devices and their folders, `machines`
starts them, `run` performs a request, `score` adds up. `orrery bench fleet` is `measure`.
"""
