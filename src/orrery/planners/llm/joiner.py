"""The joiner: an ordinary task that looks at what came of a plan, and answers, or says what is still needed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypedDict

from orrery.errors import Failure
from orrery.models import Request
from orrery.models.prompts import prompt
from orrery.planners import evidence
from orrery.tools.approval import is_no
from orrery.tools.context import ToolContext

JOIN = "py:orrery.planners.llm.joiner:join"
"""The operation of joining tasks."""
DENIED = Failure("Denied", "a person said no", code="denied")
_VERDICT = re.compile(
    r"^\s*\**(?:action\s*:\s*)?\**(finish|replan)\**\s*(?:(:)|(\())\**\s*", re.IGNORECASE | re.MULTILINE
)


class Joined(TypedDict):
    """What the joiner says: an answer, or in `replan` why another plan is needed."""

    answer: str
    replan: str


async def join(
    goal: str,
    model: str,
    lines: Mapping[str, str],
    results: Mapping[str, Any],
    ctx: ToolContext,
    *,
    approvals: Mapping[str, Any],
    last: bool,
) -> Joined:
    """Ask a model what the results amount to.

    Args:
        goal: the request in plain words.
        model: who is asked.
        lines: the steps as they were planned, by number.
        results: what came of each; a Failure where one failed, None where it was not done.
        approvals: what a person said to those that had to be asked for.
        last: no further plan can be made, so there must be an answer.
    """
    from orrery.models.call import complete
    from orrery.models.messages import prompt as conversation

    denied = {number: said or DENIED for number, said in approvals.items() if is_no(said)}
    steps = evidence.block((line, denied.get(number, results.get(number))) for number, line in lines.items())
    asked = conversation(
        prompt("planners/llm-results", goal=goal, steps=steps, last="yes" if last else "no"),
        system=prompt("planners/llm-join"),
    )
    # A plan that is made anew asks anew: the same words about the same results would only repeat the last verdict.
    reply = await complete(Request(model, tuple(asked), timeout_s=None, cache=False), ctx)
    return verdict(reply.text, last=last)


def verdict(text: str, *, last: bool = False) -> Joined:
    """What a joiner's reply says. The first `finish:` or `replan:` that begins a line decides; without one, all of it
    is the answer. What comes after it is data, whatever it contains.

    >>> verdict("Thought: done.\\nAction: Finish(f(x) = (a[1]) $2)")["answer"]
    'f(x) = (a[1]) $2'
    """
    found = _VERDICT.search(text)
    if found is None:
        return Joined(answer=text.strip(), replan="")
    said = text[found.end() :].strip()
    if found[3]:  # the bracket that closes is the last one: an answer may have brackets of its own
        said = said[: said.rindex(")")].strip() if ")" in said else said
    if found[1].lower() == "replan" and not last:
        return Joined(answer="", replan=said or "the results do not answer the request")
    return Joined(answer=said, replan="")
