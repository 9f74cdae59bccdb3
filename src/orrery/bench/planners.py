"""Planners: how near to the shortest possible they come, whether their limits hold, what they reuse and understand.

One table out of the modules of `planning`: LLMCompiler's streamed plans, ROMA's recursive trees, AgentOrchestra's tools
and how they are found, and plain English without a model. Models are simulated servers with a stated speed, so that a
figure is about the planner; what others published stands beside it as theirs, with its setting.
"""

from __future__ import annotations

from orrery.bench.planning import llm_compiler, orchestra, retrieval, roma, rules
from orrery.bench.report import Options, Report, unjudged


def measure(options: Options) -> Report:
    """The rows of all, in the order of the planners' guide."""
    questions = (llm_compiler, roma, orchestra, retrieval, rules)
    rows = [row for question in questions for row in question.rows(options)]
    setting = (
        f"simulated models over HTTP, or scripts under a virtual clock where a row says bound; seed {options.seed}"
    )
    return Report("planners", unjudged(rows) if options.quick else rows, setting)
