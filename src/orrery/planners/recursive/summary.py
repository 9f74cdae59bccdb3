"""Summary: what others see of a result. Short text is its own summary; anything else is described."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from orrery.graph.resolve import as_text
from orrery.graph.values import Blob

_SPEAKING = ("summary", "answer", "text")
"""The entries of a map that say by themselves what it amounts to, the first one first."""


def summary_of(value: Any, *, most: int) -> str:
    """At most so many characters about a value.

    >>> summary_of({"answer": "42 files", "turns": 3}, most=80)
    '42 files'

    What is longer is cut, and says how long it was and by which digest (SHA-256) it can be told from another one.
    """
    if isinstance(value, Mapping):
        for name in _SPEAKING:
            if isinstance(value.get(name), str):
                return summary_of(value[name], most=most)
    if isinstance(value, Blob):
        return f"{value.media}, {value.size_bytes:,} bytes, SHA-256 {value.digest[:12]}"
    text = as_text(value).strip()
    if len(text) <= most:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:12]
    kind = f"a list of {len(value):,}, " if isinstance(value, list | tuple) else ""
    tail = f" … ({kind}{len(text):,} characters in all, SHA-256 {digest})"
    return text[: max(0, most - len(tail))] + tail


__all__ = ["summary_of"]
