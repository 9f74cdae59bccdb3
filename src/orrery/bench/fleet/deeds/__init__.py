"""Deeds: what the suite's tasks do on devices besides Orrery's own tools.

Each is a plain function of a device's folder, a module per subject. The slowness of a device (a worn disk, the exposure
of a camera, a service that takes its time) is a real wait, `wait_s`, so that five devices on one machine are as
independent of each other as five machines. Nothing here knows of graphs or of checks.
"""
