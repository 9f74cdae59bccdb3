"""Old and new hardware together: what a request costs within its deadline on either alone, and on both.

A request is an agent's: a call that plans, three that answer beside each other, one that sums up. Each call is two
tasks, reading the prompt (prefill) and writing the answer (decode), which may be on different machines; then the keys
and values of the prompt move between them. Reading has a machine for itself; writing shares one with others, and its
cost with them.

With the variable `ORRERY_SERVING_DATA` naming a folder that has `splitwise/perf_model.csv.gz` (Microsoft, MIT: measured
runs of Llama-2-70B on eight A100 or H100), seconds are medians of that. Without it they are reckoned from the data
sheets by the roofline model, and the report says so. The prices are assumptions either way.
"""

from __future__ import annotations

import csv
import gzip
import os
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orrery.bench.optimiser.section import Section
from orrery.bench.report import Row
from orrery.cost import AS_WRITTEN, Cost, Device, Option, Platform, Spread
from orrery.graph import Graph, Ref, Task
from orrery.routing.placement import exact, search
from orrery.routing.placement.reading import read

DATA_VARIABLE = "ORRERY_SERVING_DATA"
GPUS = 8
PROMPT, ANSWER, TOGETHER = 512, 128, 16
"""Tokens read and written by each call, and how many answers a machine writes at once."""
KV_BYTES = 2 * 80 * 8 * 128 * 2
"""Keys and values of one token: 80 layers, 8 heads of 128 for both, two bytes each (Llama-2-70B)."""
LINK_BYTES_PER_S = 25e9
PRICE = {"old": 2.0, "new": 4.0}
"""US dollars for an hour of one GPU: an assumption, of which only the ratio matters."""


@dataclass(frozen=True)
class Speed:
    """Seconds to read a prompt, and for each token of an answer."""

    prefill_s: float
    token_s: float


def measure() -> Section:
    """Dollars for a thousand requests over the deadline: old alone, new alone, both."""
    speeds, source = _speeds()
    graph = request()
    fastest = _dollars(graph, speeds, ("new",), None)
    assert fastest is not None
    rows: list[Row] = []
    gains = []
    for factor in (1.0, 1.1, 1.25, 1.5, 2.0, 3.0):
        deadline_s = fastest[1] * factor * (1 + 1e-9)
        old, new, both = (_dollars(graph, speeds, names, deadline_s) for names in (("old",), ("new",), ("old", "new")))
        alone = min((each[0] for each in (old, new) if each is not None), default=None)
        assert both is not None
        assert alone is not None
        gains.append(alone / both[0])
        told = ", ".join(
            f"{n} {'late' if each is None else f'${each[0]:.2f}'}" for n, each in (("old", old), ("new", new))
        )
        case = f"old and new GPUs, within {deadline_s:.2f} s ({told}): 1,000 requests"
        ok = both[0] <= alone * (1 + 1e-9)
        rows.append(Row(case, both[0], "$", alone, both[0] / alone, "no dearer than either alone", ok))
    best = 1 - 1 / max(gains)
    rows.append(
        Row("old and new GPUs, at the deadline where the mix saves most", 100 * best, "%", target="> 0 %", ok=best > 0)
    )
    return Section(
        "serving-mix",
        rows,
        [f"old and new GPUs: {source}; prices assumed, ${PRICE['old']:g} and ${PRICE['new']:g} a GPU hour"],
    )


def request() -> Graph:
    """Five calls of an agent, each read and written."""
    tasks: list[Task] = []

    def call(name: str, *after: str) -> None:
        needs = {f"x{n}": Ref(f"{each}/write") for n, each in enumerate(after)}
        tasks.append(Task(f"{name}/read", "prefill", needs, "fleet"))
        tasks.append(Task(f"{name}/write", "decode", {"kv": Ref(f"{name}/read")}, "fleet"))

    call("plan")
    for name in ("a", "b", "c"):
        call(name, "plan")
    call("sum", "a", "b", "c")
    return Graph(tasks)


@dataclass(frozen=True)
class _Figures:
    platform: Platform
    speeds: Mapping[str, Speed]

    def estimate(self, task: Task, option: Option = AS_WRITTEN) -> Cost:
        speed, per_s = self.speeds[option.device], PRICE[option.device] * GPUS / 3600
        if task.op == "prefill":
            seconds, money, size = speed.prefill_s, speed.prefill_s * per_s, PROMPT * KV_BYTES
        else:
            seconds = ANSWER * speed.token_s
            money, size = seconds * per_s / TOGETHER, ANSWER * 4
        return Cost(Spread.exactly(seconds), Spread.exactly(money), result_bytes=Spread.exactly(size))


def _dollars(
    graph: Graph, speeds: Mapping[str, Speed], names: tuple[str, ...], deadline_s: float | None
) -> tuple[float, float] | None:
    """Dollars for a thousand requests and the seconds of one; None if that is too late."""
    devices = {name: Device(name, slots=TOGETHER, bytes_per_s=LINK_BYTES_PER_S, latency_s=1e-5) for name in names}
    problem = read(graph, _Figures(Platform(devices=devices), speeds)).problem
    found = search(problem, deadline_s)
    assert found is not None
    best = exact(problem, found, deadline_s).schedule
    return None if deadline_s is not None and best.makespan > deadline_s else (1000 * best.money, best.makespan)


def _speeds() -> tuple[dict[str, Speed], str]:
    folder = os.environ.get(DATA_VARIABLE, "")
    table = Path(folder) / "splitwise" / "perf_model.csv.gz"
    if folder and table.is_file():
        with gzip.open(table, "rt") as lines:
            runs = [row for row in csv.DictReader(lines) if row["model"] == "llama2-70b"]
        return {
            name: Speed(_median(runs, hardware, 1, "prompt_time"), _median(runs, hardware, TOGETHER, "token_time"))
            for name, hardware in (("old", "a100-80gb"), ("new", "h100-80gb"))
        }, "seconds measured by others (Splitwise, ISCA 2024: A100 and H100)"
    weights = 2 * 70e9
    peaks = {"old": (312e12, 2.0e12), "new": (989e12, 3.35e12)}  # FLOP/s in 16 bits, bytes/s: the makers' data sheets
    return {
        name: Speed(2 * 70e9 * PROMPT / (GPUS * flops), (weights + TOGETHER * PROMPT * KV_BYTES) / (GPUS * moved))
        for name, (flops, moved) in peaks.items()
    }, f"a stand-in, reckoned by the roofline of A100 and H100 and not measured ({DATA_VARIABLE} names measured ones)"


def _median(runs: list[dict[str, str]], hardware: str, batch: int, column: str) -> float:
    """Seconds; the table has milliseconds."""
    found = [
        float(row[column]) / 1000
        for row in runs
        if row["hardware"] == hardware
        and row["tensor_parallel"] == str(GPUS)
        and row["prompt_size"] == str(PROMPT)
        and row["batch_size"] == str(batch)
    ]
    return statistics.median(found)
