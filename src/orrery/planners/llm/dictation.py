"""Dictation: one plan as a model writes it, asked for until it is right, its steps added while they come in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orrery.errors import LimitReachedError, ModelError, PatchRefused, PlannerReplyError, Problem
from orrery.graph import Patch
from orrery.models import Reply, Request
from orrery.models.prompts import prompt
from orrery.models.request import CHARS_PER_TOKEN
from orrery.planners.driving import Apply
from orrery.planners.llm.binding import Bound
from orrery.planners.llm.bursts import bursts
from orrery.planners.llm.draft import Draft
from orrery.planners.llm.options import Options
from orrery.planners.protocol import View

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage

AFTER_END_S = 2.0
"""How long a model that goes on after the plan's end is listened to, so that it can say what it used up."""
MOST_STEPS_AT_ONCE = 500
_BACKOFF_S = 0.5
_GROWTH = "graph/growth-limit"


@dataclass(frozen=True)
class Dictation:
    """A plan that is being asked for.

    Args:
        opening: the conversation in which it is asked for.
        begun: the lines of it that were planned before, in an attempt that was interrupted.
        draft: what came of it so far.
        model: who is asked.
        view: told of pauses, and of what the model takes.
        apply: adds the tasks of its steps.
    """

    opening: list[ModelMessage]
    begun: Sequence[str]
    draft: Draft
    model: str
    options: Options
    view: View
    apply: Apply

    async def take(self) -> None:
        """Take the plan down to its end.

        Raises:
            PlannerReplyError: it stayed wrong, however often the model was asked.
            LimitReachedError: it did not end within its limits.
            ModelError: the model gave no usable answer.
        """
        limit_s = self.options.plan_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                await self._ask_until_right()
        except TimeoutError as error:
            raise LimitReachedError(
                f"the plan did not end within plan_timeout_s={limit_s:g}; {self.draft.lines} lines had come"
            ) from error

    async def _ask_until_right(self) -> None:
        problems: list[Problem] = []
        for _ in range(self.options.max_asks):
            cut_off = await self._ask(problems)
            problems = self.draft.problems()
            if not problems and not cut_off:
                return
        answers = f"{self.options.max_asks} answers of {self.model}"
        if not problems:
            raise LimitReachedError(f"the plan had not ended after {answers}; raise max_asks")
        raise PlannerReplyError(f"the plan was still wrong after {answers}:\n" + "\n".join(map(str, problems[:20])))

    async def _ask(self, problems: Sequence[Problem]) -> bool:
        """One answer of the model, asked for again where the call fails for a passing reason; whether it broke off."""
        retries = 0
        while True:
            try:
                return await self._listen(self._messages(problems))
            except ModelError as error:
                retries += 1
                if error.severity != "transient" or retries > self.options.max_retries:
                    raise
                pause_s = max(error.retry_after_s or 0.0, _BACKOFF_S * 2 ** (retries - 1))
                self.view.progress(None, f"the model is asked again in {pause_s:g} s: {error}")
                await asyncio.sleep(pause_s)

    def _messages(self, problems: Sequence[Problem]) -> list[ModelMessage]:
        """What the model is sent: the request, the lines that it has written already, and what is wanted now."""
        from orrery.models.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

        lines = [*self.begun, *self.draft.written]
        if not lines and not problems:
            return self.opening
        wanted = prompt("planners/llm-rest")
        if problems:
            listed = "\n".join(f"- {problem.place}: {problem.message}" for problem in problems)
            wanted = prompt("planners/llm-repair", problems=listed)
        said = ModelResponse(parts=[TextPart("\n".join(lines) or "(no line)")])
        return [*self.opening, said, ModelRequest(parts=[UserPromptPart(wanted)])]

    async def _listen(self, messages: Sequence[ModelMessage]) -> bool:
        """Plan the lines of one answer as they come; whether the answer broke off."""
        from orrery.models.call import stream

        draft = self.draft
        draft.begin_answer()
        # An answer that did not lead to a plan must not be given again: the plan cache keeps those that did.
        request = Request(self.model, tuple(messages), timeout_s=self.options.plan_timeout_s, cache=False)
        chars, cut_off = 0, False
        listening = asyncio.timeout(None)
        try:
            async with listening, aclosing(bursts(stream(request, self.view))) as came:
                async for pieces in came:
                    text = "".join(piece for piece in pieces if isinstance(piece, str))
                    chars += len(text)
                    await self._carry_out(draft.feed(text))
                    self._check_limits(chars)
                    for piece in pieces:
                        if isinstance(piece, Reply):
                            cut_off = piece.message.finish_reason == "length" and not draft.has_ended
                    if draft.has_ended and listening.when() is None:
                        listening.reschedule(asyncio.get_running_loop().time() + AFTER_END_S)
        except TimeoutError:
            if not listening.expired():
                raise
        await self._carry_out(draft.finish_answer(cut_off=cut_off))
        self._check_limits(chars)
        return cut_off

    def _check_limits(self, chars: int) -> None:
        options = self.options
        if self.draft.lines > options.max_lines:
            raise LimitReachedError(f"the plan has more than max_lines={options.max_lines} lines")
        if chars > options.max_tokens * CHARS_PER_TOKEN:
            raise LimitReachedError(f"the plan did not end within max_tokens={options.max_tokens}")

    async def _carry_out(self, ready: Sequence[Bound]) -> None:
        """Add the tasks of steps that are ready to be planned; a step that the graph refuses is a fault."""
        for begin in range(0, len(ready), MOST_STEPS_AT_ONCE):
            some = ready[begin : begin + MOST_STEPS_AT_ONCE]
            try:
                await self.apply(_patch_of(some))
            except PatchRefused as refusal:
                if any(problem.code == _GROWTH for problem in refusal.problems):
                    raise
                if len(some) == 1:
                    self.draft.refuse(some[0].step.number, list(refusal.problems))
                else:
                    for one in some:
                        await self._carry_out([one])


def _patch_of(bound: Sequence[Bound]) -> Patch:
    numbers = [str(one.step.number) for one in bound]
    which = f"line {numbers[0]}" if len(numbers) == 1 else f"lines {numbers[0]} to {numbers[-1]}"
    changes = "".join(f"; {change}" for one in bound for change in one.changes)
    return Patch(tuple(edit for one in bound for edit in one.edits), because=f"{which} of the plan came in{changes}")
