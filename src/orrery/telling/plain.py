"""Values as JSON can write them, and as one short line for people."""

from __future__ import annotations

import base64
import json
import math
from datetime import date, datetime
from typing import Any

import msgspec

from orrery.errors import Failure
from orrery.graph import Blob
from orrery.runtime import Result
from orrery.scheduler.budgets import Ledger
from orrery.telling.printable import printable

MOST_DECIMAL_BITS = 14_000
"""Python refuses to write longer integers in decimal (4,300 digits); they are written in hexadecimal."""


def plain(value: Any) -> Any:
    """The value as JSON data.

    NaN and infinities become null, bytes base64 text, a large value {"blob": digest, "size_bytes", "media"},
    a failure {"error": {...}}, dates ISO text.
    """
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if value.bit_length() < MOST_DECIMAL_BITS else hex(value)
        case float():
            return value if math.isfinite(value) else None
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode("ascii")
        case dict():
            return {_key(key): plain(inner) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(inner) for inner in value]
        case Blob():
            return {"blob": value.digest, "size_bytes": value.size_bytes, "media": value.media}
        case Failure():
            return {"error": plain_failure(value)}
        case datetime() | date():
            return value.isoformat()
    return plain(msgspec.to_builtins(value, enc_hook=str))


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(plain(key))


def plain_failure(failure: Failure | None) -> dict[str, Any] | None:
    """A failure as JSON data: type, message, code, severity, and its cause where there is one."""
    if failure is None:
        return None
    found: dict[str, Any] = {"type": failure.type, "message": failure.message, "code": failure.code}
    found["severity"] = failure.severity
    if failure.cause is not None:
        found["cause"] = plain_failure(failure.cause)
    return found


def plain_result(result: Result, state: str | None = None, ledger: Ledger | None = None) -> dict[str, Any]:
    """The object that `--json` prints for a run.

    Args:
        state: where it is not the result's own.
        ledger: what the run has spent; money and tokens are named where there are any.
    """
    found = {
        "run": result.run_id,
        "state": state or result.state,
        "outputs": plain(result.outputs),
        "tasks": result.tasks,
        "seconds": round(result.seconds, 6),
    }
    if ledger is not None and ledger.money:
        found["money"] = round(ledger.money, 9)
    if ledger is not None and ledger.tokens:
        found["tokens"] = ledger.tokens
    if result.error is not None:
        found["error"] = plain_failure(result.error)
    return found


def short(value: Any, width: int = 60) -> str:
    """One line about a value, at most `width` characters."""
    match value:
        case Blob():
            text = f"<{value.media}, {amount(value.size_bytes)}, blob {value.digest[:12]}>"
        case bytes():
            text = f"<{amount(len(value))}>"
        case Failure():
            text = f"error: {value}"
        case str():
            text = value
        case float():
            text = f"{value:.6g}"
        case list() if len(value) > 200:
            text = f"<a list of {len(value)}>"
        case dict() if len(value) > 200:
            text = f"<a map of {len(value)}>"
        case _:
            text = json.dumps(plain(value), ensure_ascii=False)
    text = " ".join(printable(text[: 4 * width]).split())
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."


def target_line(target: str) -> str:
    """What a run was started from, on one line: the beginning of a request in plain words, a path or name whole."""
    return short(target) if any(map(str.isspace, target)) else printable(target)


def amount(size_bytes: int) -> str:
    """A number of bytes for people: "1.5 MB"."""
    size = float(size_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def dollars(money: float) -> str:
    """Money for people: "$12.30", "$0.0042"."""
    if money >= 1:
        return f"${money:,.2f}"
    return f"${money:.4f}" if money >= 0.0001 or money <= 0 else "under $0.0001"


def spending(money: float, tokens: int) -> list[str]:
    """What was consumed, as far as anything was: "1,204 tokens", "$0.0042"."""
    parts = [f"{tokens:,} tokens"] if tokens else []
    return parts + ([dollars(money)] if money else [])


def span(seconds: float) -> str:
    """A time span for people: "0.42 s", "3 m 05 s", "2 h 11 m"."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    if seconds < 3600:
        return f"{int(seconds // 60)} m {int(seconds % 60):02} s"
    return f"{int(seconds // 3600)} h {int(seconds % 3600 // 60):02} m"
