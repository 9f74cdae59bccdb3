"""Targets: what `orrery run TARGET` may be pointed at, and the workflow that it is."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

import msgspec

from orrery.errors import FlowError, GraphError, OperationError, OrreryError, RequestError, suggestion
from orrery.graph.codec import graph_from_json
from orrery.workflow import code, loader
from orrery.workflow.flow import Flow
from orrery.workflow.workflow import HasWorkflow, Workflow, inputs_of

_FORMS = (
    "a target is a workflow file (flow.yaml), a graph (graph.json), a flow of a module (module:flow) "
    "or of a script (path.py:flow)"
)


def load_target(target: str, folder: str | Path = ".", given: Mapping[str, Any] | None = None) -> Workflow:
    """The workflow that a target names.

    Args:
        target: the path of a *.yaml, *.yml or *.json file, "module:flow", "path.py:flow", or "path.py" where it
            holds one flow.
        folder: where paths start and modules are looked for.
        given: the run's inputs, of which a flow's static ones are needed to make its graph.

    Raises:
        WorkflowFileError: the file has problems.
        GraphError, FlowError, InputError: what the target makes is no workflow.
        RequestError: the target names nothing that can be run.
    """
    base = Path(folder)
    if target.endswith((".yaml", ".yml")):
        return loader.load(base / target, shown=target)
    code.look_beside(target, base)
    if target.endswith(".json"):
        return _stored(base / target, target)
    place, colon, name = target.rpartition(":")
    if target.endswith(".py"):
        place, colon, name = target, ":", ""
    if not colon or not place or not (place.endswith(".py") or place.replace(".", "").isidentifier()):
        raise RequestError(_nothing(target, base))
    found = _flow(target, place, name, base)
    static = {key: value for key, value in (given or {}).items() if key in getattr(found, "static", ())}
    try:
        return replace(found.workflow(**static), source=target)
    except OrreryError:
        raise
    except Exception as error:
        raise FlowError(f"{target!r} failed while it was traced: {error!r}{_line(error, found)}") from error


def _line(error: Exception, found: HasWorkflow) -> str:
    """Where in the flow's own file it happened."""
    if not isinstance(found, Flow):
        return ""
    file = found.function.__code__.co_filename
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f" ({file}, line {lines[-1]})" if lines else ""


def _nothing(target: str, base: Path) -> str:
    if any(mark.isspace() for mark in target.strip()):
        return f"{target!r} reads like a sentence, which needs a planner (`orrery run` asks one); {_FORMS}"
    files = [path.name for path in base.iterdir() if path.suffix in (".yaml", ".yml", ".py")] if base.is_dir() else []
    hint = suggestion(target, files) if files else f"there is no such file in {base}"
    return f"{target!r} names nothing that can be run: {_FORMS}; {hint}"


def _stored(path: Path, target: str) -> Workflow:
    try:
        text = path.read_bytes()
    except OSError as error:
        raise RequestError(f"{target!r} cannot be read: {error.strerror}; {_beside(path, ('.json',))}") from error
    try:
        graph = graph_from_json(text)
    except GraphError as error:
        placed = [msgspec.structs.replace(problem, place=f"{target}: {problem.place}") for problem in error.problems]
        raise GraphError(placed) from error
    return Workflow(path.stem, graph, inputs_of(graph), source=target)


def _beside(path: Path, suffixes: tuple[str, ...]) -> str:
    if not path.parent.is_dir():
        return f"there is no folder {str(path.parent)!r}"
    return suggestion(path.name, [entry.name for entry in path.parent.iterdir() if entry.suffix in suffixes])


def _flow(target: str, place: str, name: str, base: Path) -> HasWorkflow:
    if place.endswith(".py") and not (base / place).is_file():
        raise RequestError(f"{target!r}: there is no file {place!r}; {_beside(base / place, ('.py',))}")
    module = code.load(place, base)
    flows = _flows_of(module)
    if not name:
        if len(flows) != 1:
            what = f"it holds {', '.join(sorted(flows))}" if flows else "it holds none"
            raise RequestError(f"{target!r} does not say which flow is meant: {what}; write {target}:NAME")
        return next(iter(flows.values()))
    try:
        found = code.attribute(module, name, target)
    except OperationError as error:
        raise RequestError(f"{target!r}: there is no flow {name!r} in it; {suggestion(name, flows)}") from error
    if not _has_workflow(found):
        what = "a function without @flow" if inspect.isfunction(found) else f"a {type(found).__name__}"
        raise RequestError(f"{target!r} is {what}, not a flow; {suggestion(name, flows)}")
    return found


def _flows_of(module: ModuleType) -> dict[str, HasWorkflow]:
    """Its flows; where it has none, whatever else says what its workflow is."""
    found = {name: thing for name, thing in vars(module).items() if _has_workflow(thing)}
    return {name: thing for name, thing in found.items() if isinstance(thing, Flow)} or found


def _has_workflow(thing: Any) -> TypeGuard[HasWorkflow]:
    return not isinstance(thing, type) and callable(getattr(thing, "workflow", None))
