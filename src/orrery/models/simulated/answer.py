"""What a simulated model answers, and the pieces in which a stream carries it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from orrery.models.simulated.asked import Asked, Call

CHARACTERS_PER_TOKEN = 4
"""A token is four characters, here as in the rule of thumb; no tokeniser is needed and every count can be checked."""

Stop = Literal["end", "calls", "length", "stop", "filter"]
Split = Literal["tokens", "chars", "lines"]
Part = Literal["text", "refusal", "call"]


def tokens(text: str) -> int:
    """How many tokens a text is: its characters by four, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


@dataclass(frozen=True)
class Answer:
    """What the model says.

    Args:
        text: its text; comes before the calls.
        calls: the tools that it calls.
        refusal: why it will not answer; sent as each format sends refusals.
        stop: why it stopped: "end", "calls", "length" (too many tokens), "stop" (a stop text), "filter";
            follows from the rest unless given.
        stopped_by: the stop text that ended it.
        input_tokens, output_tokens: what is reported as used; counted unless given.
        first_s, tokens_per_s: instead of those of the server's timing.
        endless: it repeats its text for ever.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    refusal: str = ""
    stop: Stop | None = None
    stopped_by: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_s: float | None = None
    tokens_per_s: float | None = None
    endless: bool = False

    @classmethod
    def json(cls, value: Any) -> Answer:
        """An answer whose text is a value as JSON: what a model says when it is asked for structured output."""
        return cls(msgspec.json.encode(value).decode())

    @property
    def tokens(self) -> int:
        """How many tokens it takes to write it; names of tools count too."""
        calls = sum(tokens(call.name) + tokens(call.written) for call in self.calls)
        return tokens(self.text) + tokens(self.refusal) + calls

    @property
    def parts(self) -> tuple[tuple[Part, str, Call | None], ...]:
        """What it consists of, in order: kind, text, and the call whose arguments the text is."""
        parts: list[tuple[Part, str, Call | None]] = []
        parts += [("text", self.text, None)] if self.text or self.endless else []
        parts += [("refusal", self.refusal, None)] if self.refusal else []
        return (*parts, *(("call", call.written, call) for call in self.calls))

    @property
    def ending(self) -> Stop:
        """Why it stopped."""
        if self.stop is not None:
            return self.stop
        return "calls" if self.calls else "end"


def fitted(answer: Answer, asked: Asked) -> Answer:
    """The answer as far as the request lets it go: to the first stop text, and to its most tokens."""
    found = [(place, text) for text in asked.stops if (place := answer.text.find(text)) >= 0]
    if found:
        place, text = min(found)
        answer = replace(answer, text=answer.text[:place], calls=(), stop="stop", stopped_by=text)
    if asked.max_tokens is None or answer.tokens <= asked.max_tokens or answer.endless:
        return answer
    left = asked.max_tokens
    text = answer.text[: left * CHARACTERS_PER_TOKEN]
    left -= tokens(text)
    calls: list[Call] = []
    for call in answer.calls:
        left -= tokens(call.name)
        if left <= 0:
            break
        written = call.written[: left * CHARACTERS_PER_TOKEN]
        calls.append(call if written == call.written else replace(call, args=written))
        left -= tokens(written)
    return replace(answer, text=text, calls=tuple(calls), stop="length")


@dataclass(frozen=True)
class Piece:
    """A part of a part: what one frame of a stream carries.

    Args:
        index: which part of the answer, from 0.
        text: the next characters of it.
        token: how many tokens of the answer are out once this piece is.
        call: the call whose arguments these are.
    """

    index: int
    part: Part
    text: str
    token: int
    call: Call | None = None


def pieces(answer: Answer, split: Split, dice: random.Random) -> Iterator[Piece]:
    """The answer cut up, in order; never an empty piece.

    Args:
        split: "tokens" gives one token at a time; "lines" whole lines; "chars" 1 to 9 characters, by the dice.
    """
    token = 0
    for index, (part, text, call) in enumerate(answer.parts):
        if answer.endless and index > 0:
            break
        token += tokens(call.name) if call is not None else 0
        start = 0
        for end in _ends(text, split, dice):
            yield Piece(index, part, text[start:end], token + tokens(text[:end]), call)
            start = end
        if call is not None and not text:
            yield Piece(index, part, "", token, call)
        token += tokens(text)
    while answer.endless:
        for start in range(0, max(1, len(answer.text)), CHARACTERS_PER_TOKEN):
            token += 1
            yield Piece(0, "text", answer.text[start : start + CHARACTERS_PER_TOKEN] or "and ", token)


def _ends(text: str, split: Split, dice: random.Random) -> Iterator[int]:
    """Where the pieces of a text end."""
    place = 0
    while place < len(text):
        if split == "tokens":
            place += CHARACTERS_PER_TOKEN
        elif split == "lines":
            place = text.find("\n", place) + 1 or len(text)
        else:
            place += dice.randint(1, 9)
        yield min(place, len(text))
