"""Passes: ten thousand random graphs do the same before and after, and passes take time in proportion to the graph.

Every graph is run by the real scheduler in virtual time, as it was written and as each pipeline made it, with
operations whose values, durations and failures follow from their arguments. Outputs, effects, the order of effects that
conflict, and how the run ended must be the same; hard edges are checked by the pipeline itself, which skips a pass that
breaks its word, and that counts here.

The graphs are small and full of traps (`testing.lookalikes`). The costs are drawn anew for every graph, from a tenth of
what is plausible to ten times as much. A control shows that the comparison can fail: a pass that merges whatever has
equal content keys, run past the checks.
"""

from __future__ import annotations

import gc
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import repeat
from multiprocessing import get_context
from typing import Any, Final
from zlib import crc32

import msgspec

from orrery.bench.optimiser.section import Section
from orrery.bench.report import Options, Row
from orrery.cost import AS_WRITTEN, Cost, CostModel, Device, Model, Option, Platform, Spread
from orrery.graph import INPUTS, Edge, Effects, Estimate, Graph, Ref, Task, Template
from orrery.graph.keys import content_keys
from orrery.graph.nest import with_refs, with_refs_in_task
from orrery.models.serving import Timing
from orrery.passes import DEFAULT, Pass, Rewritten, named
from orrery.passes.batch import RowKeys, consolidate
from orrery.passes.merge_shared import merge_graphs
from orrery.passes.pipeline import apply, rewrite
from orrery.testing.lookalikes import INPUT_VALUES, PREAMBLE, lookalikes
from orrery.testing.performing import differences, perform

GRAPHS: Final = 10_000
CHUNK: Final = 200
SIZES: Final = (1_000, 10_000, 100_000)
ROWS: Final = 10_000
NEARLY_LINEAR: Final = 1.2
"""Seconds may grow with the size to this power: a sort is allowed, a square is not."""

PLATFORM: Final = Platform(
    models={
        "small": Model(
            "small", 0.1, 0.01, 0.4, quality=0.6, timing=Timing(0.2, 80.0, 8000.0), slots=8, thinking=(1024,)
        ),
        "large": Model(
            "large", 2.0, 0.2, 8.0, quality=0.9, timing=Timing(0.5, 40.0, 4000.0), slots=4, thinking=(1024,)
        ),
    },
    devices={"here": Device("here", slots=4), "there": Device("there", 2.0, 2, 0.0001)},
    capacity={"inline": 8, "thread": 8},
    default_model="small",
)


class Drawn:
    """Costs that follow from a seed, the task's name and the candidate, and are plausible up to a factor of ten."""

    platform = PLATFORM

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def estimate(self, task: Task, option: Option = AS_WRITTEN) -> Cost:
        """As `CostModel` has it."""
        drawn = crc32(f"{self._seed} {task.id} {option.model} {option.device}".encode())
        one, two, three, four = (drawn >> shift & 255 for shift in (0, 8, 16, 24))
        middle = 10 ** (one / 128 - 1)
        seconds = Spread(middle / (1 + two / 64), middle, middle * (1 + three / 32))
        tokens = Spread.about(10 ** (1 + two / 128), 2)
        money = Spread.exactly(10 ** (three / 85 - 5))
        quality = four / 255 if four % 2 else None
        return Cost(
            seconds,
            money,
            tokens,
            answer_tokens=tokens,
            result_bytes=tokens,
            quality=quality,
            source="learned",
            attempts=100.0,
        )


# -- the same results -------------------------------------------------------------------------------------


class Found(msgspec.Struct):
    """What was found over some graphs, by the name of the pipeline."""

    graphs: Counter[str] = msgspec.field(default_factory=Counter)
    changed: Counter[str] = msgspec.field(default_factory=Counter)
    different: Counter[str] = msgspec.field(default_factory=Counter)
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    tasks: Counter[str] = msgspec.field(default_factory=Counter)
    examples: list[str] = []

    def add(self, other: Found) -> None:
        """Take in what was found over others."""
        for mine, theirs in (
            (self.graphs, other.graphs),
            (self.changed, other.changed),
            (self.different, other.different),
            (self.faults, other.faults),
            (self.tasks, other.tasks),
        ):
            mine.update(theirs)
        self.examples = [*self.examples, *other.examples][:5]


