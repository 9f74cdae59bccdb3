"""What the workflows of these tests do."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


async def wait_for(path: str) -> str:
    """Return once there is such a file: a test makes it."""
    while not Path(path).exists():  # noqa: ASYNC110, ASYNC240 - whoever makes it is another process
        await asyncio.sleep(0.02)
    return path


def note(line: Any) -> Any:
    """The same again."""
    return line


def fail(text: str) -> None:
    """Fail."""
    raise ValueError(text)


def table(rows: int) -> list[dict[str, Any]]:
    """A table."""
    return [{"name": f"row {number}", "size": number * 10, "note": "<b>bold</b>"} for number in range(rows)]


def markdown(who: str) -> str:
    """A text with headings."""
    return f"# Hello {who}\n\nIt is **important**.\n\n- one\n- two\n"


def picture() -> bytes:
    """An image of one dot."""
    return base64.b64decode(DOT)
