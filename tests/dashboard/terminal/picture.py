"""The picture of `orrery watch`: the demo, seen while it runs.

`python -m tests.dashboard.terminal.picture > docs/images/watch.svg`
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile

from orrery.dashboard.spectator import Spectator
from orrery.dashboard.terminal.app import Watch
from orrery.dashboard.terminal.drawing import FINE
from orrery.runtime.directory import LAST, find_run, open_existing

SIZE = (120, 34)
ENOUGH = 150
"""The picture is taken once so many tasks have succeeded."""
PATIENCE_S = 60.0


async def picture(store: str) -> str:
    """The screen as SVG, once enough of the run in that store is done."""
    async with asyncio.timeout(PATIENCE_S):
        journal = open_existing(store)
        spectator = Spectator(journal, find_run(journal, LAST))
        spectator.catch_up()
        app = Watch(spectator, FINE)
        async with app.run_test(size=SIZE) as pilot:
            while app.head is None or app.head.counts.get("succeeded", 0) < ENOUGH:
                await pilot.pause(0.05)
            await pilot.press("down", "down", "down", "down", "down", "down")
            await pilot.pause(0.3)
            svg = app.export_screenshot(title="orrery watch last")
        journal.close()
    return svg


def main() -> None:
    """Run the demo over this repository in a folder of its own, and print the picture."""
    with tempfile.TemporaryDirectory() as folder:
        store = f"sqlite:///{folder}/runs.db"
        demo = subprocess.Popen(
            [sys.executable, "-m", "orrery", "demo", "--folder", f"{folder}/report", "--store", store],
            stdout=subprocess.PIPE,
        )
        assert demo.stdout is not None
        try:
            demo.stdout.readline()  # it has begun
            svg = asyncio.run(picture(store))
            print(re.sub(r"@font-face {.*?}\s*", "", svg, flags=re.DOTALL).replace("Fira Code", "ui-monospace"))
        finally:
            demo.terminate()
            demo.wait(PATIENCE_S)


if __name__ == "__main__":
    main()
