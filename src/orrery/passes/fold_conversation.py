"""fold_conversation: calls that build on each other become one conversation, of which a server reads only what is new.

A call that asks the same model as one it waits for goes on with that one's conversation (`history` of `model.ask`)
instead of repeating it. What it would repeat is replaced by a mark (`orrery.models.marks`): an answer that stands in
the conversation, a reference that an earlier question held, a longer paragraph that one has word for word. Ids and
results stay as they are, so whoever reads a folded task sees what it saw before.

    a: Sum up. {doc}                      a: Sum up. [text 1.1]{doc}[end of text 1.1]
    b: Who says so? {doc} {a}         →   b: (a and its answer) Who says so? [text 1.1 above] [answer 1 above]
    c: Is it true? {doc} {a} {b}          c: (a, b, their answers) Is it true? [text 1.1 above] [answer 1 above] ...

A conversation may branch: two calls may go on with the same one beside each other, for a server keeps a beginning for
all who share it. So no call waits for one that it did not wait for before, and nothing that was parallel becomes
sequential. Put in one line, as the paper has it, parallel calls would save a little more reading and lose their time.

A model that answers by what it is asked and the material it is asked about answers as before. What it reads beside that
are the earlier questions; a call that must not see them says `history: []`.

Source: OneFlow (Xu et al., "Rethinking the value of multi-agent workflow", 2026, arXiv:2601.12307): one model's agents
    are one conversation with a shared cache. Ours keeps the tasks, branches, and is refused where it saves nothing.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from orrery.cost import CostModel
from orrery.cost.calls import ASK, ModelCall
from orrery.cost.prompts import PromptSizes
from orrery.graph.graph import Graph
from orrery.graph.patch import Patch, Replace, Unlink
from orrery.graph.ref import Ref, TaskId
from orrery.graph.task import Task
from orrery.graph.template import Template, joined
from orrery.models import marks
from orrery.models.serving.prefixes import PrefixCache
from orrery.passes.effects import may_share
from orrery.passes.rewritten import Note, Rewritten
from orrery.scheduler.asking import PERSON

Piece = str | Ref

_ALL = 2**40
_PARAGRAPHS = re.compile(r"(\n{2,})")
_READ = ("prompt", "system", "model", "temperature", "max_tokens", "thinking_tokens", "cache", "timeout_s")


def fold_conversation(
    graph: Graph,
    costs: CostModel,
    *,
    least_saved: float = 0.2,
    most_turns: int = 16,
    paragraph_tokens: int = 32,
) -> Rewritten:
    """The graph in which calls go on with a conversation instead of repeating it, where that saves reading.

    Time and space: O(tasks x most_turns x pieces of a prompt).

    Args:
        least_saved: the share of the tokens read anew that a conversation must save.
        most_turns: after so many questions a new conversation begins, for each holds all before it.
        paragraph_tokens: a paragraph of at least so many is not repeated.
    """
    sizes = PromptSizes(graph, costs)
    kinds = {task.id: _kind(task, graph, costs) for task in graph if task.op == ASK}
    turns = _turns(graph, costs, sizes, kinds, most_turns=most_turns, paragraph_tokens=paragraph_tokens)
    notes = [*_refusals(graph, kinds), *_apart(turns)]
    folded: list[Task] = []
    for conversation in _conversations(turns):
        note = _judged(conversation, costs, sizes, least_saved=least_saved)
        notes.append(note)
        if note.kind == "made":
            folded += [turn.rewritten() for turn in conversation]
    position = {task: number for number, task in enumerate(graph.tasks)}
    notes.sort(key=lambda note: position[note.tasks[0]])
    if not folded:
        return Rewritten(graph, tuple(notes))
    # A soft edge beside a reference would take the reference's place.
    read = {(ref.task, task.id): None for task in folded for ref in task.refs()}
    soft = [Unlink(*key) for key in read if key in graph.edges and not graph.edges[key].hard]
    return Rewritten(graph.apply(Patch((*map(Replace, folded), *soft))), tuple(notes))


@dataclass(eq=False)
class _Turn:
    """One call as a turn of a conversation.

    Args:
        pieces: of its prompt: paragraphs, what stands between, references.
        parent: the turn that it goes on from.
        number: of its question in the conversation, from 1.
        above: of which of its pieces stand in the conversation: the turn, and the piece there; None: its answer.
        apart, apart_cached: tokens that it reads by itself, and of these from the cache.
        read, cached: the same as a turn.
        left: the turn that it might have gone on from, and the tokens that it would then read anew; None: none.
    """

    task: Task
    pieces: tuple[Piece, ...]
    apart: float
    apart_cached: float
    parent: _Turn | None = None
    number: int = 1
    above: dict[int, tuple[_Turn, int | None]] = field(default_factory=dict)
    marked: dict[int, int] = field(default_factory=dict)
    read: float = 0.0
    cached: float = 0.0
    left: tuple[_Turn, float] | None = None

    def path(self) -> list[_Turn]:
        """The turns of its conversation, oldest first, itself last."""
        found: list[_Turn] = []
        turn: _Turn | None = self
        while turn is not None:
            found.append(turn)
            turn = turn.parent
        return found[::-1]

    @cached_property
    def question(self) -> Any:
        """Its prompt as it is asked in the conversation, once all turns are known that refer to it."""
        if not self.above and not self.marked:
            return self.task.args["prompt"]
        parts: list[Piece] = []
        for place, piece in enumerate(self.pieces):
            if place in self.above:
                turn, text = self.above[place]
                parts.append(
                    marks.answer_above(turn.number)
                    if text is None
                    else marks.text_above(turn.number, turn.marked[text])
                )
            elif place in self.marked:
                before, behind = marks.around(self.number, self.marked[place])
                parts += [before, piece, behind]
            else:
                parts.append(piece)
        return _text(parts)

    def rewritten(self) -> Task:
        """The task as it asks in the conversation."""
        history = [{"question": turn.question, "answer": Ref(turn.task.id)} for turn in self.path()[:-1]]
        args = {**self.task.args, "prompt": self.question}
        return msgspec.structs.replace(self.task, args={**args, "history": history} if history else args)


def _turns(
    graph: Graph,
    costs: CostModel,
    sizes: PromptSizes,
    kinds: dict[TaskId, Hashable | _Refused],
    *,
    most_turns: int,
    paragraph_tokens: int,
) -> list[_Turn]:
    """Every call that may be folded, with the turn from which it goes on at the least cost, in topological order."""
    turns: dict[TaskId, _Turn] = {}
    caches: dict[str, PrefixCache] = {}
    for task in graph.in_order():
        if task.id not in kinds:
            continue
        call = ModelCall.of(task)
        assert call is not None
        model = _model(task, costs)
        block = _block_tokens(model, costs)
        cache = caches.get(model)
        if cache is None:
            cache = caches[model] = PrefixCache(block, most_blocks=_ALL)
        cached = float(cache.read_pieces(model, sizes.pieces(call.parts, block)))
        kind = kinds[task.id]
        if isinstance(kind, _Refused):
            continue
        pieces = tuple(_pieces(task.args["prompt"]))
        turn = turns[task.id] = _Turn(task, pieces, sizes.of_all(call.parts), cached)
        fewest = turn.apart - turn.apart_cached
        for edge in graph.incoming(task.id):
            parent = turns.get(edge.source)
            if parent is None or not edge.hard or kinds[edge.source] != kind or parent.number >= most_turns:
                continue
            above = _above(parent, pieces, sizes, paragraph_tokens)
            new = sizes.of(Ref(parent.task.id)) + _question_tokens(pieces, above, {}, sizes)
            if new < fewest:  # of two that are equal the one that is read first
                fewest, turn.parent, turn.number, turn.above = new, parent, parent.number + 1, above
            elif turn.left is None or new < turn.left[1]:
                turn.left = parent, new
    for turn in turns.values():
        for source, text in turn.above.values():
            if text is not None:
                source.marked.setdefault(text, len(source.marked) + 1)
    return list(turns.values())


def _above(
    parent: _Turn, pieces: Sequence[Piece], sizes: PromptSizes, paragraph_tokens: int
) -> dict[int, tuple[_Turn, int | None]]:
    """Which of the pieces stand in the conversation that a turn would end, and where."""
    wanted = {piece for piece in pieces if isinstance(piece, Ref) or sizes.of(piece) >= paragraph_tokens}
    places: dict[Piece, tuple[_Turn, int | None]] = {}
    for turn in parent.path():
        for place, piece in enumerate(turn.pieces):
            if piece in wanted:
                places.setdefault(piece, (turn, place))
        answer = Ref(turn.task.id)
        if answer in wanted:
            places[answer] = (turn, None)
    return {place: places[piece] for place, piece in enumerate(pieces) if piece in places}


def _conversations(turns: Sequence[_Turn]) -> list[list[_Turn]]:
    """The turns that share a first question, of those that have more than one."""
    first: dict[_Turn, _Turn] = {}
    together: dict[_Turn, list[_Turn]] = {}
    for turn in turns:
        root = first[turn] = turn if turn.parent is None else first[turn.parent]
        together.setdefault(root, []).append(turn)
    return [conversation for conversation in together.values() if len(conversation) > 1]


def _judged(conversation: Sequence[_Turn], costs: CostModel, sizes: PromptSizes, *, least_saved: float) -> Note:
    """Whether a conversation is worth it, with both figures."""
    name = _model(conversation[0].task, costs)
    block, model = _block_tokens(name, costs), costs.platform.models.get(name)
    tasks = tuple(turn.task.id for turn in conversation)
    system = sizes.of_all(_pieces(conversation[0].task.args.get("system") or ""))
    saved_on_the_way: dict[_Turn, float] = {}
    for turn in conversation:
        asked = _question_tokens(turn.pieces, turn.above, turn.marked, sizes)
        if turn.parent is None:
            turn.read, turn.cached = system + asked, turn.apart_cached
        else:
            turn.read = turn.parent.read + sizes.of(Ref(turn.parent.task.id)) + asked
            turn.cached = _whole_blocks(turn.parent.read, block)
        saved = (turn.apart - turn.apart_cached) - (turn.read - turn.cached)
        saved_on_the_way[turn] = saved + (saved_on_the_way[turn.parent] if turn.parent else 0.0)
    apart = sum(turn.apart - turn.apart_cached for turn in conversation)
    folded = sum(turn.read - turn.cached for turn in conversation)
    saves_s, saves_money = None, None
    if model is not None and model.timing is not None:
        saves_s = max(saved_on_the_way.values(), key=abs) / model.timing.prefill_per_s
    if model is not None and model.input_per_mtok is not None:
        kept = model.input_per_mtok if model.cached_per_mtok is None else model.cached_per_mtok
        whole = sum(turn.apart_cached - turn.cached for turn in conversation)
        saves_money = ((apart - folded) * model.input_per_mtok + whole * kept) / 1e6
    figures = f"{folded:,.0f} prompt tokens read anew in one conversation, {apart:,.0f} apart"
    saves = {"saves_s": saves_s, "saves_money": saves_money, "saves_tokens": apart - folded}
    if model is None or model.timing is None:
        who = repr(name) if name else "the default model"
        return Note("rejected", tasks, f"nobody knows whether {who} keeps what it has read")
    if not block:
        return Note("rejected", tasks, f"{figures}: {name!r} keeps nothing of what it has read", **saves)
    if folded > apart * (1 - least_saved):
        return Note("rejected", tasks, f"{figures}: that saves less than {least_saved:.0%}", **saves)
    if saves_money is not None and saves_money < 0:
        return Note("rejected", tasks, f"{figures}, but what is kept costs ${-saves_money:.6f} more", **saves)
    return Note("made", tasks, figures, **saves)


def _question_tokens(
    pieces: Sequence[Piece], above: dict[int, tuple[_Turn, int | None]], marked: dict[int, int], sizes: PromptSizes
) -> float:
    """About how long a question is, with its marks."""
    total = float(marks.MARKING_TOKENS * len(marked))
    for place, piece in enumerate(pieces):
        if place not in above:
            total += sizes.of(piece)
        else:
            total += marks.ANSWER_TOKENS if above[place][1] is None else marks.TEXT_TOKENS
    return total


def _apart(turns: Sequence[_Turn]) -> list[Note]:
    """A note for every call that reads no less as a turn than by itself, with both figures."""
    notes: list[Note] = []
    for turn in turns:
        if turn.parent is None and turn.left is not None:
            other, new = turn.left
            apart = turn.apart - turn.apart_cached
            because = f"{new:,.0f} prompt tokens read anew in one conversation, {apart:,.0f} apart"
            notes.append(Note("rejected", (other.task.id, turn.task.id), because, saves_tokens=apart - new))
    return notes


class _Refused(msgspec.Struct, frozen=True):
    """Why a call is no part of a conversation."""

    because: str


def _kind(task: Task, graph: Graph, costs: CostModel) -> Hashable | _Refused:
    """What two calls must have in common to be turns of one conversation; or why this one is none."""
    because = _reason_against(task, graph)
    if because:
        return _Refused(because)
    args = task.args
    settings = (args.get("temperature"), args.get("thinking_tokens"))
    resources = tuple(sorted(task.limits.resources.items()))
    return (_model(task, costs), args.get("system"), settings, task.executor, resources)


def _reason_against(task: Task, graph: Graph) -> str:
    args = task.args
    edges = (*graph.incoming(task.id), *graph.outgoing(task.id))
    if task.effects.kind not in ("pure", "idempotent") or task.effects.writes or task.executor == PERSON:
        return f"{task.id} has effects"
    if "history" in args:
        return f"{task.id} says what was said before it"
    call = ModelCall.of(task)
    if call is not None and any(isinstance(part, str) and marks.holds_mark(part) for part in call.parts):
        return f"{task.id} is part of a conversation already"  # another mark within would be taken for the end of this
    if not may_share(task) or args.get("cache", True) is not True:
        return f"{task.id} is to be answered anew"
    if task.each is not None:
        return f"{task.id} runs once per item"
    if task.when is not None or task.join is not None or any(edge.hard and edge.on != "success" for edge in edges):
        return f"{task.id} depends on a condition, or another on how it ends"
    if task.place is not None:
        return f"{task.id} says where it runs"
    if args.get("schema") is not None:
        return f"{task.id} is answered as data"
    others = [name for name, value in args.items() if name not in _READ and value is not None]
    if others:
        return f"{task.id} has an argument {others[0]!r}"
    if not isinstance(args.get("model") or "", str):
        return f"which model {task.id} asks is known only when it runs"
    plain = (args.get("temperature"), args.get("thinking_tokens"))
    if any(isinstance(value, Ref | Template | dict | list | tuple) for value in plain):
        return f"how {task.id} asks is known only when it runs"
    if not isinstance(args.get("prompt"), str | Ref | Template):
        return f"{task.id} asks no text"
    if not isinstance(args.get("system"), str | Ref | Template | None):
        return f"{task.id} is told no text"
    return ""


def _refusals(graph: Graph, kinds: dict[TaskId, Hashable | _Refused]) -> list[Note]:
    """A note for every call that waits for another and is no turn of its conversation, with the first reason."""
    notes: list[Note] = []
    for task in graph:
        if task.id not in kinds:
            continue
        kind = kinds[task.id]
        for edge in graph.incoming(task.id):
            if edge.source not in kinds:
                continue
            other = kinds[edge.source]
            refused = next((one for one in (other, kind) if isinstance(one, _Refused)), None)
            if refused is not None or not edge.hard or other != kind:
                because = refused.because if refused else "they ask differently: model, system, settings or resources"
                notes.append(Note("rejected", (edge.source, task.id), because))
                break
    return notes


def _whole_blocks(tokens: float, block_tokens: int) -> float:
    return tokens // block_tokens * block_tokens if block_tokens else 0.0


def _model(task: Task, costs: CostModel) -> str:
    """Whom it asks; the default too where that is known only when it runs."""
    model = task.args.get("model")
    return model if isinstance(model, str) and model else costs.platform.default_model


def _block_tokens(name: str, costs: CostModel) -> int:
    model = costs.platform.models.get(name)
    return model.timing.block_tokens if model is not None and model.timing is not None else 0


def _pieces(value: Any) -> Iterator[Piece]:
    """A prompt in paragraphs, what stands between them, and references."""
    for part in value.parts if isinstance(value, Template) else (value,):
        if isinstance(part, str):
            yield from filter(None, _PARAGRAPHS.split(part))
        else:
            yield part


def _text(parts: Sequence[Piece]) -> str | Template:
    """The parts as a text; as a template where one of them is a reference."""
    return Template(joined(parts)) if any(isinstance(part, Ref) for part in parts) else "".join(map(str, parts))
