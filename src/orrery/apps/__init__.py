"""Applications: whole programs built from Orrery's public names, as a user would build them.

Each is a package of its own and knows nothing of its siblings. May import every package below; only the
command line imports an application.
"""
