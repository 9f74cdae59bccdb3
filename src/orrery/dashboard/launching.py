"""Launching: runs that are begun from the dashboard, each a process of its own that outlives it.

What is started is `orrery run` or `orrery resume` with words of ours, never through a shell; a target is one that lies
below the folder, or from which a run of the store was started. The output lies in `.orrery/started/`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from orrery.dashboard.begun import Begun, Start
from orrery.dashboard.targets import folder_of, not_from_here
from orrery.errors import (
    InputError,
    NotBegunError,
    OutsideError,
    Problem,
    RequestError,
    RunEndedError,
    RunExistsError,
    RunLockedError,
    RunNameError,
    SlowStartError,
    StoreError,
    UnknownNameError,
    UnknownRunError,
)
from orrery.graph.values import decode, encode
from orrery.journal import Journal
from orrery.journal.protocol import RunSummary, checked_run_name
from orrery.planners import planners
from orrery.runtime.session import new_run_name
from orrery.scheduler.events import GraphPatched, RunStarted

if TYPE_CHECKING:
    from orrery.fleet.hubs import HubAddress

ORRERY = (sys.executable, "-P", "-m", "orrery")
"""-P: what lies in the folder under the name of a module of ours, or of Python's, is not that module."""
BEGIN_S = 60.0
_LOOK_EVERY_S = 0.05
MOST_TARGET_CHARS = 20_000
_MOST_SAID = 4000
_CODE = r" \[(?P<code>[a-z][a-z0-9/-]*)\]$"
_SENTENCE = re.compile(r"^error: (?P<message>[^\0]+?)" + _CODE, re.MULTILINE)
_PROBLEM = re.compile(r"^(?!error: )(?P<place>.+?): (?P<message>.+)" + _CODE, re.MULTILINE)
_STATES_TO_GO_ON_WITH = ("running", "paused")


