"""Approval: may this call happen by itself, must a person be asked, or never?

The default policy reads what a tool declares. Reading and computing are allowed, and so are files made new
inside the run's folder. What replaces, removes, leaves the folder, is hidden, runs a program, sends something
out, may not be done twice, or lets others do all that, is asked for. What would touch keys, Orrery's own store, or
a folder that everything stands in, is refused.

What is asked for becomes a task for a person in front of the call: `asked_first`.

A call may be judged before its run, when a `Ref` stands where a value will be. What is written to an unknown
place is judged as the worst a person could agree to: it is asked for. A file that is only read is allowed all
the same: what is read leaves the run by another call, which is judged too. But fetching from an address that is known
counts as reading, though an address can carry data out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePath
from typing import Any, Literal, Protocol

import msgspec

from orrery.errors import Failure
from orrery.graph import Add, Edge, Edit, Effects, Expr, Link, Task, TaskId, Template, refs_in
from orrery.tools.key_servers import key_server
from orrery.tools.tool import Tool

Word = Literal["allow", "ask", "refuse"]

_UNKNOWN = "*"
"""What `Tool.effects_for` puts where a value is not known yet."""
_PROGRAMS = ("shell.", "python.")
_REMOVERS = frozenset({"files.remove"})
_SECRET_NAMES = frozenset(
    {".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store", ".netrc", ".pgpass", ".git-credentials"}
    | {".npmrc", ".pypirc", ".env", "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"}
)
_SECRET_FOLDERS = (".config/gh", ".config/gcloud", ".local/share/keyrings")
_SECRET_FILES = frozenset({"/etc/shadow", "/etc/gshadow", "/etc/sudoers"})
_PROCESS_SECRETS = frozenset({"environ", "mem", "maps", "auxv", "root", "cwd", "fd"})
_SHOWN_CHARS = 80
ON_YES = Expr("result != false")
"""On what an edge from a question to a person fires: not after a denial, and not after an answer of `false`."""


class Verdict(msgspec.Struct, frozen=True):
    """What may be done with a call, and why, in a sentence for a person.

    Args:
        is_blind: it might be a refusal if a value were known that is not known yet.
    """

    word: Word
    because: str
    is_blind: bool = False


class Approval(Protocol):
    """A policy that judges calls; `judge` is the default one."""

    def __call__(self, tool: Tool[..., Any], args: Mapping[str, Any], folder: Path, /) -> Verdict:
        """The verdict on one call.

        Args:
            tool: what would be called.
            args: with what; a `Ref` or a `Template` stands for a value that is not known yet.
            folder: the run's folder, against which relative paths are read.
        """


def judge(tool: Tool[..., Any], args: Mapping[str, Any], folder: Path) -> Verdict:
    """The default policy: see the head of this module. Looks at the disk, to know what exists and where links lead."""
    left_out = {name: schema.get("default") for name, schema in tool.parameters.get("properties", {}).items()}
    known = {name: value for name, value in (left_out | dict(args)).items() if next(refs_in(value), None) is None}
    effects = tool.effects_for(known)
    verdicts = [
        *_of_beginnings(effects, args, folder),
        *_of_programs(tool, known),
        *_of_leave(args),
        *(_of_reading(resource, known, folder) for resource in effects.reads),
        *(_of_writing(tool, resource, known, folder) for resource in effects.writes),
    ]
    if effects.kind in ("keyed", "once"):
        again = "must not be done twice" if effects.kind == "once" else "may change something outside the run"
        verdicts.append(Verdict("ask", f"{tool.name} {again}"))
    if verdicts:
        return strictest(verdicts)
    return Verdict("allow", f"{tool.name} only {'computes' if effects.kind == 'pure' else 'reads'}")


def strictest(verdicts: Sequence[Verdict]) -> Verdict:
    """The one that counts of several: a refusal, else what must be asked for, above all blindly; else the last."""
    grave = [verdict for verdict in verdicts if verdict.word != "allow"]
    return min(grave, key=lambda one: (one.word != "refuse", not one.is_blind)) if grave else verdicts[-1]


@dataclass(frozen=True)
class SaidYes:
    """The policy of a person who said yes beforehand (`--yes`): what would be asked is allowed, a refusal stands.

    So does a question about a file that nobody knows yet: it may turn out to be one that nobody may agree to.
    """

    approval: Approval

    def __call__(self, tool: Tool[..., Any], args: Mapping[str, Any], folder: Path, /) -> Verdict:
        """The verdict on one call."""
        verdict = self.approval(tool, args, folder)
        if verdict.word == "ask" and not verdict.is_blind:
            return Verdict("allow", f"yes was said beforehand; {verdict.because}")
        return verdict


def said_yes(approval: Approval) -> SaidYes:
    """Any policy as that of a person who said yes beforehand."""
    return SaidYes(approval)


def policy(approve: str) -> Approval:
    """The policy of a run or an agent: "yes" was said beforehand to what may be agreed to, or the default one."""
    return said_yes(judge) if approve == "yes" else judge


def asked_first(task: Task, question: Any, *, ask: TaskId, label: str = "") -> tuple[Edit, ...]:
    """The edits that add a task, and in front of it the question to a person on whose yes it depends.

    To deny is to say no, and so is an answer of `false`; see `is_no`. Nobody is asked about a task whose condition does
    not hold.

    Args:
        question: what the person reads; its references are filled in when it is asked.
        ask: the id of the task that asks.
        label: of that task.
    """
    asking = Task(ask, "ask", {"question": question}, executor="person", when=task.when, label=label)
    return Add(asking), Add(task), Link(Edge(ask, task.id, on=ON_YES))


def is_no(answer: Any) -> bool:
    """Whether what came of asking a person is no yes: a denial, nobody's answer in time, or `false`."""
    return answer is False or isinstance(answer, Failure)


