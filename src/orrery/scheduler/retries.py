"""Whether a failed attempt is repeated, and after which pause."""

from __future__ import annotations

from hashlib import blake2b

from orrery.errors import Failure
from orrery.graph.task import Retry


def pause_s(retry: Retry | None, failure: Failure, *, failed: int, seed: int, task: str) -> float | None:
    """Seconds until the next attempt, or None if there is none.

    Args:
        retry: the task's rule.
        failure: of the last attempt.
        failed: how many attempts have failed so far, this one included.
        seed: of the run; with the task's name and `failed` it decides the jitter, so a replay pauses alike.
    """
    if retry is None or failed >= retry.attempts or failure.severity == "effect-unknown":
        return None
    names = (failure.type, failure.code, *failure.bases)
    if retry.on:
        if not any(wanted in names for wanted in retry.on):
            return None
    elif failure.severity == "permanent":
        return None
    pause = min(retry.max_backoff_s, retry.backoff_s * retry.factor ** min(failed - 1, 1_000))
    pause *= 1 + retry.jitter * (2 * unit(seed, task, failed) - 1)
    return max(pause, failure.retry_after_s or 0.0)


def unit(seed: int, *parts: object) -> float:
    """A number in [0, 1) that looks random and depends on nothing but the arguments."""
    text = "\x1f".join(map(str, (seed, *parts)))
    return int.from_bytes(blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big") / 2**64
