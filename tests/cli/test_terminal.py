"""The live display on a real terminal: a pseudo-terminal whose screen is read back by tmux."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from .conftest import Folder, _environment

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux reads the screen back")


class Terminal:
    """A screen of 80 by 24 in which one command runs."""

    def __init__(self, folder: Folder, *words: str, size: tuple[int, int] = (80, 24), **env: str) -> None:
        self.socket = str(folder.path / "tmux")
        command = " ".join([sys.executable, "-m", "orrery", *words])
        settings = " ".join(f"{name}={value}" for name, value in env.items())
        shell = f"cd {folder.path}; {settings} {command}; echo status $?; cat"
        width, height = map(str, size)
        self._tmux("-f", os.devnull, "new-session", "-d", "-s", "t", "-x", width, "-y", height, shell)

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self.socket, *words], env=_environment(), capture_output=True, text=True, check=True
        )
        return done.stdout

    def lines(self) -> list[str]:
        """What the screen shows now."""
        return [line.rstrip() for line in self._tmux("capture-pane", "-p", "-t", "t").splitlines() if line.strip()]

    def until(self, text: str) -> list[str]:
        """The screen once it shows a text."""
        deadline = time.monotonic() + 60
        lines = self.lines()
        while not any(text in line for line in lines):
            assert time.monotonic() < deadline, lines
            time.sleep(0.02)  # a screen tells nobody that it changed
            lines = self.lines()
        return lines

    def press(self, key: str) -> None:
        """Press a key."""
        self._tmux("send-keys", "-t", "t", key)

    def close(self) -> None:
        """End whatever runs in it."""
        self._tmux("kill-server")


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """Terminals that are closed at the end."""
    found: list[Terminal] = []
    yield found
    for terminal in found:
        terminal.close()


def test_a_run_is_a_tree_while_it_goes_on_and_a_summary_when_it_has_ended(
    folder: Folder, terminals: list[Terminal]
) -> None:
    terminals.append(screen := Terminal(folder, "run", "slow.yaml", "--run", "r", LC_ALL="C.UTF-8"))
    lines = screen.until("1 running")
    lines = screen.until("✓ first")
    assert lines[0].startswith("slow  1/3 tasks · 1 running")
    assert lines[1].startswith("├─ ✓ first")
    assert lines[3] == "└─ · last"
    folder.write("go.txt", "")
    lines = screen.until("status 0")
    assert lines[0].startswith("✓ succeeded in"), lines
    assert not any("├─" in line for line in lines), "the tree is gone, and the summary stands in its place"
    assert any("said  last" in line for line in lines)


def test_control_c_leaves_a_clean_screen(folder: Folder, terminals: list[Terminal]) -> None:
    terminals.append(screen := Terminal(folder, "run", "slow.yaml", "--run", "r", LC_ALL="C.UTF-8"))
    screen.until("✓ first")
    screen.press("C-c")
    lines = screen.until("status 130")
    assert any("interrupted; `orrery resume r` goes on from here" in line for line in lines), lines
    assert not any("├─" in line or "Traceback" in line for line in lines)
    assert lines[0].startswith("! interrupted in"), lines


def test_a_narrow_terminal_without_unicode_or_colour_is_enough(folder: Folder, terminals: list[Terminal]) -> None:
    terminals.append(
        screen := Terminal(
            folder, "run", "slow.yaml", size=(40, 10), LC_ALL="C.UTF-8", PYTHONIOENCODING="ascii", NO_COLOR="1"
        )
    )
    lines = screen.until("ok first")
    assert lines[1].startswith("|- ok first")
    assert all(line.isascii() for line in lines)
    folder.write("go.txt", "")
    assert screen.until("status 0")


def test_a_dumb_terminal_gets_plain_lines(folder: Folder, terminals: list[Terminal]) -> None:
    terminals.append(screen := Terminal(folder, "run", "hello.yaml", LC_ALL="C.UTF-8", TERM="dumb"))
    lines = screen.until("status 0")
    assert any(line.startswith("[1/2] succeeded greet") for line in lines), lines


def test_what_tasks_print_stands_above_the_tree_and_does_not_tear_it(folder: Folder, terminals: list[Terminal]) -> None:
    folder.write(
        "loud.py",
        "import time\nfrom pathlib import Path\n"
        "def loud(name: str):\n"
        "    for number in range(3):\n        print(name, number)\n        time.sleep(0.15)\n"
        "    while not Path('go.txt').exists():\n        time.sleep(0.01)\n",
    )
    folder.write(
        "loud.yaml",
        "tasks:\n  near: {uses: 'py:./loud.py:loud', with: {name: near}}\n"
        "  far: {uses: 'py:./loud.py:loud', with: {name: far}, executor: process}\n",
    )
    terminals.append(screen := Terminal(folder, "run", "loud.yaml", LC_ALL="C.UTF-8"))
    screen.until("far 2")
    lines = screen.until("near 2")
    assert sorted(lines[:6]) == sorted(f"{name} {number}" for name in ("far", "near") for number in range(3)), lines
    assert sum("2 running" in line for line in lines) == 1, lines
    folder.write("go.txt", "")
    lines = screen.until("status 0")
    assert not any("├─" in line for line in lines), lines