def _of_beginnings(effects: Effects, args: Mapping[str, Any], folder: Path) -> Iterator[Verdict]:
    """Refusals of paths of which only the beginning is known, where that is enough."""
    if any(name.startswith("file:") for name in (*effects.reads, *effects.writes)):
        for value in args.values():
            if isinstance(value, Template) and isinstance(beginning := value.parts[0], str):
                secret = _secret(beginning, folder)
                if secret:
                    yield Verdict("refuse", f"{_short(beginning)!r} {secret}, which no run touches")


def _of_programs(tool: Tool[..., Any], known: Mapping[str, Any]) -> Iterator[Verdict]:
    if tool.name.startswith(_PROGRAMS):
        text = next((known[name] for name in ("command", "script", "code") if name in known), None)
        shown = " ".join(map(str, text)) if isinstance(text, list | tuple) else text
        what = "one that is not known yet" if shown is None else _short(str(shown))
        yield Verdict("ask", f"{tool.name} runs a program, which may do anything: {what}")


def _of_leave(args: Mapping[str, Any]) -> Iterator[Verdict]:
    """Whoever makes a call must not say by it that nobody need be asked about what comes of it."""
    goal = args.get("goal")  # of a planner, which has its own word on that
    for said in (args, goal if isinstance(goal, Mapping) else {}):
        leave = said.get("approve")
        if leave == "yes" or next(refs_in(leave), None) is not None:
            yield Verdict("ask", "it may then do, without asking, what a person would be asked about")


def _of_reading(resource: str, known: Mapping[str, Any], folder: Path) -> Verdict:
    kind, _, name = resource.partition(":")
    if kind == "net":
        if name == _UNKNOWN:
            return Verdict("ask", "it fetches from an address that is not known yet, which may carry data out")
        return _of_address(name) or Verdict("allow", f"it only fetches {_short(name)}")
    if kind != "file":
        return Verdict("allow", f"it only reads {_short(resource)}")
    # Where the declaration does not name the path, any text among the arguments could be one.
    named = [name] if name != _UNKNOWN else []
    for text in (*named, *_texts(known)):
        secret = _secret(text, folder)
        if secret:
            return Verdict("refuse", f"{_short(text)!r} {secret}, which no run reads")
    return Verdict("allow", f"it only reads {_short(name)!r}" if named else "it only reads")


def _of_address(url: str) -> Verdict | None:
    host = key_server(url)
    return Verdict("refuse", f"{host} hands out this machine's keys") if host else None


