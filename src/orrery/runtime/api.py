"""The short way: `run`, `arun`, `resume`, `aresume`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from orrery.errors import RequestError
from orrery.graph.graph import Graph
from orrery.journal.protocol import Journal
from orrery.runtime.result import Result
from orrery.runtime.session import Session
from orrery.scheduler.events import RunOptions
from orrery.workflow.workflow import HasWorkflow, Workflow

T = TypeVar("T")


Runnable = HasWorkflow | Workflow | Graph


def run(
    what: Runnable,
    /,
    store: str | Journal | None = None,
    run_id: str | None = None,
    *,
    options: RunOptions | None = None,
    **inputs: Any,
) -> Result:
    """Run a flow, a workflow or a graph to its end, and return what came of it.

    Works in scripts and, by a thread of its own, where an event loop is running already (a notebook).

    Args:
        store: the URL of the store; by default $ORRERY_STORE, else `.orrery/runs.db` in the working folder.
        run_id: the run's name; by default one is made up.
        options: seed, budget, growth caps and the like.
        inputs: what the workflow takes.

    Raises:
        RequestError: what is asked for is wrong; nothing was started.
        OutsideError: the store failed; the run can be resumed.
    """
    return _finish(arun(what, store, run_id, options=options, **inputs))


async def arun(
    what: Runnable,
    /,
    store: str | Journal | None = None,
    run_id: str | None = None,
    *,
    options: RunOptions | None = None,
    **inputs: Any,
) -> Result:
    """`run`, inside a running event loop."""
    workflow = as_workflow(what, inputs)
    async with Session(store) as session:
        return await session.start(workflow, inputs, run=run_id, options=options).wait()


def resume(run_id: str, store: str | Journal | None = None) -> Result:
    """Finish a run whose process died, in any process that can import its code.

    Tasks that had finished do not run again. Raises what `Session.resume` raises.
    """
    return _finish(aresume(run_id, store))


async def aresume(run_id: str, store: str | Journal | None = None) -> Result:
    """`resume`, inside a running event loop."""
    async with Session(store) as session:
        return await session.resume(run_id).wait()


def as_workflow(what: Runnable, inputs: dict[str, Any]) -> Workflow | Graph:
    """The workflow of whatever can be run; a flow is traced with the inputs that shape its graph."""
    if isinstance(what, Workflow | Graph):
        return what
    if not callable(getattr(what, "workflow", None)):
        raise RequestError(
            f"{what!r:.80} cannot be run; give a function with @flow (which calls the tasks), a Workflow or a Graph"
        )
    static = {name: inputs[name] for name in getattr(what, "static", ()) if name in inputs}
    return what.workflow(**static)


def _finish(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end from synchronous code, wherever that code runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    results: list[T] = []
    errors: list[BaseException] = []

    def in_thread() -> None:
        try:
            results.append(asyncio.run(work))
        except BaseException as error:  # noqa: BLE001 - carried over to the caller's thread, whatever it is
            errors.append(error)

    thread = threading.Thread(target=in_thread, name="orrery-run")
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


__all__ = ["Runnable", "aresume", "arun", "as_workflow", "resume", "run"]
