"""Failures of models, translated once: whatever a provider or its library raises becomes a `ModelError`.

What may pass is transient (the scheduler tries again, after the pause that the provider asked for), what will not is
permanent. The provider's own words are quoted without the key; the foreign exception itself is not
chained, for it may hold the key in what it says.
"""

from __future__ import annotations

import json
from typing import Any

from orrery.errors import ModelError, OrreryError, Severity
from orrery.models.config import Named
from orrery.models.keys import Key

_SHOWN_CHARS = 400
_TRANSIENT_STATUSES = frozenset({408, 409, 425, 429, *range(500, 600)}) - {501, 505}


def translated(error: Exception, named: Named, key: Key) -> OrreryError:
    """What to raise instead of what a provider's library raised; our own errors stay as they are."""
    if isinstance(error, OrreryError):
        return error
    from pydantic import ValidationError
    from pydantic_ai import exceptions as theirs

    said = _said(error, key)

    def made(
        what: str, severity: Severity, *, status: int | None = None, retry_after_s: float | None = None
    ) -> ModelError:
        return ModelError(f"{named}: {what}", status=status, severity=severity, retry_after_s=retry_after_s)

    match error:
        case theirs.ModelQuotaExceededError():
            return made(f"the account's quota is used up: {said}", "permanent", status=_status(error))
        case theirs.ModelHTTPError():
            status = error.status_code
            severity: Severity = "transient" if status in _TRANSIENT_STATUSES else "permanent"
            return made(
                f"answered with {status}{_meaning(error)}: {said}",
                severity,
                status=status,
                retry_after_s=error.retry_after,
            )
        case theirs.ModelRequestRejectedError():
            return made(f"refused the request: {said}", "permanent")
        case theirs.ContentFilterError():
            return made(f"refused to answer: {said}", "permanent")
        case theirs.ModelConnectionError():
            return made(f"the connection failed: {said}", "transient", retry_after_s=error.retry_after)
        case theirs.ModelAPIError():
            return made(said, "transient", retry_after_s=error.retry_after)
        case theirs.UserError() | NotImplementedError():
            return made(f"cannot be asked this: {said}", "permanent")
        case theirs.AgentRunError() | ValidationError() | ValueError() | KeyError() | TypeError() | AttributeError():
            # The libraries take an answer apart as they expect it; what is formed otherwise fails somewhere within.
            return made(f"the answer is malformed: {said}", "transient")
    return made(f"the call failed: {type(error).__name__}: {said}", "transient")


def refused(named: Named, message: Any, key: Key) -> ModelError:
    """The model, or a filter before it, would not answer."""
    details = message.provider_details or {}
    said = str(details.get("refusal") or "".join(getattr(part, "content", "") or "" for part in message.parts))
    shown = f": {_short(key.redacted(said))}" if said.strip() else ""
    return ModelError(f"{named} refused to answer{shown}", severity="permanent")


def _status(error: Any) -> int | None:
    return getattr(error, "status_code", None)


def _meaning(error: Any) -> str:
    from pydantic_ai import exceptions as theirs

    match error:
        case theirs.ModelAuthenticationError():
            return " (the key was refused)"
        case theirs.ModelNotFoundError():
            return " (there is no such model there)"
        case theirs.ModelContextWindowExceededError():
            return " (the conversation is longer than the model's window)"
        case theirs.ModelRateLimitError():
            return " (too many requests)"
    return ""


def _said(error: Exception, key: Key) -> str:
    """What a provider said, short: the message in its JSON, else the text as it is."""
    body = getattr(error, "body", None)
    said = _message_in(body)
    if said is None:
        said = str(body) if body else (str(error) or type(error).__name__)
    return _short(key.redacted(said))  # in this order: of a key that was cut through, a half would not be known


def _message_in(body: Any) -> str | None:
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except (ValueError, RecursionError):
            return None
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        return None
    inner = body.get("error", body)
    if isinstance(inner, str):
        return inner
    message = inner.get("message") if isinstance(inner, dict) else None
    return message if isinstance(message, str) else None


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "..."
