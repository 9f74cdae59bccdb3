"""The tables of the fleet's frames, made from the types and from what their docstrings say of each field."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any, get_args, get_type_hints

import msgspec

from orrery.errors import Failure
from orrery.fleet.messages import AnyFrame, Frame, Held, Source
from orrery.fleet.profile import DeviceView, Load, Offer, Profile
from orrery.graph.place import Place
from orrery.graph.task import Effects

USUAL = {
    "work": "the attempt",
    "key": "the task, whatever the attempt",
    "run": "the run that it belongs to",
    "task": "its name in the run",
    "attempt": "which attempt, from 1",
    "op": "the tool",
    "fence": "the fencing token of the lease",
    "version": "of the protocol",
    "features": "what is spoken besides",
    "message": "for people",
    "because": "for people: why",
    "profile": "what the device is",
    "role": "what who dialled is",
    "versions": "of the protocol, the best first",
    "session": "its name",
    "max_frame_bytes": "the largest message that the hub takes in",
    "received": "the number of the last frame that arrived",
    "id": "the same in question and answer",
    "answer": "this is the answer",
    "at": "the hub's clock, in what a hub answers",
    "retryable": "the connection, or the matter, goes on",
    "device": "which device",
    "note": "for people: what it is doing",
    "fraction": "from 0 to 1",
    "failure": "of one that failed",
    "effect": "what is known of its effect",
    "ended_at": "when it ended, by the hub's clock",
    "money": "spent, in the budget's currency",
    "tokens": "of models, spent",
    "cpu_s": "seconds of processors, spent",
    "forget": "its result was kept, and may be dropped",
    "slots": "tasks that may be held at once",
    "stream": "a transfer of bytes",
    "upto": "up to this offset",
    "load": "how busy the device is",
    "dropped": "digests that are not there any more",
    "devices": "those of a hub",
    "deadline": "when what runs must have ended, by the hub's clock",
    "step": "which step of the transfer",
    "digest": "SHA-256 in hexadecimal",
    "offset": "where the data begin, or are wanted from",
    "size_bytes": "of the whole",
    "media": "what the bytes are",
    "data": "the bytes",
    "ticket": "leave to fetch, from the hub",
    "error": "why it was stopped",
    "phase": '"queued", "running", "done" (its result is kept) or "broken" (its effect is unknown)',
    "url": "where; empty: through the hub",
    "description": "for people and models",
    "name": "its name",
    "parameters": "JSON Schema of the arguments",
    "effects": "what it does to the world",
    "cpu": "share of the processors in use",
    "memory_free_bytes": "free memory",
    "disk_free_bytes": "free disk",
    "failed": "attempts that did not end well",
    "held_bytes": "size of the blobs that it holds",
    "host": "the machine's own name",
    "retry_after_s": "when it may be tried again",
    "type": "the class of the error",
    "bases": "the classes above it, nearest first",
    "severity": "whether trying again may help",
    "cause": "what led to it",
    "detail": "more for people, such as a traceback",
    "reads": 'what it reads, such as "file:a.csv"',
    "writes": "what it writes",
    "kind": "which kind of effect",
    "reason": "why",
}
"""Fields that say the same wherever they stand, and need no word of their own in a docstring."""
OTHERS = {
    ("Assign", "args"): "the arguments, a map",
    ("Assign", "effects"): "what it does to the world, which decides what may be done when its fate is unknown",
    ("Assign", "seen_on"): (
        "the device that accepted it before the hub or the client lost its memory; `*`: some device may have, and the "
        "client was not told"
    ),
    ("Reject", "reason"): "the code, below",
    ("Reject", "retry_after_s"): "when to ask again; if absent, never",
    ("Result", "status"): "how it ended; `lost`: it vanished, with its process or its device",
    ("Result", "value"): "of one that succeeded",
    ("Desired", "version"): "grows; a lower one than before is old news",
    ("State", "dropped"): "digests that are not there any more",
    ("Profile", "version"): "counts the changes; a profile with a lower one is stale",
    ("Place", "on"): "names of devices, one of which it must be; empty means any",
    ("Place", "apart"): "names of devices, none of which it may be",
    ("Held", "digest"): "as it was in the Assign",
    ("Error", "error"): "the code, below",
    ("Error", "retry_after_s"): "when to come again",
    ("Failure", "code"): "stable, where it is an error of Orrery",
    ("Artifact", "stream"): "a name for the transfer, chosen by the receiver",
    ("Artifact", "digest"): 'of the blob, in "open"',
    ("Artifact", "size_bytes"): 'of the whole, in "close"',
    ("Hello", "features"): "what is spoken besides",
    ("State", "held"): "the attempts that are known",
    ("State", "holds"): "the blobs that are held",
}
HEAD = "| field | form | if absent | what it says |\n|---|---|---|---|\n"
BLOB = """\
| `digest` | text |  | SHA-256 of the bytes in hexadecimal |
| `size_bytes` | integer |  | their number |
| `media` | text | application/octet-stream | what they are |"""


def frames() -> str:
    """Each frame: what it says, and its fields."""
    return "\n\n".join(_frame(kind) for kind in get_args(AnyFrame))


def parts() -> str:
    """What frames carry and what has fields of its own."""
    kinds: tuple[type[msgspec.Struct], ...] = (Held, Source, Place, Failure, Profile, Offer, Effects, Load, DeviceView)
    shown = [f"### `{kind.__name__}`\n\n{_rows(kind)}" for kind in kinds]
    return "\n\n".join(
        [*shown, f"### `Blob`\n\n| field | form | if absent | what it says |\n|---|---|---|---|\n{BLOB}"]
    )


def _frame(kind: type[Frame]) -> str:
    first, *more = (inspect.getdoc(kind) or "").partition("\nArgs:")[0].strip().split("\n\n")
    numbered = "numbered" if kind.sequenced else "not numbered"
    text = "\n\n".join([first, *more])
    return f"### `{kind.__struct_config__.tag}`\n\n{text}\n\n*{numbered}*\n\n{_rows(kind)}"


def _rows(kind: type[msgspec.Struct]) -> str:
    hints, said = get_type_hints(kind), _said(kind)
    rows = []
    for field in msgspec.structs.fields(kind):
        if field.name in ("seq", "extra", "beside"):
            continue
        text = OTHERS.get((kind.__name__, field.name)) or said.get(field.name) or USUAL.get(field.name, "")
        default = "" if field.required else _default(field)
        rows.append(f"| `{field.name}` | {_form(hints[field.name], field.name)} | {default} | {text} |")
    return HEAD + "\n".join(rows)


def _said(kind: type[msgspec.Struct]) -> dict[str, str]:
    _, _, args = (inspect.getdoc(kind) or "").partition("\nArgs:\n")
    said: dict[str, str] = {}
    for item in re.findall(r"^    (\w+: .*(?:\n        .*)*)", args, re.MULTILINE):
        name, _, text = " ".join(item.split()).partition(": ")
        said[name] = text.removesuffix(".").replace("|", r"\|")
    return said


def _default(field: msgspec.structs.FieldInfo) -> str:
    default: Any = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if isinstance(default, bytes):
        return "empty" if default == b"" else "`{}`" if default == b"\x80" else "`null`"
    if default is None:
        return "nothing"
    if isinstance(default, tuple | dict) or (isinstance(default, msgspec.Struct) and default == type(default)()):
        return " ".join(map(str, default)) if isinstance(default, tuple) and default else "empty"
    if isinstance(default, bool):
        return "no"
    return f"{default:g}" if isinstance(default, float) else str(default) or "empty"


def _form(hint: Any, name: str) -> str:
    if name in ("args", "value"):
        return "value"
    if name in ("apart", "on"):
        return "list of text"
    plain = {int: "integer", float: "number", str: "text", bool: "yes or no", bytes: "bytes"}
    if hint in plain:
        return plain[hint]
    inner = [one for one in get_args(hint) if one is not type(None)]
    if getattr(hint, "__origin__", None) is tuple:
        return f"list of {_form(inner[0], '')}"
    if inner and all(isinstance(one, str) for one in inner):
        return "one of " + ", ".join(f"`{one}`" for one in inner)
    if len(inner) == 1:
        return _form(inner[0], "")
    return "map" if inner else f"`{hint.__name__}`"


def missing() -> Iterable[str]:
    """Fields of which the page would say nothing."""
    for table in (frames(), parts()):
        yield from re.findall(r"^\| `(\w+)` \|.*\|  \|$", table, re.MULTILINE)
