"""What goes wrong, and when: by call number, by chance from a seed, by model or by what was asked."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from orrery.errors import RequestError, suggestion
from orrery.models.simulated.answer import Answer
from orrery.models.simulated.asked import Asked

FaultKind = Literal[
    "status",
    "reset",
    "stall",
    "endless",
    "cut",
    "truncated",
    "duplicate-keys",
    "content-type",
    "empty",
    "refusal",
    "garbage",
    "prose",
]
FAULT_KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong, and the calls that it happens to; with no condition it happens to all.

    Args:
        kind: what happens.
            On the connection: "reset" (RST in mid-answer), "stall" (silence in mid-answer), "cut" (the message ends
            within its JSON), "garbage" (a frame that is neither JSON nor UTF-8), "content-type" (a web page),
            "status" (an error status). In what the model says: "endless", "truncated" (its JSON breaks off),
            "duplicate-keys" (its JSON has keys twice), "empty", "refusal", "prose" (talk around its JSON).
        status: for "status".
        retry_after_s: for "status": sent as Retry-After.
        after: for "reset", "stall", "cut" and "garbage": how many tokens come before it, the last one never.
        call: only the call of this number, from 1.
        first: only the first so many calls.
        every: only each so-manieth call.
        chance: only so large a share of the calls, by the seed.
        most: at most so often.
        model: only for this model.
        matches: only where this regular expression is found in the user's newest text.
    """

    kind: FaultKind
    status: int = 500
    retry_after_s: float | None = None
    after: int = 3
    call: int | None = None
    first: int | None = None
    every: int | None = None
    chance: float = 1.0
    most: int | None = None
    model: str | None = None
    matches: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise RequestError(f"there is no fault {self.kind!r}; {suggestion(self.kind, FAULT_KINDS, most=20)}")
        if not 400 <= self.status <= 599:
            raise RequestError(f"fault {self.kind!r}: status {self.status} is no error; use 400 to 599")
        if not 0 <= self.chance <= 1 or (self.every is not None and self.every < 1) or self.after < 0:
            raise RequestError(f"fault {self.kind!r}: chance is 0 to 1, every at least 1, after at least 0")
        try:
            re.compile(self.matches or "")
        except re.error as error:
            raise RequestError(f"fault {self.kind!r}: {self.matches!r} is no regular expression: {error}") from error

    @classmethod
    def parse(cls, text: str) -> Fault:
        """A fault as it is written on the command line. Raises RequestError.

        >>> Fault.parse("429,retry-after=2,first=3").status
        429
        >>> Fault.parse("reset,after=5,chance=0.1").after
        5
        """
        word, *rest = (part.strip() for part in text.split(","))
        given: dict[str, Any] = {"kind": "status", "status": int(word)} if word.isdecimal() else {"kind": word}
        for part in rest:
            name, equals, value = part.partition("=")
            name = "retry_after_s" if name in ("retry-after", "retry_after") else name
            if not equals or name not in _NUMBERS | _TEXTS:
                known = sorted({"retry-after", *_NUMBERS, *_TEXTS} - {"retry_after_s"})
                raise RequestError(f"fault {text!r}: {part!r} is no condition; {suggestion(name, known, most=12)}")
            try:
                given[name] = value if name in _TEXTS else _NUMBERS[name](value)
            except ValueError as error:
                raise RequestError(f"fault {text!r}: {value!r} is no number for {name!r}") from error
        return cls(**given)

    def fits(self, asked: Asked) -> bool:
        """Whether its conditions hold, chance and `most` left out."""
        return (
            (self.call is None or asked.number == self.call)
            and (self.first is None or asked.number <= self.first)
            and (self.every is None or asked.number % self.every == 0)
            and (self.model is None or asked.model == self.model)
            and (self.matches is None or re.search(self.matches, asked.text) is not None)
        )


_NUMBERS: dict[str, type[int] | type[float]] = {
    "status": int,
    "after": int,
    "call": int,
    "first": int,
    "every": int,
    "most": int,
    "retry_after_s": float,
    "chance": float,
}
_TEXTS = {"model": str, "matches": str}
assert {"kind", *_NUMBERS, *_TEXTS} == {field.name for field in fields(Fault)}


class FaultPlan:
    """Says which fault, if any, a request meets: the first of the list that applies.

    Chance depends on the seed, the fault's place and the request's number only, so faults that are added behind
    others change nothing for them.
    """

    def __init__(self, faults: Iterable[Fault | str] = (), *, seed: int = 0) -> None:
        self._faults = [Fault.parse(one) if isinstance(one, str) else one for one in faults]
        self._happened = [0] * len(self._faults)
        self._seed = seed

    def draw(self, asked: Asked) -> Fault | None:
        """The fault that this request meets."""
        for place, fault in enumerate(self._faults):
            if not fault.fits(asked) or (fault.most is not None and self._happened[place] >= fault.most):
                continue
            if fault.chance < 1 and random.Random(f"{self._seed}/{place}/{asked.number}").random() >= fault.chance:  # noqa: S311
                continue
            self._happened[place] += 1
            return fault
        return None


def spoilt(answer: Answer, fault: Fault) -> Answer:
    """The answer as the model gives it under a fault; unchanged by those of the connection."""
    match fault.kind:
        case "endless":
            return replace(answer, text=answer.text or "and so on ", calls=(), endless=True)
        case "empty":
            return Answer()
        case "refusal":
            return Answer(refusal="I cannot help with that.")
        case "prose":
            fenced = f"Certainly! Here is what you asked for:\n\n```json\n{answer.text}\n```\n\nI hope that helps."
            return replace(answer, text=fenced if answer.text else "Let me see what I can do here.\n")
        case "truncated":
            calls = tuple(replace(call, args=call.written[: len(call.written) // 2]) for call in answer.calls)
            text = answer.text if calls else answer.text[: len(answer.text) // 2]
            return replace(answer, text=text, calls=calls, stop="length")
        case "duplicate-keys":
            calls = tuple(replace(call, args=_twice(call.written)) for call in answer.calls)
            return replace(answer, text=_twice(answer.text), calls=calls)
        case _:
            return answer


def _twice(text: str) -> str:
    """A JSON object with its first key before it once more, holding null; any other text as it is."""
    found = re.match(r'\s*\{\s*("(?:[^"\\]|\\.)*")\s*:', text)
    return text[: found.start(1)] + f"{found[1]}:null," + text[found.start(1) :] if found else text