def _of_writing(tool: Tool[..., Any], resource: str, known: Mapping[str, Any], folder: Path) -> Verdict:
    kind, _, name = resource.partition(":")
    if kind == "net":
        where = "an address that is not known yet" if name == _UNKNOWN else _short(name)
        return _of_address(name) or Verdict("ask", f"it sends something to {where}")
    if kind == "memory" and name == "run":
        return Verdict("allow", "what is remembered for a run ends with it")
    if kind != "file":
        return Verdict("ask", f"it changes {_short(resource)}")
    removes = tool.name in _REMOVERS
    if name == _UNKNOWN:
        what = f"it {'removes' if removes else 'writes'} a file whose name is not known yet"
        return Verdict("ask", what, is_blind=True)
    place = _place(name, folder)
    if tool.name == "files.copy" and place is not None and place.is_dir() and "source" in known:
        name = str(Path(name) / Path(str(known["source"])).name)
        place = _place(name, folder)
    return _of_path(name, place, folder, removes=removes)


def _of_path(name: str, place: Path | None, folder: Path, *, removes: bool) -> Verdict:
    """The verdict on writing to, or removing, one path."""
    shown = repr(_short(name))
    if place is None:
        return Verdict("refuse", f"{shown} cannot be a path here")
    secret = _secret(name, folder)
    if secret:
        return Verdict("refuse", f"{shown} {secret}, which no run touches")
    home = Path(os.path.realpath(folder))
    users = Path(os.path.realpath(os.path.expanduser("~")))  # a Path would raise without a home
    for whole, called in ((home, "the run's own folder"), (users, "the home folder")):
        if whole.is_relative_to(place):
            return Verdict("refuse", f"{shown} is {called}, or holds it")
    if removes:
        return Verdict("ask", f"it removes {shown}")
    if not place.is_relative_to(home):
        return Verdict("ask", f"{shown} lies outside the run's folder")
    if any(part.startswith(".") for part in place.relative_to(home).parts):
        return Verdict("ask", f"{shown} is hidden, and such files may be run unseen, as hooks of git are")
    if os.path.lexists(place):
        return Verdict("ask", f"it replaces {shown}, which exists")
    return Verdict("allow", f"{shown} is new and inside the run's folder")


def _place(name: str, folder: Path) -> Path | None:
    """Where a path leads in the end, links followed; None where it cannot be one."""
    try:
        return Path(os.path.realpath(folder / Path(name).expanduser()))
    except (OSError, RuntimeError, ValueError):  # a name too long, a user nobody knows, a NUL character
        return None


def _secret(name: str, folder: Path) -> str:
    """What makes a path one that holds secrets; empty where nothing does. Its name before links counts, and after."""
    place = _place(name, folder)
    if place is None:
        return ""
    written = Path(os.path.normpath(folder / Path(name).expanduser()))
    for path, base in ((written, folder), (place, Path(os.path.realpath(folder)))):
        # A run whose own folder lies below such a name is there because somebody put it there.
        parts = [part.casefold() for part in (path.relative_to(base) if path.is_relative_to(base) else path).parts]
        if ".orrery" in parts:
            return "is Orrery's own store"
        for depth, part in enumerate(parts, 1):
            if part in _SECRET_NAMES or (depth < len(parts) and _finds_secrets(part)):
                return f"lies in {part!r}, where keys are kept"
        if any(f"/{secret}/" in f"{path}/" for secret in _SECRET_FOLDERS):
            return "lies where keys are kept"
    if str(place) in _SECRET_FILES:
        return "holds the passwords of this machine"
    if place.parts[1:2] == ("proc",) and not _PROCESS_SECRETS.isdisjoint(place.parts[2:]):
        return "shows the inside of a process"
    return ""


def _finds_secrets(pattern: str) -> bool:
    """Whether a pattern may stand for a folder of keys. It finds hidden names only if it begins with a dot itself."""
    return pattern.startswith(".") and any(fnmatch(name, pattern) for name in _SECRET_NAMES)


def _texts(value: Any) -> Iterator[str]:
    """Every text among the arguments that is short enough to be a path."""
    match value:
        case str() | PurePath():
            if len(str(value)) < 4096:
                yield str(value)
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list() | tuple():
            for inner in value:
                yield from _texts(inner)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else line[:_SHOWN_CHARS] + "..."
