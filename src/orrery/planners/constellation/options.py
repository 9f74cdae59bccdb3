"""What a goal may say to the constellation planner."""

from __future__ import annotations

import msgspec

from orrery.planners.options import Count, Seconds, Tries


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of one plan that keeps changing.

    Args:
        thinker: the operation that thinks, such as "py:package.module:function" or the name of a tool; a model
            unless given. It gets one argument, `situation`, and returns the lines of its edits.
        model: which model, "PROVIDER:MODEL" or an alias; the default model unless given.
        max_turns: how often the thinker is asked, at most.
        max_refusals: how often in a row it may say again what was refused.
        hold_s: how long steps are kept from starting while it thinks, at most.
        think_timeout_s: how long it may think.
        step_timeout_s: how long a step may take whose tool sets no limit of its own.
        max_tools: how many tools a model is shown; of more, those that fit the request best.
    """

    thinker: str | None = None
    model: str | None = None
    max_turns: Count = 20
    max_refusals: Tries = 2
    hold_s: Seconds = 30.0
    think_timeout_s: Seconds = 300.0
    step_timeout_s: Seconds = 120.0
    max_tools: Count = 30
