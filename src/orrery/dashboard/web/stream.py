"""The stream of a run: its changes as server-sent events, each computed when the one who listens is ready for it.

    retry: 1000                    how long a browser waits before it connects again, in milliseconds

    id: 42                         the number of the last event that is in it
    event: change
    data: {"seq":42,"head":{...},"tasks":[...]}

At first comes a change with all that is new since `after`, be it nothing but the head; then one whenever something
changed, at most ten a second. After the last change of a run that has ended comes an event `ended`. The stream then
stays open and silent, since a browser would connect again if it closed; whoever knows `ended` closes it. `gone` says
that there is no such run, `refused` why it cannot be read (as JSON: code and message), and both close it. In silence
there is a comment every 15 s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from orrery.dashboard.begun import Refusal
from orrery.dashboard.board import Board
from orrery.dashboard.following import Follower, Mark
from orrery.dashboard.rows import RunHead
from orrery.dashboard.spectator import Spectator
from orrery.errors import OrreryError, UnknownRunError

RETRY_MS = 1000
PAUSE_S = 0.1
"""Between two changes."""
HEARTBEAT_S = 15.0


async def changes(board: Board, run: str, after: int) -> AsyncIterator[bytes]:
    """The changes of a run after an event, as server-sent events."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    async with board.followers.listen(run) as follower:
        told: RunHead | None = None
        over = False
        while not follower.closed:
            if (trouble := follower.trouble or board.standing.trouble()) is not None:
                yield _parting(trouble)
                return
            mark = follower.mark
            if mark is not None and _is_news(mark, told):
                head, message = await asyncio.to_thread(_message, follower.spectator, after)
                told, after = head, head.seq
                yield message
                await _pause(follower)
            elif mark is not None and mark.ended and not over:
                over = True
                yield b"event: ended\ndata: {}\n\n"
            elif not await follower.moves(HEARTBEAT_S):
                yield b":\n\n"


def _is_news(mark: Mark, told: RunHead | None) -> bool:
    """Whether a run stands elsewhere than was told; a change may be ahead of the mark that led to it."""
    return told is None or mark.seq > told.seq or (mark.seq == told.seq and mark.state != told.state)


async def _pause(follower: Follower) -> None:
    """Wait before the next change, unless all is over."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PAUSE_S
    while not follower.closed and (left := until - loop.time()) > 0:
        await follower.moves(left)


def _message(spectator: Spectator, after: int) -> tuple[RunHead, bytes]:
    change = spectator.changed_after(after)
    return change.head, b"id: %d\nevent: change\ndata: %s\n\n" % (change.seq, msgspec.json.encode(change))


def _parting(error: OrreryError) -> bytes:
    name = b"gone" if isinstance(error, UnknownRunError) else b"refused"
    return b"event: %s\ndata: %s\n\n" % (name, msgspec.json.encode(Refusal(error.code, str(error))))
