"""OneFlow: what a conversation saves of reading, over real HTTP and in virtual time, and what it must not change.

The chains are of five shapes, told apart by what a step's prompt repeats:

* report: its instruction, a document, the answers of all steps before
* revise: its instruction, a document, the answer of the last step
* panel: four steps beside each other over a document and a first answer, and one that puts all together
* sorted: a document and all answers before, then the instruction: prompts that share their beginnings as they are
* relay: its instruction and the answer of the last step, nothing that was said before

The model is a script that answers by its system's words, the instruction and the material, wherever in the conversation
it finds it: a hash of what `marks.expanded` makes of what it reads. So equal outputs show that nothing was lost.

Tokens are those that the simulated server counts: read, less what its prefix cache held. Times are of the same calls in
the serving model, with slots and a queue.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from orrery.bench.optimiser.section import Section
from orrery.bench.planning.settings import variables
from orrery.bench.report import Options, Row
from orrery.cost import Estimates, Model, Platform
from orrery.graph import Effects, Graph, Ref, Task, Template
from orrery.graph.ref import INPUTS
from orrery.graph.resolve import resolve
from orrery.models.config import FILE_VARIABLE, MODEL_VARIABLE
from orrery.models.marks import expanded
from orrery.models.serving import Timing
from orrery.models.serving.prefixes import Piece
from orrery.models.serving.simulation import Call, Simulated, simulate
from orrery.models.simulated import Asked, Message, SimulatedServer, tokens
from orrery.passes.fold_conversation import fold_conversation
from orrery.runtime import Session

DOC = Ref(INPUTS, ("doc",))
MODEL = "sim-openai-chat:simulated"
SYSTEM = "You are careful, you are brief, and you say where each claim is from."
BLOCK = 16
SERVER = Timing(first_s=0.05, tokens_per_s=50.0, prefill_per_s=4000.0, block_tokens=BLOCK, slots=8, slowdown=0.05)
"""Of the times in virtual time: one replica that works on eight calls at once."""
HALF = "at most half"


def measure(options: Options) -> Section:
    """Chains of several lengths and shapes, folded and not, with a prefix cache and without."""
    lengths = (4,) if options.quick else (4, 6, 8, 12)
    rows: list[Row] = []
    equal = runs = 0
    points: dict[str, list[tuple[int, float]]] = {"apart": [], "folded": []}
    for length in lengths:
        options.tell(f"oneflow: a report of {length} steps over HTTP")
        graph = report(length)
        apart, together = _both(graph, block_tokens=BLOCK)
        equal, runs = equal + (apart.outputs == together.outputs), runs + 1
        points["apart"].append((length, apart.prefilled))
        points["folded"].append((length, together.prefilled))
        rows.append(_tokens(f"report of {length} steps, prefix cache", apart, together, target=HALF))
    size = 4 if options.quick else 8
    options.tell("oneflow: a server without a prefix cache")
    refused, forced = _without_cache(report(size))
    rows += [refused, forced]
    for shape in (revise, panel, sorted_, relay):
        options.tell(f"oneflow: {shape.__name__.rstrip('_')}")
        apart, together = _both(shape(size), block_tokens=BLOCK)
        equal, runs = equal + (apart.outputs == together.outputs), runs + 1
        name = shape.__name__.rstrip("_")
        said = "" if together.is_folded else ", refused by cost"
        target = "no more than apart" if shape in (sorted_, relay) else HALF
        rows.append(_tokens(f"{name} of {size} steps, prefix cache{said}", apart, together, target=target))
    rows.append(
        Row("outputs that are the same, folded or not", equal, "runs", runs, equal / runs, "all", equal == runs)
    )
    options.tell("oneflow: in virtual time")
    rows += _times(size, (4, 32) if options.quick else (1, 8, 32, 128))
    rows.append(_pass_time(500 if options.quick else 10_000))
    curve = {name: _curve(name, range(2, 9 if options.quick else 17)) for name in ("apart", "folded", "no cache")}
    sizes = f"a document of {tokens(document()):,} tokens, answers of {tokens(answer('', '')):,}"
    notes = [
        "tokens: prompt tokens that the server had to read, its prefix cache left out; the server counted them",
        f"{sizes}, which the cost model takes for 400, as nobody told it better",
        "a turn finds what was asked before in the simulated cache, not what was answered; a real one has both",
        "sorted: prompts written with the document first read as little as a conversation does, with no optimiser",
    ]
    return Section("oneflow", rows, notes, draw=lambda axes: _draw(axes, curve, points))


# -- the shapes --------------------------------------------------------------------------------------------------------


def report(length: int) -> Graph:
    """Every step reads the document and all answers before, its instruction first."""
    return _graph([_step(n, _instruction(n), DOC, *_spaced(range(n))) for n in range(length)])


def revise(length: int) -> Graph:
    """Every step reads the document and the last answer, its instruction first."""
    return _graph([_step(n, _instruction(n), DOC, *_spaced(range(max(0, n - 1), n))) for n in range(length)])


def panel(length: int) -> Graph:
    """Steps beside each other over the document and the first answer, and a last one that reads them all."""
    middle = [_step(n, _instruction(n), DOC, "\n\n", Ref("t0")) for n in range(1, length - 1)]
    last = _step(length - 1, _instruction(length - 1), DOC, *_spaced(range(length - 1)))
    return _graph([_step(0, _instruction(0), DOC), *middle, last])


def sorted_(length: int) -> Graph:
    """Every step reads the document and all answers before, its instruction last."""
    return _graph([_step(n, DOC, *_spaced(range(n)), "\n\n", _instruction(n)) for n in range(length)])


def relay(length: int) -> Graph:
    """Every step reads the last answer and nothing else."""
    return _graph([_step(n, _instruction(n), Ref(f"t{n - 1}") if n else DOC) for n in range(length)])


def _graph(steps: Sequence[Task]) -> Graph:
    return Graph(steps, outputs={step.id: Ref(step.id) for step in steps})


def _step(number: int, *parts: str | Ref) -> Task:
    args = {"prompt": Template(parts), "system": SYSTEM}
    return Task(f"t{number}", "model.ask", args, effects=Effects("idempotent", reads=("model:",)))


def _instruction(number: int) -> str:
    return f"Step {number + 1}: go on with the report from where it stands, and keep to the document.\n\n"


def _spaced(numbers: range) -> list[str | Ref]:
    return [part for number in numbers for part in ("\n\n", Ref(f"t{number}"))]


def document() -> str:
    """About 1,000 tokens that repeat nothing for longer than a word."""
    return " ".join(hashlib.sha256(f"word {n}".encode()).hexdigest()[: 3 + n % 6] for n in range(620))


def answer(system: str, question: str) -> str:
    """What the model says: 96 tokens that depend on every character it goes by."""
    return hashlib.sha256(f"{system}|{question}".encode()).hexdigest() * 6


# -- over HTTP --------------------------------------------------------------------------------------------------------


class _Run(NamedTuple):
    """What a run came to.

    Args:
        outputs: of the workflow.
        prefilled: prompt tokens that the server had to read.
        read: all of them.
        is_folded: whether the pass changed the graph.
    """

    outputs: dict[str, Any]
    prefilled: int
    read: int
    is_folded: bool


def _by_material(asked: Asked) -> str:
    questions = [message.text for message in asked.messages if message.role == "user"]
    answers = [message.text for message in asked.messages if message.role == "assistant"]
    return answer(asked.system, expanded(questions, answers))


def _both(graph: Graph, *, block_tokens: int) -> tuple[_Run, _Run]:
    """As it is written, and as the pass makes it for a server that is as it really is."""
    folded = fold_conversation(graph, _costs(graph, block_tokens)).graph
    return _run(graph, block_tokens), _run(folded, block_tokens, is_folded=folded is not graph)


def _without_cache(graph: Graph) -> tuple[Row, Row]:
    """That the pass refuses, and what it would have come to."""
    rewritten = fold_conversation(graph, _costs(graph, 0))
    made = sum(note.kind == "made" for note in rewritten.notes)
    apart = _run(graph, 0)
    forced = _run(fold_conversation(graph, _costs(graph, BLOCK)).graph, 0, is_folded=True)
    is_refused = made == 0 and rewritten.graph is graph
    size = f"report of {len(graph)} steps, no prefix cache"
    refused = Row(f"{size}: conversations made", made, "", target="none: refused by cost", ok=is_refused)
    ratio = forced.prefilled / apart.prefilled
    no_gain = Row(
        f"{size}: folded all the same", forced.prefilled, "tokens", apart.prefilled, ratio, "no gain", ratio >= 1
    )
    return refused, no_gain


def _costs(graph: Graph, block_tokens: int) -> Estimates:
    timing = Timing(0.05, 50.0, 4000.0, block_tokens)
    model = Model(MODEL, 1.0, 0.1, 4.0, quality=0.9, timing=timing)
    return Estimates(Platform({MODEL: model}, default_model=MODEL), graph=graph, inputs={"doc": document()})


def _run(graph: Graph, block_tokens: int, *, is_folded: bool = False) -> _Run:
    timing = Timing(first_s=0.0, tokens_per_s=math.inf, block_tokens=block_tokens)
    with tempfile.TemporaryDirectory() as folder, SimulatedServer(_by_material, timing=timing) as server:
        config = Path(folder, "models.toml")
        config.write_text(server.config(), encoding="utf-8")
        with variables({FILE_VARIABLE: str(config), MODEL_VARIABLE: MODEL}):
            outputs = asyncio.run(_performed(graph))
        counts = server.counts
    return _Run(outputs, counts.input_tokens - counts.cached_tokens, counts.input_tokens, is_folded)


async def _performed(graph: Graph) -> dict[str, Any]:
    async with Session("memory:") as session:
        result = await session.start(graph, {"doc": document()}).wait()
    if result.state != "succeeded":
        raise RuntimeError(f"the run {result.state}: {result.error}")
    return dict(result.outputs)


def _tokens(case: str, apart: _Run, together: _Run, *, target: str) -> Row:
    ratio = together.prefilled / apart.prefilled
    return Row(
        case, together.prefilled, "tokens", apart.prefilled, ratio, target, ratio <= (0.5 if target == HALF else 1)
    )


# -- in virtual time --------------------------------------------------------------------------------------------------


def served(graph: Graph, timing: Timing, copies: int = 1) -> Simulated:
    """The graph's calls in the serving model, so many runs of it at once, each with a document of its own."""
    place = {task.id: number for number, task in enumerate(graph.in_order())}
    calls: list[Call] = []
    for copy in range(copies):
        prompts, answers = _prompts(graph, f"{copy} {document()}")
        first = len(calls)
        for task in graph.in_order():
            after = tuple(first + place[edge.source] for edge in graph.incoming(task.id))
            pieces = tuple(_blocks(prompts[task.id]))
            calls.append(Call(pieces, tokens(answers[task.id]), after=after, model=MODEL))
    return simulate(calls, timing)


