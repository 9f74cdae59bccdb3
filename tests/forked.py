"""The command line in processes that are forked off one which has imported it: apart like any other, and sooner there.

What a test starts in order to kill it, or with settings that matter to a starting interpreter, is a process of its own.
"""

from __future__ import annotations

import json
import os
import pkgutil
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple


class Ended(NamedTuple):
    """The exit status of a command and what it printed."""

    status: int
    out: str
    err: str


class Forks:
    """The process that others are forked off, one at a time."""

    def __init__(self, parent: subprocess.Popen[bytes]) -> None:
        self._parent = parent

    def orrery(self, words: Sequence[str], folder: Path, env: Mapping[str, str]) -> Ended:
        """What `orrery` with these words does in a folder, in a process of its own, with nothing to read."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        with tempfile.TemporaryDirectory(prefix="orrery-forked-") as name:
            out, err = Path(name, "out"), Path(name, "err")
            order = {"words": list(words), "folder": str(folder), "env": dict(env), "out": str(out), "err": str(err)}
            self._parent.stdin.write(json.dumps(order).encode() + b"\n")
            self._parent.stdin.flush()
            status = int(self._parent.stdout.readline())
            return Ended(status, *(path.read_text("utf-8", "surrogateescape") for path in (out, err)))


@contextmanager
def forks() -> Iterator[Forks]:
    """Have such a process."""
    with subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        yield Forks(parent)


def _serve() -> None:
    for package in map(import_module, ("orrery.cli", "orrery.workflow", "orrery.runtime", "orrery.journal")):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    for line in sys.stdin.buffer:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
            runpy.run_module("orrery", run_name="__main__", alter_sys=True)
        _, status = os.waitpid(child, 0)
        os.write(1, b"%d\n" % os.waitstatus_to_exitcode(status))


def _become(order: dict[str, Any]) -> None:
    os.setsid()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["env"])
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for descriptor, opened in enumerate(
        (os.open(os.devnull, os.O_RDONLY), os.open(order["out"], flags, 0o600), os.open(order["err"], flags, 0o600))
    ):
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.path[0] = order["folder"]  # as `python -m` has it
    sys.argv[1:] = order["words"]


if __name__ == "__main__":
    _serve()
