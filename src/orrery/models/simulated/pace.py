"""When a token of a call that shares its server with others may be sent."""

from __future__ import annotations

import asyncio
import math

from orrery.models.serving.replica import Job, Replica


class Pace:
    """Waits as a replica says. What it says changes with every call that comes or goes, so each wait is looked at anew.

    Args:
        replica: what decides; its clock is the loop's.
    """

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[Job, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def is_out(self, job: Job, token: int) -> bool:
        """Whether so many tokens of a call's answer are out by now."""
        self._catch_up()
        return self._replica.due(job, token) <= self._loop.time()

    async def until(self, job: Job, token: int) -> None:
        """Return once so many tokens of a call's answer are out."""
        while not self.is_out(job, token):
            due = self._replica.due(job, token)
            turn = self._waiting[job] = self._loop.create_future()
            timer = self._loop.call_at(due, self._wake, job) if due < math.inf else None
            try:
                await turn
            finally:
                self._waiting.pop(job, None)
                if timer is not None:
                    timer.cancel()

    def changed(self) -> None:
        """A call came or went: set the timer anew, and let all that are being answered look again."""
        self._replica.advance(self._loop.time())
        for job in [job for job in self._waiting if job.first < math.inf]:
            self._wake(job)
        if self._timer is not None:
            self._timer.cancel()
        due = self._replica.next_due()
        self._timer = self._loop.call_at(due, self._ring) if due < math.inf else None

    def left(self, job: Job) -> None:
        """A call's answer was sent, or its client is gone."""
        self._replica.leave(job, self._loop.time())
        self.changed()

    def _catch_up(self) -> None:
        if self._replica.next_due() <= self._loop.time():
            self.changed()

    def _ring(self) -> None:
        self.changed()  # also where it rings too early, by the clock's resolution: then it is set once more

    def _wake(self, job: Job) -> None:
        turn = self._waiting.get(job)
        if turn is not None and not turn.done():
            turn.set_result(None)
