"""OpenAI's responses: POST /v1/responses."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from orrery.models.request import Offer
from orrery.models.simulated.answer import Answer, Piece
from orrery.models.simulated.asked import Asked, Call, Message, Result
from orrery.models.simulated.wire.form import Chunk, Made, Wire, as_text, event, read_arguments, read_body, written
from orrery.models.simulated.wire.openai_chat import ROLES, error


class _Item(Struct):
    type: str = "message"
    role: str = ""
    content: Any = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    output: Any = None


class _Tool(Struct):
    type: str
    name: str = ""
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _Format(Struct):
    type: str
    schema: dict[str, Any] = {}


class _Text(Struct):
    format: _Format | None = None


class _Request(Struct):
    model: str
    input: str | list[_Item]
    instructions: str | None = None
    stream: bool | None = False
    tools: list[_Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    text: _Text | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None


def read(body: bytes) -> Asked:
    """What was asked. Raises RequestError."""
    request = read_body(body, _Request)
    messages = [Message("system", request.instructions)] if request.instructions else []
    names: dict[str, str] = {}
    items = [_Item(role="user", content=request.input)] if isinstance(request.input, str) else request.input
    for item in items:
        if item.type == "function_call":
            names[item.call_id] = item.name
            call = Call(item.name, read_arguments(item.arguments), item.call_id)
            if messages and messages[-1].role == "assistant":  # one turn of the model comes as several items
                last = messages.pop()
                messages.append(Message("assistant", last.text, (*last.calls, call)))
            else:
                messages.append(Message("assistant", calls=(call,)))
        elif item.type == "function_call_output":
            result = Result(item.call_id, names.get(item.call_id, ""), _text(item.output))
            messages.append(Message("tool", results=(result,)))
        elif item.type == "message":
            messages.append(Message(ROLES.get(item.role, "user"), _text(item.content)))
    form = request.text.format if request.text is not None else None
    settings = {"temperature": request.temperature, "top_p": request.top_p}
    return Asked(
        model=request.model,
        messages=tuple(messages),
        tools=tuple(
            Offer(t.name, t.description or "", t.parameters or {}) for t in request.tools or () if t.type == "function"
        ),
        output=form.schema if form is not None and form.type != "text" else None,
        must_call=request.tool_choice == "required" or isinstance(request.tool_choice, dict),
        max_tokens=request.max_output_tokens,
        settings={name: value for name, value in settings.items() if value is not None},
        stream=bool(request.stream),
        kind="openai-responses",
    )


def whole(asked: Asked, answer: Answer, made: Made) -> bytes:
    """The body of an answer that is not streamed."""
    return written(_ended(asked, answer, made))


def stream(asked: Asked, answer: Answer, pieces: Iterable[Piece], made: Made) -> Iterator[Chunk]:
    """The chunks of one that is: every item opened, filled by deltas and closed; then the whole response again."""
    numbers = itertools.count()

    def say(word: str, /, **fields: Any) -> bytes:
        return event({"type": f"response.{word}", "sequence_number": next(numbers), **fields}, f"response.{word}")

    begun = _response(asked, made, "in_progress")
    yield Chunk(say("created", response=begun), 0)
    yield Chunk(say("in_progress", response=begun), 0)
    items = _items(answer, made)
    token = 0
    for index, group in itertools.groupby(pieces, lambda piece: piece.index):
        item = items[index]
        content = item["content"][0] if "content" in item else None
        filled = content or item
        word, key, more = _FILLED[filled["type"]]
        place: dict[str, Any] = {"item_id": item["id"], "output_index": index}
        place |= {"content_index": 0} if content else {}
        for number, piece in enumerate(group):
            token = piece.token
            if number == 0:
                empty: dict[str, Any] = {"content": []} if content else {key: ""}
                opened = item | {"status": "in_progress"} | empty
                yield Chunk(say("output_item.added", output_index=index, item=opened), token)
                if content:
                    yield Chunk(say("content_part.added", **place, part=content | {key: ""}), token)
            yield Chunk(say(f"{word}.delta", **place, delta=piece.text, **more), token)
        if not content:
            more = {"name": item["name"]}
        yield Chunk(say(f"{word}.done", **place, **{key: filled[key]}, **more), token)
        if content:
            yield Chunk(say("content_part.done", **place, part=content), token)
        yield Chunk(say("output_item.done", output_index=index, item=item), token)
    ended = _ended(asked, answer, made)
    yield Chunk(say(ended["status"], response=ended), token)


_FILLED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "output_text": ("output_text", "text", {"logprobs": []}),
    "refusal": ("refusal", "refusal", {}),
    "function_call": ("function_call_arguments", "arguments", {}),
}
"""What is filled by deltas: the word of its events, the field that grows, and what else stands in each delta."""


def _items(answer: Answer, made: Made) -> list[dict[str, Any]]:
    """The items of the output, one for each part of the answer."""
    items: list[dict[str, Any]] = []
    calls = 0
    for index, (part, text, call) in enumerate(answer.parts):
        if call is not None:
            name = {"call_id": made.call_id(call, calls, "call_"), "name": call.name, "arguments": text}
            items.append({"type": "function_call", "id": f"fc_{made.number}_{calls}", "status": "completed", **name})
            calls += 1
            continue
        content: dict[str, Any] = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
        if part == "refusal":
            content = {"type": "refusal", "refusal": text}
        items.append(
            {
                "type": "message",
                "id": f"msg_{made.number}_{index}",
                "status": "completed",
                "role": "assistant",
                "content": [content],
            }
        )
    return items


def _ended(asked: Asked, answer: Answer, made: Made) -> dict[str, Any]:
    reasons = {"length": "max_output_tokens", "filter": "content_filter"}
    reason = reasons.get(answer.ending)
    response = _response(asked, made, "completed" if reason is None else "incomplete")
    response["incomplete_details"] = None if reason is None else {"reason": reason}
    response["output"] = _items(answer, made)
    response["usage"] = {
        "input_tokens": made.input_tokens,
        "input_tokens_details": {"cached_tokens": made.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": made.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": made.input_tokens + made.output_tokens,
    }
    return response


def _response(asked: Asked, made: Made, status: str) -> dict[str, Any]:
    return {
        "id": f"resp_{made.number}",
        "object": "response",
        "created_at": made.created_s,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": asked.system or None,
        "metadata": {},
        "model": asked.model,
        "output": [],
        "parallel_tool_calls": True,
        "temperature": asked.settings.get("temperature", 1.0),
        "tool_choice": "required" if asked.must_call else "auto",
        "tools": [],
        "top_p": asked.settings.get("top_p", 1.0),
        "usage": None,
    }


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) if isinstance(part, dict) else as_text(part) for part in content)
    return as_text(content) if content is not None else ""


OPENAI_RESPONSES = Wire("openai-responses", read, whole, stream, error)
