"""A workflow over the rows of a table: one run, whose rows go through *windows*, runs of their own beside each other.

A window is a consolidated graph of some rows (`passes.batch`). Windows overlap and are forgotten when they end, so no
step of one row waits for another row, and memory does not grow with the table. Reading a table, checking it and
deciding what is shared are pure of the runtime; `rows` alone drives.
"""
