"""What runs inside the fresh interpreter of python.run. Run as a script; imports the standard library only.

Reads the order as JSON from stdin, lowers its own limits for good, runs the program, and writes what came of it
to the file `outcome.json` in its folder: {"value": ...} or {"error": ..., "kind": ..., "line": ..., "trace": ...}.
"""

from __future__ import annotations

import ast
import contextlib
import json
import linecache
import math
import os
import resource
import signal
import sys
import traceback
from types import CodeType
from typing import Any, NoReturn

PROGRAM = "<program>"
OUTCOME = "outcome.json"
MORE_PROCESSES = 32
_ALARM_AFTER_S = 5


class NotPlainError(Exception):
    """The result is not plain data."""


def main() -> NoReturn:
    """Carry out the order; never returns, so that nothing the program left behind runs after it."""
    order: dict[str, Any] = json.load(sys.stdin)
    code: str = order["code"]
    place = os.path.abspath(OUTCOME)  # the program may go to another folder
    _limit(order["limits"])
    linecache.cache[PROGRAM] = (len(code), None, code.splitlines(keepends=True), PROGRAM)
    room = {"__name__": "__main__", "__builtins__": __builtins__, **order["inputs"]}
    try:
        outcome = json.dumps({"value": _plain(_run(code, room), "result")})
    except BaseException as error:  # noqa: BLE001 - whatever the program raises is its outcome
        outcome = json.dumps(_failure(error))
    with contextlib.suppress(ValueError, AttributeError, OSError):  # it may have closed or replaced its stdout
        sys.stdout.flush()
    with open(place, "w", encoding="utf-8") as file:
        file.write(outcome)
    os._exit(0)


def _limit(limits: dict[str, int]) -> None:
    """Set the limits of this process and its children; soft and hard, so that they cannot be raised again."""
    signal.alarm(limits["timeout_s"] + _ALARM_AFTER_S)  # should whoever waits for this program die meanwhile
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: limits["file_bytes"],
        resource.RLIMIT_NPROC: _processes_now() + MORE_PROCESSES,
        resource.RLIMIT_CPU: limits["cpu_s"] + 1,
    }
    if sys.platform != "darwin":  # which knows the limit and refuses to set it
        wanted[resource.RLIMIT_AS] = limits["memory_bytes"]
    for kind, most in wanted.items():
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # The soft limit on time gives SIGXCPU, which names the reason; at the hard one it would be a plain SIGKILL.
        resource.setrlimit(kind, (least - 1 if kind == resource.RLIMIT_CPU else least, least))


def _processes_now() -> int:
    """Threads that this user has: the limit counts them all, not only those of this program."""
    count, me = 0, os.getuid()
    try:
        with os.scandir("/proc") as entries:
            for entry in entries:
                if entry.name.isdigit():
                    try:
                        if entry.stat().st_uid == me:
                            count += len(os.listdir(f"/proc/{entry.name}/task"))
                    except OSError:  # it has ended since
                        continue
    except OSError:  # a system without /proc
        return 1_000
    return count


def _run(code: str, room: dict[str, Any]) -> Any:
    body, last = _compiled(code)
    value = None
    try:
        exec(body, room)  # noqa: S102 - that is what this file is for
        value = eval(last, room) if last is not None else None  # noqa: S307
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
    return room.get("result", value)


def _compiled(code: str) -> tuple[CodeType, CodeType | None]:
    """The program, and apart from it its last statement where that is an expression."""
    tree = ast.parse(code, PROGRAM)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return compile(tree, PROGRAM, "exec"), None
    tree.body.pop()
    return compile(tree, PROGRAM, "exec"), compile(ast.Expression(last.value), PROGRAM, "eval")


def _plain(value: Any, place: str) -> Any:
    """The value as JSON holds it. Raises NotPlainError, with the place."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NotPlainError(f"{place} is {value}, which JSON cannot hold")
        return float(value)
    if isinstance(value, list | tuple):
        return [_plain(inner, f"{place}[{position}]") for position, inner in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise NotPlainError(f"{place} has the key {key!r:.60}, which is not text; make it text with str()")
        return {key: _plain(inner, f"{place}[{key!r:.60}]") for key, inner in value.items()}
    kind = type(value).__name__
    raise NotPlainError(f"{place} is a {kind}; make it text, a number, true or false, None, a list or a dict")


def _failure(error: BaseException) -> dict[str, Any]:
    if isinstance(error, NotPlainError):
        return {"error": str(error), "kind": "not-plain"}
    if isinstance(error, MemoryError):
        return {"error": "MemoryError", "kind": "memory"}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == PROGRAM]
    line = frames[-1].lineno if frames else getattr(error, "lineno", None)
    whole = traceback.TracebackException.from_exception(error)
    whole.stack = traceback.StackSummary.from_list(frames)
    said = "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]
    return {"error": said, "kind": "raised", "line": line, "trace": "".join(whole.format(chain=False))}


if __name__ == "__main__":
    main()
