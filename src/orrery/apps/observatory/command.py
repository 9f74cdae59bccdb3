"""`orrery demo`: start the observatory's run, or go on with one that was interrupted, and tell what came of it."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from orrery import Result, Session
    from orrery.apps.observatory.account import Account
    from orrery.apps.observatory.screen import Screen
    from orrery.journal import Journal
    from orrery.runtime import Run


class Wanted(NamedTuple):
    """What was asked for."""

    crash: bool
    as_json: bool
    store: str | None
    folder: Path | None

    @property
    def next_command(self) -> str:
        """The command that goes on with an interrupted run."""
        words = ["orrery", "demo"]
        words += ["--store", self.store] if self.store is not None else []
        words += ["--folder", str(self.folder)] if self.folder is not None else []
        return shlex.join(words)


def main(*, crash: bool, as_json: bool, store: str | None, folder: Path | None) -> int:
    """Run the demo over the git repository around the working folder; without one, over Orrery's own source.

    A demo of the same tree that was interrupted is resumed instead of starting a new one.

    Args:
        crash: kill this process with SIGKILL once half of what is left to do is done.
        as_json: print one JSON object last, and nothing else.
        store: the URL of the store; by default the usual one.
        folder: where the report goes; by default `.orrery/demo/RUN` in the working folder.

    Returns: 0 if the run succeeded, 1 if not.
    Raises: OrreryError: the store or the folder cannot be used.
    """
    return asyncio.run(_to_its_end(Wanted(crash, as_json, store, folder)))


async def _to_its_end(wanted: Wanted) -> int:
    from orrery import Session
    from orrery.apps.observatory import report
    from orrery.apps.observatory.account import read_account
    from orrery.apps.observatory.crash import Crash
    from orrery.apps.observatory.screen import screen_for

    screen = screen_for(as_json=wanted.as_json)

    def farewell(done: int, total: int) -> None:
        screen.end()
        screen.farewell(run.id, done, total, wanted.next_command)

    crash = Crash(farewell) if wanted.crash else None
    observers = (screen.take, crash.take) if crash is not None else (screen.take,)
    await _wake(screen)
    async with Session(wanted.store, observers=observers) as session:
        run = _begin(session, wanted, screen)
        if crash is not None:
            crash.watch(run)
        try:
            result = await run.wait()
        finally:
            screen.end()
        account = read_account(session.journal, run.id)
    if result.state == "succeeded":
        report.write(Path(result.outputs["report"]["html"]).parent, result.outputs["findings"], account)
    _tell(screen, result, account)
    return 0 if result.state == "succeeded" else 1


async def _wake(screen: Screen) -> None:
    """Start the server that the run will ask, and wait until it answers, so that no task pays for its start."""
    from orrery.apps.observatory import almanac
    from orrery.apps.observatory.flow import http_get
    from orrery.errors import MissingExtraError

    try:
        await http_get(f"{almanac.address()}/")
    except MissingExtraError as error:
        screen.say(f"nothing will be looked up: {error}")


def _begin(session: Session, wanted: Wanted, screen: Screen) -> Run:
    """The run that is to be driven: an interrupted one of the same tree, else a new one."""
    from orrery.apps.observatory.flow import observatory
    from orrery.errors import CorruptionError, ReplayDivergedError
    from orrery.runtime.session import new_run_name
    from orrery.scheduler import RunOptions

    workflow = observatory.workflow()
    root = tree_around(Path.cwd())
    name = _interrupted(session.journal, workflow.source, root, wanted.folder)
    if name is not None:
        try:
            run = session.resume(name)
        except (CorruptionError, ReplayDivergedError) as error:
            screen.say(f"run {name} was interrupted but cannot be resumed, so a new one begins: {error}")
        else:
            screen.begin(run, root, resumed=True)
            return run
    name = f"demo-{new_run_name()}"
    folder = (wanted.folder or Path(".orrery/demo") / name).resolve()
    # Whoever asks for crashes gets as many as they ask for: no task is given up for having been in flight.
    run = session.start(
        workflow, {"root": str(root), "folder": str(folder)}, run=name, options=RunOptions(max_crashes=1_000)
    )
    screen.begin(run, root, resumed=False)
    return run


def tree_around(folder: Path) -> Path:
    """The git repository that a folder lies in; without one, Orrery's own source as it is installed."""
    from orrery.apps.observatory.flow import OWN_SOURCE

    here = folder.resolve()
    for place in (here, *here.parents):
        if (place / ".git").exists():
            return place
    return OWN_SOURCE


def _interrupted(journal: Journal, source: str, root: Path, folder: Path | None) -> str | None:
    """The newest run of this workflow over the same tree that has not ended and that nobody drives."""
    for summary in reversed(journal.runs()):
        if summary.target != source or summary.live or summary.state != "running":
            continue
        for _, first in journal.read(summary.run):
            inputs = msgspec.msgpack.decode(getattr(first, "inputs", b"\x80"))
            same_folder = folder is None or str(folder.resolve()) == inputs.get("folder")
            if inputs.get("root") == str(root) and same_folder:
                return summary.run
            break
    return None


def _tell(screen: Screen, result: Result, account: Account) -> None:
    if result.state == "succeeded":
        written = result.outputs["report"]
        screen.summary(result, account, written["html"], written["markdown"])
    else:
        screen.failure(result)
