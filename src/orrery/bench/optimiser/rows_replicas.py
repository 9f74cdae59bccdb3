"""Rows whose model has two replicas: real HTTP servers, and prompts that begin with long documents.

The rival takes turns: every other row is sent to the other server, as a balancer in front of them would that knows
nothing of prompts. Both send the same questions through the same machinery, and are asked the same questions.
"""

from __future__ import annotations

import asyncio
import csv
import json
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from orrery.bench.planning.settings import variables
from orrery.bench.report import Options, Row
from orrery.errors import OutsideError
from orrery.graph import INPUTS, Effects, Graph, Ref, Task
from orrery.graph.template import Template
from orrery.models.config import FILE_VARIABLE, MODEL_VARIABLE
from orrery.models.simulated import Asked, SimulatedServer, Timing
from orrery.runtime import Session
from orrery.runtime.batch.plan import batch_of, batch_options
from orrery.scheduler.events import RunOptions
from orrery.workflow.workflow import InputSpec, Workflow

NAMES = ("one", "two")
QUESTIONS = 4
"""Of each document, anywhere in the table."""
WORDS = 4_000
ROWS_AT_ONCE = 32
LAW = Timing(first_s=0.02, tokens_per_s=200, prefill_per_s=40_000, slots=16, slowdown=0.01)


class Served(NamedTuple):
    """What came of a table on two servers."""

    seconds: float
    read: int
    calls: tuple[int, ...]
    answers: list[str]


def replica_rows(options: Options) -> list[Row]:
    """How much two replicas read, and how long they take, with calls placed and with calls that take turns."""
    documents = 5 if options.quick else 25
    rows = _table(documents, options.seed)
    _served(rows[:2], placed=False)  # loads the clients, which takes a second
    turns, placed = _served(rows, placed=False), _served(rows, placed=True)
    differ = sum(one != other for one, other in zip(turns.answers, placed.answers, strict=True))
    title = f"{len(rows)} questions about {documents} documents, two replicas"
    ratio = turns.read / placed.read
    return [
        Row(f"{title}: prompt tokens read anew, against taking turns", placed.read, "tokens", turns.read, ratio,
            ">= 1.5x", ok=ratio >= 1.5),
        Row(f"{title}: time, against taking turns", placed.seconds, "s", turns.seconds, turns.seconds / placed.seconds),
        Row(f"{title}: calls of the busier one", max(placed.calls), "calls", len(rows) / 2,
            max(placed.calls) / (len(rows) / 2), "<= 1.25x", ok=max(placed.calls) <= 0.625 * len(rows)),
        Row(f"{title}: answers that differ", differ, "answers", target="= 0", ok=differ == 0),
    ]  # fmt: skip


def _table(documents: int, seed: int) -> list[dict[str, str]]:
    """Each question with its document; `turn` says whose it is if they take turns."""
    dice = random.Random(seed)  # noqa: S311 - the same each time, not secret
    asked = [(document, question) for document in range(documents) for question in range(QUESTIONS)]
    dice.shuffle(asked)
    return [
        {
            "document": f"Document {document}. " + f"{document} said. " * (WORDS // 2),
            "question": f"{document}/{question}",
            "turn": f"{NAMES[place % 2]}:m",
        }
        for place, (document, question) in enumerate(asked)
    ]


def _served(rows: Sequence[dict[str, str]], *, placed: bool) -> Served:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orrery-replicas-")))
        servers = [stack.enter_context(SimulatedServer(_said, timing=LAW)) for _ in NAMES]
        settings = folder / "models.toml"
        settings.write_text(_settings(servers, replicas=placed))
        stack.enter_context(variables({FILE_VARIABLE: str(settings), MODEL_VARIABLE: "one:m"}))
        with (folder / "t.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        began = time.perf_counter()
        state = asyncio.run(_run(folder, placed=placed))
        seconds = time.perf_counter() - began
        if state != "succeeded":
            raise OutsideError(f"a batch without faults {state}")
        lines = (folder / "answers.jsonl").read_text().splitlines()
        counts = [server.counts for server in servers]
    read = sum(one.input_tokens - one.cached_tokens for one in counts)
    return Served(seconds, read, tuple(one.calls for one in counts), [json.loads(line)["answer"] for line in lines])


async def _run(folder: Path, *, placed: bool) -> str:
    prompt = Template((Ref(INPUTS, ("document",)), "\n", Ref(INPUTS, ("question",))))
    args = {"prompt": prompt, "max_tokens": 20} | ({} if placed else {"model": Ref(INPUTS, ("turn",))})
    task = Task("answer", "model.ask", args, effects=Effects("idempotent", ("model:",)))
    inputs = {name: InputSpec(name, "string") for name in ("document", "question", "turn")}
    workflow = Workflow("ask", Graph([task], outputs={"answer": Ref("answer")}), inputs)
    async with Session(f"sqlite:///{folder}/runs.db") as session:
        batch = batch_of(workflow, Path("t.csv"), folder=folder, out=Path("answers.jsonl"), at_once=ROWS_AT_ONCE)
        return (await session.start(batch, folder=folder, options=batch_options(RunOptions())).wait()).state


def _settings(servers: Sequence[SimulatedServer], *, replicas: bool) -> str:
    lines = []
    for name, server in zip(NAMES, servers, strict=True):
        lines += [f"[providers.{name}]", 'kind = "openai-chat"', f'base_url = "{server.base_url("openai-chat")}"']
        lines += [
            'key = "none"',
            f'[models."{name}:m"]',
            f"first_s = {LAW.first_s}",
            f"tokens_per_s = {LAW.tokens_per_s}",
        ]
        lines += [f"prefill_per_s = {LAW.prefill_per_s}", f"slots = {LAW.slots}", f"block_tokens = {LAW.block_tokens}"]
        lines += ['replica_of = "one:m"'] if replicas and name != "one" else []
    return "\n".join(lines)


def _said(asked: Asked) -> str:
    """The same from every server: the question's name."""
    return asked.text.split()[-1]


__all__ = ["replica_rows"]
