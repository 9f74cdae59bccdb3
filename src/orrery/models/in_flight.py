"""In flight: who asks what is being asked already waits for that answer, and one call serves them all.

The cache alone does not see to that: of a hundred equal requests that are made at once, a hundred find it empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

from orrery.errors import ModelError
from orrery.models.request import Reply

_asked: Final[dict[Hashable, asyncio.Future[Reply | ModelError | None]]] = {}
"""By loop and request, what is being asked; None in place of an answer: whoever asked was cancelled."""


async def answer(key: Hashable, ask: Callable[[], Awaitable[Reply]], timeout_s: float | None) -> tuple[Reply, bool]:
    """The answer of the call that is in flight under a key, or of one that is made now; and whether it was another's.

    A call belongs to whoever made it: cancelled, it ends, and of those who wait the next one asks. An error of the
    model is everybody's, so that a provider that is down is not asked once for each.

    Args:
        key: what is asked.
        ask: asks.
        timeout_s: the longest to wait for another's answer.

    Raises: ModelError; and what `ask` raises.
    """
    loop = asyncio.get_running_loop()
    whole = (loop, key)
    while (asked := _asked.get(whole)) is not None:
        await asyncio.wait({asked}, timeout=timeout_s)  # which leaves it alone when we are cancelled
        if not asked.done():
            raise ModelError(f"an equal call did not end within {timeout_s:g} s", severity="transient")
        found = asked.result()
        if isinstance(found, ModelError):
            raise ModelError(
                str(found), status=found.status, severity=found.severity, retry_after_s=found.retry_after_s
            ) from found.__cause__
        if found is not None:
            return found, True
    mine = _asked[whole] = loop.create_future()
    outcome: Reply | ModelError | None = None
    try:
        outcome = await ask()
    except ModelError as error:
        outcome = error
        raise
    finally:
        del _asked[whole]
        mine.set_result(outcome)
    return outcome, False
