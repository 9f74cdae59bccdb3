"""Fault drills of the fleet: real hubs, devices and runs, each a process, that are killed, cut off and lied to.

`drills` lists them, `drill` says what one is, `stage` performs it: `machines` are the processes, `deed` is what their
tasks do, `witness` sees it from outside. `judge` compares what the run's log, the witness and the world say with what
was promised. `orrery bench fleet-drills` is `measure`, which also lives through hundreds of the seeded fleets.
"""
