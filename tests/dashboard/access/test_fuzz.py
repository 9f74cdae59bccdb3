"""Random requests: none is a fault of ours, and none is answered that may not be. `tests.dashboard.fuzz` sends more."""

from __future__ import annotations

import asyncio

from tests.dashboard.fuzz import fuzz


def test_whatever_comes_is_answered_clearly_and_only_to_those_who_may_ask() -> None:
    statuses = asyncio.run(fuzz(2000))
    assert statuses.total() == 2000
    assert min(statuses[status] for status in (200, 400, 401, 403, 404, 405, 409, 415, 421)) >= 10, statuses


def test_no_stream_begins_for_another_name_another_origin_or_without_the_token() -> None:
    statuses = asyncio.run(fuzz(300, only="/runs/{run}/stream"))
    assert min(statuses[status] for status in (200, 400, 401, 403, 421)) >= 5, statuses
