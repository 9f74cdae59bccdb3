"""What tests of workflows and of Orrery's parts are made of: seeded worlds, generators, suites, bad networks.

`world` runs the real scheduler under a virtual clock with every misfortune; `fleet_world` does so with the cores of a
hub and its devices (`fleet_hub`, `fleet_hosts`, `fleet_runs`) over a `fleet_network`. `graphs`, `events` and
`strategies` generate, `damage` spoils files. `journals`, `executors`, `transports` and `devices` (with an `examiner` as
its hub) are suites that everything of the kind must pass. `faulty` and `fault_proxy` are bad networks for real ends.
Import the module that you need. May import everything but the doors.
"""
