"""Export: a run as data that can be kept, sent and read again, see `Exported`.

It has what the log has, and nothing of the machine that it was made on: no secret is in a log, and no environment.
Values are cut as they are on the page. What would make it very large is left out, and `notes` says so.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

import msgspec

from orrery import __version__
from orrery.dashboard.account import account_of
from orrery.dashboard.board import Board
from orrery.dashboard.happenings import MOST_LOGS, events_of
from orrery.dashboard.panel import outputs_of, panel_of
from orrery.dashboard.past import past_of
from orrery.dashboard.rows import Change, Events, TaskPanel, Timeline, Told, Value
from orrery.dashboard.spectator import Spectator
from orrery.dashboard.spending import spending_of
from orrery.dashboard.timeline import timeline_of
from orrery.dashboard.weighed import Exported, File
from orrery.dashboard.wholes import whole_of
from orrery.errors import OrreryError, RequestError
from orrery.scheduler.events import TaskProgressed

FORMAT, VERSION = "orrery-run", 1
MOST_TASKS = 100_000
MOST_EVENTS = 50_000
"""The newest."""
MOST_PANELS, MOST_PANEL_BYTES = 1_000, 8 << 20
MOST_FILE_BYTES = 16 << 20
"""Of all images together, before they are written in base64."""
_PRESSING = ("failed", "asking", "running", "retrying", "cancelled")
_AS_A_PAGE_QUOTES = "-_.!~*'()"


def export_of(board: Board, run: str) -> Exported:
    """A run as it stands.

    Raises:
        UnknownRunError, CorruptionError, StoreError, ReplayDivergedError: it cannot be read.
        RequestError: it has too many tasks for one file.
    """
    spectator = Spectator(board.journal, run)  # of its own, so that all of it is of one moment
    spectator.catch_up()
    tasks = len(spectator.machine.records)
    if tasks > MOST_TASKS:
        raise RequestError(f"run {run!r} has {tasks:,} tasks; a file is made of at most {MOST_TASKS:,}")
    change, timeline = spectator.changed_after(0), timeline_of(spectator)
    events = events_of(spectator, before=change.seq + 1, most=MOST_EVENTS)
    notes = [f"of {change.seq:,} events the last {MOST_EVENTS:,} are in the file"] if events.more else []
    panels = dict(_panels(spectator, _in_order_of_interest(change, timeline), _logs(events)))
    if len(panels) < tasks:
        notes.append(f"of {tasks:,} tasks, {len(panels):,} are told of in all detail")
    outputs = outputs_of(spectator)
    files = dict(_files(spectator, outputs, panels))
    images = sum(1 for _ in _images(outputs, panels))
    if len(files) < images:
        notes.append(f"of {images:,} images, {len(files):,} are in the file")
    return Exported(
        FORMAT,
        VERSION,
        time.time(),
        __version__,
        tuple(notes),
        change,
        timeline,
        past_of(spectator),
        events,
        outputs,
        spending_of(account_of(board.journal, run)),
        panels,
        files,
    )


def json_of(found: Exported) -> bytes:
    """The run as JSON, on lines of its own for whoever reads it or compares two."""
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"


def file_name(run: str) -> str:
    """What a file with a run is called, without its ending: the run's name, as far as a file may bear it."""
    return "".join(one if one.isalnum() or one in "-_." else "-" for one in run).strip(".-") or "run"


def _in_order_of_interest(change: Change, timeline: Timeline) -> Iterable[str]:
    """The tasks: first what is wrong or goes on, then what the run waited for and what it returns, then all others."""
    names = [row.id for row in change.tasks if row.state in _PRESSING]
    names += [task for task, _ in reversed(timeline.critical)]
    names += [task for sources in (change.outputs or {}).values() for task in sources]
    return dict.fromkeys(names + [row.id for row in change.tasks])


def _logs(events: Events) -> dict[str, tuple[Told, ...]]:
    """What the attempts of each task said, the newest last."""
    found: dict[str, list[Told]] = {}
    for one in events.events:
        if one.task and one.type == TaskProgressed.__name__:
            found.setdefault(one.task, []).append(one)
    return {task: tuple(said[-MOST_LOGS:]) for task, said in found.items()}


def _panels(
    spectator: Spectator, tasks: Iterable[str], logs: Mapping[str, tuple[Told, ...]]
) -> Iterator[tuple[str, TaskPanel]]:
    """What is told of single tasks, as many as there is room for."""
    known, room = spectator.machine.records, MOST_PANEL_BYTES
    for task in [task for task in tasks if task in known][:MOST_PANELS]:
        panel = panel_of(spectator, task, logs=logs.get(task, ()))
        room -= len(msgspec.json.encode(panel))
        if room < 0:
            return
        yield task, panel


def _images(outputs: dict[str, Value], panels: dict[str, TaskPanel]) -> Iterator[tuple[str, str]]:
    """Every image that is shown whole: ("output", its name) or ("task", whose result it is)."""
    yield from (("output", name) for name, value in outputs.items() if value.kind == "image")
    yield from (("task", task) for task, panel in panels.items() if panel.output and panel.output.kind == "image")


def _files(spectator: Spectator, outputs: dict[str, Value], panels: dict[str, TaskPanel]) -> Iterator[tuple[str, File]]:
    """The images, by the address at which the page asks for them."""
    room = MOST_FILE_BYTES
    for kind, name in _images(outputs, panels):
        task, output = (name, "") if kind == "task" else ("", name)
        value = panels[name].output if kind == "task" else outputs[name]
        if value is None or value.size_bytes > room:
            continue
        try:
            found = whole_of(spectator, task, output, "", "")
        except OrreryError:  # it is lost; the page says so, as it would by itself
            continue
        room -= len(found.content)
        address = f"/runs/{_quoted(spectator.run)}/value?{kind}={_quoted(name)}"
        yield address, File(found.media, base64.b64encode(found.content).decode())


def _quoted(text: str) -> str:
    """As encodeURIComponent writes it."""
    return quote(text, safe=_AS_A_PAGE_QUOTES)


__all__ = ["export_of", "file_name", "json_of"]
