"""Google's Gemini: POST /v1beta/models/MODEL:generateContent and :streamGenerateContent?alt=sse."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct, field

from orrery.models.request import Offer
from orrery.models.simulated.answer import Answer, Piece, Stop
from orrery.models.simulated.asked import Asked, Call, Message, Result
from orrery.models.simulated.wire.form import Chunk, Made, Wire, as_text, event, read_body, written

STOPS: dict[Stop, str] = {"end": "STOP", "stop": "STOP", "calls": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}
STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class _Struct(Struct, rename="camel"):
    """Names as Google writes them."""


class _FunctionCall(_Struct):
    name: str
    args: dict[str, Any] | None = None
    id: str | None = None


class _FunctionResponse(_Struct):
    name: str
    response: Any = None
    id: str | None = None


class _Part(_Struct):
    text: str | None = None
    thought: bool | None = None
    function_call: _FunctionCall | None = None
    function_response: _FunctionResponse | None = None


class _Content(_Struct):
    parts: list[_Part] | None = None
    role: str | None = None


class _Declaration(_Struct):
    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None
    # The other spelling that the format allows, and that pydantic-ai sends.
    parameters_json_schema_too: dict[str, Any] | None = field(name="parameters_json_schema", default=None)


class _Tool(_Struct):
    function_declarations: list[_Declaration] | None = None


class _CallingConfig(_Struct):
    mode: str = "AUTO"


class _ToolConfig(_Struct):
    function_calling_config: _CallingConfig | None = None


class _Generation(_Struct):
    max_output_tokens: int | None = None
    response_mime_type: str | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    stop_sequences: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None


class _Request(_Struct):
    contents: list[_Content]
    system_instruction: _Content | None = None
    tools: list[_Tool] | None = None
    tool_config: _ToolConfig | None = None
    generation_config: _Generation = field(default_factory=_Generation)


def read(body: bytes) -> Asked:
    """What was asked; the model and whether to stream are in the path. Raises RequestError."""
    request = read_body(body, _Request)
    system = _text(request.system_instruction)
    messages = [Message("system", system)] if system else []
    for content in request.contents:
        parts = content.parts or []
        calls = tuple(
            Call(p.function_call.name, p.function_call.args or {}, p.function_call.id or "")
            for p in parts
            if p.function_call is not None
        )
        results = tuple(
            Result(p.function_response.id or "", p.function_response.name, _result(p.function_response.response))
            for p in parts
            if p.function_response is not None
        )
        text = _text(content)
        if results:
            messages.append(Message("tool", results=results))
        if text or calls or not results:
            messages.append(Message("assistant" if content.role == "model" else "user", text, calls))
    wanted = request.generation_config
    output = wanted.response_json_schema or wanted.response_schema
    if output is None and wanted.response_mime_type == "application/json":
        output = {}
    calling = request.tool_config.function_calling_config if request.tool_config is not None else None
    settings = {"temperature": wanted.temperature, "top_p": wanted.top_p, "seed": wanted.seed}
    return Asked(
        model="",
        messages=tuple(messages),
        tools=tuple(
            Offer(
                one.name,
                one.description,
                one.parameters_json_schema or one.parameters_json_schema_too or one.parameters or {},
            )
            for tool in request.tools or ()
            for one in tool.function_declarations or ()
        ),
        output=output,
        must_call=calling is not None and calling.mode == "ANY",
        max_tokens=wanted.max_output_tokens,
        stops=tuple(wanted.stop_sequences or ()),
        settings={name: value for name, value in settings.items() if value is not None},
        kind="google",
    )


def whole(asked: Asked, answer: Answer, made: Made) -> bytes:
    """The body of an answer that is not streamed."""
    parts: list[dict[str, Any]] = [{"text": answer.text}] if answer.text else []
    parts += [_call(call, index, made) for index, call in enumerate(answer.calls)]
    return written(_response(asked, made, parts, _stop(answer), _usage(made)))


def stream(asked: Asked, answer: Answer, pieces: Iterable[Piece], made: Made) -> Iterator[Chunk]:
    """The chunks of one that is: text as it comes, calls whole; the last one says why it stopped and what was used."""
    token, calls = 0, 0
    for _, group in itertools.groupby(pieces, lambda piece: piece.index):
        for piece in group:
            token = piece.token
            if piece.part == "text":
                yield Chunk(event(_response(asked, made, [{"text": piece.text}])), token)
        if piece.call is not None:
            yield Chunk(event(_response(asked, made, [_call(piece.call, calls, made)])), token)
            calls += 1
    ending: list[dict[str, Any]] = [] if answer.refusal else [{"text": ""}]
    yield Chunk(event(_response(asked, made, ending, _stop(answer), _usage(made))), token)


def error(status: int, message: str) -> bytes:
    """The body of an error."""
    word = STATUSES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    return written({"error": {"code": status, "message": message, "status": word}})


def _response(
    asked: Asked,
    made: Made,
    parts: list[dict[str, Any]],
    stop: dict[str, Any] | None = None,
    usage: dict[str, Any] | None = None,
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0, **(stop or {})}
    if parts:
        candidate["content"] = {"role": "model", "parts": parts}
    response = {"candidates": [candidate], "modelVersion": asked.model, "responseId": f"resp-{made.number}"}
    return response if usage is None else response | {"usageMetadata": usage}


def _stop(answer: Answer) -> dict[str, Any]:
    if answer.refusal:
        return {"finishReason": "SAFETY", "finishMessage": answer.refusal}
    return {"finishReason": STOPS[answer.ending]}


def _call(call: Call, index: int, made: Made) -> dict[str, Any]:
    return {"functionCall": {"id": made.call_id(call, index, "call-"), "name": call.name, "args": call.value}}


def _usage(made: Made) -> dict[str, Any]:
    usage = {
        "promptTokenCount": made.input_tokens,
        "candidatesTokenCount": made.output_tokens,
        "totalTokenCount": made.input_tokens + made.output_tokens,
    }
    return usage | ({"cachedContentTokenCount": made.cached_tokens} if made.cached_tokens else {})


def _text(content: _Content | None) -> str:
    parts = content.parts or [] if content is not None else []
    return "".join(part.text for part in parts if part.text and not part.thought)


def _result(response: Any) -> str:
    """A tool's result. Clients wrap what is no object in one with a single key."""
    if isinstance(response, dict) and len(response) == 1:
        key, value = next(iter(response.items()))
        if key in ("return_value", "result", "output", "error"):
            return as_text(value)
    return as_text(response) if response is not None else ""


GOOGLE = Wire("google", read, whole, stream, error)
