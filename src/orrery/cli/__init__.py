"""The command line: every command is a thin door to the runtime, the journal and the graph.

`main` decides the exit status; `commands` lists what there is; one module per command does the rest. Needs
the extra `cli`, which is imported only when a command is really called. Nothing imports this package.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

SUCCEEDED, DID_NOT_SUCCEED, WRONG_REQUEST, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses; a run stopped by SIGTERM ends with 143, a broken pipe with 141."""
BROKEN_PIPE = 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and return its exit status.

    Args:
        arguments: the words after `orrery`; those of this process unless given.

    Returns: 0 if it succeeded, 1 if the run or the world did not, 2 if the request itself is wrong.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    _write_what_can_be_written()
    try:
        status = _carry_out(words)
        sys.stdout.flush()
    except BrokenPipeError:
        _silence(sys.stdout)
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the user gets a sentence and a status, whatever it was
        from orrery.cli.faults import report

        return report(error, words, debug=debug)
    return status


def _carry_out(words: list[str]) -> int:
    from orrery.cli import commands

    if words in (["--version"], ["-V"]):
        from orrery import __version__

        print(f"orrery {__version__}")
        return SUCCEEDED
    if not words or words in (["--help"], ["-h"], ["help"]):
        print(commands.overview())
        return SUCCEEDED
    return commands.call(words)


def _write_what_can_be_written() -> None:
    """Characters that the terminal's encoding lacks become '?', not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def _silence(stream: object) -> None:
    """Send what is still in a stream's buffer nowhere, so that its flush at exit does not complain."""
    fileno = getattr(stream, "fileno", None)
    if fileno is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, fileno())
        os.close(nowhere)


__all__ = ["BROKEN_PIPE", "DID_NOT_SUCCEED", "INTERRUPTED", "SUCCEEDED", "WRONG_REQUEST", "main"]
