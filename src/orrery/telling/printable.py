"""Text that may be shown as it is, wherever it came from."""

from __future__ import annotations

import re

_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text without what would steer a terminal, or turn its reading around; tabs and line ends stay."""
    return text if text.isprintable() else _STEERING.sub("\ufffd", text.replace("\r\n", "\n"))