def _prompts(graph: Graph, doc: str) -> tuple[dict[str, str], dict[str, str]]:
    """What the model reads for each task, as the server counts it, and what it says."""
    prompts: dict[str, str] = {}
    answers: dict[str, str] = {}

    def value(ref: Ref) -> str:
        return doc if ref.task == INPUTS else answers[ref.task]

    for task in graph.in_order():
        args: Mapping[str, Any] = resolve(task.args, value)
        messages = [Message("system", args["system"])]
        for said in args.get("history") or ():
            messages += [Message("user", said["question"]), Message("assistant", said["answer"])]
        asked = Asked(MODEL, (*messages, Message("user", args["prompt"])))
        prompts[task.id], answers[task.id] = asked.prompt, _by_material(asked)
    return prompts, answers


def _blocks(prompt: str) -> list[Piece]:
    """A prompt in blocks, as a paged cache has it."""
    step = BLOCK * 4
    return [
        Piece(text, tokens(text)) for start in range(0, len(prompt), step) if (text := prompt[start : start + step])
    ]


def _times(length: int, copies: Sequence[int]) -> list[Row]:
    rows: list[Row] = []
    graph = report(length)
    folded = fold_conversation(graph, _costs(graph, BLOCK)).graph
    for number in copies:
        apart, together = served(graph, SERVER, number), served(folded, SERVER, number)
        case = f"report of {length} steps, {number} at once: until the last token"
        ratio = together.seconds / apart.seconds
        rows.append(Row(case, together.seconds, "s", apart.seconds, ratio, "no later", ratio <= 1))
    return rows


