"""From an error to a message that a person can act on, and an exit status."""

from __future__ import annotations

import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from orrery.cli import DID_NOT_SUCCEED, WRONG_REQUEST
from orrery.errors import InternalError, OrreryError, OutsideError, ProblemsError, RequestError, StoreError

MOST_PROBLEMS = 20


def report(error: Exception, words: Sequence[str], *, debug: bool = False) -> int:
    """Say on stderr what went wrong and return the exit status.

    Args:
        words: the command line, for the report of an internal error.
        debug: show the traceback as well.
    """
    if debug:
        traceback.print_exception(error)
    if isinstance(error, RequestError):
        _say(problem_lines(error) if isinstance(error, ProblemsError) else [_sentence(error)])
        status = WRONG_REQUEST
    elif isinstance(error, OutsideError):
        _say([_sentence(error), *_what_is_safe(error)])
        status = DID_NOT_SUCCEED
    else:
        _say(_internal(error, words))
        status = DID_NOT_SUCCEED
    if isinstance(error, OrreryError):
        _say(list(getattr(error, "__notes__", ())))
    return status


def problem_lines(error: ProblemsError) -> list[str]:
    """Each problem on a line, `place: message [code]`, with a cap on their number."""
    lines = [str(problem) for problem in error.problems[:MOST_PROBLEMS]]
    if len(error.problems) > MOST_PROBLEMS:
        lines.append(f"and {len(error.problems) - MOST_PROBLEMS} more")
    headline = str(error).partition("\n")[0]
    return [headline, *lines] if lines and headline != lines[0] else lines or [_sentence(error)]


def _sentence(error: OrreryError) -> str:
    return f"error: {error} [{error.code}]"


def _what_is_safe(error: OutsideError) -> list[str]:
    if isinstance(error, StoreError) and "safe" not in str(error):
        return ["what was committed before is safe"]
    return []


def _internal(error: Exception, words: Sequence[str]) -> list[str]:
    code = error.code if isinstance(error, InternalError) else type(error).__name__
    lines = [f"internal error: {error} [{code}]"]
    kept = _keep(error, words)
    if kept is not None:
        lines.append(f"this is a fault of Orrery's; please report it with {kept}")
    lines.append("what was committed before is safe; --debug shows the traceback")
    return lines


def _keep(error: Exception, words: Sequence[str]) -> Path | None:
    """Write what is needed to understand an internal error to a file, and say where it is."""
    from orrery import __version__

    text = "\n".join(
        (
            f"orrery {__version__}, Python {platform.python_version()}, {platform.platform()}",
            f"orrery {' '.join(_without_values(words))}",
            "",
            *getattr(error, "__notes__", ()),
            "".join(traceback.format_exception(error)),
        )
    )
    name = f"report-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    for folder in (Path(".orrery"), Path(tempfile.gettempdir())):
        try:
            folder.mkdir(exist_ok=True)
            path = folder / name
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return path
    return None


def _without_values(words: Sequence[str]) -> list[str]:
    """The words without what stands behind an equals sign: a value may be a secret."""
    return [f"{word.partition('=')[0]}=..." if "=" in word else word for word in words]


def _say(lines: list[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)
