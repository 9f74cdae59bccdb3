"""The hub: where devices and runs meet.

What decides does no I/O. `core` takes events in and gives commands out (`events`, `commands`). It hands each event to
one module, by who caused it: `requests` what clients ask, `reports` what devices say of attempts, `presence` whether
devices are there, `recovery` what a device has when its session is new, `lapses` what time brings. All of them change
one memory by the steps that it offers: `ledger`, the clients and their attempts, upon `roster`, the devices and what
they hold. Its parts are `attempt` (with the table of states), `known`, `queue`, `timers` and `settings`; `match`
chooses a device, `health` and `reputation` say what a device is worth. `invariants` is for tests.

What does I/O: `server` gives the core its connections and carries out its commands. A new connection is met by
`greeting`, which asks `registry` (devices, clients, `tokens`, log: SQLite) for whom its token speaks; then it is one of
`ends`, held to its `pace`, and spoken to by `speaking`. `audit` writes down what happened, `passing` relays blobs,
`fitting` makes the list of devices fit into a message, `watching` sees what the operator changes in the registry, and
`listening` knows the addresses.

It imports no more than the rest of the fleet does.
"""