def _pass_time(length: int) -> Row:
    graph = revise(length)
    costs = _costs(graph, BLOCK)
    began = time.process_time()
    fold_conversation(graph, costs)
    return Row(f"the pass over {length:,} steps in a row", time.process_time() - began, "CPU s")


def _curve(name: str, lengths: range) -> list[tuple[int, float]]:
    found: list[tuple[int, float]] = []
    timing = Timing(0.05, 50.0, 4000.0, 0 if name == "no cache" else BLOCK)
    for length in lengths:
        graph = report(length)
        if name == "folded":
            graph = fold_conversation(graph, _costs(graph, BLOCK)).graph
        found.append((length, served(graph, timing).prefilled_tokens))
    return found


def _draw(
    axes: Any, curve: Mapping[str, Sequence[tuple[int, float]]], points: Mapping[str, Sequence[tuple[int, float]]]
) -> None:
    labels = {"no cache": "apart, no prefix cache", "apart": "apart, prefix cache", "folded": "one conversation"}
    for name, colour in (("no cache", "0.7"), ("apart", "tab:orange"), ("folded", "tab:blue")):
        axes.plot(*zip(*curve[name], strict=True), color=colour, label=labels[name])
        if points.get(name):
            axes.plot(*zip(*points[name], strict=True), "o", color=colour, label=f"{labels[name]}, over HTTP")
    axes.set(xlabel="steps of the report", ylabel="prompt tokens read", title="OneFlow: what a chain of calls reads")
    axes.set_ylim(bottom=0)
    axes.legend()
