"""`orrery models simulate`."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from orrery.cli.options import Json, Words
from orrery.cli.screen import out, say, say_table, write_json
from orrery.errors import ModelScriptError
from orrery.models.simulated import Counts, Fault, Limits, Script, SimulatedServer, Timing, echo
from orrery.models.simulated.cassette import Recorder
from orrery.models.simulated.scripts import read_script
from orrery.workflow import code


def simulate(
    *,
    script: str | None = None,
    port: int = 0,
    first: float = 0.4,
    rate: float = 50.0,
    prefill: float = math.inf,
    slots: int | None = None,
    slowdown: float = 0.0,
    cache_blocks: int = 100_000,
    split: Literal["tokens", "chars", "lines"] = "tokens",
    seed: int = 0,
    fault: Words = None,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    concurrency: int | None = None,
    model: Words = None,
    record: Path | None = None,
    loose: bool = False,
    config: Path | None = None,
    host: str = "127.0.0.1",
    exposed: bool = False,
    token: str | None = None,
    json: Json = False,
) -> int:
    """Serve models that answer from a script: for tests, and to load a workflow for free.

    Speaks the formats of OpenAI (chat and responses), Anthropic, Gemini and Ollama until Ctrl-C, and then says what
    it counted; GET /__counts says it meanwhile.

    Args:
        script: A file of rules, a cassette, or py:MODULE:FUNCTION; without one it echoes.
        port: Where to listen; 0 takes a free port.
        first: Seconds to the first token.
        rate: Tokens per second after it.
        prefill: Prompt tokens read per second, those in the prefix cache left out.
        slots: Calls worked on at once, the others wait in line; without it each call has the server to itself.
        slowdown: How much longer a step takes for each further call in it, as a share of a step alone.
        cache_blocks: The most blocks of 16 tokens that the prefix cache keeps.
        split: How streams are cut; "chars" anywhere, in the middle of characters too.
        seed: Of chance.
        fault: Something that goes wrong, such as 429,retry-after=2,first=3 or reset,chance=0.1; can be repeated.
        requests_per_minute: More are answered with 429.
        tokens_per_minute: More are answered with 429.
        concurrency: More calls at once are answered with 429.
        model: A name to list; can be repeated. Any other is answered too.
        record: Write what was asked and answered to this cassette.
        loose: A cassette answers requests that it does not know with the next answer that none has had.
        config: Write a models.toml there, for $ORRERY_MODELS.
        host: Where to listen.
        exposed: Allow a host that other machines can reach; needs --token.
        token: The key that clients must send.
    """
    timing = Timing(
        first_s=first,
        tokens_per_s=rate,
        prefill_per_s=prefill,
        slots=slots,
        slowdown=slowdown,
        cache_blocks=cache_blocks,
    )
    with _recording(_find(script, strict=not loose), record) as answers:
        server = SimulatedServer(
            answers,
            timing=timing,
            split=split,
            faults=[Fault.parse(one) for one in fault or ()],
            limits=Limits(requests_per_minute, tokens_per_minute, concurrency),
            seed=seed,
            models=tuple(model or ("simulated",)),
            host=host,
            port=port,
            exposed=exposed,
            token=token,
        )
        asyncio.run(_serve(server, config, as_json=json))
    if json:
        write_json({"counts": server.counts.plain(), "script_errors": [str(error) for error in server.broken]})
    else:
        _show(server.counts, server.broken)
    return 0


def _find(script: str | None, *, strict: bool) -> Script:
    """The script of that name. Raises ModelScriptError, OperationError."""
    if script is None:
        return echo
    if not script.startswith(code.PYTHON):
        return read_script(script, strict=strict)
    place, _, name = script.removeprefix(code.PYTHON).rpartition(":")
    code.look_in(Path.cwd())
    found = code.find(f"{code.PYTHON}{os.path.realpath(place) if place.endswith('.py') else place}:{name}")
    if not callable(found):
        raise ModelScriptError(f"{script} is a {type(found).__name__}, which cannot be called with a request")
    chosen: Script = found
    return chosen


@contextmanager
def _recording(script: Script, path: Path | None) -> Iterator[Script]:
    if path is None:
        yield script
        return
    with Recorder(script, path) as recorder:
        yield recorder


async def _serve(server: SimulatedServer, config: Path | None, *, as_json: bool) -> None:
    """Serve until somebody ends it."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends the program by an exception instead
            loop.add_signal_handler(number, over.set)
    await server.start()
    try:
        _announce(server, config, as_json=as_json)
        await over.wait()
    finally:
        await server.stop()


def _announce(server: SimulatedServer, config: Path | None, *, as_json: bool) -> None:
    if config is not None:
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(server.config(), encoding="utf-8")
    if as_json:
        write_json({"url": server.url, "environment": server.environment(), "config": server.config()})
        return
    console = out()
    say(console, f"simulated models at {server.url}; Ctrl-C ends", "bold")
    say(console, "\nfor the providers' own clients", "dim")
    for name, value in server.environment().items():
        say(console, f"export {name}={value}")
    if config is not None:
        say(console, f"\nfor orrery\nexport ORRERY_MODELS={config}")
    else:
        say(console, "\nmodels.toml for orrery (--config FILE writes it)", "dim")
        say(console, server.config())


def _show(counts: Counts, broken: list[Exception]) -> None:
    console = out()
    counted = (
        "calls",
        "answered",
        "failed",
        "limited",
        "interrupted",
        "input_tokens",
        "cached_tokens",
        "output_tokens",
    )
    heads = [name.replace("_", " ").removesuffix(" tokens") for name in counted]
    rows = [
        (name, *(f"{getattr(tally, one):,}" for one in counted))
        for name, tally in (*counts.models.items(), ("in all", counts))
    ]
    say_table(console, ("model", *heads), rows, right=" ".join(heads))
    say(console, f"\n{counts.prefix_hits} prefix hits; at most {counts.most_running} calls at once", "dim")
    if broken:
        say(console, f"the script failed {len(broken)} times, first with: {broken[0]}", "yellow")