def _steps(names: Iterable[str], graph: Graph, seed: int) -> list[tuple[str, Pass]]:
    """The passes with options under which they do as much as they can."""
    chance = random.Random(seed)  # noqa: S311 (not a secret)
    options: dict[str, dict[str, Any]] = {
        "speculate": {"chances": {task.id: chance.random() for task in graph}, "seconds_per_dollar": 1.0},
        "place": {"exact_jobs": 0, "effort": 2_000},
        "choose_model": {"may_change": True, "objective": chance.choice(("money", "seconds"))},
        "allocate_effort": {"tiers": (Option("small"), Option("large", thinking_tokens=1024))},
        "fold_conversation": {"least_saved": 0.0},
    }
    return [(name, partial(one, **options[name]) if name in options else one) for name, one in named(names)]


def _study(first: int, count: int) -> Found:
    """Some graphs, each through the usual pipeline, and through one pass alone or through some drawn at random."""
    found = Found()
    for seed in range(first, first + count):
        graph = lookalikes(
            seed,
            tasks=5 + seed % 8,
            impure=(0.0, 0.3, 0.6)[seed % 3],
            traps=(1.0, 0.5, 0.1, 1.0, 0.0)[seed % 5],
            asks=(0.2, 0.4, 0.9)[seed % 7 % 3],
        )
        chance = random.Random(seed)  # noqa: S311 (not a secret)
        alone = DEFAULT[seed // 2 % len(DEFAULT)]
        mixed = [chance.choice(DEFAULT) for _ in range(chance.randint(2, 8))]
        was = perform(graph, inputs=INPUT_VALUES)
        for pipeline, names in (("all", DEFAULT), (f"{alone} alone", [alone]) if seed % 2 else ("at random", mixed)):
            made = rewrite(graph, Drawn(seed), _steps(names, graph, seed))
            found.graphs[pipeline] += 1
            found.tasks[pipeline] += len(made.after)
            found.tasks[f"{pipeline}, before"] += len(graph)
            problems = [f"{step.name}: {fault}" for step in made.steps for fault in step.faults]
            if problems:
                found.faults[pipeline] += 1
                found.examples.append(f"seed {seed}, {pipeline}: {problems[0]}")
            if made.after is graph:
                continue
            found.changed[pipeline] += 1
            now = perform(made.after, inputs=INPUT_VALUES)
            wrong = differences(graph, made.after, was, now, made.became)
            if wrong:
                found.different[pipeline] += 1
                found.examples.append(f"seed {seed}, {pipeline}: {wrong[0]}")
    return found


def merge_by_key(graph: Graph, _costs: CostModel) -> Rewritten:
    """The control: whatever has one content key is one, effects and conditions or not."""
    first: dict[str, str] = {}
    became = {task: one for task, key in content_keys(graph).items() if (one := first.setdefault(key, task)) != task}

    def led(ref: Ref) -> Ref:
        return Ref(became.get(ref.task, ref.task), ref.path)

    kept = [with_refs_in_task(task, led, []) for task in graph if task.id not in became]
    edges = {
        (source, edge.target): msgspec.structs.replace(edge, source=source)
        for edge in graph.edges.values()
        if edge.target not in became and (source := became.get(edge.source, edge.source)) != edge.target
    }
    outputs = {name: with_refs(value, led) for name, value in graph.outputs.items()}
    return Rewritten(Graph(kept, edges.values(), outputs), became=became)


def _control(first: int, count: int) -> tuple[int, int, int]:
    """Graphs that the control changed; of these those that do otherwise, and of those the ones the checks named."""
    changed = different = named_ = 0
    for seed in range(first, first + count):
        graph = lookalikes(seed)
        try:
            made = merge_by_key(graph, Drawn(seed))
        except Exception:  # noqa: BLE001, S112 - the graph that it makes may be none at all: nothing to run
            continue
        if not made.became:
            continue
        changed += 1
        was, now = (perform(each, inputs=INPUT_VALUES) for each in (graph, made.graph))
        if differences(graph, made.graph, was, now, lambda task, made=made: made.became.get(task, task)):  # type: ignore[misc]
            different += 1
            named_ += bool(apply("control", merge_by_key, graph, Drawn(seed)).faults)
    return changed, different, named_


def _same_results(options: Options) -> tuple[list[Row], list[str]]:
    graphs = 400 if options.quick else GRAPHS
    begin = options.seed * 1_000_000
    chunks = range(begin, begin + graphs, CHUNK)
    found = Found()
    with ProcessPoolExecutor(max(1, options.jobs), mp_context=get_context("spawn")) as pool:
        for part in pool.map(_study, chunks, repeat(CHUNK)):
            found.add(part)
    changed, different, caught = _control(begin, 60 if options.quick else 300)
    rows: list[Row] = []
    for pipeline in sorted(found.graphs, key=lambda name: (name != "all", name != "at random", name)):
        bad = found.different[pipeline] + found.faults[pipeline]
        seen = f"{found.graphs[pipeline]:,} graphs, {found.changed[pipeline]:,} changed"
        tasks, before = found.tasks[pipeline], found.tasks[f"{pipeline}, before"]
        rows.append(Row(f"{pipeline}: {seen}, do otherwise", bad, "graphs", target="none", ok=bad == 0))
        if pipeline == "all":
            rows.append(Row("all: tasks after", tasks, "tasks", before, tasks / before))
    rows.append(
        Row(
            f"control: merged by content key alone, {changed} changed, do otherwise",
            different,
            "graphs",
            target="some",
            ok=different > 0,
        )
    )
    share = caught / different if different else 0.0
    rows.append(Row("control: of these named by the checks", caught, "graphs", different, share, "all", share == 1))
    return rows, found.examples


# -- time in proportion -----------------------------------------------------------------------------------


def workflow(tasks: int) -> Graph:
    """A large plain workflow: documents read, some of them twice, summed up, asked about, written down in order."""
    made: list[Task] = []
    edges: list[Edge] = []
    pure, asks = Effects("pure"), Effects("idempotent", ("model:",))
    for number in range(tasks // 5):
        load, gist, fits, answer, save = (f"{name}{number}" for name in ("load", "gist", "fits", "answer", "save"))
        text = Template((PREAMBLE, "Sum up: ", Ref(load)))
        reads = (Ref(gist), " ", Ref(fits)) if number % 2 else (Ref(gist),)
        asked = Template((PREAMBLE, "Answer: ", *reads))
        made += [
            Task(load, "read", {"path": f"doc{number // 2}"}, effects=pure, estimate=Estimate(0.5)),
            Task(gist, "model.ask", {"prompt": text}, effects=asks, estimate=Estimate(2.0)),
            Task(fits, "check", {"text": Ref(load)}, effects=pure, estimate=Estimate(0.2)),
            Task(answer, "model.ask", {"prompt": asked}, effects=asks, estimate=Estimate(2.0)),
            Task(save, "write", {"text": Ref(answer)}, "fleet", Effects("idempotent", (), ("file:book",))),
        ]
        if number:
            edges.append(Edge(f"save{number - 1}", save, hard=False))
            edges.append(Edge(f"answer{number - 1}", gist, hard=False, weight=0.5))
            edges.append(Edge(load, answer, hard=False, weight=0.1))
    return Graph(made, edges, {f"out{number}": Ref(f"answer{number}") for number in range(0, tasks // 5, 7)})


def _seconds(work: Callable[[], object]) -> float:
    """Seconds of this process, so that a busy machine does not count; what was there before is not collected anew."""
    gc.collect()
    gc.freeze()
    began = time.process_time()
    work()
    took = time.process_time() - began
    gc.unfreeze()
    return took


def _linearity(options: Options) -> tuple[list[Row], dict[str, list[tuple[int, float]]]]:
    sizes = SIZES[:2] if options.quick else SIZES
    points: dict[str, list[tuple[int, float]]] = {"making the graph": []}
    for size in sizes:
        options.tell(f"passes: {size:,} tasks")
        graph = workflow(size)
        points["making the graph"].append((size, _seconds(lambda size=size: workflow(size))))  # type: ignore[misc]
        for name, one in _steps(DEFAULT, graph, 1):
            took = _seconds(lambda name=name, one=one, graph=graph: apply(name, one, graph, Drawn(1)))  # type: ignore[misc]
            points.setdefault(name, []).append((size, took))
    rows: list[Row] = []
    making = points["making the graph"][-1][1]
    for name, measured in points.items():
        (small, less), (large, more) = measured[-2:]
        power = math.log(more / less) / math.log(large / small)
        if name == "making the graph":
            continue
        case = f"{name} with its checks, {large:,} tasks"
        rows.append(Row(case, more, "s", making, more / making))
        target = f"<= {NEARLY_LINEAR}"
        rows.append(Row(f"{name}: power of the size", power, "", target=target, ok=power <= NEARLY_LINEAR))
    return rows, points


# -- rows --------------------------------------------------------------------------------------------------


def plan() -> Graph:
    """Five steps over a document and a question."""
    pure, asks = Effects("pure"), Effects("idempotent", ("model:",))
    return Graph(
        [
            Task("load", "read", {"path": Ref(INPUTS, ("doc",))}, effects=pure),
            Task("gist", "model.ask", {"prompt": Template(("Sum up: ", Ref("load")))}, effects=asks),
            Task("tongue", "detect", {"text": Ref("load")}, effects=pure),
            Task("answer", "model.ask", {"prompt": Template((Ref("gist"), Ref(INPUTS, ("ask",))))}, effects=asks),
            Task("page", "lay-out", {"text": Ref("answer"), "tongue": Ref("tongue")}, effects=pure),
        ],
        outputs={"page": Ref("page")},
    )


def _batch(options: Options) -> list[Row]:
    count = 1_000 if options.quick else ROWS
    rows: list[Row] = []
    for what, documents, questions in (
        ("much shared", 50, 10),
        ("half shared", count // 4, 3),
        ("nothing shared", count, 1),
    ):
        table = [{"doc": f"d{number % documents}", "ask": f"q{number % questions}"} for number in range(count)]
        graph = plan()
        keys = _seconds(lambda graph=graph, table=table: _keyed(graph, table))  # type: ignore[misc]
        made = consolidate(graph, table)
        ours = _seconds(lambda graph=graph, table=table: consolidate(graph, table))  # type: ignore[misc]
        case = f"{count:,} rows x 5, {what}"
        rows.append(Row(f"{case}: keyed", keys, "s"))
        goal = what != "nothing shared"
        base = None
        if what == "much shared":
            base = _seconds(lambda graph=graph, table=table: _one_by_one(graph, table))  # type: ignore[misc]
        rows.append(
            Row(
                f"{case}: one graph of {len(made.graph):,} tasks",
                ours,
                "s",
                base,
                None if base is None else ours / base,
                "<= 1 s" if goal else "",
                ours <= 1 or not goal,
            )
        )
    return rows


def _keyed(graph: Graph, table: Sequence[dict[str, str]]) -> int:
    keys = RowKeys(graph)
    return len({key for row in table for key in keys.keys(row).values()})


def _one_by_one(graph: Graph, table: Sequence[dict[str, str]]) -> int:
    """The rival: every row's graph made with its values, and all of them merged."""

    def placed(row: dict[str, str]) -> Callable[[Ref], Any]:
        return lambda ref: row[str(ref.path[0])] if ref.task == INPUTS else ref

    graphs = [
        Graph([with_refs_in_task(task, placed(row), []) for task in graph], graph.edges.values(), graph.outputs)
        for row in table
    ]
    return len(merge_graphs(graphs, Drawn(1))[0].graph)


# -- the section ------------------------------------------------------------------------------------------


def measure(options: Options) -> Section:
    """Results before and after, time in proportion to the graph, and rows made one graph."""
    rows, notes = _same_results(options)
    linear, points = _linearity(options)
    notes.append(
        f"seconds of one pass and its checks, each measured once, up to {points['making the graph'][-1][0]:,} tasks"
    )
    return Section("passes", [*rows, *linear, *_batch(options)], notes, draw=lambda axes: _draw(axes, points))


def _draw(axes: Any, points: dict[str, list[tuple[int, float]]]) -> None:
    for name, measured in points.items():
        style = "k--" if name == "making the graph" else "o-"
        axes.loglog(*zip(*measured, strict=True), style, label=name, markersize=3, linewidth=1)
    axes.set_xlabel("tasks")
    axes.set_ylabel("seconds, checks included")
    axes.set_title("Every pass takes time in proportion to the graph", fontsize=10, loc="left")
    axes.legend(fontsize=7, frameon=False)
