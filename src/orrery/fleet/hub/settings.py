"""Settings: the times and limits of a hub."""

from __future__ import annotations

import msgspec

from orrery.fleet.messages import DEFAULT_MAX_FRAME_BYTES


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a hub goes by. Times are in seconds.

    Args:
        heartbeat_s: how often a quiet device pings.
        lease_s: how long after it was last heard of a device keeps its attempts.
        away_s: how long after that the hub waits for a device that alone knows whether an attempt took effect.
        patience_s: how long an attempt waits for a device that could do it.
        hello_s: the time that a new connection has to say who it is.
        hello_max_bytes: the largest first message; nobody is known yet who would answer for more.
        max_frame_bytes: the largest message after that.
        unknown_max: connections that have not said who they are, at once.
        frames_per_s: what one principal may send, for a long time; `frames_burst` at once.
        failures_max: wrong tokens from one address before it has to wait; the wait doubles up to `failure_wait_s`.
        session_kept_s: how long a session without a connection can be gone on with.
    """

    heartbeat_s: float = 5.0
    lease_s: float = 30.0
    away_s: float = 60.0
    patience_s: float = 30.0
    hello_s: float = 10.0
    hello_max_bytes: int = 262_144
    max_frame_bytes: int = DEFAULT_MAX_FRAME_BYTES
    unknown_max: int = 256
    frames_per_s: float = 50_000.0
    frames_burst: float = 200_000.0
    failures_max: int = 5
    failure_wait_s: float = 60.0
    session_kept_s: float = 600.0
