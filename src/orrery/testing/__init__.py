"""What tests of workflows and of Orrery's parts are made of: a seeded world, generators, conformance suites.

`world` runs the real scheduler under a virtual clock with every misfortune; `graphs` and `events` generate;
`journals` and `executors` are suites that every store and executor passes; `fleet_world` drives the cores of a hub and
its devices over a `fleet_network` that loses and breaks. Import the module that you need.
May import everything but the doors.
"""
