"""Options that several commands share, and what their words mean."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.completion import CompletionContext

from orrery.errors import InputError, OrreryError, RequestError
from orrery.runtime.directory import LAST, open_existing, standing, without_windows

if TYPE_CHECKING:
    from orrery.fleet.hubs import HubAddress


def _run_names(_context: CompletionContext) -> list[tuple[str, str]]:
    """The runs that tab completion offers, newest first."""
    try:
        journal = open_existing(None)
    except OrreryError:
        return []
    try:
        return [
            (LAST, "the newest run"),
            *((run.run, standing(run)) for run in reversed(without_windows(journal.runs()))),
        ][:100]
    finally:
        journal.close()


def _tool_names(_context: CompletionContext) -> list[str]:
    from orrery.tools import tools

    return tools.names()


Store = Annotated[str | None, Parameter(name="--store", help="URL of the store; $ORRERY_STORE unless given.")]
HubUrl = Annotated[
    str | None,
    Parameter(
        name="--hub",
        help="URL of the hub of a fleet; $ORRERY_HUB, or the hub of this folder, unless given.",
    ),
]
HubTokenFile = Annotated[
    Path | None,
    Parameter(name="--hub-token-file", help="The file with a client's token for it; $ORRERY_HUB_TOKEN unless given."),
]
Words = Annotated[list[str] | None, Parameter(negative=())]
"""An option that can be repeated."""
Json = Annotated[bool, Parameter(name="--json", help="Print one JSON object, last on stdout.")]
RunName = Annotated[
    str, Parameter(completer=_run_names, help="A run's name, the beginning of one, or 'last' for the newest.")
]
ToolName = Annotated[
    str | None, Parameter(completer=_tool_names, help="The tool to describe; all are listed unless given.")
]
Inputs = Annotated[
    list[str] | None,
    Parameter(
        name=("--input", "-i"), negative=(), help="An input as NAME=VALUE; a value that is no text is written as JSON."
    ),
]

InputsFile = Annotated[
    Path | None, Parameter(name="--inputs", help="A JSON file with inputs by name, each exactly as it is meant.")
]


def read_inputs(words: list[str] | None, file: Path | None = None) -> dict[str, Any]:
    """The inputs given as NAME=VALUE, and those in a file. Raises InputError with every word that is none."""
    found = {} if file is None else _inputs_in(file)
    wrong: list[str] = []
    for word in words or ():
        name, equals, value = word.partition("=")
        if not equals or not name:
            wrong.append(f"{word!r} is not an input; write it as NAME=VALUE")
        elif name in found:
            wrong.append(f"input {name!r} is given twice")
        else:
            found[name] = value
    if wrong:
        raise InputError("\n".join(wrong))
    return found


def _inputs_in(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"the inputs in {str(file)!r} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{str(file)!r} must hold a JSON object, with a value for each input by its name")
    return found


def read_resources(words: list[str] | None) -> dict[str, int]:
    """The capacities given as NAME=COUNT. Raises RequestError."""
    found: dict[str, int] = {}
    for word in words or ():
        name, _, count = word.partition("=")
        if not name or not count.isdecimal():
            raise RequestError(f"{word!r} is not a resource; write it as NAME=COUNT, such as gpu=1")
        found[name] = int(count)
    return found


def read_value(text: str | None) -> Any:
    """A value given as JSON; a text that is no JSON stands for itself, so that `--value yes` works."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def check_output(output: Path | None, target: str, table: Path | None = None) -> None:
    """Whether a picture may be written to a file: not over what it is made of. Raises RequestError.

    Args:
        target: a workflow file, or a file and the flow in it with a colon between them.
        table: whose rows are read too.
    """
    if output is None or not output.is_file():
        return
    for read in (Path(target), Path(target.rpartition(":")[0]), table):
        if read is not None and read.is_file() and read.samefile(output):
            raise RequestError(f"the picture would replace {str(output)!r}, of which it is made; name another file")


def read_skills(text: str) -> tuple[str, ...]:
    """The words of a list with commas between them. Raises RequestError."""
    from orrery.fleet.operator import checked_skills

    return checked_skills(text.split(","))


def read_hub(url: str | None, token_file: Path | None) -> HubAddress | None:
    """The hub that was named by an option; None where none was. Raises HubRefusedError, RequestError, StoreError."""
    if url is None and token_file is None:
        return None
    from orrery.fleet.hubs import find_hub

    hub = find_hub(url, token_file=token_file)
    if hub is None:
        raise RequestError("--hub-token-file says nothing without a hub: name it with --hub or ORRERY_HUB")
    return hub


def command(words: str, store: str | None, hub: str | None = None) -> str:
    """A command to type next; it names the store and the hub where those were named by hand."""
    named = [("--store", store), ("--hub", hub)]
    return " ".join([f"orrery {words}", *(f"{name} {shlex.quote(what)}" for name, what in named if what is not None)])
