"""Steps: the operations that a tree is made of, each of which grows into the next.

    node ── atomize ─┬─ do ── note ────────────────┬─ verify
                     └─ plan ── children ── aggregate ┘

`node` stands for the part as a whole, and its result is the outcome: a map of `summary`, `result`, and the `nodes` and
`tokens` that it took. All else stands below it, on one level, since each step is a tail call of the one before: so the
levels of growth are the levels of the tree. A child starts when the siblings that it needs are done, and its parent
sees their summaries. Full results stay where they are, and are only referred to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orrery.graph import Add, Effects, Graph, Growth, Patch, Ref, Retry, Task
from orrery.graph.task import Limits
from orrery.planners.recursive.contracts import Answer, Atomicity, Finding, Split, Verdict, as_data, call, fault_in
from orrery.planners.recursive.deed import deed
from orrery.planners.recursive.node import Node, finding, node_of
from orrery.planners.recursive.summary import summary_of
from orrery.tools.context import ToolContext

_HERE = "py:orrery.planners.recursive.steps:"
_CALL = Limits(retry=Retry(attempts=3))
MOST_LABEL = 80


def node_task(node: Node, *, given: list[dict[str, Any]] | None = None) -> Task:
    """The task that stands for a node."""
    return _task(node.id, "node", node.as_args(given), label=node.goal)


async def node(node: Mapping[str, Any]) -> Graph:
    """Begin a part: what follows stands below this task."""
    return Graph([_task("atomize", "atomize", {"node": dict(node)})], outputs={"result": Ref("atomize")})


async def atomize(node: Mapping[str, Any], ctx: ToolContext) -> Growth:
    """Decide whether the part is done in one step, and go on with that step or with a plan."""
    here = node_of(node)
    why = here.budget.leaves_no_plan()
    if not why:
        part = here.part(tokens=here.tokens_for("atomize", is_split=True))
        reply = await call(here.method.atomizer, Atomicity, ctx, part=part)
        here = here.spending(reply.tokens)
        if not reply.atomic:
            return _planning(here, because=reply.because or "it is to be split")
        why = reply.because or "it is one step"
    return _doing(here, because=why)


async def plan(node: Mapping[str, Any], ctx: ToolContext) -> Growth:
    """Split the part into children; a plan that cannot be used is an atomic part with that reason."""
    here = node_of(node)
    part = here.part(tokens=here.tokens_for("plan", is_split=True))
    split = await call(here.method.planner, Split, ctx, part=part)
    here = here.spending(split.tokens)
    fault = fault_in(split, part)
    if fault:
        return _doing(here, because=f"its plan cannot be used: {fault}")
    if len(split.parts) < 2:
        return _doing(here, because="its plan has a single part")
    tasks: list[Task] = []
    for position, (step, share) in enumerate(zip(split.parts, here.budget.split(len(split.parts)), strict=True), 1):
        needs = [(split.parts[need - 1].goal, here.child(need)) for need in dict.fromkeys(step.after)]
        child = Node(
            id=here.child(position),
            goal=step.goal,
            request=here.request,
            budget=share,
            method=here.method,
            after=(*here.after, *(task for _, task in needs)),
            redos=here.method.redos,
        )
        given = [*map(as_data, here.given), *(finding(goal, task) for goal, task in needs)]
        tasks.append(node_task(child, given=given))
    parts = [{"goal": step.goal, "task": here.child(at)} for at, step in enumerate(split.parts, 1)]
    return _aggregating(here, parts, before=tasks, because=split.because)


async def aggregate(
    node: Mapping[str, Any], findings: list[Finding], used: list[dict[str, int]], ctx: ToolContext
) -> dict[str, Any]:
    """The outcome of a part that was split, from its children's summaries and nothing else.

    Args:
        used: the nodes and tokens of each child.
    """
    here = node_of(node)
    part = here.part(tokens=here.tokens_for("answer", is_split=True))
    answer = await call(here.method.aggregator, Answer, ctx, part=part, findings=tuple(findings))
    return {
        "summary": summary_of(answer.summary, most=here.method.summary_chars),
        "result": answer.summary if answer.result is None else answer.result,
        "nodes": 1 + here.earlier[0] + sum(child["nodes"] for child in used),
        "tokens": here.earlier[1] + here.spent + answer.tokens + sum(child["tokens"] for child in used),
        "own": answer.tokens,
    }


async def note(node: Mapping[str, Any], value: Any) -> str:
    """The summary of what an executor returned."""
    return summary_of(value, most=node_of(node).method.summary_chars)


async def verify(
    node: Mapping[str, Any],
    summary: str,
    outcome: Mapping[str, Any],
    parts: list[dict[str, str]],
    ctx: ToolContext,
) -> Growth:
    """Accept the answer, or make it again with what is wrong with it.

    Args:
        outcome: `task`, whose result the answer is, and the `nodes` and `tokens` that it took.
        parts: the goals and tasks of the children; none if the part was done in one step.
    """
    here = node_of(node)
    is_split = bool(parts)
    here = here.spending(outcome["own"])
    part = here.part(tokens=here.tokens_for("verify", is_split=is_split))
    verdict = await call(here.method.verifier, Verdict, ctx, part=part, summary=summary)
    here = here.spending(verdict.tokens)
    used_tokens = outcome["tokens"] + verdict.tokens
    if not verdict.ok and here.redos > 0:
        because = f"not accepted: {verdict.critique}"
        if not is_split:
            return _doing(here.again(verdict.critique), because=because)
        anew = here.planned_again(verdict.critique, nodes=outcome["nodes"], tokens=used_tokens)
        if verdict.again == "plan" and not anew.budget.leaves_no_plan():
            return _planning(anew, because=because)
        return _aggregating(here.again(verdict.critique), parts, because=because)
    answer: Any = Ref(outcome["task"], ("result",)) if is_split else Ref(outcome["task"])
    if not verdict.ok and here.is_root:  # others read the summary; the whole is read by a person
        answer = {"not_accepted": verdict.critique, "answer": answer}
    result = {
        "summary": summary if verdict.ok else f"Not accepted ({verdict.critique}): {summary}",
        "result": answer,
        "nodes": outcome["nodes"],
        "tokens": used_tokens,
    }
    return Growth(Patch(by=ctx.task, because=verdict.critique), result)


# -- what the steps grow into -----------------------------------------------------------------------------


def _planning(here: Node, *, because: str) -> Growth:
    task = _task(here.step("plan"), "plan", here.as_args())
    return _grown(here, [task], Ref(task.id), because=because)


def _doing(here: Node, *, because: str) -> Growth:
    tokens = here.tokens_for("answer", is_split=False)
    do = deed(here, here.step("do"), tokens=tokens, label=f"{here.goal} ({because})")
    told = _task(here.step("note"), "note", {**here.as_args(), "value": Ref(do.id)})
    taken = {"nodes": 1 + here.earlier[0], "tokens": here.earlier[1] + here.spent + (tokens or 0)}
    if not here.method.judges(is_split=False, is_root=here.is_root):
        result = {"summary": Ref(told.id), "result": Ref(do.id), **taken}
        return _grown(here, [do, told], result, because=because)
    outcome = {"task": do.id, **taken, "own": tokens or 0}
    args = {**here.as_args(), "summary": Ref(told.id), "outcome": outcome, "parts": []}
    check = _task(here.step("verify"), "verify", args)
    return _grown(here, [do, told, check], Ref(check.id), because=because)


def _aggregating(
    here: Node, parts: Sequence[Mapping[str, str]], *, before: Sequence[Task] = (), because: str
) -> Growth:
    together = _task(
        here.step("aggregate"),
        "aggregate",
        {
            **here.as_args(),
            "findings": [finding(part["goal"], part["task"]) for part in parts],
            "used": [{name: Ref(part["task"], (name,)) for name in ("nodes", "tokens")} for part in parts],
        },
    )
    if not here.method.judges(is_split=True, is_root=here.is_root):
        return _grown(here, [*before, together], Ref(together.id), because=because)
    outcome = {"task": together.id, **{name: Ref(together.id, (name,)) for name in ("nodes", "tokens", "own")}}
    args = {
        **here.as_args(),
        "summary": Ref(together.id, ("summary",)),
        "outcome": outcome,
        "parts": [dict(part) for part in parts],
    }
    check = _task(here.step("verify"), "verify", args)
    return _grown(here, [*before, together, check], Ref(check.id), because=because)


def _grown(here: Node, tasks: Sequence[Task], result: Any, *, because: str) -> Growth:
    return Growth(Patch(tuple(map(Add, tasks)), by=here.id, because=because), result)


def _task(task: str, step: str, args: dict[str, Any], *, label: str = "") -> Task:
    short = label if len(label) <= MOST_LABEL else label[: MOST_LABEL - 1] + "…"
    if step in ("node", "note"):
        return Task(task, _HERE + step, args, effects=Effects("pure"), label=short)
    return Task(task, _HERE + step, args, effects=Effects("idempotent"), limits=_CALL, label=short)


__all__ = ["aggregate", "atomize", "node", "node_task", "note", "plan", "verify"]
