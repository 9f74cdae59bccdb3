"""The demo's workflow: each step says where it may run, and nothing about how its data gets there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from orrery import flow, task
from orrery.apps.constellation.deeds import join, measure, pack, sample
from orrery.tools import tools

git = task(tools.get("shell.run"), effects="pure", timeout_s=60)


@flow
def survey(root: Path, seconds: float) -> Any:
    """Measure a source tree on two machines, read its history on a third, watch a fourth, and join it on a fifth."""
    log = ["git", "log", "--max-count=400", "--name-only", "--format="]
    history = git.options(name="history").on("archive")(command=log, cwd=root, check=False)
    files = measure.on(skills=["source"]).map(pack(root))
    loads = sample.on(skills=["sensor"])(seconds)
    return join.on(skills=["analysis"], cpus=1)(files, history["stdout"], loads)
