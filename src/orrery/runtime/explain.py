"""Explain: what a workflow would take as it is written, what passes make of it, and what it would take then.

Nothing is run. What was learned is read from the runs of a store.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from orrery.cost import Estimates, Learned, Platform, Prediction, learn, platform_of, predict
from orrery.cost.platform import Device
from orrery.graph.graph import Graph
from orrery.journal import Journal
from orrery.passes import Pass, named
from orrery.passes.pipeline import Pipeline, rewrite
from orrery.runtime.executors import executors
from orrery.workflow.workflow import Workflow


@dataclass(frozen=True)
class Explanation:
    """What there is to say of a workflow before it runs.

    Args:
        workflow: as it is written.
        platform: on what it would run.
        learned: what past runs taught.
        pipeline: what each pass did.
        before, after: what it would take as it is written, and after the passes.
        inputs: of the run, as far as they are known.
    """

    workflow: Workflow
    platform: Platform
    learned: Learned
    pipeline: Pipeline
    before: Prediction
    after: Prediction
    inputs: Mapping[str, Any] = field(default_factory=dict)

    def costs_of(self, graph: Graph) -> Estimates:
        """The cost model for another graph on the same platform, with what was learned."""
        return Estimates(self.platform, self.learned, graph=graph, inputs=self.inputs)

    @property
    def rewritten(self) -> Workflow:
        """The workflow as the passes leave it."""
        return replace(self.workflow, graph=self.pipeline.after)


def explain(
    workflow: Workflow,
    inputs: Mapping[str, Any] | None = None,
    *,
    journal: Journal | None = None,
    passes: Iterable[tuple[str, Pass]] | None = None,
    resources: Mapping[str, int] | None = None,
    devices: Mapping[str, Device] | None = None,
    before: str = "",
) -> Explanation:
    """What the workflow would take, and what passes would make of it.

    Args:
        inputs: of the run, as far as they are known: lengths of lists and of prompts come of them.
        journal: the store whose runs teach; None: nothing is learned.
        passes: with their names, in order; the usual ones unless given.
        resources: capacity of the resources that tasks name.
        devices: of the fleet on which tasks may be placed.
        before: the name of a run; only those that were created before it teach.

    Raises: ModelSettingsError: the settings of the models cannot be read.
    """
    graph = workflow.graph
    platform = platform_of(graph, capacity={**capacities(), **(resources or {})}, devices=devices)
    learned = learn(journal, before=before) if journal is not None else Learned()
    known = {name: spec.default for name, spec in workflow.inputs.items() if not spec.required} | dict(inputs or {})
    costs = Estimates(platform, learned, graph=graph, inputs=known)
    pipeline = rewrite(graph, costs, named() if passes is None else passes, clock=time.perf_counter)
    after = Estimates(platform, learned, graph=pipeline.after, inputs=known)
    return Explanation(
        workflow, platform, learned, pipeline, predict(graph, costs), predict(pipeline.after, after), known
    )


def capacities() -> dict[str, int]:
    """How many attempts each executor of this machine runs at once."""
    return {name: executors.get(name)().capacity for name in executors.names()}


__all__ = ["Explanation", "capacities", "explain"]
