"""Evidence: the steps of a plan with their results, as a model is shown them inside a block `<data>`.

The lines of the steps are its own, and the results beside them come from outside: each stands on one line of JSON, cut
to size, so that no text in it can pass for a line of ours or end the block. Where nothing of ours stands beside the
data, it is put under a label instead: `agents.conversation.labelled`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from orrery.errors import Failure
from orrery.graph.resolve import as_text

MOST_CHARS = 4_000
"""How much of one result is shown."""
MOST_CHARS_IN_ALL = 80_000


def shown(value: Any, *, most: int = MOST_CHARS) -> str:
    """A result on one line of JSON, so that no text in it can end the line or the block that it stands in."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, str) else as_text(_with_failures_shown(value))
    text = (
        text.replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
        .replace("\x85", "\\u0085")
    )
    if len(text) <= most:
        return text
    return f"{text[:most]} ... ({len(text) - most} more characters are left out)"


def _with_failures_shown(value: Any) -> Any:
    if isinstance(value, Failure):
        return {"error": str(value)}
    if isinstance(value, dict):
        return {key: _with_failures_shown(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_with_failures_shown(inner) for inner in value]
    return value


def block(lines: Iterable[tuple[str, Any]]) -> str:
    """Steps with their results, one after the other, as long as there is room.

    Args:
        lines: each step as it was written, with what came of it.
    """
    parts: list[str] = []
    room = MOST_CHARS_IN_ALL
    left_out = 0
    for line, value in lines:
        kept = line.replace("</", "<\\/")  # which a plan may write as well, and means the same
        part = f"{kept}\n   = {shown(value)}"
        if len(part) > room:
            left_out += 1
            continue
        room -= len(part)
        parts.append(part)
    if left_out:
        parts.append(f"({left_out} more steps are left out: their results are too long)")
    return "\n".join(parts) if parts else "(no step has a result)"
