"""What a goal may say to the planner that asks a model, checked before anybody is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from orrery.errors import PlannerOptionError

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


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
        max_seconds: the longest time for a plan to come in.
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
    max_retries: Annotated[int, Meta(ge=0)] = 3
    max_lines: Count = 10_000
    max_tokens: Count = 200_000
    max_seconds: Seconds = 600.0
    step_timeout_s: Seconds = 120.0
    join_timeout_s: Seconds = 300.0
    on_failure: Literal["keep", "drop"] = "keep"
    max_tools: Count = 30

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Options:
        """The options that a goal gives. Raises PlannerOptionError."""
        unknown = [name for name in given if name not in cls.__struct_fields__]
        wrong = [f"there is no option {name!r}" for name in unknown]
        for name in given:
            if name not in unknown:
                try:
                    msgspec.convert({name: given[name]}, cls, strict=False)
                except msgspec.ValidationError as error:
                    wrong.append(f"option {name!r}: {str(error).partition(' - at ')[0]}, not {given[name]!r:.60}")
        if wrong:
            raise PlannerOptionError(f"{'; '.join(wrong)}; the planner 'llm' takes {', '.join(cls.__struct_fields__)}")
        return msgspec.convert(dict(given), cls, strict=False)
