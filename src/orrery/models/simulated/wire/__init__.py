"""The wire formats: pure codecs, one module each, and the table of the paths that lead to them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from orrery.models.simulated.asked import Asked, Kind, together
from orrery.models.simulated.wire.anthropic import ANTHROPIC
from orrery.models.simulated.wire.form import Chunk, Made, Wire
from orrery.models.simulated.wire.google import GOOGLE
from orrery.models.simulated.wire.ollama import OLLAMA
from orrery.models.simulated.wire.openai_chat import OPENAI_CHAT
from orrery.models.simulated.wire.openai_responses import OPENAI_RESPONSES


@dataclass(frozen=True)
class Route:
    """Where a path leads: the format, and what the path itself says about the request.

    Args:
        kind: instead of the format's own: Ollama speaks OpenAI's.
        model, stream: for formats that have these in the path.
    """

    wire: Wire
    kind: Kind
    model: str | None = None
    stream: bool | None = None

    def read(self, body: bytes) -> Asked:
        """The request. Raises RequestError."""
        asked = self.wire.read(body)
        asked = replace(asked, kind=self.kind, messages=together(asked.messages))
        if self.model is not None:
            asked = replace(asked, model=self.model)
        return asked if self.stream is None else replace(asked, stream=self.stream)


_PATHS: tuple[tuple[str, Wire, Kind | None], ...] = (
    (r"/v1/chat/completions", OPENAI_CHAT, None),
    (r"/ollama/v1/chat/completions", OPENAI_CHAT, "ollama"),
    (r"/v1/responses", OPENAI_RESPONSES, None),
    (r"/v1/messages", ANTHROPIC, None),
    (r"/v1(?:beta|alpha)?/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent)", GOOGLE, None),
    (r"(?:/ollama)?/api/chat", OLLAMA, None),
)
_ROUTES = [(re.compile(path + "/?"), wire, kind) for path, wire, kind in _PATHS]


def find_route(path: str) -> Route | None:
    """Where a path leads; None if nowhere."""
    for pattern, wire, kind in _ROUTES:
        found = pattern.fullmatch(path)
        if found is not None:
            parts = found.groupdict()
            streamed = parts["verb"].startswith("stream") if "verb" in parts else None
            return Route(wire, kind or wire.kind, parts.get("model"), streamed)
    return None


def listing(path: str, models: Sequence[str]) -> Any:
    """The list of models that a path asks for, in its format; None if it asks for none."""
    if path in ("/v1/models", "/ollama/v1/models"):
        owned = [{"id": name, "object": "model", "created": 0, "owned_by": "simulated"} for name in models]
        return {"object": "list", "data": owned}
    if path == "/v1beta/models":
        verbs = ["generateContent", "countTokens"]
        return {"models": [{"name": f"models/{name}", "supportedGenerationMethods": verbs} for name in models]}
    if path in ("/api/tags", "/ollama/api/tags"):
        return {"models": [{"name": name, "model": name, "size": 0, "details": {}} for name in models]}
    return None


__all__ = ["Chunk", "Made", "Route", "Wire", "find_route", "listing"]
