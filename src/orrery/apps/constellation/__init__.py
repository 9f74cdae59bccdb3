"""A fleet on one machine: a hub, five devices, and a workflow over all of them, while one is killed.

`orrery demo --fleet` runs it. It is made of what everybody can use: `orrery hub`, `orrery device`, and a flow whose
steps say where they run. Imports public names only.
"""
