"""How close runs come to the bound of a plan that streams in, and to the critical path of one that is known.

The model is simulated, over real HTTP and through the real client: 0.4 s to the first token, 50 tokens a second, and
searches of 0.8 s and sums of 1.2 s. Each line of a plan has as many tokens as its shape says, and the results are
looked at by a model that answers in 24 tokens. The model's server is a process of its own. Runs are durable, in a file,
one after the other.

The bound is that of `plans`. The published figures were taken with a model inside the process. Here each call passes
through a provider's own client, which takes milliseconds to write a request and to read what comes. So the same two
calls are also made by that client alone, and what they take beyond the stated time counts as the model's: the bar is
for what Orrery adds. The whole is shown.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from orrery.bench.planning.plans import ANSWER_TOKENS, SECONDS, TIMING, Shape, bound_s, react_s, shapes, written
from orrery.bench.planning.settings import variables
from orrery.bench.report import Options, Row, spread
from orrery.graph import Graph, Task
from orrery.models import Request
from orrery.models.call import complete
from orrery.models.config import FILE_VARIABLE
from orrery.models.simulated import Asked, SimulatedServer
from orrery.models.simulated.answer import CHARACTERS_PER_TOKEN
from orrery.planners.cache import PlanCache, shape_of
from orrery.planners.llm.binding import Binder
from orrery.planners.llm.draft import Draft
from orrery.planners.llm.reuse import Reusable, kept
from orrery.runtime import Session
from orrery.scheduler.events import Event, TaskStarted, TaskSucceeded
from orrery.tools import tool, tools
from orrery.tools.approval import judge

SHORT: Mapping[str, float] = {"search": 0.005, "math": 0.005}
WITHIN_MS, CACHED_S, OVERHEAD_MS = 5.0, 2.85, 2.0
QUICK_PLANS, SHORT_REPEATS = 1, 5
MODEL = "sim-anthropic:simulated"
JOINING = "You are shown"
"""How the prompt of those begins who look at results."""
PUBLISHED = "LLMCompiler's own executor on its published plans, same timing: 3.99 s against a bound of 3.96 s"
PUBLISHED_REACT = "sequential ReAct on the same questions, same timing: 9.25 s"


class Timed(NamedTuple):
    """How long one run took, and how long its steps did from the start of the first to the end of the last."""

    seconds: float
    steps_s: float


def rows(options: Options) -> list[Row]:
    """Time over the bound while plans stream in and where they are known, and what steps cost beyond their own time."""
    plans = shapes()[:QUICK_PLANS] if options.quick else shapes()
    for each in (search, math):
        tools.add(each.name, each)
    _pace.update(SECONDS)
    with _simulated_model(), tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_Bench(plans, Path(folder), options).rows())


class _Bench:
    """One measurement: the plans, and where runs are kept."""

    def __init__(self, plans: Sequence[Shape], folder: Path, options: Options) -> None:
        self._plans, self._folder, self._options = plans, folder, options
        self._ended: list[Event] = []

    async def rows(self) -> list[Row]:
        tell, plans = self._options.tell, self._plans
        count = f"{len(plans)} plans"
        async with Session(f"sqlite:///{self._folder / 'runs.db'}", observers=(self._observe,)) as session:
            if not self._options.quick:
                await self._run(session, plans[0])  # imports, the first connection, the file
            tell(f"llm: {count} streaming in")
            streamed, client = [], []
            for shape in plans:
                streamed.append(await self._run(session, shape))
                client.append(await self._client_alone_s(shape))
            tell(f"llm: {count} from the cache")
            known = [await self._run(session, shape, known=True) for shape in plans]
            tell(f"llm: {count} with tools of 5 ms")
            _pace.update(SHORT)
            repeats = 1 if self._options.quick else SHORT_REPEATS
            short = {
                shape: [await self._run(session, shape, known=True, answers=True) for _ in range(repeats)]
                for shape in plans
            }
        over = [1_000 * (run.seconds - bound_s(shape)) for run, shape in zip(streamed, plans, strict=True)]
        over_known = [1_000 * (run.seconds - bound_s(s, is_known=True)) for run, s in zip(known, plans, strict=True)]
        # What else the machine does must not decide: of short runs the fastest counts, of long ones the median pair.
        own = statistics.median(ours - 1_000 * theirs for ours, theirs in zip(over, client, strict=True))
        beyond = [
            1_000 * (min(run.steps_s for run in runs) - bound_s(shape, SHORT, is_known=True, joins=False))
            for shape, runs in short.items()
        ]
        whole = [
            1_000 * (min(run.seconds for run in runs) - bound_s(shape, SHORT, is_known=True, joins=False))
            for shape, runs in short.items()
        ]
        streaming_s, react = (statistics.fmean(run.seconds for run in streamed), statistics.fmean(map(react_s, plans)))
        mean, alone = statistics.fmean(over), 1_000 * statistics.fmean(client)
        cached_s = statistics.fmean(run.seconds for run in known)
        bound = statistics.fmean(map(bound_s, plans))
        return [
            Row(
                f"llm, {count} streaming in, mean (bound {bound:.3f} s; baseline: sequential ReAct)",
                streaming_s,
                "s",
                react,
                streaming_s / react,
                published=f"{PUBLISHED}; {PUBLISHED_REACT}",
            ),
            Row(
                "llm, over the streaming bound with the client's own time in it, median",
                own,
                "ms",
                target=f"<= {WITHIN_MS:g} ms",
                ok=own <= WITHIN_MS,
            ),
            Row("llm, over the streaming bound without it, mean (baseline: the client alone)", mean, "ms", alone),
            Row(
                f"llm, {count} from the cache, mean",
                cached_s,
                "s",
                streaming_s,
                cached_s / streaming_s,
                f"<= {CACHED_S:g} s",
                cached_s <= CACHED_S,
            ),
            Row("llm, from the cache, over its bound, mean", statistics.fmean(over_known), "ms", alone),
            Row(
                "llm, steps of 5 ms, over their critical path, mean",
                statistics.fmean(beyond),
                "ms",
                target=f"<= {OVERHEAD_MS:g} ms",
                ok=statistics.fmean(beyond) <= OVERHEAD_MS,
                spread=spread(beyond),
            ),
            Row("llm, the same, from the request to the answer", statistics.fmean(whole), "ms"),
        ]

    async def _run(self, session: Session, shape: Shape, *, known: bool = False, answers: bool = False) -> Timed:
        """One run of a plan, durable, by a model that writes it or from the cache."""
        text = f"carry out plan {shape.plan}"
        if known:
            found = shape_of(text)
            plan = kept(_reusable(written(shape, answers=answers), self._folder), found)
            assert plan is not None
            PlanCache.of(self._folder).keep(found, plan)
        goal = {
            "text": text,
            "tools": [f"bench.{name}" for name in SECONDS],
            "options": {"cache": known, "model": MODEL},
        }
        graph = Graph([Task("plan", "plan", {"planner": "llm", "goal": goal}, executor="planner")])
        self._ended.clear()
        began = time.perf_counter()
        result = await session.start(graph, folder=self._folder).wait()
        seconds = time.perf_counter() - began
        result.output  # noqa: B018 - raises what went wrong
        steps = {f"plan-{step.id}" for step in shape.steps}
        starts = [event.at for event in self._ended if isinstance(event, TaskStarted) and event.task in steps]
        ends = [event.at for event in self._ended if isinstance(event, TaskSucceeded) and event.task in steps]
        return Timed(seconds, max(ends) - min(starts))

    def _observe(self, _run: str, events: Sequence[Event]) -> None:
        self._ended.extend(events)

    async def _client_alone_s(self, shape: Shape) -> float:
        """By how much the two calls of the model take longer than stated when nothing else is done."""
        from orrery.models.messages import prompt

        over = 0.0
        for system, tokens in (
            ("You plan", sum(step.emitted_tokens for step in shape.tasks)),
            (JOINING, ANSWER_TOKENS),
        ):
            request = Request(MODEL, tuple(prompt(f"carry out plan {shape.plan}", system=system)), cache=False)
            began = time.perf_counter()
            await complete(request)
            over += time.perf_counter() - began - TIMING.due_s(tokens)
        return over


def _reusable(text: str, folder: Path) -> Reusable:
    """A plan as it stands once it was understood."""
    draft = Draft(Binder("plan", {search.name: search, math.name: math}, judge, folder, 60.0), {})
    bound = [*draft.feed(text), *draft.finish_answer(cut_off=False)]
    assert draft.end is not None
    return Reusable([one.step for one in bound], draft.end)


_pace = dict(SECONDS)
"""How long the tools take now."""


@tool(name="bench.search", effects="pure")
async def search(query: str) -> str:
    """Find a fact."""
    await asyncio.sleep(_pace["search"])
    return f"{len(query)} facts"


@tool(name="bench.math", effects="pure")
async def math(problem: str, context: list[Any]) -> str:
    """Compute."""
    await asyncio.sleep(_pace["math"])
    return f"{len(problem)} {len(context)}"


@contextmanager
def _simulated_model() -> Iterator[None]:
    """The simulated model in a process of its own, and a configuration that leads to it."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    theirs.close()  # so that a server that could not start is an error here, and no silence
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "models.toml"
        path.write_text(ours.recv(), encoding="utf-8")
        try:
            with variables({FILE_VARIABLE: str(path)}):
                yield
        finally:
            ours.send(None)
            server.join()


def _serve(pipe: Connection) -> None:
    plans = {shape.plan: written(shape) for shape in shapes()}

    def answer(asked: Asked) -> str:
        if asked.system.startswith(JOINING):
            return "finish: ".ljust(ANSWER_TOKENS * CHARACTERS_PER_TOKEN, "x")
        return next(text for plan, text in plans.items() if f"carry out plan {plan}" in asked.text)

    with SimulatedServer(answer, timing=TIMING) as server:
        pipe.send(server.config())
        pipe.recv()
