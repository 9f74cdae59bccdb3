"""`orrery edit`: a person changes what has not started of a run, whichever process drives it."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from orrery.cli import DID_NOT_SUCCEED, SUCCEEDED
from orrery.cli.ask import somebody_is_there
from orrery.cli.editor import Draft
from orrery.cli.faults import problem_lines
from orrery.cli.options import Json, RunName, Store, command
from orrery.cli.screen import err, out, say, write_json
from orrery.errors import (
    GraphError,
    OrreryError,
    PatchRefused,
    Problem,
    ProblemsError,
    RequestError,
    RunEndedError,
    suggestion,
)
from orrery.graph.codec import from_json, to_plain
from orrery.graph.graph import Graph
from orrery.graph.patch import Drop, Patch
from orrery.graph.rebase import rebased
from orrery.journal import Journal
from orrery.runtime import remote
from orrery.runtime.directory import find_run, open_existing
from orrery.runtime.history import fold
from orrery.runtime.person import me
from orrery.scheduler import events as ev
from orrery.telling.printable import printable
from orrery.telling.scene import Scene, addition, difference, graph_of

STDIN = "-"
HOLD_S = 600.0
ANSWER_S = 30.0
"""How long the process that drives the run may take to answer; it looks four times a second."""


def edit(
    run: RunName,
    /,
    *,
    patch: Annotated[str | None, Parameter(name="--patch", allow_leading_hyphen=True)] = None,
    drop: Annotated[list[str] | None, Parameter(name="--drop", negative=())] = None,
    because: str = "",
    hold: Annotated[list[str] | None, Parameter(name="--hold", negative=())] = None,
    hold_seconds: float = HOLD_S,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative=())] = False,
    json: Json = False,
    store: Store = None,
) -> int:
    """Change what has not started of a run: in an editor, or by --patch and --drop.

    Shows the difference and asks before anything is sent. An edit that touches what has started is refused whole.
    While the editor is open the run goes on, but does not end.

    Args:
        patch: A file with the change, or - for stdin: tasks in the text form of graphs, which are added or take the
            place of those of their names, or a graph or a patch as JSON.
        drop: A task to take out, with its edges; once for each.
        because: The reason, for the log.
        hold: A task that is not to start while the editor is open; once for each.
        hold_seconds: How long the run is held at the most while the editor is open; 0 holds nothing.
        dry_run: Show the difference and whether it would be taken, and send nothing.
        yes: Send it without asking.
    """
    if not hold_seconds >= 0 or hold_seconds == float("inf"):
        raise RequestError(f"--hold-seconds is zero or a number of seconds, not {hold_seconds:g}")
    if hold and (patch is not None or drop):
        raise RequestError("--hold is for the time while an editor is open; --patch and --drop open none")
    journal = open_existing(store)
    try:
        name = find_run(journal, run)
        editing = _Editing(journal, name, store, because, dry_run=dry_run, yes=yes, as_json=json)
        try:
            if patch is None and not drop:
                return editing.in_editor(tuple(hold or ()), hold_seconds)
            return editing.by_words(patch, tuple(drop or ()))
        except (GraphError, PatchRefused) as error:
            if json:
                editing.tell("refused", Patch(), error.problems)
            raise
    finally:
        journal.close()


class _Foreseen(NamedTuple):
    """A change that would be taken: the patch for the graph as it is now, and that graph."""

    patch: Patch
    graph: Graph


class _Editing:
    """One change to one run, from where it is said to what becomes of it."""

    def __init__(
        self, journal: Journal, run: str, store: str | None, because: str, *, dry_run: bool, yes: bool, as_json: bool
    ) -> None:
        self.journal, self.run, self.store = journal, run, store
        self.name = f"edit-{secrets.token_hex(4)}"
        # The name tells this patch from every other in the log, so that its fate can be found there.
        self.because = f"{because} ({self.name})" if because else self.name
        self.dry_run, self.yes, self.as_json = dry_run, yes, as_json
        self.scene = self._look()

    def _look(self) -> Scene:
        machine = fold(self.journal, self.run).machine
        if machine.state != "running":
            raise RunEndedError(f"run {self.run!r} has ended ({machine.state}); there is nothing left to edit")
        return Scene(machine)

    # -- where the change comes from ------------------------------------------------------------------

    def by_words(self, source: str | None, dropped: Sequence[str]) -> int:
        """Make the change that the command line says."""
        if not (self.yes or self.dry_run) and (source == STDIN or not somebody_is_there()):
            raise RequestError("nobody is there to be asked; --yes sends the change, --dry-run only shows it")
        change = Patch() if source is None else self._read(source)
        foreseen = self._foresee(Patch((*change.edits, *map(Drop, dropped))))
        if not foreseen.patch.edits:
            return self._nothing()
        self._show(foreseen)
        if self.dry_run:
            return self.tell("dry-run", foreseen.patch)
        if not self.yes and self._ask("send it?", "y: yes, n: no", "yn") == "n":
            return self.tell("given up", foreseen.patch)
        return self._send(foreseen.patch)

    def _read(self, source: str) -> Patch:
        """The change in a file or on stdin. Raises GraphError, RequestError."""
        try:
            text = sys.stdin.read() if source == STDIN else Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RequestError(f"{source} cannot be read: {error}") from error
        if not text.strip():
            raise RequestError(f"there is nothing in {'what came on stdin' if source == STDIN else source}")
        if text.lstrip().startswith("{"):
            found = from_json(text)
            return found if isinstance(found, Patch) else found.as_patch()
        return addition(text, self.scene, source="" if source == STDIN else source)

    def in_editor(self, held: Sequence[str], seconds: float) -> int:
        """Let the person make the change in an editor, until it can be sent or is given up."""
        for task in held:
            if task not in self.scene.graph:
                raise RequestError(f"run {self.run!r} has no task {task!r}; {suggestion(task, self.scene.graph.tasks)}")
        draft = Draft(self.run, self.scene.text())
        is_kept = True
        try:
            with self._held(held, seconds):
                status, is_kept = self._edit(draft)
        except OrreryError as error:
            is_kept = draft.says_something
            if is_kept:
                error.add_note(f"what you wrote is in {draft.path}")
            raise
        finally:
            if not is_kept:
                draft.done()
        if is_kept:
            print(f"what you wrote is in {draft.path}", file=sys.stderr)
        return status

    def _held(self, tasks: Sequence[str], seconds: float) -> AbstractContextManager[object]:
        return remote.hold(self.journal, self.run, self.name, tasks, seconds=seconds) if seconds else nullcontext()

    def _edit(self, draft: Draft) -> tuple[int, bool]:
        """The exit status, and whether the person's text is still of use."""
        refused: ProblemsError | None = None
        while True:
            is_other_text = draft.edit()
            if not draft.says_something:
                return self._nothing(), False
            if refused is not None and not is_other_text:
                raise refused
            try:
                foreseen, refused = self._foresee(self.scene.patch(draft.text)), None
                if not foreseen.patch.edits:
                    return self._nothing(), False
                self._show(foreseen)
                if self.dry_run:
                    return self.tell("dry-run", foreseen.patch), True
                answer = "y" if self.yes else self._ask("send it?", "y: yes, n: no, e: edit it again", "yne")
                if answer == "y":
                    status = self._send(foreseen.patch)
                    return status, status != SUCCEEDED
                if answer == "n":
                    return self.tell("given up", foreseen.patch), True
            except (GraphError, PatchRefused) as error:
                if not somebody_is_there():
                    raise
                refused, lines = error, problem_lines(error)
                for line in lines:
                    print(line, file=sys.stderr)
                if self._ask("edit it again?", "y: yes, n: no", "yn") == "n":
                    raise
                draft.complain(lines)

    # -- what becomes of it ---------------------------------------------------------------------------

    def _foresee(self, change: Patch) -> _Foreseen:
        """The change for the run as it is now. Raises PatchRefused, with every reason, if it would not be taken."""
        machine = self._look().machine
        now = graph_of(machine)
        change = msgspec.structs.replace(change, by=me(), because=self.because)
        patch = rebased(change, self.scene.graph, now)
        if patch.edits:
            said = machine.handle(ev.GraphPatched(time.time(), patch))  # a copy of the run: only to hear its answer
            if isinstance(said, ev.PatchRejected):
                raise PatchRefused(said.problems)
        return _Foreseen(patch, now)

    def _send(self, patch: Patch) -> int:
        since = self.journal.head(self.run)
        said = remote.say(self.journal, self.run, ev.GraphPatched(time.time(), patch))
        problems = remote.fate(self.journal, self.run, patch, since=since, wait_s=ANSWER_S)
        if problems is None:
            return self.tell("unanswered", patch)
        if problems:
            raise PatchRefused(problems)
        return self.tell("sent" if said == "sent" else "written", patch)

    def _nothing(self) -> int:
        return self.tell("nothing", Patch())

    def _show(self, foreseen: _Foreseen) -> None:
        console = self._console()
        for line in difference(foreseen.graph, foreseen.patch):
            say(console, Text(printable(line), "green" if line.startswith("+") else "red"))

    def _console(self) -> Console:
        return err() if self.as_json else out()

    def tell(self, outcome: str, patch: Patch, problems: Iterable[Problem] = ()) -> int:
        """Say how it ended, and return the exit status."""
        if self.as_json:
            found: dict[str, Any] = {"run": self.run, "outcome": _OUTCOMES[outcome].word}
            found |= {"edits": to_plain(patch)["edits"], "because": self.because}
            found["problems"] = [msgspec.to_builtins(problem) for problem in problems]
            write_json(found)
        elif _OUTCOMES[outcome].sentence:
            say(out(), f"run {self.run} {_OUTCOMES[outcome].sentence.format(again=self._again())}")
        return _OUTCOMES[outcome].status

    def _again(self) -> str:
        return command(f"resume {self.run}", self.store)

    def _ask(self, question: str, hint: str, letters: str) -> str:
        """One of the letters, as the person answers; the end of the input is a no."""
        while True:
            print(f"{question}  ({hint}) ", end="", file=sys.stderr, flush=True)
            line = sys.stdin.readline()
            if not line:
                return "n"
            word = line.strip().lower()[:1]
            if word and word in letters:
                return word


class _Outcome(NamedTuple):
    word: str
    sentence: str
    status: int = SUCCEEDED


_OUTCOMES = {
    "nothing": _Outcome("nothing", "stays as it is: nothing was changed"),
    "dry-run": _Outcome("would-be-taken", "would take the change; nothing was sent"),
    "given up": _Outcome("given-up", "stays as it is: the change was not sent", DID_NOT_SUCCEED),
    "sent": _Outcome("taken", "has taken the change, and goes on with it"),
    "written": _Outcome("taken", "has taken the change; nobody drives it: `{again}` goes on"),
    "refused": _Outcome("refused", ""),
    "unanswered": _Outcome(
        "unanswered",
        f"has not answered within {ANSWER_S:g} s; it takes the change in when its process wakes up, or at `{{again}}`",
        DID_NOT_SUCCEED,
    ),
}
