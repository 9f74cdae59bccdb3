"""OpenAI's chat completions: POST /v1/chat/completions. Ollama and many other servers speak it too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from orrery.models.request import Offer
from orrery.models.simulated.answer import Answer, Piece, Stop
from orrery.models.simulated.asked import Asked, Call, Message, Result, Role
from orrery.models.simulated.wire.form import Chunk, Made, Wire, event, read_arguments, read_body, written

STOPS: dict[Stop, str] = {
    "end": "stop",
    "stop": "stop",
    "calls": "tool_calls",
    "length": "length",
    "filter": "content_filter",
}
ROLES: dict[str, Role] = {"system": "system", "developer": "system", "assistant": "assistant", "tool": "tool"}


class _Part(Struct):
    type: str
    text: str = ""


class _Function(Struct):
    name: str
    arguments: str = ""


class _Call(Struct):
    function: _Function
    id: str = ""


class _Message(Struct):
    role: str
    content: str | list[_Part] | None = None
    tool_calls: list[_Call] | None = None
    tool_call_id: str = ""


class _Definition(Struct):
    name: str
    description: str = ""
    parameters: dict[str, Any] = {}


class _Tool(Struct):
    function: _Definition


class _Schema(Struct):
    schema: dict[str, Any] = {}


class _Format(Struct):
    type: str
    json_schema: _Schema | None = None


class _StreamOptions(Struct):
    include_usage: bool = False


class _Request(Struct):
    model: str
    messages: list[_Message]
    stream: bool = False
    stream_options: _StreamOptions | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    response_format: _Format | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None


def read(body: bytes) -> Asked:
    """What was asked. Raises RequestError."""
    request = read_body(body, _Request)
    names: dict[str, str] = {}
    messages: list[Message] = []
    for one in request.messages:
        text = as_text_of(one.content)
        calls = tuple(Call(c.function.name, read_arguments(c.function.arguments), c.id) for c in one.tool_calls or ())
        names |= {call.id: call.name for call in calls}
        role = ROLES.get(one.role, "user")
        if role == "tool":
            result = Result(one.tool_call_id, names.get(one.tool_call_id, ""), text)
            messages.append(Message("tool", results=(result,)))
        else:
            messages.append(Message(role, text, calls))
    form = request.response_format
    output = None
    if form is not None and form.type != "text":
        output = form.json_schema.schema if form.json_schema is not None else {}
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    settings = {"temperature": request.temperature, "top_p": request.top_p, "seed": request.seed}
    return Asked(
        model=request.model,
        messages=tuple(messages),
        tools=tuple(Offer(t.function.name, t.function.description, t.function.parameters) for t in request.tools or ()),
        output=output,
        must_call=request.tool_choice == "required" or isinstance(request.tool_choice, dict),
        max_tokens=request.max_completion_tokens if request.max_tokens is None else request.max_tokens,
        stops=tuple(stops),
        settings={name: value for name, value in settings.items() if value is not None},
        stream=request.stream,
        usage=request.stream_options is not None and request.stream_options.include_usage,
    )


def as_text_of(content: str | list[_Part] | None) -> str:
    """The text of a message's content, whichever way it is written."""
    return content if isinstance(content, str) else "".join(part.text for part in content or ())


def whole(asked: Asked, answer: Answer, made: Made) -> bytes:
    """The body of an answer that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None, "refusal": answer.refusal or None}
    if not (answer.text or answer.refusal or answer.calls):
        message["content"] = ""
    if answer.calls:
        message["tool_calls"] = [
            {
                "id": made.call_id(call, index, "call_"),
                "type": "function",
                "function": {"name": call.name, "arguments": call.written},
            }
            for index, call in enumerate(answer.calls)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": STOPS[answer.ending]}
    return written(_head(asked, made, "chat.completion") | {"choices": [choice], "usage": _usage(made)})


def stream(asked: Asked, answer: Answer, pieces: Iterable[Piece], made: Made) -> Iterator[Chunk]:
    """The chunks of one that is: a delta for each piece, then why it stopped, what was used, and [DONE]."""
    head = _head(asked, made, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], stop: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": stop}
        return event(head | {"choices": [choice]} | ({"usage": None} if asked.usage else {}))

    yield Chunk(chunk({"role": "assistant", "content": "", "refusal": None}), 0)
    token, calls, open_part = 0, -1, -1
    for piece in pieces:
        token = piece.token
        if piece.call is None:
            yield Chunk(chunk({"content" if piece.part == "text" else "refusal": piece.text}), token)
            continue
        function: dict[str, Any] = {"arguments": piece.text}
        named: dict[str, Any] = {}
        if piece.index != open_part:
            open_part, calls = piece.index, calls + 1
            named = {"id": made.call_id(piece.call, calls, "call_"), "type": "function"}
            function = {"name": piece.call.name, "arguments": piece.text}
        yield Chunk(chunk({"tool_calls": [{"index": calls, **named, "function": function}]}), token)
    yield Chunk(chunk({}, STOPS[answer.ending]), token)
    if asked.usage:
        yield Chunk(event(head | {"choices": [], "usage": _usage(made)}), token)
    yield Chunk(b"data: [DONE]\n\n", token)


def error(status: int, message: str) -> bytes:
    """The body of an error."""
    kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    code = "rate_limit_exceeded" if status == 429 else None
    return written({"error": {"message": message, "type": kind, "param": None, "code": code}})


def _head(asked: Asked, made: Made, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{made.number}",
        "object": kind,
        "created": made.created_s,
        "model": asked.model,
        "system_fingerprint": "fp_simulated",
    }


def _usage(made: Made) -> dict[str, Any]:
    return {
        "prompt_tokens": made.input_tokens,
        "completion_tokens": made.output_tokens,
        "total_tokens": made.input_tokens + made.output_tokens,
        "prompt_tokens_details": {"cached_tokens": made.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


OPENAI_CHAT = Wire("openai-chat", read, whole, stream, error)
