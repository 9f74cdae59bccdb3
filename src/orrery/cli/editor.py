"""Draft: a text that a person changes in an editor of their own."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from orrery.errors import RequestError

USUAL_EDITORS = ("sensible-editor", "nano", "vim", "vi")


class Draft:
    """A person's text in a file of their own, which stays where it is until it is `done` with."""

    def __init__(self, run: str, text: str) -> None:
        descriptor, name = tempfile.mkstemp(prefix=f"orrery-{_plain_name(run)}-", suffix=".txt", text=True)
        self.path = Path(name)
        self.first = self.text = text
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)

    def edit(self) -> bool:
        """Let the person edit it; whether it says something else then.

        Raises RequestError: there is no editor, it failed, or what it left is no text.
        """
        words = _editor()
        before = signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is the editor's while it is open
        try:
            status = subprocess.run([*words, str(self.path)], check=False).returncode
        except OSError as error:
            raise RequestError(f"the editor {words[0]!r} cannot be started: {error.strerror}; set $EDITOR") from error
        finally:
            signal.signal(signal.SIGINT, before)
        if status != 0:
            raise RequestError(f"the editor {words[0]!r} ended with status {status}, so nothing was changed")
        try:
            after = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"{self.path} cannot be read: {error}") from error
        changed, self.text = after != self.text, after
        return changed

    @property
    def says_something(self) -> bool:
        """Whether there is anything in it that was not there at first; an empty text asks for nothing."""
        return bool(self.text.strip()) and self.text != self.first

    def complain(self, problems: Iterable[str]) -> None:
        """Put above the text what is wrong with it, in place of what was wrong before."""
        rest = [line for line in self.text.splitlines() if not line.startswith(_COMPLAINT)]
        lines = (f"{_COMPLAINT} {' '.join(problem.split())}" for problem in problems)
        self.text = "\n".join((*lines, *rest)) + "\n"
        self.path.write_text(self.text, encoding="utf-8")

    def done(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


_COMPLAINT = "#!"


def _plain_name(run: str) -> str:
    return "".join(mark if mark.isalnum() or mark in "-_" else "-" for mark in run)[:40]


def _editor() -> list[str]:
    """The words that start the person's editor. Raises RequestError if there is none."""
    for name in ("VISUAL", "EDITOR"):
        if words := shlex.split(os.environ.get(name, ""), posix=os.name != "nt"):
            return words
    for usual in ("notepad",) if os.name == "nt" else USUAL_EDITORS:
        if shutil.which(usual):
            return [usual]
    raise RequestError("there is no editor; name one in $EDITOR, or give the change with --patch or --drop")
