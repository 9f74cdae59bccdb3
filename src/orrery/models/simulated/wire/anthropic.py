"""Anthropic's messages: POST /v1/messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from orrery.models.request import Offer
from orrery.models.simulated.answer import Answer, Piece, Stop
from orrery.models.simulated.asked import Asked, Call, Message, Result
from orrery.models.simulated.wire.form import Chunk, Made, Wire, as_text, event, read_body, written

STOPS: dict[Stop, str] = {
    "end": "end_turn",
    "stop": "stop_sequence",
    "calls": "tool_use",
    "length": "max_tokens",
    "filter": "refusal",
}
ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class _Block(Struct):
    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: Any = None
    tool_use_id: str = ""
    content: Any = None


class _Message(Struct):
    role: str
    content: str | list[_Block]


class _Tool(Struct):
    name: str
    description: str = ""
    input_schema: dict[str, Any] = {}


class _Choice(Struct):
    type: str


class _Format(Struct):
    schema: dict[str, Any] = {}


class _OutputConfig(Struct):
    format: _Format | None = None


class _Request(Struct):
    model: str
    messages: list[_Message]
    max_tokens: int
    system: str | list[_Block] = ""
    stream: bool = False
    tools: list[_Tool] | None = None
    tool_choice: _Choice | None = None
    output_config: _OutputConfig | None = None
    output_format: _Format | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None


def read(body: bytes) -> Asked:
    """What was asked. Raises RequestError."""
    request = read_body(body, _Request)
    names: dict[str, str] = {}
    system = _text(request.system)
    messages = [Message("system", system)] if system else []
    for one in request.messages:
        blocks = [_Block("text", one.content)] if isinstance(one.content, str) else one.content
        calls = tuple(Call(b.name, _arguments(b.input), b.id) for b in blocks if b.type == "tool_use")
        names |= {call.id: call.name for call in calls}
        results = tuple(
            Result(b.tool_use_id, names.get(b.tool_use_id, ""), _result(b.content))
            for b in blocks
            if b.type == "tool_result"
        )
        text = _text(blocks)
        if results:  # results come in the user's name; a text beside them is the user's own
            messages.append(Message("tool", results=results))
        if text or calls or not results:
            messages.append(Message("assistant" if one.role == "assistant" else "user", text, calls))
    form = request.output_config.format if request.output_config is not None else None
    form = form or request.output_format
    settings = {"temperature": request.temperature, "top_p": request.top_p}
    return Asked(
        model=request.model,
        messages=tuple(messages),
        tools=tuple(Offer(t.name, t.description, t.input_schema) for t in request.tools or ()),
        output=form.schema if form is not None else None,
        must_call=request.tool_choice is not None and request.tool_choice.type in ("any", "tool"),
        max_tokens=request.max_tokens,
        stops=tuple(request.stop_sequences or ()),
        settings={name: value for name, value in settings.items() if value is not None},
        stream=request.stream,
        kind="anthropic",
    )


def whole(asked: Asked, answer: Answer, made: Made) -> bytes:
    """The body of an answer that is not streamed."""
    said = answer.text + answer.refusal
    content: list[dict[str, Any]] = [{"type": "text", "text": said}] if said else []
    content += [
        {"type": "tool_use", "id": made.call_id(call, index, "toolu_"), "name": call.name, "input": call.value}
        for index, call in enumerate(answer.calls)
    ]
    stop, text = _stop(answer)
    return written(_head(asked, made) | {"content": content, "stop_reason": stop, "stop_sequence": text})


def stream(asked: Asked, answer: Answer, pieces: Iterable[Piece], made: Made) -> Iterator[Chunk]:
    """The chunks of one that is: a block for each part, opened and closed, and a delta for each piece."""
    start = _head(asked, made) | {"content": [], "stop_reason": None, "stop_sequence": None}
    start["usage"] = start["usage"] | {"output_tokens": 0}
    yield Chunk(_event("message_start", message=start), 0)
    yield Chunk(_event("ping"), 0)
    token, calls, block, open_part = 0, -1, -1, -1
    for piece in pieces:
        if piece.index != open_part:
            if block >= 0:
                yield Chunk(_event("content_block_stop", index=block), token)
            open_part, block = piece.index, block + 1
            opened: dict[str, Any] = {"type": "text", "text": ""}
            if piece.call is not None:
                calls += 1
                name = piece.call.name
                opened = {
                    "type": "tool_use",
                    "id": made.call_id(piece.call, calls, "toolu_"),
                    "name": name,
                    "input": {},
                }
            yield Chunk(_event("content_block_start", index=block, content_block=opened), piece.token)
        token = piece.token
        delta = {"type": "text_delta", "text": piece.text}
        if piece.call is not None:
            delta = {"type": "input_json_delta", "partial_json": piece.text}
        yield Chunk(_event("content_block_delta", index=block, delta=delta), token)
    if block >= 0:
        yield Chunk(_event("content_block_stop", index=block), token)
    stop, text = _stop(answer)
    delta_usage = {"output_tokens": made.output_tokens}
    ended = {"stop_reason": stop, "stop_sequence": text}
    yield Chunk(_event("message_delta", delta=ended, usage=delta_usage), token)
    yield Chunk(_event("message_stop"), token)


def error(status: int, message: str) -> bytes:
    """The body of an error."""
    kind = ERRORS.get(status, "invalid_request_error" if status < 500 else "api_error")
    return written({"type": "error", "error": {"type": kind, "message": message}})


def _event(name: str, **fields: Any) -> bytes:
    return event({"type": name, **fields}, name)


def _head(asked: Asked, made: Made) -> dict[str, Any]:
    usage = {
        "input_tokens": made.input_tokens - made.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": made.cached_tokens,
        "output_tokens": made.output_tokens,
    }
    return {"id": f"msg_{made.number}", "type": "message", "role": "assistant", "model": asked.model, "usage": usage}


def _stop(answer: Answer) -> tuple[str, str | None]:
    if answer.refusal:
        return "refusal", None
    return STOPS[answer.ending], answer.stopped_by or None


def _text(content: str | list[_Block]) -> str:
    return content if isinstance(content, str) else "".join(b.text for b in content if b.type == "text")


def _arguments(value: Any) -> dict[str, Any] | str:
    return value if isinstance(value, dict) else as_text(value)


def _result(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(b.get("text", "")) if isinstance(b, dict) else as_text(b) for b in content)
    return as_text(content) if content is not None else ""


ANTHROPIC = Wire("anthropic", read, whole, stream, error)
