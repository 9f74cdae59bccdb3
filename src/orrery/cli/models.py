"""`orrery models` and what is below it."""

from __future__ import annotations

from cyclopts import App, Parameter

models = App(
    name="models",
    help="Serve simulated models, for tests and to load a workflow for free.",
    help_format="plaintext",
    version_flags=(),
    default_parameter=Parameter(negative=(), show_default=False),
)
models.command("orrery.cli.simulate:simulate", name="simulate")
