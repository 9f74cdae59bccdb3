"""choose_model: each call to the model that suits the whole graph: good enough, then cheapest or soonest.

A call that names its model keeps it: a person has chosen. The turns of one conversation get one model, whose prefix
cache holds what was said. Every other call may have each model of the platform of which is known what is asked about
(quality for the floor, price for money, timing for seconds) and whose quality is no lower than the floor. What nobody
knows is never taken for good: such a model is passed over, with a note.

Without a budget or a deadline every call gets the best by the objective. With one, seconds are those of the graph's
longest path, and money is that of all calls. This is the discrete time-cost trade-off problem, NP-hard; what is done:

1. *One price for a second* (Lagrange): every call takes what is least in money + price x seconds. The price at which
   the limit is just met is found by bisection, with `BISECTIONS` longest paths.
2. *Repair*: one price pays for seconds off the longest path too. Calls take back what is cheaper where the limit allows
   it, the largest saving first; then, under a budget, calls on the longest path take what is faster for what is left.
   At most `REPAIRS` longest paths each, fewer above `STEPS / REPAIRS` tasks.

Time: O(BISECTIONS x (tasks + edges) + STEPS). Two bounds hold: the longest path over the fastest choices, and the money
of the cheapest ones. Between them nothing is promised; on small graphs the tests hold the mean gap to the best of all.

Source: De et al., "The discrete time-cost tradeoff problem revisited" (1995), for the problem.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from orrery.cost import CostModel, Option
from orrery.cost.calls import asked_of, conversations
from orrery.graph.graph import Graph
from orrery.graph.patch import Patch, Replace
from orrery.graph.query import critical_path
from orrery.graph.ref import TaskId
from orrery.graph.task import Task
from orrery.passes.rewritten import Note, Rewritten

Objective = Literal["money", "seconds"]
BISECTIONS, REPAIRS, STEPS = 28, 256, 1_000_000
_SLACK = 1 + 1e-9


def choose_model(
    graph: Graph,
    costs: CostModel,
    *,
    floor: float | None = None,
    objective: Objective = "money",
    budget_money: float | None = None,
    deadline_s: float | None = None,
    may_change: bool = False,
) -> Rewritten:
    """The graph with the models that are cheapest, or soonest, within the limits; see the module.

    Args:
        floor: the least quality, in [0, 1]; None: for each call that of the model it would have asked.
        objective: what is made least; under the other's limit where one is given.
        budget_money: US dollars for the whole graph.
        deadline_s: seconds for the longest path of the graph.
        may_change: calls that name their model may get another one too.
    """
    if len(costs.platform.models) < 2:
        return Rewritten(graph)
    notes: list[Note] = []
    wanted = _Wanted(floor, objective, budget_money, deadline_s)
    calls = _calls(graph, costs, wanted, may_change=may_change, notes=notes)
    chosen, problem = _Choice(graph, costs, calls).under(wanted)
    changed: list[Task] = []
    for call, offer in zip(calls, chosen, strict=True):
        note = _note(call, offer, objective)
        if note is not None:
            notes.append(note)
        if offer.model != call.present.model:
            changed += [asked_of(task, offer.model) for task in call.tasks]
    position = {task: number for number, task in enumerate(graph.tasks)}
    notes.sort(key=lambda note: position[note.tasks[0]])
    if problem and calls:
        notes.insert(0, Note("rejected", tuple(task.id for call in calls for task in call.tasks), problem))
    if not changed:
        return Rewritten(graph, tuple(notes))
    return Rewritten(graph.apply(Patch(tuple(map(Replace, changed)))), tuple(notes))


class _Wanted(NamedTuple):
    """The options, as `choose_model` takes them."""

    floor: float | None
    objective: Objective
    budget_money: float | None
    deadline_s: float | None


class _Offer(NamedTuple):
    """What a call would take of one model; of a conversation all its turns together, in money."""

    model: str
    money: float
    seconds: Mapping[TaskId, float]
    quality: float | None
    priced: bool
    timed: bool

    @property
    def total_s(self) -> float:
        return math.fsum(self.seconds.values())


class _Call(NamedTuple):
    """What is decided together: one call, or the turns of one conversation.

    Args:
        present: as it is written.
        offers: from which may be chosen; none is as good as another in money, seconds and quality and better in one.
    """

    tasks: tuple[Task, ...]
    present: _Offer
    offers: tuple[_Offer, ...]


def _calls(graph: Graph, costs: CostModel, wanted: _Wanted, *, may_change: bool, notes: list[Note]) -> list[_Call]:
    """What may be decided, in the order of the tasks; a note for what may not."""
    needs_price = wanted.objective == "money" or wanted.budget_money is not None
    needs_timing = wanted.objective == "seconds" or wanted.deadline_s is not None
    calls: list[_Call] = []
    for tasks in conversations(graph):
        ids = tuple(task.id for task in tasks)
        named = [task.args["model"] for task in tasks if task.args.get("model")]
        if named and not (may_change and all(isinstance(model, str) for model in named)):
            notes.append(Note("rejected", ids, f"{_model(named[0])} is named, and so it stays"))
            continue
        asked = {model if isinstance(model, str) and model else costs.platform.default_model for model in named or [""]}
        if len(asked) > 1:
            notes.append(Note("rejected", ids, "the turns of one conversation name different models"))
            continue
        present = _offer(tasks, costs, asked.pop())
        least = present.quality if wanted.floor is None else wanted.floor
        why = "" if present.priced or not needs_price else f"nobody knows what {_model(present.model)} costs"
        why = why or ("" if present.timed or not needs_timing else f"nobody knows how fast {_model(present.model)} is")
        if why or least is None:
            notes.append(Note("rejected", ids, why or f"nobody knows how good {_model(present.model)} is"))
            continue
        offers: list[_Offer] = []
        for name in costs.platform.models:
            offer = present if name == present.model else _offer(tasks, costs, name)
            reason = _reason_against(offer, least, needs_price=needs_price, needs_timing=needs_timing)
            if not reason:
                offers.append(offer)
            elif name != present.model and (
                reason.startswith("nobody") or _is_better(offer, present, wanted.objective)
            ):
                notes.append(Note("rejected", ids, reason))
        if not offers:
            best = f"no model of the platform has a quality of {least:g}, so {_model(present.model)} stays"
            notes.append(Note("rejected", ids, best))
            continue
        calls.append(_Call(tasks, present, tuple(pareto(offers))))
    return calls


def _is_better(offer: _Offer, present: _Offer, objective: Objective) -> bool:
    return offer.money < present.money if objective == "money" else offer.total_s < present.total_s


def _reason_against(offer: _Offer, least: float, *, needs_price: bool, needs_timing: bool) -> str:
    if offer.quality is None:
        return f"nobody knows how good {offer.model} is"
    if offer.quality < least:
        return f"{offer.model} has a quality of {offer.quality:.2f}, below {least:.2f}"
    if needs_price and not offer.priced:
        return f"nobody knows what {offer.model} costs"
    return f"nobody knows how fast {offer.model} is" if needs_timing and not offer.timed else ""


def _offer(tasks: Sequence[Task], costs: CostModel, name: str) -> _Offer:
    model = costs.platform.models.get(name)
    money, seconds, quality = 0.0, {}, 1.0 if model is not None and model.quality is not None else None
    for task in tasks:
        cost = costs.estimate(task, Option(model=name))  # by name for its own too: what is compared is of one kind
        money += cost.money.mid * cost.executions
        seconds[task.id] = cost.seconds.mid
        quality = None if quality is None or cost.quality is None else min(quality, cost.quality)
    priced = model is not None and model.input_per_mtok is not None and model.output_per_mtok is not None
    return _Offer(name, money, seconds, quality, priced, model is not None and model.timing is not None)


def pareto(offers: Sequence[_Offer]) -> list[_Offer]:
    """The offers that no other equals or betters in money, seconds and quality together; the first of equal ones.

    Time: O(n^2) of a handful of models.
    """

    def figures(offer: _Offer) -> tuple[float, float, float]:
        return offer.money, offer.total_s, -(offer.quality or 0.0)

    kept: list[_Offer] = []
    for number, offer in enumerate(offers):
        mine = figures(offer)
        for other_number, other in enumerate(offers):
            theirs = figures(other)
            better = all(a <= b for a, b in zip(theirs, mine, strict=True)) and theirs != mine
            if better or (theirs == mine and other_number < number):
                break
        else:
            kept.append(offer)
    return kept


class _Choice:
    """One offer for each call, weighed over the whole graph."""

    def __init__(self, graph: Graph, costs: CostModel, calls: Sequence[_Call]) -> None:
        self._graph, self._calls = graph, calls
        self._call_of = {task.id: number for number, call in enumerate(calls) for task in call.tasks}
        self._repairs = min(REPAIRS, STEPS // max(1, len(graph)))
        self._seconds: dict[TaskId, float] = {}
        self._other_money = 0.0
        for task in graph:
            cost = costs.estimate(task)
            self._seconds[task.id] = cost.seconds.mid
            if task.id not in self._call_of:
                self._other_money += cost.money.mid * cost.executions

    def under(self, wanted: _Wanted) -> tuple[list[_Offer], str]:
        """The choice, and what is wrong with it: "" where every limit is met."""
        _, objective, budget_money, deadline_s = wanted
        if objective == "money":
            chosen = self._priced(0.0)
            if deadline_s is not None and self.path_s(chosen) > deadline_s:
                chosen = self._cheapest_within(deadline_s)
        else:
            chosen = self._priced(math.inf)
            if budget_money is not None and self.money(chosen) > budget_money:
                chosen = self._soonest_within(budget_money)
        money, seconds = self.money(chosen), self.path_s(chosen)
        wrong: list[str] = []
        if deadline_s is not None and seconds > deadline_s * _SLACK:
            wrong.append(f"{seconds:.4g} s of the {deadline_s:.4g} s that there are")
        if budget_money is not None and money > budget_money * _SLACK:
            wrong.append(f"${money:.4g} of the ${budget_money:.4g} that there are")
        return chosen, f"the limits cannot be met: it takes {' and '.join(wrong)}" if wrong else ""

    def money(self, chosen: Sequence[_Offer]) -> float:
        """Of all tasks."""
        return self._other_money + math.fsum(offer.money for offer in chosen)

    def path_s(self, chosen: Sequence[_Offer]) -> float:
        """Of the longest path."""
        return self._path(chosen)[1]

    def _path(self, chosen: Sequence[_Offer]) -> tuple[list[TaskId], float]:
        call_of, seconds = self._call_of, self._seconds

        def takes(task: Task) -> float:
            number = call_of.get(task.id)
            return seconds[task.id] if number is None else chosen[number].seconds[task.id]

        return critical_path(self._graph, takes)

    def _priced(self, second: float) -> list[_Offer]:
        """What each call takes if a second costs so much; at 0 and infinity the other figure decides between equals."""

        def worth(offer: _Offer) -> tuple[float, float, float, str]:
            quality = -(offer.quality or 0.0)
            if math.isinf(second):
                return offer.total_s, offer.money, quality, offer.model
            return offer.money + second * offer.total_s, offer.total_s, quality, offer.model

        return [min(call.offers, key=worth) for call in self._calls]

    def _bisected(self, is_met: Callable[[list[_Offer]], bool], *, dear: bool) -> list[_Offer]:
        """The choice at the price of a second nearest to that at which a limit is no longer met.

        Args:
            dear: the limit is met where seconds are dear, as a deadline is; else where they are cheap.
        """
        low, high = -60.0, 60.0  # powers of two
        best = self._priced(math.inf if dear else 0.0)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            chosen = self._priced(2.0**middle)
            met = is_met(chosen)
            if met:
                best = chosen
            if met is dear:
                high = middle
            else:
                low = middle
        return best

    def _cheapest_within(self, deadline_s: float) -> list[_Offer]:
        chosen = self._bisected(lambda offers: self.path_s(offers) <= deadline_s, dear=True)
        return self._taken_back(chosen, deadline_s) if self.path_s(chosen) <= deadline_s else chosen

    def _soonest_within(self, budget_money: float) -> list[_Offer]:
        chosen = self._bisected(lambda offers: self.money(offers) <= budget_money, dear=False)
        chosen = self._taken_back(chosen, self.path_s(chosen))
        return self._sped_up(chosen, budget_money)

    def _taken_back(self, chosen: list[_Offer], limit_s: float) -> list[_Offer]:
        """Cheaper offers wherever the longest path stays within a limit, the largest saving first."""
        chosen = list(chosen)
        cheaper = [
            (chosen[number].money - offer.money, number, offer)
            for number, call in enumerate(self._calls)
            for offer in call.offers
            if offer.money < chosen[number].money
        ]
        cheaper.sort(key=lambda one: (-one[0], one[1], one[2].model))
        for _, number, offer in cheaper[: self._repairs]:
            before = chosen[number]
            if offer.money < before.money:
                chosen[number] = offer
                if self.path_s(chosen) > limit_s:
                    chosen[number] = before
        return chosen

    def _sped_up(self, chosen: list[_Offer], budget_money: float) -> list[_Offer]:
        """Faster offers on the longest path for the money that is left, the most seconds for a dollar first."""
        chosen = list(chosen)
        refused: set[tuple[int, str]] = set()
        path, seconds = self._path(chosen)
        for _ in range(self._repairs):
            left = budget_money - self.money(chosen)
            on_path = dict.fromkeys(self._call_of[task] for task in path if task in self._call_of)
            faster: list[tuple[float, int, _Offer]] = []
            for number in on_path:
                now = chosen[number]
                for offer in self._calls[number].offers:
                    gain, price = now.total_s - offer.total_s, offer.money - now.money
                    if gain > 0 and price <= left and (number, offer.model) not in refused:
                        faster.append((price / gain, number, offer))
            if not faster:
                return chosen
            _, number, offer = min(faster, key=lambda one: (one[0], one[1], one[2].model))
            before, chosen[number] = chosen[number], offer
            path_after, after = self._path(chosen)
            if after < seconds:
                path, seconds = path_after, after
                refused.clear()
            else:
                chosen[number] = before
                refused.add((number, offer.model))
        return chosen


def _note(call: _Call, offer: _Offer, objective: Objective) -> Note | None:
    """What a call got, and what that is expected to save; None where there was nothing to choose."""
    ids = tuple(task.id for task in call.tasks)
    now = call.present
    if offer.model == now.model:
        if len(call.offers) < 2:
            return None
        what = "cheapest" if objective == "money" else "soonest"
        return Note(
            "rejected", ids, f"{_model(now.model)} stays: the {what} of {len(call.offers)} that are good enough"
        )
    words: list[str] = []
    if now.priced and offer.priced:
        words += [_times(now.money, offer.money, "cheaper", "dearer")]
    if now.timed and offer.timed:
        words += [_times(now.total_s, offer.total_s, "faster", "slower")]
    figures = " and ".join(filter(None, words)) or "as dear and as fast"
    because = f"{offer.model} is {figures} than {_model(now.model)} at a quality of {offer.quality:.2f}"
    if now.quality is not None:
        because += f" (it has {now.quality:.2f})"
    saves: dict[str, Any] = {"saves_money": now.money - offer.money} if now.priced and offer.priced else {}
    if now.timed and offer.timed:
        saves["saves_s"] = now.total_s - offer.total_s
    return Note("made", ids, because, **saves)


def _times(before: float, after: float, less: str, more: str) -> str:
    if min(before, after) <= 0 or max(before, after) < 1.05 * min(before, after):
        return ""
    return f"{before / after:.1f} times {less}" if after < before else f"{after / before:.1f} times {more}"


def _model(name: object) -> str:
    return name if isinstance(name, str) and name else "the default model" if name == "" else "a model"
