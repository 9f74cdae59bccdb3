"""Who says something to a run: the person at this process, as the log names people."""

from __future__ import annotations

import getpass


def me() -> str:
    """The name of the account, as far as that is known."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        return ""


__all__ = ["me"]
