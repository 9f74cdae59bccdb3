"""Whether tools are reused, and whether wrong ones are kept out.

The author of tools is a script behind the simulated model server (see `workshop`), so every question goes over HTTP
and is counted there; the code it writes is really run. A gate that refuses everything would keep wrong tools out too,
so that the right code of every job is admitted stands beside it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from orrery.bench.planning.settings import variables
from orrery.bench.planning.workshop import JOBS, Author, Job, faulty
from orrery.bench.report import Options, Row
from orrery.errors import ToolRefusedError
from orrery.models.config import FILE_VARIABLE, MODEL_VARIABLE
from orrery.models.simulated import INSTANT, SimulatedServer
from orrery.planners.toolmaking import Found, find_or_make
from orrery.tools import LocalContext
from orrery.tools.made import Library
from orrery.tools.toolset import MADE_VARIABLE

FAULTS = 50
QUICK_FAULTS = 3


def rows(options: Options) -> list[Row]:
    """Reuse and faults."""
    jobs = JOBS[:2] if options.quick else JOBS
    options.tell(f"hierarchical: {len(jobs)} needs, each twice")
    made, built_again, calls = asyncio.run(reuse(jobs))
    faults = QUICK_FAULTS if options.quick else FAULTS
    options.tell(f"hierarchical: {faults} faults")
    admitted, kinds = asyncio.run(admissions(range(options.seed, options.seed + faults)))
    return [
        Row(
            f"hierarchical, right code admitted, of {len(jobs)} needs",
            made,
            "tools",
            target=f"= {len(jobs)}",
            ok=made == len(jobs),
        ),
        Row(
            "hierarchical, the same needs in other words, tools built",
            built_again,
            "tools",
            target="= 0",
            ok=built_again == 0,
        ),
        Row("hierarchical, model calls for a need that is met", calls, "calls", 4.0, calls / 4.0),
        Row(
            f"hierarchical, {faults} faults of {kinds} kinds, wrong tools admitted",
            admitted,
            "tools",
            target="= 0",
            ok=admitted == 0,
        ),
    ]


async def reuse(jobs: Sequence[Job]) -> tuple[int, int, float]:
    """How many needs got a tool, how many tools were built when they were said otherwise, and calls for each then."""
    author = Author()
    with workshop(author) as context:
        made = [await find_or_make(job.needs[0], context) for job in jobs]
        builds, asked = author.builds, author.asked.total()
        found: list[Found] = [await find_or_make(job.needs[1], context) for job in jobs]
        wrong = [each.tool for each, job in zip(found, jobs, strict=True) if each.tool != f"made.{job.name}"]
        again = sum(each.built for each in found) + len(wrong) + (author.builds - builds)
        return sum(each.built for each in made), again, (author.asked.total() - asked) / len(jobs)


async def admissions(seeds: range) -> tuple[int, int]:
    """How many of the faulty tools were admitted, and how many kinds of faults there were."""
    admitted = 0
    kinds: Counter[str] = Counter()
    for seed in seeds:
        job, kind, code = faulty(seed)
        kinds[kind] += 1
        admitted += await is_admitted(job, code)
    return admitted, len(kinds)


async def is_admitted(job: Job, code: str) -> bool:
    """Whether an author who writes this code, and nothing else when it is refused, gets it into the library."""
    with workshop(Author(lambda _: code)) as context:
        try:
            await find_or_make(job.needs[0], context, repairs=0)
        except ToolRefusedError:
            return bool(Library().names())
        return True


@contextmanager
def workshop(author: Author) -> Iterator[LocalContext]:
    """A folder with an empty library, and the author behind a model server that the settings lead to."""
    with (
        tempfile.TemporaryDirectory(prefix="orrery-workshop-") as folder,
        SimulatedServer(author, timing=INSTANT) as server,
    ):
        config = Path(folder, "models.toml")
        config.write_text(server.config(), encoding="utf-8")
        chosen = {
            FILE_VARIABLE: str(config),
            MODEL_VARIABLE: "sim-openai-chat:simulated",
            MADE_VARIABLE: str(Path(folder, "tools")),
        }
        with variables(chosen):
            yield LocalContext(Path(folder))


__all__ = ["admissions", "is_admitted", "reuse", "rows", "workshop"]
