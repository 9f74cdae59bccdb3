"""A replica: one server of a model, as a state machine with continuous batching.

The law, with the numbers of a `Timing`:

- A call waits in line until one of `slots` is free, first come, first served; it keeps its slot until it has ended.
- In its slot it first takes `first_s`, which keeps nobody else waiting.
- Then its prompt is read, one prompt at a time, `prefill_per_s` tokens a second. While one is read, no answer grows:
  what is read and what is written pass through the same arithmetic, so time given to one is taken from the other.
- Its first token is out when its prompt is read. From then on it gains a token with every step, together with all
  others that are being written. A step takes `(1 + slowdown * (batch - 1)) / tokens_per_s`.

Left out: that a step also takes longer for longer contexts, that prompts may be read in chunks between steps, and
that memory may run out before slots do. How far that is from real servers is measured in tests/models/serving.

Progress is counted in seconds of writing alone, so a change of the batch touches a rate and no call, and an event
costs O(log slots). Times come in and do not go back; where several things happen at one time, prompts end to be
read first, then answers end, then calls become ready, then slots are given; of equals the call that came first.
"""

from __future__ import annotations

import math
from collections import deque
from heapq import heappop, heappush

from orrery.models.serving.prefixes import PrefixCache
from orrery.models.serving.timing import Timing


class Job:
    """A call as a replica keeps it; times are in the replica's clock, `inf` until they are known.

    Args:
        number: of the call, at this replica.
        at: when it came.
        started: when it got its slot.
        first: when its first token was out.
        ended: when its last was.
        cached: prompt tokens that were in the prefix cache.
        read_s, write_s, first_s: what is left to do when it is alone.
        tokens_per_s: how fast it is written alone.
        begun: the replica's progress when its answer began.
        gone: its client went away.
    """

    __slots__ = (
        "at",
        "begun",
        "cached",
        "ended",
        "first",
        "first_s",
        "gone",
        "number",
        "read_s",
        "started",
        "tokens_per_s",
        "write_s",
    )

    def __init__(self, number: int, at: float, timing: Timing, *, uncached: int, cached: int, tokens: float) -> None:
        self.number, self.at, self.cached = number, at, cached
        self.first_s, self.read_s, self.write_s = timing.first_s, timing.read_s(uncached), timing.write_s(tokens)
        self.tokens_per_s = timing.tokens_per_s
        self.started = self.first = self.ended = math.inf
        self.begun = 0.0
        self.gone = False


