"""The limits that a provider sets: requests and tokens per minute, and how many calls at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a server takes before it answers 429. None is no limit.

    Args:
        requests_per_minute, tokens_per_minute: filled continuously, as a bucket; tokens are those of the prompt
            and those of the answer.
        concurrency: calls at once.
        burst_s: for how many seconds unused allowance is kept: the bucket's depth.
    """

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    concurrency: int | None = None
    burst_s: float = 60.0


class Gate:
    """Lets requests through as the limits say. The clock comes in with each question."""

    def __init__(self, limits: Limits) -> None:
        self._concurrency = limits.concurrency
        self._requests = _Bucket(limits.requests_per_minute, limits.burst_s, at_least=1.0)
        self._tokens = _Bucket(limits.tokens_per_minute, limits.burst_s, at_least=0.0)

    def refusal(self, at: float, *, tokens: int, running: int) -> tuple[str, float] | None:
        """Why a request is refused and after how many seconds to come again; None lets it through, and counts it.

        Args:
            at: now, in seconds of any steady clock.
            tokens: those of the prompt.
            running: calls that are under way.
        """
        if self._concurrency is not None and running >= self._concurrency:
            return f"{running} calls are running and no more than {self._concurrency} may", 1.0
        for bucket, amount, what in ((self._requests, 1, "requests"), (self._tokens, tokens, "tokens")):
            wait_s = bucket.wait_s(at, amount)
            if wait_s > 0:
                return f"the limit of {bucket.per_minute:g} {what} per minute is reached", wait_s
        self._requests.take(1)
        self._tokens.take(tokens)
        return None

    def spend(self, tokens: int) -> None:
        """Count the tokens of an answer; they may leave a debt, which the next requests wait for."""
        self._tokens.take(tokens)


class _Bucket:
    """A token bucket that starts full; more than it holds may be taken, and is then its debt."""

    def __init__(self, per_minute: float | None, burst_s: float, *, at_least: float) -> None:
        self.per_minute = per_minute or 0.0
        self._limited = per_minute is not None
        self._depth = max(at_least, self.per_minute / 60 * burst_s)
        self._level = self._depth
        self._at: float | None = None

    def wait_s(self, at: float, amount: float) -> float:
        """How long until so much may be taken."""
        if not self._limited:
            return 0.0
        passed = 0.0 if self._at is None else max(0.0, at - self._at)
        self._at = at
        self._level = min(self._depth, self._level + passed * self.per_minute / 60)
        missing = min(amount, self._depth) - self._level
        if missing <= 1e-9:  # what rounding leaves would make a client that waited exactly long enough wait again
            return 0.0
        return missing / (self.per_minute / 60) if self.per_minute else 3600.0

    def take(self, amount: float) -> None:
        self._level -= amount
