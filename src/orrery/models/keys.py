"""Keys of providers: found in the environment or the system's keyring, and shown nowhere.

A key is held in a `Key`, whose text form names its place only; whatever a provider says is passed through
`Key.redacted` before anybody reads it, for some providers repeat the key that they refuse.
"""

from __future__ import annotations

import base64
import json
import os
from urllib.parse import quote

from orrery.errors import MissingExtraError, ModelKeyError, ModelSettingsError, Problem

HIDDEN = "[key]"
_KEYRING_USER = "orrery"


class Key:
    """A secret that does not show itself: not in `repr`, not in `str`, and not through pickling.

    Args:
        secret: what is sent to the provider; "" where none is needed.
        place: where it was found, for messages.
    """

    __slots__ = ("_secret", "place")

    def __init__(self, secret: str, place: str) -> None:
        self._secret, self.place = secret, place

    def __repr__(self) -> str:
        return f"<Key {self.place}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and (self._secret, self.place) == (other._secret, other.place)

    def __hash__(self) -> int:
        return hash((self._secret, self.place))

    def __reduce__(self) -> str:
        raise TypeError("a key stays in its process")

    def reveal(self) -> str:
        """The secret, for the provider's client and for nobody else."""
        return self._secret

    def redacted(self, text: str) -> str:
        """The text without the secret, in whatever of the usual encodings it stands there."""
        for form in self._forms():
            text = text.replace(form, HIDDEN)
        return text

    def _forms(self) -> list[str]:
        if not self._secret:
            return []
        secret = self._secret
        forms = {
            secret,
            quote(secret, safe=""),
            quote(secret),
            json.dumps(secret)[1:-1],
            repr(secret)[1:-1],
            base64.b64encode(secret.encode()).decode(),
        }
        return sorted(forms, key=len, reverse=True)  # the longest first: one form may hold another


def find_key(place: str) -> Key:
    """The key at a place: "env:NAME", "keyring:SERVICE" or "none".

    Raises:
        ModelKeyError: there is none.
        MissingExtraError: the keyring is asked for, and its library is not installed.
    """
    kind, _, name = place.partition(":")
    if kind == "none":
        return Key("", place)
    if kind == "env":
        secret = _from_environment(name)
        if not secret:
            raise ModelKeyError(f"the environment variable {name} holds no key; set it, or name another place in `key`")
        return Key(secret, place)
    if kind == "keyring":
        secret = _from_keyring(name)
        if not secret:
            raise ModelKeyError(
                f"the system's keyring has no key for {name!r}; "
                f"`python -m keyring set {name} {_KEYRING_USER}` puts one there"
            )
        return Key(secret, place)
    raise ModelSettingsError([Problem("model-settings", "key", "a key is at env:NAME, keyring:SERVICE or none")])


def has_key(place: str) -> bool:
    """Whether a key is there, or none is needed."""
    try:
        find_key(place)
    except (ModelKeyError, MissingExtraError):
        return False
    return True


def _from_environment(name: str) -> str:
    secret = os.environ.get(name, "").strip()
    if not secret and name == "GOOGLE_API_KEY":
        secret = os.environ.get("GEMINI_API_KEY", "").strip()  # the older name of the same key
    return secret


def _from_keyring(service: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError as error:
        raise MissingExtraError("keyring", needed_for=f"the key of {service!r}") from error
    try:
        return keyring.get_password(service, _KEYRING_USER) or ""
    except KeyringError as error:
        raise ModelKeyError(f"the system's keyring cannot be read: {error}; use env:NAME instead") from error