class Launcher:
    """Begins runs in a folder.

    Args:
        journal: where they appear.
        store: its URL, for the processes.
        folder: where they run, and below which workflows lie.
        hub: of the fleet that they use; its token travels in the environment.
        program: what is started, before the words of the command line.
    """

    def __init__(
        self,
        journal: Journal,
        store: str,
        folder: Path,
        hub: HubAddress | None = None,
        *,
        program: Sequence[str] = ORRERY,
    ) -> None:
        self._journal, self._store, self._folder, self._hub = journal, store, folder, hub
        self._program = program
        self._under_way: set[str] = set()
        self._lock = threading.Lock()

    def start(self, asked: Start) -> Begun:
        """Begin a run, and return once it is in the store.

        Raises:
            RunNameError, RunExistsError: it cannot have that name, or there is one already.
            UnknownNameError: there is no such planner.
            RequestError: the target is not one that may be started from here.
            NotBegunError: its command said that it cannot, such as for its inputs.
            OutsideError, SlowStartError: its process ended, or did not begin in time.
        StoreError: nothing can be written in the folder.
        """
        run = checked_run_name(asked.run or new_run_name())
        if run in (".", ".."):  # a browser takes them for a step in an address, so no page could show it
            raise RunNameError(f"{run!r} cannot name a run that a page shows; take another name")
        if asked.planner and asked.planner not in planners:
            raise UnknownNameError("planner", asked.planner, planners.names())
        return self._start(run, asked, self._folder_of(asked.target))

    def again(self, run: str) -> Begun:
        """Begin a new run of the target and the inputs of another, with its limits and its seed.

        Raises what `start` raises, and RequestError where the run cannot be started again by a command.
        """
        with self._once(f"again {run}"):
            started = _beginning(self._journal, run)
            budget, options = started.options.budget, started.options
            asked = Start(
                started.target,
                _as_json(decode(started.inputs)),
                budget_money=budget.money,
                budget_tokens=budget.tokens,
                budget_wall_s=budget.wall_s,
            )
            words = [f"--seed={options.seed}", *(["--fail-fast"] if options.fail_fast else [])]
            folder = Path(started.folder) if Path(started.folder).is_dir() else self._folder
            return self._start(checked_run_name(new_run_name()), asked, folder, words)

    def resume(self, run: str) -> Begun:
        """Let a process go on with a run, and return once it does.

        Raises:
            UnknownRunError, RunEndedError, RunLockedError: there is nothing to go on with.
            NotBegunError, OutsideError, SlowStartError: as of `start`.
        """
        summary = self._journal.summary(run)
        if summary.state not in _STATES_TO_GO_ON_WITH:
            raise RunEndedError(f"run {run!r} has ended ({summary.state}); there is nothing to go on with")
        if summary.live:
            raise RunLockedError(f"run {run!r} is being driven by another process already")
        with self._once(run), _room_in(self._folder):
            before = summary.events
            words = ["resume", f"--store={self._store}", "--", run]
            self._launch(words, run, self._folder, lambda now: now.live or now.events > before)
        return Begun(run)

    # -- processes ------------------------------------------------------------------------------------

    def _start(self, run: str, asked: Start, folder: Path, words: Sequence[str] = ()) -> Begun:
        with self._once(run), _room_in(self._folder):
            if (found := _found(self._journal, run)) is not None and (found.events or found.live):
                raise RunExistsError(f"there is a run {run!r} already; choose another name")
            inputs = self._path(run, "json")
            try:
                if asked.inputs:
                    _write(inputs, json.dumps(asked.inputs).encode())
                said = [*_words(run, self._store, asked, inputs if asked.inputs else None), *words, "--", asked.target]
                self._launch(said, run, folder, lambda now: now.events > 0)
            finally:
                inputs.unlink(missing_ok=True)
        return Begun(run)

    def _launch(self, words: Sequence[str], run: str, folder: Path, has_begun: Callable[[RunSummary], bool]) -> None:
        """Start a command of ours, and wait until it shows in the store."""
        output = self._path(run, "log")
        with _opened(output) as log:
            process = subprocess.Popen(
                [*self._program, *words],
                cwd=folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        threading.Thread(target=process.wait, name=f"reap {process.pid}", daemon=True).start()
        until = time.monotonic() + BEGIN_S
        while True:
            status = _status(process)
            if (found := _found(self._journal, run)) is not None and has_begun(found) and status in (None, 0, 1):
                return
            if status is not None:
                raise _not_begun(status, output)
            if time.monotonic() > until:
                raise SlowStartError(f"run {run!r} has not begun within {BEGIN_S:g} s; what it said is in {output}")

    def _environment(self) -> dict[str, str]:
        named = {} if self._hub is None else {"ORRERY_HUB": self._hub.url, "ORRERY_HUB_TOKEN": self._hub.token}
        return {**os.environ, **named, "PYTHONUNBUFFERED": "1"}

    @contextmanager
    def _once(self, key: str) -> Iterator[None]:
        """Whatever has this key is begun once at a time: a second click does not begin a second run."""
        with self._lock:
            if key in self._under_way:
                raise RunExistsError("that is being begun already")
            self._under_way.add(key)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(key)

    def _path(self, run: str, suffix: str) -> Path:
        """A file about a run that is begun here; whatever its name is, that of the file is plain."""
        name = quote(run, safe=" ")
        if len(name) > 100 or name.startswith("."):
            name = f"{name[:60].strip('.')}-{hashlib.sha256(run.encode()).hexdigest()[:16]}"
        return self._folder / ".orrery" / "started" / f"{name}.{suffix}"

    # -- targets --------------------------------------------------------------------------------------

    def _folder_of(self, target: str) -> Path:
        """Where a target is run. Raises RequestError if it may not be."""
        if not target.strip() or "\0" in target:
            raise RequestError("say what to run: a workflow file, or a request in plain words")
        if len(target) > MOST_TARGET_CHARS:
            raise RequestError(f"what to run is said in at most {MOST_TARGET_CHARS:,} characters; put more into a file")
        if any(mark.isspace() for mark in target.strip()) and not os.path.exists(self._folder / target):
            return self._folder  # a request in plain words
        folder = folder_of(self._journal, self._folder, target)
        if folder is None:
            raise not_from_here(target, self._folder)
        return folder


def _words(run: str, store: str, asked: Start, inputs: Path | None) -> list[str]:
    """The command that begins a run, without its target. No value of it is taken for an option."""
    words = ["run", f"--run={run}", f"--store={store}"]
    given = (
        ("inputs", inputs),
        ("planner", asked.planner or None),
        ("budget-money", asked.budget_money),
        ("budget-tokens", asked.budget_tokens),
        ("budget-wall", asked.budget_wall_s),
    )
    words += [f"--{name}={value}" for name, value in given if value is not None]
    return words + [f"--{name}" for name, is_set in (("optimise", asked.optimise), ("yes", asked.yes)) if is_set]


def _status(process: subprocess.Popen[bytes]) -> int | None:
    """The exit status of a process, waited for a little; None while it runs."""
    try:
        return process.wait(_LOOK_EVERY_S)
    except subprocess.TimeoutExpired:
        return None


def _not_begun(status: int, output: Path) -> Exception:
    """What a command said that ended without a run."""
    said = output.read_text(encoding="utf-8", errors="replace")[-_MOST_SAID:].strip()
    if status != 2:
        return OutsideError(f"its process ended with status {status}: {said or 'it said nothing'}")
    return NotBegunError(_problems(said), said.removeprefix("error: "))


def _problems(said: str) -> list[Problem]:
    """What a command finds wrong with a request: an error, each line of which is about something, or problems."""
    if (error := _SENTENCE.search(said)) is not None:
        return [Problem(error["code"], "", line) for line in error["message"].splitlines()]
    found = [Problem(one["code"], one["place"], one["message"]) for one in _PROBLEM.finditer(said)]
    return found or [Problem("not-begun", "", said or "the command said nothing")]


def _found(journal: Journal, run: str) -> RunSummary | None:
    try:
        return journal.summary(run)
    except UnknownRunError:
        return None


def _started(journal: Journal, run: str) -> RunStarted:
    for _, event in journal.read(run):
        if isinstance(event, RunStarted):
            return event
        break
    raise UnknownRunError(f"run {run!r} has a name and nothing else: its process died before it began")


def _beginning(journal: Journal, run: str) -> RunStarted:
    """How a run began. Raises UnknownRunError; RequestError if no command of ours would begin it so."""
    started = _started(journal, run)
    graph = next((event.patch for _, event in journal.read(run) if isinstance(event, GraphPatched)), None)
    tasks = [edit.task for edit in graph.edits if hasattr(edit, "task")] if graph is not None else []
    if any(getattr(task, "executor", "") == "batch" for task in tasks):
        raise RequestError(
            f"run {run!r} went over the rows of a table; `orrery run --rows` in a terminal begins another"
        )
    if not started.target:
        raise RequestError(f"run {run!r} was begun by a program that named no target, so only that can begin another")
    return started


def _as_json(inputs: Any) -> dict[str, Any]:
    """Inputs of a run for a file. Raises InputError where JSON would not hold them exactly."""
    try:
        found = json.loads(json.dumps(inputs))
        same = encode(found) == encode(inputs)
    except (TypeError, ValueError, RecursionError):
        same = False
    if not same or not isinstance(found, dict):
        raise InputError("its inputs hold values that JSON cannot, such as bytes; begin another with `orrery run`")
    return found


@contextmanager
def _room_in(folder: Path) -> Iterator[None]:
    """Nothing begins where nothing can be written, such as on a full disk. Raises StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"no run can be begun in {folder}: {error.strerror}") from error


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A new file that only its owner can read, open for writing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _write(path: Path, content: bytes) -> None:
    with _opened(path) as handle, os.fdopen(os.dup(handle), "wb") as file:
        file.write(content)


__all__ = ["Launcher"]
