"""Listening to an answer within its limits: on the whole, on a silence, and on its length."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

MAX_ANSWER_CHARS = 2_000_000
_CHARS_A_TOKEN = 64
"""A token can stand for a run of blanks; no model makes more than this of each on average."""
_OTHER_CHARS = 1024
MAX_CALLS = 256
"""Of tools, in one answer. No turn needs so many, and pydantic-ai looks at all of them again at each new one."""


class Clock:
    """The two limits on time: on the whole answer, and on a silence once it has begun.

    Args:
        total_s: for the whole; None: no limit.
        idle_s: from one piece to the next.
    """

    def __init__(self, total_s: float | None, idle_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._total_s, self._idle_s = total_s, idle_s
        self._began = self._loop.time()
        self._first: float | None = None
        self._last = self._began

    def limit(self) -> asyncio.Timeout:
        """For one wait: raises TimeoutError at whichever limit comes first."""
        limits = []
        if self._total_s is not None:
            limits.append(self._began + self._total_s)
        if self._first is not None:
            limits.append(self._last + self._idle_s)
        return asyncio.timeout_at(min(limits, default=None))

    def heard(self) -> None:
        """Something came."""
        self._last = self._loop.time()
        if self._first is None:
            self._first = self._last

    def said(self) -> str:
        """Which limit was reached."""
        if self._total_s is not None and self.seconds() >= self._total_s:
            return f"the answer did not end within timeout_s={self._total_s:g}"
        return f"the answer stopped for {self._idle_s:g} s before its end"

    def seconds(self) -> float:
        """Since the call began."""
        return self._loop.time() - self._began

    def first_s(self) -> float:
        """Until the first piece; 0 if none came."""
        return 0.0 if self._first is None else self._first - self._began


class TooLongError(Exception):
    """More came than was wanted, and the message says than what; never leaves this package."""


@dataclass
class Heard:
    """How much came so far, text, thoughts and arguments together, and how many calls."""

    most: int
    chars: int = 0
    calls: int = 0

    def take(self, event: Any) -> str:
        """The text in an event that people may read; "" for thoughts, tool calls and ends. Raises TooLongError."""
        from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta, ToolCallPart

        match event:
            case PartStartEvent(part=TextPart(content=text)) | PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                self._count(text)
                return text
            case PartStartEvent(part=part):
                self.calls += isinstance(part, ToolCallPart)
                if self.calls > MAX_CALLS:
                    raise TooLongError(f"{MAX_CALLS} calls of tools")
                self._count(getattr(part, "content", None))
                self._count(getattr(part, "args", None))
            case PartDeltaEvent(delta=delta):
                self._count(getattr(delta, "content_delta", None))
                self._count(getattr(delta, "args_delta", None))
        return ""

    def _count(self, piece: Any) -> None:
        if piece is not None:
            self.chars += len(piece) if isinstance(piece, str) else len(str(piece))
        if self.chars > self.most:
            raise TooLongError(f"{self.most} characters; raise max_tokens if it is to be that long")


def most_chars(max_tokens: int | None) -> int:
    """How long an answer may be: what was asked for, for the case that the model does not keep to it."""
    return MAX_ANSWER_CHARS if max_tokens is None else min(MAX_ANSWER_CHARS, max_tokens * _CHARS_A_TOKEN + _OTHER_CHARS)