class Replica:
    """One server of a model: what is in its slots, what waits, what it has read.

    Args:
        timing: the law. Without `slots` there is no line, and nothing slows anything.
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.prefixes = PrefixCache(timing.block_tokens, most_blocks=timing.cache_blocks)
        self.now = 0.0
        self._free = math.inf if timing.slots is None else timing.slots
        self._count = 0
        self._line: deque[Job] = deque()
        self._preparing: list[tuple[float, int, Job]] = []
        self._to_read: deque[Job] = deque()
        self._reading: Job | None = None
        self._read_at = math.inf
        self._progress = 0.0
        self._endings: list[tuple[float, int, Job]] = []
        self._written: dict[Job, None] = {}
        self._stretch = 1.0  # how much longer a step takes than alone, with as many in it as there are
        self._work_s = 0.0
        self._share = 1.0 if timing.slots is None else timing.company(timing.slots) / timing.slots

    @property
    def waiting(self) -> int:
        """Calls in line for a slot."""
        return len(self._line)

    @property
    def is_free(self) -> bool:
        """Whether a call that came now would have a slot at once."""
        return self._free > 0

    @property
    def working(self) -> int:
        """Calls in a slot."""
        preparing = sum(not job.gone for _, _, job in self._preparing)
        return preparing + len(self._to_read) + (self._reading is not None) + len(self._written)

    @property
    def work_s(self) -> float:
        """About how long all that has come will take from now on, were nothing to be added: a measure of load."""
        return max(0.0, self._work_s)

    def arrive(
        self,
        at: float,
        *,
        prompt_tokens: int,
        cached: int = 0,
        answer_tokens: float = 1,
        timing: Timing | None = None,
    ) -> Job:
        """Take a call.

        Args:
            at: now.
            cached: prompt tokens that `prefixes` had.
            answer_tokens: `inf` for an answer that goes on until its call leaves.
            timing: instead of the replica's, for first_s and the rates of this call alone.
        """
        self.advance(at)
        self._count += 1
        job = Job(
            self._count, at, timing or self.timing, uncached=prompt_tokens - cached, cached=cached, tokens=answer_tokens
        )
        if self.timing.slots is None:
            job.first_s, job.read_s = job.first_s + job.read_s, 0.0  # each prompt is read beside the others
        self._work_s += self._worth_s(job)
        self._line.append(job)
        self._give_slots()
        self._read_next()
        return job

    def leave(self, job: Job, at: float) -> None:
        """A call's client went away: it gives up its slot or its place in line. Nothing if it has ended."""
        self.advance(at)
        if job.ended < math.inf or job.gone:
            return
        job.gone = True
        self._work_s -= self._worth_s(job)
        if job.started == math.inf:
            self._line.remove(job)
            return
        self._free += 1
        if job in self._written:
            self._stop_writing(job)
        elif job is self._reading:
            self._reading, self._read_at = None, math.inf
        elif job in self._to_read:
            self._to_read.remove(job)
        self._give_slots()
        self._read_next()

    def next_due(self) -> float:
        """When something happens by the passing of time alone; `inf` if nothing does."""
        while self._endings and self._endings[0][2].gone:
            heappop(self._endings)
        while self._preparing and self._preparing[0][2].gone:
            heappop(self._preparing)
        due = self._preparing[0][0] if self._preparing else math.inf
        if self._reading is not None:
            return min(due, self._read_at)
        return min(due, self._ending_at()) if self._endings else due

    def advance(self, at: float) -> list[Job]:
        """Let time pass until then, and return the calls that ended, in order. A time that is past already is now."""
        at, ended = max(at, self.now), list[Job]()
        while (due := self.next_due()) <= at:
            self._happen(due, ended)
        self._pass(at)
        return ended

    def due(self, job: Job, token: int) -> float:
        """When so many tokens of a call's answer are out, as things stand; `inf` if that hangs on what is ahead of it.

        It moves when others come and go, so ask again after every event.
        """
        if job.first == math.inf:
            return math.inf
        if job.ended < math.inf:
            return job.ended
        left = job.begun + max(0, token - 1) / job.tokens_per_s - self._progress
        if left <= 0:
            return self.now
        return math.inf if self._reading is not None else self.now + left * self._stretch

    def _happen(self, due: float, ended: list[Job]) -> None:
        """The next thing that is due."""
        if self._reading is not None and self._read_at <= due:
            job = self._reading
            self._pass(due)
            self._reading, self._read_at = None, math.inf
            self._begin_writing(job, due)
        elif self._reading is None and self._endings and self._ending_at() <= due:
            end, _, job = heappop(self._endings)
            self.now, self._progress = due, max(self._progress, end)  # exactly: a rounding would come back for ever
            self._stop_writing(job)
            self._end(job, due)
            ended.append(job)
        else:
            job = heappop(self._preparing)[2]
            self._pass(due)
            self._to_read.append(job)
        if not self._written:
            self._progress = 0.0
        self._give_slots()
        self._read_next()

    def _pass(self, at: float) -> None:
        if self._reading is None and self._written:
            self._progress += (at - self.now) / self._stretch
        self.now = at

    def _ending_at(self) -> float:
        left = self._endings[0][0] - self._progress
        return self.now + left * self._stretch if left > 0 else self.now

    def _give_slots(self) -> None:
        while self._line and self._free:
            job = self._line.popleft()
            self._free -= 1
            job.started = self.now
            if job.first_s:
                heappush(self._preparing, (self.now + job.first_s, job.number, job))
            else:
                self._to_read.append(job)

    def _read_next(self) -> None:
        if self._reading is None and self._to_read:
            self._reading = job = self._to_read.popleft()
            self._read_at = self.now + job.read_s

    def _begin_writing(self, job: Job, at: float) -> None:
        if not self._written:
            self._progress = 0.0
        job.first, job.begun = at, self._progress
        self._written[job] = None
        self._stretch = self.timing.company(len(self._written))
        heappush(self._endings, (job.begun + job.write_s, job.number, job))

    def _stop_writing(self, job: Job) -> None:
        del self._written[job]
        self._stretch = self.timing.company(len(self._written))

    def _end(self, job: Job, at: float) -> None:
        job.ended = at
        self._free += 1
        self._work_s -= self._worth_s(job)

    def _worth_s(self, job: Job) -> float:
        write_s = job.write_s if job.write_s < math.inf else 0.0
        return job.read_s + write_s * self._share
