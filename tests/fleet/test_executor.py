"""The fleet's executor: the same workflow with and without a hub; nothing lost, nothing done twice."""

from __future__ import annotations

from orrery.runtime.executors.fleet import FleetExecutor
from orrery.runtime.executors.protocol import Executor
from orrery.testing.executors import ExecutorConformance


class TestWithoutAHub(ExecutorConformance):
    def executor(self) -> Executor:
        return FleetExecutor()
