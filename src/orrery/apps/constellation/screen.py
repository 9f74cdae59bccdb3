"""What the demo says: a line for each device while it runs, and in the end who did what, and when."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from orrery.apps.constellation.machines import MEMBERS
from orrery.apps.constellation.tally import HERE, Tally

BAR_CHARS = 48


class Screen:
    """Where the demo speaks. With `quiet` it says nothing.

    Args:
        tally: what is shown.
    """

    def __init__(self, tally: Tally, *, quiet: bool) -> None:
        self._tally, self._quiet = tally, quiet
        self._console = Console(file=sys.stdout, highlight=False)
        self._live: Live | None = None
        self._gone: dict[str, None] = {}

    def say(self, text: str, style: str = "") -> None:
        """Say one thing."""
        if not self._quiet:
            self._console.print(Text(text, style))

    def begin(self) -> None:
        """The run goes on from here."""
        if self._console.is_terminal and not self._quiet:
            self._live = Live(get_renderable=self._now, console=self._console, transient=True, refresh_per_second=8)
            self._live.start()

    def end(self) -> None:
        """Nothing more will happen; may be called twice."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def killed(self, name: str) -> None:
        """A device is no more."""
        self._gone[name] = None
        self.say(f"{name} is killed with SIGKILL, with work in hand", "bold red")

    def _now(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for member in MEMBERS:
            gone = member.name in self._gone
            done, busy = len(self._tally.on(member.name)), self._tally.busy_on(member.name)
            table.add_row(
                Text(member.name, "strike red" if gone else "bold"),
                Text(", ".join(member.skills), "dim"),
                Text("killed", "red") if gone else Text("▪" * busy + "·" * (member.slots - busy), "cyan"),
                Text(f"{done} done"),
            )
        return table

    def summary(self, outcome: Mapping[str, Any], seconds: float) -> None:
        """The run has succeeded."""
        if self._quiet:
            return
        found = outcome["result"]
        self.say(f"\n✓ {found['files']} files measured in {seconds:.1f} s", "bold green")
        self.say(f"  {found['lines']:,} lines, {found['functions']:,} functions")
        self.say(f"  the machine's load meanwhile: {found['load']['mean']:.2f} a processor")
        self.say(f"  what it is about: {', '.join(found['words'])}")
        self.say("  most functions, most often changed:")
        for file in found["hot"]:
            self.say(f"    {file['name']}  {file['functions']} functions, {file['changes']} changes")
        self.say("")
        self._console.print(Group(*self._lanes()))

    def _lanes(self) -> list[Text]:
        """One line for each device: when it was at work."""
        tally = self._tally
        begin = min((one.began_at for one in tally.done), default=tally.began_at)
        span = max((one.ended_at for one in tally.done), default=begin) - begin or 1.0
        lines = []
        for name in (*(member.name for member in MEMBERS), HERE):
            cells = [0] * BAR_CHARS
            for one in tally.on(name):
                first, last = (int((at - begin) / span * BAR_CHARS) for at in (one.began_at, one.ended_at))
                for cell in range(first, min(BAR_CHARS, max(first + 1, last))):
                    cells[cell] += 1
            bar = "".join(" ░▒▓█"[min(count, 4)] for count in cells)
            fate = "  killed" if name in self._gone else ""
            count = f"{len(tally.on(name)):3} done"
            lines.append(Text.assemble((f"  {name:9}", "bold"), (f"{bar}▏", "cyan"), count, (fate, "red")))
        return lines
