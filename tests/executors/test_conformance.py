"""The built-in executors do what every executor must do."""

from __future__ import annotations

from orrery.runtime.executors.inline import InlineExecutor
from orrery.runtime.executors.process import ProcessExecutor
from orrery.runtime.executors.protocol import Executor
from orrery.runtime.executors.thread import ThreadExecutor
from orrery.testing.executors import ExecutorConformance


class TestInline(ExecutorConformance):
    def executor(self) -> Executor:
        return InlineExecutor()


class TestThread(ExecutorConformance):
    def executor(self) -> Executor:
        return ThreadExecutor(capacity=8)


class TestProcess(ExecutorConformance):
    def executor(self) -> Executor:
        return ProcessExecutor(capacity=3)
