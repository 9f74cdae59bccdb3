"""The log of a run in another process, as far as it has come."""

from __future__ import annotations

from tests.cli.conftest import Folder

from orrery.journal import open_journal
from orrery.scheduler import events as ev


def log_of(folder: Folder) -> list[ev.Event]:
    """The log so far of the run "r" in the store of a folder."""
    if not (folder.path / ".orrery" / "runs.db").exists():
        return []
    journal = open_journal(f"sqlite:///{folder.path}/.orrery/runs.db")
    try:
        return [event for _, event in journal.read("r")] if journal.runs() else []
    finally:
        journal.close()
