"""Conversations of every shape a model's messages can have, made by a seeded generator.

`python -m tests.models.conversations` writes them anew into fixtures/messages.json. The file is committed, so that a
version of a library that reads old messages otherwise is noticed.
"""

from __future__ import annotations

import base64
import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic_ai.messages import (
    AudioUrl,
    BinaryContent,
    BinaryImage,
    CachePoint,
    CompactionPart,
    DocumentUrl,
    FilePart,
    ImageUrl,
    ModelMessage,
    ModelRequest,
    ModelResponse,
    NativeToolCallPart,
    NativeToolReturnPart,
    RetryFeedbackPart,
    RetryInfo,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.usage import RequestUsage

from orrery.models.messages import to_data

FILE = Path(__file__).parent / "fixtures" / "messages.json"
COUNT, SEED = 200, 20_300

_SUBJECTS = ("the log of the night run", "sensor 7", "the table of orders", "a draft of the report", "the build")
_VERBS = ("shows", "contains", "lacks", "repeats", "contradicts")
_OBJECTS = (
    "three errors",
    "a gap of 40 minutes",
    "the number 12",
    'a "quoted" word',
    "naïve Ångström ☃ 🪐",
    "nothing new",
)
_TOOLS = ("files_read", "data_query", "http_get", "chart_bar", "search")
_PROVIDERS = (
    ("openai", "gpt-example", "https://api.example.org/v1/"),
    ("anthropic", "claude-example", "https://api.example.org/"),
    ("google", "gemini-example", "https://api.example.org/"),
    ("ollama", "llama-example", "http://localhost:11434/v1/"),
)
# A picture of one pixel, and 44 bytes that call themselves a sound.
_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_WAV = b"RIFF$\x00\x00\x00WAVEfmt " + bytes(range(28))


class Conversations:
    """Makes conversations; the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._clock = datetime(2026, 1, 1, tzinfo=UTC)
        self._calls = 0

    def make(self) -> list[ModelMessage]:
        """One conversation: a question, turns with tools in between, and mostly an answer."""
        dice = self._dice
        messages: list[ModelMessage] = [self._question(first=True)]
        for _ in range(dice.randint(0, 2)):
            response = self._turn_with_tools()
            messages += [response, self._results(response)]
            if dice.random() < 0.2:
                messages += [self._answer(), self._complaint()]
        if dice.random() < 0.9:
            messages.append(self._answer())
        if dice.random() < 0.3:
            messages += [self._question(first=False), self._answer()]
        return messages

    def _at(self) -> datetime:
        self._clock += timedelta(microseconds=self._dice.randint(1, 90_000_000))
        return self._clock

    def _sentence(self) -> str:
        dice = self._dice
        return f"{dice.choice(_SUBJECTS)} {dice.choice(_VERBS)} {dice.choice(_OBJECTS)}".capitalize() + "."

    def _text(self) -> str:
        text = " ".join(self._sentence() for _ in range(self._dice.randint(1, 3)))
        return text + self._dice.choice(("", "", "\n\n- one\n- two\n", "\t`code` $1 {{x}} ${{ tasks.a }}"))

    def _value(self, depth: int = 0) -> Any:
        dice = self._dice
        kinds = ["text", "int", "float", "bool", "null"] + ([] if depth > 2 else ["list", "map", "map"])
        match dice.choice(kinds):
            case "text":
                return self._sentence()
            case "int":
                return dice.choice((0, -1, 7, 2**31, -(2**53), 10**15))
            case "float":
                return dice.choice((0.5, -1e-9, 3.141592653589793, 1e21))
            case "bool":
                return dice.random() < 0.5
            case "list":
                return [self._value(depth + 1) for _ in range(dice.randint(0, 3))]
            case "map":
                return {f"key_{n}": self._value(depth + 1) for n in range(dice.randint(0, 3))}
        return None

    def _args(self) -> dict[str, Any]:
        return {name: self._value(1) for name in self._dice.sample(("path", "query", "limit", "where"), 2)}

    def _content(self) -> str | list[Any]:
        dice = self._dice
        if dice.random() < 0.6:
            return self._text()
        others: list[Any] = [
            ImageUrl("https://example.org/picture.png"),
            AudioUrl("https://example.org/sound.mp3"),
            DocumentUrl("https://example.org/paper.pdf"),
            BinaryImage(_PNG, media_type="image/png"),
            BinaryContent(_WAV, media_type="audio/wav"),
            BinaryContent(b"%PDF-1.7 \xff\x00", media_type="application/pdf", identifier="the-paper"),
            CachePoint(),
        ]
        return [self._text(), *dice.sample(others, dice.randint(1, 3)), self._sentence()]

    def _question(self, *, first: bool) -> ModelRequest:
        dice = self._dice
        parts: list[Any] = []
        if first and dice.random() < 0.6:
            parts.append(SystemPromptPart(self._text(), timestamp=self._at(), dynamic_ref=dice.choice((None, "rules"))))
        parts.append(UserPromptPart(self._content(), timestamp=self._at()))
        return ModelRequest(
            parts=parts,
            instructions=self._sentence() if dice.random() < 0.3 else None,
            timestamp=self._at(),
            run_id=dice.choice((None, "run-1")),
            metadata=dice.choice((None, {"by": "a person", "n": 1})),
        )

    def _turn_with_tools(self) -> ModelResponse:
        dice = self._dice
        parts: list[Any] = []
        if dice.random() < 0.4:
            parts.append(self._thought())
        if dice.random() < 0.5:
            parts.append(TextPart(self._text()))
        for _ in range(dice.randint(1, 3)):
            self._calls += 1
            args = self._args()
            given: Any = dice.choice((args, json.dumps(args), json.dumps(args, indent=1), None, "{}"))
            parts.append(ToolCallPart(dice.choice(_TOOLS), given, tool_call_id=f"call_{self._calls}"))
        if dice.random() < 0.15:
            self._calls += 1
            provider = "openai"
            call = NativeToolCallPart(
                "web_search", {"query": self._sentence()}, tool_call_id=f"ws_{self._calls}", provider_name=provider
            )
            result = NativeToolReturnPart(
                "web_search",
                {"status": "completed", "hits": [self._value(2)]},
                tool_call_id=call.tool_call_id,
                timestamp=self._at(),
                provider_name=provider,
            )
            parts[:0] = [call, result]
        return self._response(parts, "tool_call")

    def _thought(self) -> ThinkingPart:
        signed = self._dice.random() < 0.5
        return ThinkingPart(
            self._text(),
            id=self._dice.choice((None, "rs_1")),
            signature="c2lnbmVk" if signed else None,
            provider_name="anthropic" if signed else None,
        )

    def _results(self, response: ModelResponse) -> ModelRequest:
        parts: list[Any] = []
        for call in response.parts:
            if isinstance(call, ToolCallPart):
                outcome: Any = self._dice.choice(("success", "success", "success", "failed", "denied"))
                content = self._value() if outcome == "success" else "FileAccessError: no such file: 'a.txt'"
                parts.append(
                    ToolReturnPart(
                        call.tool_name, content, tool_call_id=call.tool_call_id, timestamp=self._at(), outcome=outcome
                    )
                )
        if self._dice.random() < 0.2:
            parts.append(UserPromptPart(self._content(), timestamp=self._at()))
        return ModelRequest(parts=parts, timestamp=self._at())

    def _complaint(self) -> ModelRequest:
        cause: Any = self._dice.choice(("model_retry", "no_output"))
        retry = RetryFeedbackPart(self._sentence(), retry=RetryInfo(cause=cause), timestamp=self._at())
        return ModelRequest(parts=[retry], timestamp=self._at())

    def _answer(self) -> ModelResponse:
        dice = self._dice
        parts: list[Any] = [self._thought()] if dice.random() < 0.3 else []
        parts.append(TextPart(self._text(), id=dice.choice((None, "msg_1"))))
        if dice.random() < 0.1:
            parts.append(FilePart(BinaryImage(_PNG, media_type="image/png")))
        if dice.random() < 0.1:
            parts.insert(0, CompactionPart(self._text(), provider_name="anthropic"))
        if dice.random() < 0.2:
            parts.append(TextPart(self._sentence()))
        return self._response(parts, dice.choice(("stop", "stop", "stop", "length", "content_filter")))

    def _response(self, parts: list[Any], reason: Any) -> ModelResponse:
        dice = self._dice
        provider, model, url = dice.choice(_PROVIDERS)
        read = dice.randint(5, 50_000)
        return ModelResponse(
            parts=parts,
            usage=RequestUsage(
                input_tokens=read,
                output_tokens=dice.randint(1, 4000),
                cache_read_tokens=dice.choice((0, read // 2)),
                output_reasoning_tokens=dice.choice((0, 100)),
                details=dice.choice(({}, {"accepted_prediction_tokens": 3})),
                cost=dice.choice((None, Decimal("0.00012345"), Decimal("1.5"))),
            ),
            model_name=model,
            timestamp=self._at(),
            provider_name=provider,
            provider_url=url,
            provider_details=dice.choice((None, {"finish_reason": "stop"}, {"logprobs": [{"token": "a", "p": -0.25}]})),
            provider_response_id=dice.choice((None, "resp_1")),
            finish_reason=reason,
        )


def conversations() -> list[list[ModelMessage]]:
    """All of them."""
    maker = Conversations(SEED)
    return [maker.make() for _ in range(COUNT)]


def written() -> str:
    """The text of the fixtures' file, a conversation a line."""
    lines = [json.dumps(to_data(one), ensure_ascii=False) for one in conversations()]
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
