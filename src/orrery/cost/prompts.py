"""PromptSizes: about how many tokens the parts of prompts are, texts and references alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orrery.cost.calls import ModelCall
from orrery.cost.cost import CostModel
from orrery.graph.graph import Graph
from orrery.graph.ref import PSEUDO_SOURCES, Ref, TaskId
from orrery.models.request import CHARS_PER_TOKEN
from orrery.models.serving.prefixes import Piece


class PromptSizes:
    """About how many tokens the parts of a graph's prompts are, by what any cost model says of whole tasks.

    A text is as long as it is; what a call to a model answers, and any other result, as long as its estimate says. What
    a prompt is estimated to hold beyond that is spread over the inputs that it reads.
    """

    def __init__(self, graph: Graph, costs: CostModel) -> None:
        self._inputs: dict[Ref, float] = {}
        self._results: dict[TaskId, float] = {}
        prompts: list[tuple[ModelCall, float]] = []
        for task in graph:
            cost, call = costs.estimate(task), ModelCall.of(task)
            written = cost.answer_tokens.mid if call is not None else 0.0
            self._results[task.id] = written or cost.result_bytes.mid / CHARS_PER_TOKEN
            if call is not None:
                prompts.append((call, cost.prompt_tokens.mid))
        for call, tokens in prompts:
            self._learn(call, tokens)

    def _learn(self, call: ModelCall, tokens: float) -> None:
        inputs = {part: None for part in call.parts if isinstance(part, Ref) and part.task in PSEUDO_SOURCES}
        unknown = [part for part in inputs if part not in self._inputs]
        if unknown:
            rest = max(0.0, tokens - self.of_all(call.parts)) / len(unknown)
            self._inputs |= dict.fromkeys(unknown, rest)

    def of(self, part: str | Ref) -> float:
        """Of one part; 0 of one of which nothing is known."""
        if isinstance(part, str):
            return len(part) / CHARS_PER_TOKEN
        return self._inputs.get(part, self._results.get(part.task, 0.0))

    def of_all(self, parts: Iterable[str | Ref]) -> float:
        """Of all of them together."""
        return sum(map(self.of, parts))

    def pieces(self, parts: Iterable[str | Ref], block_tokens: int) -> Iterator[Piece]:
        """The parts as a server's prefix cache tells them apart: texts in blocks, a reference as a whole."""
        step = max(1, block_tokens) * CHARS_PER_TOKEN
        for part in parts:
            if isinstance(part, Ref):
                yield Piece(part, round(self.of(part)))
            else:
                for start in range(0, len(part), step):
                    text = part[start : start + step]
                    yield Piece(text, -(-len(text) // CHARS_PER_TOKEN))
