"""Compaction: a conversation that has become too long goes on with a summary in place of its older turns.

A tool call and its result belong together: a provider refuses a conversation that holds one without the other. So a
conversation is cut only where no call stands on one side and its result on the other, in either direction. What is
kept is the longest such end of it that fits; `cut` decides that, and it is a pure function.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

from orrery.agents.conversation import labelled, said
from orrery.agents.spec import own_task
from orrery.graph import Graph, Ref
from orrery.models.prompts import prompt
from orrery.models.request import CHARS_PER_TOKEN
from orrery.tools import tool, tools

Message = Mapping[str, Any]
"""One message of pydantic-ai, as data."""

SUMMARY_WORDS = 400
_RETURNS = ("tool-return", "retry-prompt")


def tokens_of(message: Message) -> int:
    """About how many tokens a message has: its text and its calls, not what providers note beside them."""
    return sum(len(text) for text in _texts(message)) // CHARS_PER_TOKEN + 4


def cut(messages: Sequence[Message], most_tokens: int, *, before: str = "") -> tuple[list[Message], list[Message]]:
    """The conversation in two: what is to be summarised, and the longest end of it that fits and can stand alone.

    No tool call is separated from its result. Where even the last exchange is too long, nothing is kept.

    Args:
        most_tokens: what the kept end may have, as `tokens_of` counts.
        before: the kind of message that the kept end begins with, "request" or "response"; any unless given.

    Returns: the older messages and the kept ones; together they are all of them, in their order.
    """
    behind = [*accumulate(map(tokens_of, reversed(messages)), initial=0)][::-1]  # tokens from each position on
    whole = whole_before(messages)
    for position in range(len(messages) + 1):
        fits = behind[position] <= most_tokens and whole[position]
        if fits and (position == len(messages) or before in ("", messages[position]["kind"])):
            return list(messages[:position]), list(messages[position:])
    return list(messages), []


def whole_before(messages: Sequence[Message]) -> list[bool]:
    """For every position, whether the conversation may be cut there: no call before it has its result after it.

    A result answers the latest call of its id that has none yet. Providers use ids again, so an id alone does not say
    which call is meant.
    """
    crossed = [0] * (len(messages) + 2)
    waiting: dict[str, list[int]] = {}
    for position, message in enumerate(messages):
        for part in message.get("parts", ()):
            kind, call = part.get("part_kind"), str(part.get("tool_call_id", ""))
            if kind == "tool-call":
                waiting.setdefault(call, []).append(position)
            elif kind in _RETURNS and waiting.get(call):
                began = waiting[call].pop()
                crossed[began + 1] += 1
                crossed[position + 1] -= 1
    open_calls = [*accumulate(crossed)]
    return [open_calls[position] == 0 for position in range(len(messages) + 1)]


def digest(messages: Sequence[Message], most_chars: int, *, earlier: str = "", line_chars: int = 240) -> str:
    """What was said and done, one line each, shortened: a summary that needs no model.

    Args:
        most_chars: how long it may be; lines from the middle are left out where it would be longer.
        earlier: the summary of what was before, whose lines come first.
        line_chars: how much of one text is shown.
    """
    lines = [*earlier.splitlines(), *(line for message in messages for line in _lines(message, line_chars))]
    kept_head, kept_tail, room = 0, 0, most_chars
    while kept_head + kept_tail < len(lines):
        # The end matters most to what comes next, so two lines of it are kept for every one of the beginning.
        from_head = kept_tail >= 2 * (kept_head + 1)
        line = lines[kept_head] if from_head else lines[-1 - kept_tail]
        room -= len(line) + 1
        if room < 0:
            break
        kept_head, kept_tail = kept_head + from_head, kept_tail + (not from_head)
    left_out = len(lines) - kept_head - kept_tail
    gap = [f"[{left_out} lines are left out here]"] if left_out else []
    return "\n".join([*lines[:kept_head], *gap, *lines[len(lines) - kept_tail :]])


@tool(name="agent.compact", effects="pure", executor="inline")
def compact(
    opening: list[Any],
    messages: list[Any],
    most_tokens: int,
    *,
    earlier: str = "",
    goal: str = "",
    model: str | None = None,
    by: str = "digest",
) -> Any:
    """A conversation with a summary in place of its older turns.

    Args:
        opening: its first message, in a list, which stays.
        messages: the others; lists within the list are opened.
        most_tokens: what it may have afterwards, about.
        earlier: the summary of what was before them.
        goal: what it serves.
        model: who writes the summary, where a model does.
        by: "model" or "digest".

    Returns: "opening" with the "summary" in it, and what is "kept" behind it.
    """
    rest = [*_flat(messages)]
    # What is kept begins with a reply: so a program, which is no call, is not separated from what came of it either.
    old, kept = cut(rest, max(0, most_tokens - tokens_of(opening[0]) - 2 * SUMMARY_WORDS), before="response")
    if by != "model" or not old:
        summary = digest(old, 2 * SUMMARY_WORDS * CHARS_PER_TOKEN, earlier=earlier) if old else earlier
        return joined.function(opening, summary, kept)
    # The older turns go to the model as one text, not as a conversation: it is to report on them, not to go on with
    # them, and a text can hold calls of tools that are not offered.
    whole = digest(old, max(4_000, most_tokens * CHARS_PER_TOKEN), earlier=earlier, line_chars=4_000)
    asked = prompt("agents/summary", goal=goal, words=SUMMARY_WORDS)
    asking: dict[str, Any] = {"messages": [said(asked, labelled("the conversation", whole))]}
    if model is not None:
        asking["model"] = model
    call = tools.get("model.chat").task("call", asking)
    after = own_task(joined, "joined", {"opening": opening, "summary": Ref("call", ("text",)), "kept": kept})
    return Graph([call, after], outputs={"result": Ref("joined")})


@tool(name="agent.joined", effects="pure", executor="inline")
def joined(opening: list[Any], summary: str, kept: list[Any]) -> dict[str, Any]:
    """What `agent.compact` returns, once the summary is there."""
    (first,) = opening
    told = said(labelled("a summary of the earlier turns", summary))["parts"] if summary else []
    return {"opening": [{**first, "parts": [*first["parts"], *told]}], "summary": summary, "kept": kept}


def _flat(items: Sequence[Any]) -> Iterator[Any]:
    for item in items:
        if isinstance(item, list | tuple):
            yield from _flat(item)
        else:
            yield item


def _texts(message: Message) -> Iterator[str]:
    for part in message.get("parts", ()):
        for name in ("content", "args", "tool_name"):
            value = part.get(name)
            if value:
                yield value if isinstance(value, str) else json.dumps(value, default=str)


def _lines(message: Message, most: int) -> Iterator[str]:
    for part in message.get("parts", ()):
        kind = part.get("part_kind")
        if kind == "tool-call":
            yield f"called {part.get('tool_name')} with {_shown(part.get('args'), most)}"
        elif kind in _RETURNS:
            yield f"{part.get('tool_name') or 'a check'} returned {_shown(part.get('content'), most)}"
        elif kind == "text":
            yield f"the agent said {_shown(part.get('content'), most)}"
        elif kind == "user-prompt":
            yield f"it was told {_shown(part.get('content'), most)}"


def _shown(value: Any, most: int) -> str:
    text = " ".join((value if isinstance(value, str) else json.dumps(value, default=str)).split())
    return text if len(text) <= most else f"{text[:most]}..."
