"""Providers: does one program run unchanged on every wire format, and is nothing lost or miscounted on the way?

A conversation with a stream, two calls of a tool at once, their results and an answer as data, over real HTTP to a
simulated server, through each provider's own client. The rival of a call's time is the same request as bare HTTP.
Beside it: recorded conversations to data and back, costs against exact arithmetic, and conversations that are cut.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from orrery.agents.compaction import cut, tokens_of
from orrery.bench.planning.settings import variables
from orrery.bench.report import Options, Report, Row, unjudged
from orrery.models import Offer, Reply, Request
from orrery.models.call import complete, stream
from orrery.models.catalog import cost
from orrery.models.config import FILE_VARIABLE, ModelFacts, Named, Provider, Settings
from orrery.models.messages import ModelRequest, ToolReturnPart, calls_of, from_data, prompt, to_data
from orrery.models.simulated import INSTANT, Answer, Asked, Call, SimulatedServer

KINDS = ("openai-chat", "openai-responses", "anthropic", "google", "ollama")
FIXTURES = Path(__file__).parents[3] / "tests/models/fixtures/messages.json"
"""Recorded conversations; they come with the repository and not with the package."""
_RISE = Offer("rise", "When a body rises.", {"type": "object", "properties": {"body": {"type": "string"}}})
_BODIES = {"type": "object", "properties": {"bodies": {"type": "array"}}, "required": ["bodies"]}
_GREETING = "Guten Abend, ☾! " * 8


def measure(options: Options) -> Report:
    """Formats, time of a call, conversations, costs, cuts."""
    calls = 10 if options.quick else 60
    with tempfile.TemporaryDirectory() as folder, SimulatedServer(astronomer, timing=INSTANT) as server:
        settings = Path(folder, "models.toml")
        settings.write_text(server.config(), encoding="utf-8")
        with variables({FILE_VARIABLE: str(settings)}):
            options.tell("one program on five wire formats")
            passed = [kind for kind in KINDS if asyncio.run(_passes(kind))]
            rows = [
                Row(
                    "wire formats on which the same program passes, streaming",
                    len(passed),
                    "",
                    target="= 5",
                    ok=len(passed) == 5,
                )
            ]
            for kind in KINDS:
                options.tell(f"the time of a call: {kind}")
                rows.append(asyncio.run(_time_of_a_call(kind, server, calls)))
    conversations = msgspec.json.decode(FIXTURES.read_bytes()) if FIXTURES.is_file() else []
    chance = random.Random(options.seed)  # noqa: S311 - the same each time, not secret
    if conversations:
        changed = sum(to_data(from_data(messages)) != messages for messages in conversations)
        rows.append(
            Row(
                f"recorded messages changed by a round trip, of {len(conversations)}",
                changed,
                "",
                target="= 0",
                ok=not changed,
            )
        )
        cuts, orphans = _orphans(conversations, chance, 2 if options.quick else 20)
        rows.append(Row(f"calls or results orphaned in {cuts:,} cuts", orphans, "", target="= 0", ok=not orphans))
    count = 1_000 if options.quick else 20_000
    options.tell("costs")
    worst = _worst_cost(chance, count)
    rows.append(Row(f"largest error of {count:,} costs", worst, "$", target="<= 1e-9", ok=worst <= 1e-9))
    setting = f"simulated server that answers at once; {calls} calls of each format; seed {options.seed}"
    return Report("providers", unjudged(rows) if options.quick else rows, setting)


def astronomer(asked: Asked) -> Answer | str:
    """Looks two bodies up at once, then answers; where data is asked for, as data."""
    if asked.output is not None or '"bodies"' in asked.system:
        return Answer.json({"bodies": ["Mars", "Vesta"]})
    if asked.results:
        return " ".join(result.text for result in asked.results)
    if asked.tools:
        return Answer("I look.", (Call("rise", {"body": "Mars"}), Call("rise", {"body": "Vesta"})))
    return asked.text


async def _passes(kind: str) -> bool:
    """The program; a provider that is not understood is an error, an answer that differs is False."""
    model = f"sim-{kind}:simulated"
    pieces = [piece async for piece in stream(Request(model, tuple(prompt(_GREETING)), cache=False))]
    said, streamed = pieces[-1], [piece for piece in pieces if isinstance(piece, str)]
    opening = prompt("When do they rise?")
    asked = await complete(Request(model, tuple(opening), tools=(_RISE,), cache=False))
    bodies = [call.args_as_dict()["body"] for call in calls_of(asked.message)]
    results = [
        ToolReturnPart(call.tool_name, call.args_as_dict()["body"], tool_call_id=call.tool_call_id)
        for call in calls_of(asked.message)
    ]
    conversation = (*opening, asked.message, ModelRequest(parts=results))
    told = await complete(Request(model, conversation, tools=(_RISE,), cache=False))
    data = await complete(Request(model, tuple(prompt("Which?")), output=_BODIES, cache=False))
    return (
        isinstance(said, Reply)
        and "".join(streamed) == said.text == _GREETING
        and len(streamed) > 5
        and bodies == ["Mars", "Vesta"]
        and all(body in told.text for body in bodies)
        and data.output == {"bodies": bodies}
    )


async def _time_of_a_call(kind: str, server: SimulatedServer, count: int) -> Row:
    """A warm call, and the same request as bare HTTP to the chat format, in turns."""
    import httpx2

    request = Request(f"sim-{kind}:simulated", tuple(prompt("Good evening.")), cache=False)
    body = {"model": "simulated", "messages": [{"role": "user", "content": "Good evening."}]}
    ours: list[float] = []
    bare: list[float] = []
    async with httpx2.AsyncClient(base_url=server.base_url("openai-chat"), trust_env=False) as client:
        for number in range(count + 3):
            began = time.perf_counter()
            await complete(request)
            between = time.perf_counter()
            (await client.post("chat/completions", json=body)).raise_for_status()
            if number >= 3:  # the first calls open connections
                ours.append(1e3 * (between - began))
                bare.append(1e3 * (time.perf_counter() - between))
    ratio = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
    return Row(f"a warm call, {kind}", statistics.median(ours), "ms", statistics.median(bare), ratio)


def _orphans(conversations: Sequence[Any], chance: random.Random, cuts: int) -> tuple[int, int]:
    """How many cuts were made at random lengths, and how many calls or results they left alone."""
    done = orphans = 0
    for messages in conversations:
        whole = to_data(from_data(messages))
        lone = _alone(whole)  # what was alone before it was cut
        for _ in range(cuts):
            older, kept = cut(whole, chance.randrange(1 + sum(map(tokens_of, whole))))
            orphans += max(0, _alone(older) + _alone(kept) - lone)
            done += 1
    return done, orphans


def _alone(messages: Sequence[Any]) -> int:
    """Calls without a result after them, and results without a call before them."""
    open_calls: list[str] = []
    lone = 0
    for part in (part for message in messages for part in message["parts"]):
        kind = part["part_kind"]
        if kind == "tool-call":
            open_calls.append(part["tool_call_id"])
        elif kind == "tool-return" or (kind == "retry-prompt" and part.get("tool_name")):
            if part["tool_call_id"] in open_calls:
                open_calls.remove(part["tool_call_id"])
            else:
                lone += 1
    return lone + len(open_calls)


def _worst_cost(chance: random.Random, count: int) -> float:
    """The largest distance of a cost from exact fractions, in dollars."""
    from pydantic_ai.usage import RequestUsage

    worst = Fraction(0)
    named = Named("sim", "m")
    for _ in range(count):
        read, cached, written = (Decimal(chance.randrange(100_000_000)) / 1_000_000 for _ in range(3))
        prices = ModelFacts(None, read, written, cached)
        settings = Settings(providers={"sim": Provider("openai-chat")}, models={"sim:m": prices})
        tokens, out = chance.randrange(1_000_000), chance.randrange(100_000)
        hit = chance.randrange(tokens + 1)
        found = cost(RequestUsage(input_tokens=tokens, cache_read_tokens=hit, output_tokens=out), named, settings)
        exact = ((tokens - hit) * Fraction(read) + hit * Fraction(cached) + out * Fraction(written)) / 10**6
        worst = max(worst, abs(Fraction(found or 0) - exact))
    return float(worst)


__all__ = ["measure"]
