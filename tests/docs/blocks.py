"""Documents that can be run: every block of a Markdown file is a file, a session in a shell, or a text.

    ```python planets.py      a file of that name, made when the reader gets there; likewise ```yaml flow.yaml
    ```console                commands behind `$ `, each followed by what it prints
    ```sh                     commands of which nothing is shown
    ```text, ```mermaid, ...  not run

A comment behind a command says how it ends where that is not well:

    $ orrery run flow.yaml      # exits with 1
    $ orrery run flow.yaml      # kill -9 at "[4/6]"
    $ orrery run flow.yaml      # Ctrl-C at "asking"

A line `...` among what a command prints stands for any number of lines. Times, speeds and the names of runs
are different each time, so they are not compared; nor is how wide a table or a bar is.

`python tests/docs/blocks.py README.md` writes what the commands print now into the document.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 60
FENCE = re.compile(r"```(?P<language>\w*) *(?P<name>[\w./-]*) *$")
ENDS = re.compile(r'  +# *(?:exits with (?P<status>\d+)|(?P<signal>kill -9|Ctrl-C) at "(?P<at>[^"]+)")')
SIGNALS = {"kill -9": signal.SIGKILL, "Ctrl-C": signal.SIGINT}
ANYWHERE = "/path/to"


class Block(NamedTuple):
    """What stands between two fences. `line` is the number of its first line, counted from 1."""

    language: str
    name: str
    line: int
    lines: list[str]


class Command(NamedTuple):
    """A command and what is shown below it; None where that is left out on purpose. `line` is its number."""

    line: int
    text: str
    shown: list[str] | None


class Ran(NamedTuple):
    """What a command really did."""

    command: Command
    printed: list[str]
    status: int


def blocks_of(document: Path) -> list[Block]:
    """The blocks of a document, in order."""
    blocks: list[Block] = []
    inside: Block | None = None
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if inside is None and fence:
            inside = Block(fence["language"], fence["name"], number + 1, [])
        elif inside is not None and line == "```":
            blocks.append(inside)
            inside = None
        elif inside is not None:
            inside.lines.append(line)
    assert inside is None, f"{document.name}:{inside and inside.line}: this block does not end"
    return blocks


def commands_of(block: Block) -> list[Command]:
    """The commands of a block; in a `console`, with what is shown."""
    if block.language == "sh":
        return [Command(number, line, None) for number, line in enumerate(block.lines, block.line) if line]
    commands: list[Command] = []
    shown: list[str] | None = None
    for number, line in enumerate(block.lines, block.line):
        if line.startswith("$ "):
            shown = []
            commands.append(Command(number, line[2:], shown))
        else:
            assert shown is not None, f"line {number}: a console begins with a command"
            shown.append(line)
    return commands


def follow(document: Path, folder: Path) -> Iterator[Ran]:
    """Do what a document says, in an empty folder: make its files, run its commands."""
    for block in blocks_of(document):
        if block.language in ("console", "sh"):
            for command in commands_of(block):
                yield run(command, folder)
        elif block.name:
            path = folder / block.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(block.lines) + "\n", encoding="utf-8")


def run(command: Command, folder: Path) -> Ran:
    """Run one command in a shell, and end it as its comment says."""
    ends = ENDS.search(command.text)
    at, send = (ends["at"], SIGNALS[ends["signal"]]) if ends and ends["at"] else (None, None)
    printed: list[str] = []
    with subprocess.Popen(
        ["bash", "-c", command.text],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            printed.append(line.rstrip())
            if at is not None and send is not None and at in line:
                os.killpg(process.pid, send)
                at = None
        status = process.wait(timeout=MOST_SECONDS)
    if status in (-signal.SIGKILL, 128 + signal.SIGKILL):
        printed.append("Killed")  # as a shell with somebody before it says
    while printed and not printed[-1]:
        printed.pop()
    return Ran(command, [line.replace(str(folder), ANYWHERE) for line in printed], status)


def environment() -> dict[str, str]:
    """That of a person who has installed Orrery and uses the default store."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORRERY_", "PYTEST_"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
    return kept | {"PATH": path, "COLUMNS": "100", "LOGNAME": "you", "PYTHONUNBUFFERED": "1"}


def expected_status(command: Command) -> frozenset[int]:
    """What a command may exit with."""
    ends = ENDS.search(command.text)
    if ends is None:
        return frozenset({0})
    if ends["status"]:
        return frozenset({int(ends["status"])})
    number = SIGNALS[ends["signal"]]
    return frozenset({-number, 128 + number})


def without_chance(line: str) -> str:
    """A line without what is different each time."""
    for pattern, put in (
        (r"\b\d{8}-\d{6}-[0-9a-f]{4}\b", "RUN"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "THEN"),
        (r"\b\d+(?:\.\d+)?(?: ?(?:µs|ms|s|m|h)\b(?: \d+(?:\.\d+)?)?)+", "TIME"),
        (r'"seconds": [\d.e-]+', '"seconds": N'),
        (r"\b[\d.]+ times", "N times"),
        (r"[\d,]+ events a second", "N events a second"),
        (r"[ ▏▎▍▌▋▊▉█─]+", " "),
    ):
        line = re.sub(pattern, put, line)
    return line.strip()


def agree(shown: list[str] | None, printed: list[str]) -> bool:
    """Whether what is shown is what was printed."""
    if shown is None:
        return True
    parts = [re.escape(without_chance(line)) + "\n" if line.strip() != "..." else r"(?:.*\n)*?" for line in shown]
    return re.fullmatch("".join(parts), "".join(without_chance(line) + "\n" for line in printed)) is not None


def check(document: Path, folder: Path) -> None:
    """Do what a document says, and compare what is printed with what it shows. Raises AssertionError."""
    for ran in follow(document, folder):
        place = f"{document.name}:{ran.command.line}: $ {ran.command.text}"
        printed = "\n".join(ran.printed)
        assert ran.status in expected_status(ran.command), f"{place}\nended with {ran.status} and printed\n{printed}"
        assert agree(ran.command.shown, ran.printed), f"{place}\nprinted\n{printed}"


def write_outputs(document: Path) -> None:
    """Put what the commands print now into a document, except where it leaves lines out by `...`."""
    lines = document.read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        done = list(follow(document, Path(folder)))
    for ran in reversed(done):
        if ran.status not in expected_status(ran.command):
            sys.exit(f"{document}:{ran.command.line}: ended with {ran.status}\n" + "\n".join(ran.printed))
        if ran.command.shown is not None and not agree(ran.command.shown, ran.printed):
            lines[ran.command.line : ran.command.line + len(ran.command.shown)] = ran.printed
    document.write_text("\n".join(lines) + "\n", encoding="utf-8")


def program_of(document: Path) -> str:
    """All Python of a document as one program, with the document's line numbers, so that an error points into it."""
    lines = [""] * len(document.read_text(encoding="utf-8").splitlines())
    for block in blocks_of(document):
        if block.language == "python":
            lines[block.line - 1 : block.line - 1 + len(block.lines)] = block.lines
    return "\n".join(lines)


@cache
def run_program(document: Path) -> tuple[ModuleType, str]:
    """Run all Python of a document in this process, once: the module that it made, and what it printed."""
    module = ModuleType(f"{document.stem}_guide")
    sys.modules[module.__name__] = module
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program_of(document), str(document), "exec"), module.__dict__)
    return module, printed.getvalue()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write_outputs(Path(name))
