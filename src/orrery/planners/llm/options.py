"""What a goal may say to the planner that asks a model, checked before anybody is asked."""

from __future__ import annotations

from typing import Literal

import msgspec

from orrery.planners.options import Count, Seconds, Tries


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one plan.

    Args:
        model: who plans and looks at the results, "PROVIDER:MODEL" or an alias; the default model unless given.
        joiner: who looks at the results, if it is another one.
        cache: whether a request of a known shape reuses its plan, and a plan that went well is kept.
        compat: "llmcompiler" also reads "$1" between quotes as a reference, where it stands alone.
        max_rounds: how many plans are made at most, the first among them.
        max_asks: how often the model is asked for one plan, corrections among them.
        max_retries: how often a call of the model that failed for a passing reason is made again.
        max_lines: the longest plan, in steps.
        max_tokens: the longest text of a plan.
        plan_timeout_s: the longest time for a plan to come in.
        step_timeout_s: how long a step may take whose tool sets no limit of its own.
        join_timeout_s: how long looking at the results may take.
        on_failure: what becomes of steps that have not started when planning fails: they are done ("keep") or not
            ("drop").
        max_tools: how many tools the model is shown; of more, those that fit the request best.
    """

    model: str | None = None
    joiner: str | None = None
    cache: bool = False
    compat: Literal["", "llmcompiler"] = ""
    max_rounds: Count = 3
    max_asks: Count = 3
    max_retries: Tries = 3
    max_lines: Count = 10_000
    max_tokens: Count = 200_000
    plan_timeout_s: Seconds = 600.0
    step_timeout_s: Seconds = 120.0
    join_timeout_s: Seconds = 300.0
    on_failure: Literal["keep", "drop"] = "keep"
    max_tools: Count = 30
