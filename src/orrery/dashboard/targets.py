"""Targets: what may be started or explained from the dashboard, the workflows of its folder, and their forms.

Loading a target may run its author's code. So only what lies below the folder is loaded, or what somebody started in a
terminal before: a token of the dashboard does not reach the rest of the machine.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from orrery.dashboard import begun
from orrery.dashboard.begun import Field, Form, Workflows
from orrery.errors import CorruptionError, FlowError, OrreryError, ProblemsError, RequestError
from orrery.journal import Journal
from orrery.models.call import default_model
from orrery.planners import planners
from orrery.scheduler.events import RunStarted
from orrery.telling.plain import plain
from orrery.telling.printable import printable
from orrery.workflow import code, load_target
from orrery.workflow.workflow import UNSET, InputSpec, Workflow

MOST_WORKFLOWS, MOST_ENTRIES, MOST_DEPTH = 200, 20_000, 6
MOST_BYTES = 1 << 20
"""A larger file is not looked at for whether it is a workflow."""
_PASSED_OVER = frozenset({"node_modules", "venv", "env", "site-packages", "__pycache__", "build", "dist", "target"})
_HAS_TASKS = re.compile(rb"^tasks[ \t]*:", re.MULTILINE)


def folder_of(journal: Journal, folder: Path, target: str) -> Path | None:
    """The folder from which a target may be loaded; None where it may not be.

    Args:
        folder: below which workflow files, graphs and scripts may be.
    """
    named = _script_of(target) or target
    if named.endswith((".yaml", ".yml", ".json", ".py")) and "\0" not in named:
        home = os.path.realpath(folder)
        path = os.path.realpath(os.path.join(home, named))
        if Path(path).is_relative_to(home) and os.path.isfile(path):
            return folder
    for run in reversed(journal.runs()):
        if run.target == target and run.events and (begun_in := _folder_of_run(journal, run.run, folder)) is not None:
            return begun_in
    return None


def _script_of(target: str) -> str:
    """The path of the script that a target names, without the flow in it; "" where it names none."""
    return next((place for place in (target, target.rpartition(":")[0]) if place.endswith(".py")), "")


def _folder_of_run(journal: Journal, run: str, otherwise: Path) -> Path | None:
    """The folder in which a run began, `otherwise` where its log has none; None where that cannot be used any more."""
    try:
        _, started = next(journal.read(run))
    except CorruptionError:
        return None
    place = Path(started.folder) if isinstance(started, RunStarted) and started.folder else otherwise
    return place if place.is_dir() else None


def load(journal: Journal, folder: Path, target: str) -> Workflow:
    """The workflow of a target, of which the author's code may be run.

    Raises:
        RequestError: it may not be loaded from here.
        WorkflowFileError, GraphError, FlowError, ModelSettingsError: it cannot be read.
    """
    home = folder_of(journal, folder, target)
    if home is None:
        raise not_from_here(target, folder)
    if script := _script_of(target):
        code.forget_if_changed(home / script)  # it may have been loaded days ago
    try:
        return load_target(target, home)
    except (SystemExit, KeyboardInterrupt) as error:  # on a thread of a server no key was pressed: it is the code's own
        raise FlowError(f"the code of {printable(target)!r} would end the program: {error!r}") from error


def form(journal: Journal, folder: Path, target: str) -> Form:
    """What a workflow is called and which inputs it takes. Raises what `load` raises."""
    workflow = load(journal, folder, target)
    fields = tuple(_field(spec) for spec in workflow.inputs.values())
    return Form(target, workflow.name, workflow.description, fields)


def not_from_here(target: str, folder: Path) -> RequestError:
    """Why a target is not loaded."""
    return RequestError(
        f"{printable(target)[:200]!r} cannot be loaded from here: it is no file below {folder}, and no run of the "
        "store was started from it in a folder that is there; `orrery run` in a terminal takes any"
    )


def workflows(folder: Path) -> Workflows:
    """The workflow files below a folder, and the planners, the usual one first."""
    found = tuple(_workflow(folder, path) for path, _ in zip(_files(folder), range(MOST_WORKFLOWS), strict=False))
    usual = "rules" if default_model() is None else "llm"
    names = sorted(planners.names(), key=lambda name: (name != usual, name))
    return Workflows(str(folder), found, tuple(names))


def _workflow(folder: Path, path: Path) -> begun.Workflow:
    target = path.relative_to(folder).as_posix()
    try:
        return begun.Workflow(target, load_target(target, folder).name)
    except ProblemsError as error:
        return begun.Workflow(target, problem=str(error.problems[0]) if error.problems else str(error))
    except OrreryError as error:
        return begun.Workflow(target, problem=str(error))


def _files(folder: Path) -> Iterator[Path]:
    """Files that look like workflows, those of a folder before those of the folders in it."""
    waiting, seen = [(folder, 0)], 0
    for place, depth in waiting:
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError:  # it is closed to us, or gone
            continue
        for entry in entries:
            seen += 1
            if seen > MOST_ENTRIES:
                return
            if entry.name.startswith(".") or entry.name in _PASSED_OVER or not entry.name.isprintable():
                continue
            path = Path(entry.path)
            if entry.is_dir(follow_symlinks=False):
                if depth < MOST_DEPTH and not os.path.exists(path / "pyvenv.cfg"):
                    waiting.append((path, depth + 1))
            elif entry.name.endswith((".yaml", ".yml")) and _is_workflow(entry):
                yield path


def _is_workflow(entry: os.DirEntry[str]) -> bool:
    try:
        return (
            entry.is_file(follow_symlinks=False)
            and entry.stat().st_size <= MOST_BYTES
            and _HAS_TASKS.search(Path(entry.path).read_bytes()) is not None
        )
    except OSError:
        return False


def _field(spec: InputSpec) -> Field:
    kind = "" if spec.type == "any" else spec.type
    default = None if spec.default is UNSET else plain(spec.default)
    return Field(spec.name, kind, spec.required, default, spec.description)


__all__ = ["folder_of", "form", "load", "not_from_here", "workflows"]
