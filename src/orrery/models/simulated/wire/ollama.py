"""Ollama's own chat: POST /api/chat, streamed as one JSON object a line. (Its other door is OpenAI's chat format.)"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from orrery.models.request import Offer
from orrery.models.simulated.answer import Answer, Piece
from orrery.models.simulated.asked import Asked, Call, Message, Result
from orrery.models.simulated.wire.form import Chunk, Made, Wire, read_body, written
from orrery.models.simulated.wire.openai_chat import ROLES


class _Function(Struct):
    name: str
    arguments: dict[str, Any] = {}


class _Call(Struct):
    function: _Function
    id: str = ""


class _Message(Struct):
    role: str
    content: str = ""
    tool_calls: list[_Call] | None = None
    tool_name: str = ""
    tool_call_id: str = ""


class _Definition(Struct):
    name: str
    description: str = ""
    parameters: dict[str, Any] = {}


class _Tool(Struct):
    function: _Definition


class _Options(Struct):
    num_predict: int | None = None
    stop: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None


class _Request(Struct):
    model: str
    messages: list[_Message] = []
    stream: bool = True
    tools: list[_Tool] | None = None
    format: str | dict[str, Any] | None = None
    options: _Options | None = None


def read(body: bytes) -> Asked:
    """What was asked. Raises RequestError."""
    request = read_body(body, _Request)
    messages: list[Message] = []
    for one in request.messages:
        role = ROLES.get(one.role, "user")
        if role == "tool":
            messages.append(Message("tool", results=(Result(one.tool_call_id, one.tool_name, one.content),)))
        else:
            calls = tuple(Call(c.function.name, c.function.arguments, c.id) for c in one.tool_calls or ())
            messages.append(Message(role, one.content, calls))
    options = request.options or _Options()
    most = options.num_predict
    settings = {"temperature": options.temperature, "top_p": options.top_p, "seed": options.seed}
    output = request.format if isinstance(request.format, dict) else {} if request.format == "json" else None
    return Asked(
        model=request.model,
        messages=tuple(messages),
        tools=tuple(Offer(t.function.name, t.function.description, t.function.parameters) for t in request.tools or ()),
        output=output,
        max_tokens=most if most is not None and most >= 0 else None,  # -1 and -2 mean "as many as there are"
        stops=tuple(options.stop or ()),
        settings={name: value for name, value in settings.items() if value is not None},
        stream=request.stream,
        kind="ollama",
    )


def whole(asked: Asked, answer: Answer, made: Made) -> bytes:
    """The body of an answer that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text + answer.refusal}
    if answer.calls:
        message["tool_calls"] = [_call(call, index) for index, call in enumerate(answer.calls)]
    return written(_line(asked, made, message) | _ended(answer, made))


def stream(asked: Asked, answer: Answer, pieces: Iterable[Piece], made: Made) -> Iterator[Chunk]:
    """The chunks of one that is: text as it comes, calls whole; the last line says what was used."""
    token, calls = 0, 0
    call: Call | None = None
    index = -1

    def line(message: dict[str, Any], ended: dict[str, Any] | None = None) -> bytes:
        found = _line(asked, made, {"role": "assistant", "content": "", **message})
        return written(found | (ended or {})) + b"\n"

    for piece in pieces:
        if call is not None and piece.index != index:
            yield Chunk(line({"tool_calls": [_call(call, calls)]}), token)
            calls += 1
        token, index, call = piece.token, piece.index, piece.call
        if call is None:
            yield Chunk(line({"content": piece.text}), token)
    if call is not None:
        yield Chunk(line({"tool_calls": [_call(call, calls)]}), token)
    yield Chunk(line({}, _ended(answer, made)), token)


def error(_status: int, message: str) -> bytes:
    """The body of an error."""
    return written({"error": message})


def _line(asked: Asked, made: Made, message: dict[str, Any]) -> dict[str, Any]:
    created = datetime.fromtimestamp(made.created_s, UTC).isoformat().replace("+00:00", "Z")
    return {"model": asked.model, "created_at": created, "message": message, "done": False}


def _ended(answer: Answer, made: Made) -> dict[str, Any]:
    spent_ns = int(made.seconds * 1e9)
    return {
        "done": True,
        "done_reason": "length" if answer.ending == "length" else "stop",
        "total_duration": spent_ns,
        "load_duration": 0,
        "prompt_eval_count": made.input_tokens,
        "prompt_eval_duration": 0,
        "eval_count": made.output_tokens,
        "eval_duration": spent_ns,
    }


def _call(call: Call, index: int) -> dict[str, Any]:
    return {"function": {"index": index, "name": call.name, "arguments": call.value}}


OLLAMA = Wire("ollama", read, whole, stream, error, content_type="application/x-ndjson")
