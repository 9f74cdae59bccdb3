"""The observatory, which is `orrery demo`: a workflow over a source tree, its history and this machine.

It measures every source file in a process of its own, mines the git history, watches the machine meanwhile,
asks a server that often fails, joins all of it, and writes a report. `flow.observatory` is the workflow; `main`
runs it, resumes it after a crash, and says what came of it.
"""

from orrery.apps.observatory.command import main

__all__ = ["main"]
