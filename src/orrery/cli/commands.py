"""Which commands there are, and how their words become a call.

The table is all that `orrery --help` needs, so help is instant; a command's own module, and the parser, are
imported when it is called.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

from orrery.errors import MissingExtraError, RequestError, UnknownNameError

if TYPE_CHECKING:
    from cyclopts import App


class Command(NamedTuple):
    """One command: the function that does it, one line about it, and its heading in the overview."""

    function: str
    summary: str
    heading: str


RUNNING, LOOKING, STEERING, FLEET, MORE = "Run", "Look", "Steer", "Fleet", "More"

COMMANDS: dict[str, Command] = {
    "run": Command("orrery.cli.run:run", "Run a workflow file, a module:flow, or a request in quotes", RUNNING),
    "resume": Command("orrery.cli.run:resume", "Go on with a run whose process died or was stopped", RUNNING),
    "plan": Command("orrery.cli.plan:plan", "Show the graph of a workflow or a request, and run nothing", RUNNING),
    "explain": Command("orrery.cli.explain:explain", "Say what a workflow would take, and what would save", RUNNING),
    "demo": Command("orrery.cli.demo:demo", "Run a real workflow on this machine, to see how it looks", RUNNING),
    "ui": Command("orrery.cli.ui:ui", "Show runs on a web page, live, and act there", LOOKING),
    "runs": Command("orrery.cli.runs:runs", "List the runs in the store", LOOKING),
    "show": Command("orrery.cli.show:show", "Show one run, or the story of one of its tasks", LOOKING),
    "watch": Command("orrery.cli.watch:watch", "Watch a run on the terminal while it goes on, and steer it", LOOKING),
    "trace": Command("orrery.cli.trace:trace", "Draw when each task ran, and what the run waited for", LOOKING),
    "replay": Command("orrery.cli.replay:replay", "Decide a run again from its log, and compare", LOOKING),
    "approve": Command("orrery.cli.steer:approve", "Answer a task that waits for a person", STEERING),
    "cancel": Command("orrery.cli.steer:cancel", "End a run: what runs is stopped, nothing new starts", STEERING),
    "edit": Command("orrery.cli.edit:edit", "Change what has not started of a run, while it goes on", STEERING),
    "pause": Command("orrery.cli.steer:pause", "Start nothing new in a run", STEERING),
    "continue": Command("orrery.cli.steer:carry_on", "Go on with a paused run", STEERING),
    "hub": Command("orrery.cli.hub:hub", "Be the hub of a fleet: devices join it, runs find them", FLEET),
    "device": Command("orrery.cli.device:device", "Let this machine work for a hub", FLEET),
    "devices": Command("orrery.cli.devices:devices", "List the devices, or say who may be one", FLEET),
    "tools": Command("orrery.cli.tools:tools", "List the tools, or describe one", MORE),
    "models": Command("orrery.cli.models:models", "List the models that can be asked, or simulate some", MORE),
    "bench": Command("orrery.cli.bench:bench", "Measure this installation", MORE),
    "completion": Command("orrery.cli.completion:completion", "Print or install tab completion for a shell", MORE),
}
_COMPLETING = "__complete"
"""The word with which a completion script asks back, as the parser defines it."""


def overview() -> str:
    """What `orrery` alone prints."""
    width = max(40, min(100, shutil.get_terminal_size().columns))
    lines = ["orrery: run workflows as graphs that survive crashes and explain themselves", ""]
    lines.append("  orrery COMMAND [OPTIONS]     orrery COMMAND --help says more about one")
    for heading in dict.fromkeys(command.heading for command in COMMANDS.values()):
        lines += ["", heading]
        for name, command in COMMANDS.items():
            if command.heading == heading:
                line = f"  {name:<11} {command.summary}"
                lines.append(line if len(line) <= width else line[: width - 3] + "...")
    lines += [
        "",
        "Everywhere",
        "  --store URL where runs are kept; $ORRERY_STORE, else sqlite:///.orrery/runs.db",
        "  --debug     show the traceback of an error",
        "  --version   print the version",
        "",
        "RUN is a run's name, the beginning of one, or 'last'.",
    ]
    return "\n".join(lines)


def parser() -> App:
    """The parser of all commands. Raises MissingExtraError."""
    try:
        import rich  # noqa: F401 - its absence is to be noticed here
        from cyclopts import App, Parameter
    except ImportError as error:
        raise MissingExtraError("cli", needed_for="the command line") from error
    app = App(
        name="orrery",
        help="Run workflows as graphs that survive crashes and explain themselves.",
        help_format="plaintext",
        version_flags=(),
        default_parameter=Parameter(negative=(), show_default=False),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    for name, command in COMMANDS.items():
        app.command(command.function, name=name)
    return app


def call(words: list[str]) -> int:
    """Carry out a command line and return the exit status.

    Raises:
        MissingExtraError, UnknownNameError: there is no parser, or no such command.
        RequestError: the words do not fit the command.
    """
    app = parser()
    if words[0] not in COMMANDS and words[0] not in (_COMPLETING, "--help", "-h"):
        if words[0].startswith("-"):
            raise RequestError(f"there is no option {words[0]!r} before a command; `orrery --help` lists the commands")
        raise UnknownNameError("command", words[0], COMMANDS)
    from cyclopts import CycloptsError

    try:
        status = app(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        raise RequestError(f"{error}\n`orrery {words[0]} --help` lists what it takes") from error
    return status if isinstance(status, int) else 0
