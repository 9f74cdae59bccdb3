"""Tokens: 256 random bits behind the word that says what they are for."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Literal

TokenKind = Literal["enrol", "device", "client"]

_BYTES = 32
_LENGTH = 43  # of 32 bytes in base64 without its padding


def new_token(kind: TokenKind) -> str:
    """A token that nobody has seen yet."""
    return f"{kind}.{base64.urlsafe_b64encode(os.urandom(_BYTES)).rstrip(b'=').decode('ascii')}"


def token_kind(token: str) -> TokenKind | None:
    """What a token is for, by its first word; None: it cannot be one."""
    kind, _, rest = token.partition(".")
    if len(rest) != _LENGTH or not token.isascii():
        return None
    match kind:
        case "enrol" | "device" | "client":
            return kind
    return None


def hash_of(token: str) -> bytes:
    """What is kept of a token: its SHA-256."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
