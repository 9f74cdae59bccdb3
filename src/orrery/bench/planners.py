"""Planners: how near to the shortest possible they come, whether their limits hold, what they reuse and understand.

One table out of four modules of `planning`: LLMCompiler's streamed plans, ROMA's recursive trees, AgentOrchestra's
tools, and plain English without a model. Models are simulated servers with a stated speed, so that a figure is about
the planner; what others published stands beside it as theirs, with its setting.
"""

from __future__ import annotations

from orrery.bench.planning import llm_compiler, orchestra, roma, rules
from orrery.bench.report import Options, Report, unjudged


def measure(options: Options) -> Report:
    """The rows of all four, in the order of the planners' guide."""
    rows = [*llm_compiler.rows(options), *roma.rows(options), *orchestra.rows(options), *rules.rows(options)]
    setting = (
        f"simulated models over HTTP, or scripts under a virtual clock where a row says bound; seed {options.seed}"
    )
    return Report("planners", unjudged(rows) if options.quick else rows, setting)
