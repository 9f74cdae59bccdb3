"""The simulated server without a socket: a request comes in, and what is to be sent when goes out.

`Service.answer` decides everything; a connection only waits until a frame is due and sends it. The clock comes in
with the request.
"""

from __future__ import annotations

import hmac
import itertools
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from orrery.errors import RequestError
from orrery.models.serving.replica import Replica
from orrery.models.serving.timing import Timing
from orrery.models.simulated.answer import Answer, Split, fitted, tokens
from orrery.models.simulated.asked import Asked
from orrery.models.simulated.counts import Counts
from orrery.models.simulated.exchange import JSON, Exchange, Frame, Reply
from orrery.models.simulated.faults import Fault, FaultPlan, spoilt
from orrery.models.simulated.limits import Gate, Limits
from orrery.models.simulated.wire import Made, Route, Wire, find_route, listing
from orrery.models.simulated.wire.form import written

Script = Callable[[Asked], "Answer | str | Fault"]
"""What decides the answers. A text is an answer; a fault is what goes wrong instead."""


class Arrived(NamedTuple):
    """A whole HTTP request; header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Service:
    """Answers requests from a script. Everything it counts and keeps is in `counts`, `requests` and `broken`; what is
    in its slots and waits for one, if it has a number of them, in `replica`.

    Args:
        script: (Asked) -> Answer, text or Fault.
        split: how streams are cut into pieces.
        seed: of the faults' chance and of the cutting.
        models: the names that are listed; any other is answered too.
        token: what a client must send as its key; None lets everybody in.
        hosts: the names under which it may be addressed; None is any.
        now: wall time in seconds since 1970, for the creation times in replies.
    """

    def __init__(
        self,
        script: Script,
        *,
        timing: Timing,
        split: Split = "tokens",
        faults: Iterable[Fault | str] = (),
        limits: Limits | None = None,
        seed: int = 0,
        models: Sequence[str] = ("simulated",),
        token: str | None = None,
        hosts: frozenset[str] | None = None,
        now: Callable[[], float],
    ) -> None:
        self.counts = Counts()
        self.requests: list[Asked] = []
        self.broken: list[Exception] = []
        self._script, self._timing, self._split, self._seed = script, timing, split, seed
        self._faults = FaultPlan(faults, seed=seed)
        self._gate = Gate(limits or Limits())
        self.replica = Replica(timing)
        self._models, self._token, self._hosts, self._now = tuple(models), token, hosts, now
        self._numbers = itertools.count(1)

    def answer(self, arrived: Arrived, at: float) -> Exchange:
        """What to send.

        Args:
            at: now, in seconds of the clock that the limits are counted by.
        """
        target = urlsplit(arrived.target)
        route = find_route(target.path)
        refusal = self._refusal(arrived, target.query)
        if refusal is not None:
            return _problem(*refusal, route)
        if arrived.method == "GET":
            found = self.counts.plain() if target.path == "/__counts" else listing(target.path, self._models)
            if found is not None:
                return _whole(200, written(found))
        if route is None:
            return _problem(404, f"there is nothing at {target.path}; this is a simulated model server", None)
        if arrived.method != "POST":
            return _problem(405, f"{target.path} takes POST, not {arrived.method}", route)
        try:
            asked = route.read(arrived.body)
        except RequestError as error:
            return _problem(400, str(error), route)
        return self._call(route.wire, replace(asked, number=next(self._numbers)), at)

    def began(self, exchange: Exchange) -> None:
        """Note that an exchange is being sent."""
        if exchange.model is not None:
            self.counts.running += 1
            self.counts.most_running = max(self.counts.most_running, self.counts.running)

    def sent(self, exchange: Exchange, token: int) -> None:
        """Note how far the answer is out."""
        if exchange.model is not None and token > exchange.token:
            self.counts.add(exchange.model, output_tokens=token - exchange.token)
            exchange.token = token

    def ended(self, exchange: Exchange, *, whole: bool) -> None:
        """Note that an exchange was sent whole, or that its client went away before."""
        if exchange.model is not None:
            self.counts.running -= 1
            if not exchange.faulty:
                self.counts.add(exchange.model, **{"answered" if whole else "interrupted": 1})

    def _refusal(self, arrived: Arrived, query: str) -> tuple[int, str] | None:
        host = urlsplit(f"//{arrived.headers.get('host', '')}").hostname or ""
        if self._hosts is not None and host not in self._hosts:
            return 403, f"this server is not {host!r}; it is for this machine only"
        origin = urlsplit(arrived.headers.get("origin", ""))
        if origin.netloc and origin.netloc != arrived.headers.get("host"):
            return 403, f"pages of {origin.netloc!r} may not use this server"
        if self._token is not None:
            keys = [arrived.headers.get(name, "") for name in ("x-api-key", "x-goog-api-key", "api-key")]
            keys += [arrived.headers.get("authorization", "").removeprefix("Bearer "), *parse_qs(query).get("key", [])]
            if not any(hmac.compare_digest(key.encode(), self._token.encode()) for key in keys):
                return 401, "the key is missing or wrong; it was printed when the server was started"
        return None

    def _call(self, wire: Wire, asked: Asked, at: float) -> Exchange:
        """One call of a model."""
        self.requests.append(asked)
        self.counts.add(asked.model, calls=1)
        # Before the script: one whose answers come in turn must not lose one to a request that is refused.
        refused = self._gate.refusal(at, tokens=tokens(asked.prompt), running=self.counts.running)
        if refused is not None:
            self.counts.add(asked.model, limited=1)
            return _error(wire, 429, refused[0], retry_after_s=refused[1])
        fault = self._faults.draw(asked)
        try:
            said = fault if fault is not None and fault.kind == "status" else self._script(asked)
        except Exception as error:  # noqa: BLE001 - whatever a script raises is an answer too, and is kept
            self.broken.append(error)
            self.counts.add(asked.model, failed=1)
            # Not a 5xx: clients would try again by themselves, and the script's error would show up late.
            return _error(wire, 422, f"the script failed: {type(error).__name__}: {error}")
        fault = said if isinstance(said, Fault) else fault
        answer = Answer(said) if isinstance(said, str) else said if isinstance(said, Answer) else Answer()
        answer = fitted(answer, asked)
        answer = answer if fault is None else spoilt(answer, fault)
        self._gate.spend(0 if answer.endless else answer.tokens)
        if fault is not None:
            self.counts.add(asked.model, failed=1)
        if fault is not None and fault.kind == "status":
            message = f"this is fault {fault.status}, as planned"
            return _error(wire, fault.status, message, retry_after_s=fault.retry_after_s)
        return self._exchange(wire, asked, answer, fault, at)

    def _exchange(self, wire: Wire, asked: Asked, answer: Answer, fault: Fault | None, at: float) -> Exchange:
        """The answer, with what was read for it and when its tokens are due."""
        cached = self.replica.prefixes.read(f"{asked.kind}/{asked.model}", asked.prompt)
        read = tokens(asked.prompt)
        self.counts.add(asked.model, input_tokens=read, cached_tokens=cached, prefix_hits=int(cached > 0))
        timing = replace(
            self._timing,
            first_s=self._timing.first_s if answer.first_s is None else answer.first_s,
            tokens_per_s=self._timing.tokens_per_s if answer.tokens_per_s is None else answer.tokens_per_s,
        )
        said = read if answer.input_tokens is None else answer.input_tokens
        made = Made(
            number=asked.number,
            created_s=int(self._now()),
            input_tokens=said,
            cached_tokens=min(cached, said),
            output_tokens=answer.tokens if answer.output_tokens is None else answer.output_tokens,
            seconds=timing.due_s(answer.tokens, uncached=read - cached),
        )
        dice = random.Random(f"{self._seed}/{asked.number}")  # noqa: S311 - repeatable, not secret
        exchange = Reply(wire, asked, answer, made, timing, read - cached, fault).exchange(self._split, dice)
        if timing.slots is not None:
            length = math.inf if answer.endless else answer.tokens
            exchange.job = self.replica.arrive(
                at, prompt_tokens=read, cached=cached, answer_tokens=length, timing=timing
            )
        return exchange


def _whole(status: int, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Exchange:
    return Exchange(status, JSON, iter([Frame(body, 0.0, 0)]), len(body), headers)


def _problem(status: int, message: str, route: Route | None) -> Exchange:
    if route is not None:
        return _error(route.wire, status, message)
    return _whole(status, written({"error": {"message": message}}))


def _error(wire: Wire, status: int, message: str, *, retry_after_s: float | None = None) -> Exchange:
    headers: list[tuple[str, str]] = []
    if retry_after_s is not None:
        # Retry-After is whole seconds by the standard; clients that can wait for less read the other one first.
        headers.append(("retry-after", str(math.ceil(retry_after_s))))
        headers.append(("retry-after-ms", str(math.ceil(retry_after_s * 1000))))
    return _whole(status, wire.error(status, message), headers)
