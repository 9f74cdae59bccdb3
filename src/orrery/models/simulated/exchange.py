"""What is sent in reply to one request: frames with their times, as they are, or spoilt as a fault wants it."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from orrery.models.serving.replica import Job
from orrery.models.serving.timing import Timing
from orrery.models.simulated.answer import Answer, Split, pieces
from orrery.models.simulated.asked import Asked
from orrery.models.simulated.faults import Fault
from orrery.models.simulated.wire.form import Chunk, Made, Wire

JSON = "application/json"
PAGE = b"<!doctype html><title>Bad gateway</title><p>The upstream server is taking a break.</p>"
"""What a proxy in between might send instead of an answer."""


class Frame(NamedTuple):
    """Bytes, and how many seconds after the request's arrival they are due, where it has the server to itself; `token`
    tokens are out with them."""

    data: bytes
    due_s: float
    token: int


@dataclass
class Exchange:
    """What is sent in reply to one request.

    Args:
        length: of the body in bytes, where it is known.
        frames: lazily, and perhaps without end.
        ending: what happens behind the last frame: the message ends, the connection is reset, or nothing more comes.
        model: whose call it is; None where it is none.
        faulty: whether it is what a fault made of it.
        job: its place among the calls that share the server, which then says when frames are due; None where each
            call has a server to itself.
        token: how many tokens were sent; kept by whoever sends.
    """

    status: int
    content_type: str
    frames: Iterator[Frame]
    length: int | None = None
    headers: Sequence[tuple[str, str]] = ()
    ending: Literal["done", "reset", "stall"] = "done"
    model: str | None = None
    faulty: bool = False
    job: Job | None = field(default=None, init=False)
    token: int = field(default=0, init=False)


@dataclass(frozen=True)
class Reply:
    """An answer that is about to be sent.

    Args:
        uncached: prompt tokens that have to be read before the first token.
    """

    wire: Wire
    asked: Asked
    answer: Answer
    made: Made
    timing: Timing
    uncached: int
    fault: Fault | None = None

    def exchange(self, split: Split, dice: random.Random) -> Exchange:
        """The answer as what is sent."""
        if self.fault is not None and self.fault.kind == "content-type":
            frames = iter([Frame(PAGE, self._due_s(0), 0)])
            return Exchange(200, "text/html; charset=utf-8", frames, len(PAGE), model=self.asked.model, faulty=True)
        made = self._streamed(split, dice) if self.asked.stream else self._whole()
        made.model, made.faulty = self.asked.model, self.fault is not None
        return made

    def _streamed(self, split: Split, dice: random.Random) -> Exchange:
        cut = pieces(self.answer, split, dice)
        chunks = self.wire.stream(self.asked, self.answer, cut, self.made)
        if split == "chars":
            chunks = _torn(chunks, dice)
        made = Exchange(200, self.wire.content_type, iter(()))
        fault = self.fault
        if fault is not None:
            after = fault.after if self.answer.endless else min(fault.after, max(0, self.answer.tokens - 1))
            match fault.kind:
                case "garbage":
                    chunks = _with_garbage(chunks, after)
                case "cut":
                    chunks = _cut_short(chunks, after, within=True)
                case "reset" | "stall":
                    made.ending = fault.kind
                    chunks = _cut_short(chunks, after)
        made.frames = (Frame(chunk.data, self._due_s(chunk.token), chunk.token) for chunk in chunks)
        return made

    def _whole(self) -> Exchange:
        if self.answer.endless:
            # White space may stand before JSON, so this is the beginning of something valid, for ever.
            frames = (Frame(b" ", self._due_s(token), token) for token in itertools.count(1))
            return Exchange(200, JSON, frames)
        body = self.wire.whole(self.asked, self.answer, self.made)
        made = Exchange(200, JSON, iter(()), len(body))
        match self.fault.kind if self.fault is not None else None:
            case "reset" | "stall" as kind:
                body, made.ending = body[: len(body) // 2], kind
            case "cut":
                body = body[: len(body) // 2]
                made.length = len(body)
            case "garbage":
                body = b"\xff\xfe{" + body[: len(body) // 2]
                made.length = len(body)
        made.frames = iter([Frame(body, self._due_s(self.answer.tokens), self.answer.tokens)])
        return made

    def _due_s(self, token: int) -> float:
        return self.timing.due_s(token, uncached=self.uncached)


def _torn(chunks: Iterator[Chunk], dice: random.Random) -> Iterator[Chunk]:
    """The same bytes, torn anywhere, in the middle of characters too."""
    for data, token in chunks:
        place = 0
        while place < len(data):
            end = place + dice.randint(1, 40)
            yield Chunk(data[place:end], token)
            place = end


def _cut_short(chunks: Iterator[Chunk], after: int, *, within: bool = False) -> Iterator[Chunk]:
    """The chunks up to a token; `within` adds half of the next."""
    for chunk in chunks:
        if chunk.token > after:
            if within:
                yield Chunk(chunk.data[: len(chunk.data) // 2], chunk.token)
            return
        yield chunk


def _with_garbage(chunks: Iterator[Chunk], after: int) -> Iterator[Chunk]:
    """The chunks, and behind a token a frame that nobody can read."""
    for chunk in chunks:
        if chunk.token > after:
            yield Chunk(b'data: {"\xff\xfe": not json\n\n', chunk.token)
            yield chunk
            break
        yield chunk
    yield from chunks
