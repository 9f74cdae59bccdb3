"""RulesPlanner, and `understand`: the whole way from a text to a graph."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orrery.errors import NotUnderstoodError, Problem, ProblemsError
from orrery.graph import Edit, Graph, Patch, Ref, SetOutputs
from orrery.planners.protocol import Device, Goal, View
from orrery.planners.rules import account, roster
from orrery.planners.rules.build import Builder, Toolbox
from orrery.planners.rules.clauses import Clause, outline
from orrery.planners.rules.deeds import Deeds
from orrery.planners.rules.frame import problem
from orrery.planners.rules.lexer import Token, tokens
from orrery.planners.rules.other_tools import OtherTools
from orrery.planners.rules.rewording import reworded
from orrery.planners.rules.surroundings import Surroundings
from orrery.planners.rules.whereabouts import found as places_of

MAX_CHARS = 4_000
MAX_CLAUSES = 60


@dataclass(frozen=True)
class Reading:
    """How a request was understood.

    Args:
        graph: the plan.
        clauses: the parts of the request as they were told apart, for people.
    """

    graph: Graph
    clauses: tuple[str, ...]

    def as_patch(self) -> Patch:
        """The plan as the patch that makes it."""
        return self.graph.as_patch(by="rules", because="; ".join(self.clauses)[:500])


def understand(
    text: str,
    folder: Path,
    tools: Sequence[str] | None = None,
    *,
    approve: str = "ask",
    devices: Sequence[Device] = (),
) -> Reading:
    """The plan that a request asks for.

    Args:
        text: the request in plain English.
        folder: what its paths are read against; it is looked at, never changed.
        tools: the names of the tools that may be used; None allows every registered one.
        approve: "ask" puts a question to a person before what the policy wants asked; "yes" does not.
        devices: the fleet over which the plan may spread; empty where there is none.

    Raises:
        NotUnderstoodError: with everything that is not understood, or cannot be done.
    """
    if len(text) > MAX_CHARS:
        message = f"it has {len(text):,} characters; at most {MAX_CHARS:,} are read. Put data into files and name them"
        raise NotUnderstoodError([Problem("plan/too-long", "the request", message)])
    found = tokens(text)
    if devices and (listed := roster.asked(found, devices)) is not None:
        return Reading(Graph([listed], outputs={"answer": Ref(listed.id)}), (text,))
    draft = _Drafts(folder, tools, devices)
    builder, deeds, clauses = draft.made(found, approve)
    if not builder.problems:
        draft.check(found, builder, deeds, clauses)
    if builder.problems:
        raise NotUnderstoodError(list(dict.fromkeys(builder.problems)))
    return Reading(_graph(builder, deeds), tuple(_said(clause.verb + clause.words, text) for clause in clauses))


class _Drafts:
    """Plans of one request, as it stands and with other words."""

    def __init__(self, folder: Path, tools: Sequence[str] | None, devices: Sequence[Device]) -> None:
        self.folder, self.toolbox, self.devices = folder, Toolbox(tools), devices
        self.around, self.others = Surroundings(folder), OtherTools(self.toolbox)

    def made(self, found: Sequence[Token], approve: str, *, judged: bool = True) -> tuple[Builder, Deeds, list[Clause]]:
        """The plan of these tokens, with its problems."""
        verbs = self.others.verbs()
        places = places_of(found, self.devices, verbs, self._column_in(found))
        plan = outline(reworded(places.tokens), verbs)
        offers = {device.name: device.tools for device in self.devices}
        builder = Builder(self.folder, self.toolbox, approve, judged=judged, offers=offers)
        builder.problems += places.problems
        deeds = Deeds(builder, self.around, self.others)
        for token in plan.loose:
            builder.problems.append(problem("plan/no-condition", token, f"{token.text!r} needs an 'if' before it"))
        if not plan.clauses:
            builder.problems.append(_nothing(found))
        if len(plan.clauses) > MAX_CLAUSES:
            builder.problems.append(
                Problem("plan/too-long", "the request", f"it has more than {MAX_CLAUSES} parts; divide it")
            )
        done: set[int] = set()
        for clause in plan.clauses if not builder.problems else ():
            if clause.condition is not None and clause.condition not in done:
                done.add(clause.condition)
                condition = plan.conditions[clause.condition]
                deeds.condition(clause.condition, condition, places.led(condition.opener.start))
            if not builder.problems:
                deeds.clause(clause, places.led(clause.start))
            if builder.problems:
                break  # what follows may speak of what was not understood
        if not builder.problems:
            deeds.finish()
        for number, condition in enumerate(plan.conditions):
            if number not in done and not builder.problems:
                builder.problems.append(
                    problem("plan/no-object", condition.opener, "nothing is to be done under this condition")
                )
        if not builder.problems and not builder.edits:
            builder.problems.append(_nothing(found))
        return builder, deeds, plan.clauses

    def _column_in(self, found: Sequence[Token]) -> Callable[[str], bool]:
        """Whether a word is a column, or stands in one, of a table or log that the request names and that lies here."""
        columns = [c for t in found if t.kind == "path" for c in self.around.columns(t.text)] if self.devices else []
        words = {word for c in columns for word in (*c.words, *(lower for lower, _ in c.cells))}
        return lambda word: word in words

    def check(self, found: Sequence[Token], builder: Builder, deeds: Deeds, clauses: Sequence[Clause]) -> None:
        """Note a problem for every word that matters and had no part in the plan."""
        verbs = {token.start for clause in clauses for token in clause.verb}
        names = self.around.names_seen()
        if len(account.doubtful(found, verbs, names)) > account.MOST_DOUBTS:
            builder.problems.append(Problem("plan/too-long", "the request", "it says too much at once; divide it"))
            return
        spread = all(value.kind not in ("number", "map", "text") for value in deeds.answers.values())
        plan = self._essence(found)  # without its questions, as the others
        for token in account.unheard(found, verbs, names, plan, self._essence, spread=spread):
            message = f"I do not see what {token.text!r} changes here; say it in another way, or leave it out"
            builder.problems.append(problem("plan/not-understood", token, message))

    def _essence(self, found: Sequence[Token]) -> object:
        builder, deeds, _ = self.made(found, "yes", judged=False)
        if builder.problems:
            return None
        outputs = deeds.outputs()  # which may add tasks
        return account.essence(builder.edits, outputs)


def _graph(builder: Builder, deeds: Deeds) -> Graph:
    outputs = deeds.outputs()
    edits: list[Edit] = [*builder.wanted(outputs), *([SetOutputs(outputs)] if outputs else [])]
    if builder.problems:
        raise NotUnderstoodError(builder.problems)
    try:
        return Graph().apply(Patch(tuple(edits)))
    except ProblemsError as error:
        raise NotUnderstoodError(error.problems) from error


def _nothing(found: Sequence[Token]) -> Problem:
    first = found[0] if found else None
    return problem(
        "plan/nothing-to-do",
        first,
        "there is nothing here that could be done; begin with a verb, such as: count, list, chart",
    )


def _said(words: Sequence[Token], text: str) -> str:
    ordered = sorted(words, key=lambda token: token.start)
    return text[ordered[0].start : ordered[-1].end] if ordered else ""


class RulesPlanner:
    """Plans imperative requests without a model; one patch, and no need for results."""

    async def plan(self, goal: Goal, view: View) -> AsyncIterator[Patch]:
        """The one patch that makes the plan; none where it stands already. Raises NotUnderstoodError."""
        if any(task != view.task for task in view.graph.tasks):
            return  # called again after a crash: one patch is applied whole or not at all
        yield understand(goal.text, view.folder, goal.tools, approve=goal.approve, devices=goal.devices).as_patch()
