"""Board: what every endpoint and every screen of the dashboard needs, opened once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from orrery.dashboard.following import Followers
from orrery.dashboard.launching import Launcher
from orrery.dashboard.listing import Listing
from orrery.dashboard.spectators import Spectators
from orrery.dashboard.standing import Standing
from orrery.journal import Journal

if TYPE_CHECKING:
    from orrery.fleet.hubs import HubAddress


@dataclass
class Board:
    """One store to look at, and where what is begun from here goes.

    Args:
        journal: the store; it is read, and requests are posted to it.
        store: its URL, for commands that are started.
        folder: where workflows are looked for and commands run.
        hub: the hub that was named; None takes the one of the environment or of the folder.
        hub_state: the folder of the hub's registry, where it is not the usual one.
    """

    journal: Journal
    store: str
    folder: Path
    hub: HubAddress | None = None
    hub_state: Path | None = None
    standing: Standing = field(init=False)
    spectators: Spectators = field(init=False)
    followers: Followers = field(init=False)
    launcher: Launcher = field(init=False)
    listing: Listing = field(init=False)

    def __post_init__(self) -> None:
        self.standing = Standing(self.store)
        self.spectators = Spectators(self.journal)
        self.followers = Followers(self.spectators)
        self.launcher = Launcher(self.journal, self.store, self.folder, self.hub)
        self.listing = Listing(self.journal, self.spectators)

    def close(self) -> None:
        """Let the store go. A server that stops calls `followers.close` first, so that its streams end."""
        self.followers.close()
        self.spectators.close()
        self.journal.close()
