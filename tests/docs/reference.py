"""The parts of the reference pages that are made from the code.

Such a part stands between `<!-- made from NAME -->` and `<!-- end -->`; all else on a page is written by hand.
`python -m tests.docs.reference` writes them anew, and the tests say when that is needed.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

import orrery
from orrery.scheduler import events, states
from tests.docs import frames

PAGES = Path(__file__).parents[2] / "docs" / "reference"
PART = re.compile(r"(?<=<!-- made from )(?P<name>.+?) -->\n.*?(?=<!-- end -->)", re.DOTALL)

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "Writing a workflow": ("flow", "task", "tool", "when", "ask", "text", "load"),
    "Running it": ("run", "arun", "resume", "aresume", "Result", "Session", "Context"),
    "Graphs as values": ("Graph", "Task", "Edge", "Ref", "Expr", "Retry", "Patch"),
    "Errors": ("OrreryError", "Failure"),
}
"""Every public name but `__version__`, in the order in which a reader wants them."""


def whole(page: str) -> str:
    """A page with all its made parts as they should be."""
    return PART.sub(lambda found: f"{found['name']} -->\n\n{MAKERS[found['name']]()}\n\n", page)


def steps_of_a_task() -> str:
    """The diagram of a task's states."""
    return f"```mermaid\n{states.diagram()}\n```"


def table_of_steps() -> str:
    """What each step means, and where it may lead."""
    rows = []
    for step in states.Step:
        ways = [f"{source.value} → {target.value}" for (source, taken), target in states.STEPS.items() if taken is step]
        rows.append(f"| `{step.name.lower()}` | {step.value} | {', '.join(ways)} |")
    return "\n".join(["| step | because | from → to |", "|---|---|---|", *rows])


def events_from_outside() -> str:
    """The events that reach the scheduler."""
    return _table(kind for kind in _events() if not issubclass(kind, events.Decision))


def decisions() -> str:
    """The events that the scheduler concludes."""
    return _table(kind for kind in _events() if issubclass(kind, events.Decision))


def parts_of_events() -> str:
    """The values that events carry and that are defined beside them."""
    return _table((events.RunOptions, events.Budget, events.GrowthCaps, events.Usage))


def public_names() -> str:
    """Every public name of the package, by families."""
    parts = []
    for family, names in FAMILIES.items():
        parts.append(f"## {family}")
        for name in names:
            thing = getattr(orrery, name)
            parts.append(f"### `{name}`\n\n```python\n{_signature(name, thing)}\n```\n\n{_described(thing)}")
            parts.extend(_members(thing))
    return "\n\n".join(parts)


def _events() -> tuple[type[events.Event], ...]:
    return events.AnyEvent.__args__


def _table(kinds: Iterable[type[msgspec.Struct]]) -> str:
    rows = []
    for kind in kinds:
        fields = ", ".join(_parameter(*field) for field in _fields(kind) if field[0] != "at")
        shown = f"`{fields}`".replace("|", r"\|") if fields else ""
        rows.append(f"| `{kind.__name__}` | {_first_paragraph(kind)} | {shown} |")
    return "\n".join(["| name | what it says | fields |", "|---|---|---|", *rows])


def _fields(kind: type[msgspec.Struct]) -> list[tuple[str, str, Any]]:
    hints: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        hints |= vars(base).get("__annotations__", {})
    defaults = {field.name: _default(field) for field in msgspec.structs.fields(kind)}
    return [(name, hints[name], defaults[name]) for name in kind.__struct_fields__]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return inspect.Parameter.empty if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _parameter(name: str, hint: object, default: Any) -> str:
    shown = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    shown = shown.replace("msgspec.Raw", "encoded value")
    if default is inspect.Parameter.empty:
        return f"{name}: {shown}" if shown else name
    if isinstance(default, msgspec.Raw):
        default = msgspec.msgpack.decode(default)
    elif isinstance(default, msgspec.Struct) and default == type(default)():
        return f"{name}: {shown} = {type(default).__name__}()"
    return f"{name}: {shown} = {default!r}"


def _signature(name: str, thing: Any) -> str:
    if isinstance(thing, type) and issubclass(thing, msgspec.Struct):
        given = [_parameter(*field) for field in _fields(thing)]
        back = ""
    elif isinstance(thing, type) and issubclass(thing, Exception):
        return f"class {name}(Exception)"
    else:
        signature = inspect.signature(thing)
        given = _parameters(signature)
        back = "" if isinstance(thing, type) else f" -> {signature.return_annotation}"
    line = f"{name}({', '.join(given)}){back}"
    return line if len(line) <= 100 else "\n".join([f"{name}(", *(f"    {one}," for one in given), f"){back}"])


def _parameters(signature: inspect.Signature) -> list[str]:
    given: list[str] = []
    last: Any = inspect.Parameter.POSITIONAL_OR_KEYWORD
    for one in signature.parameters.values():
        if last is one.POSITIONAL_ONLY and one.kind is not last:
            given.append("/")
        if one.kind is one.KEYWORD_ONLY and last not in (one.KEYWORD_ONLY, one.VAR_POSITIONAL):
            given.append("*")
        stars = "*" if one.kind is one.VAR_POSITIONAL else "**" if one.kind is one.VAR_KEYWORD else ""
        given.append(stars + _parameter(one.name, "" if one.annotation is one.empty else one.annotation, one.default))
        last = one.kind
    return given


def _described(thing: Any) -> str:
    """A docstring as Markdown: its sections become lists."""
    lines = []
    for line in (inspect.getdoc(thing) or "").splitlines():
        section = re.fullmatch(r"(Args|Raises|Returns):(.*)", line)
        item = re.match(r"    ([\w, *]+): (.*)", line)
        if section:
            title = {"Args": "Takes", "Raises": "Raises", "Returns": "Returns"}[section[1]]
            lines.append(f"{title}:{section[2]}" + ("" if section[2] else "\n"))
        elif item:
            lines.append(f"- `{item[1]}`: {item[2]}")
        elif line.startswith("  * "):
            lines.append(("" if lines[-1].startswith("- ") else "\n") + "- " + line[4:])
        else:
            lines.append(line if not line.startswith("     ") else "  " + line.strip())
    return "\n".join(lines)


def _members(thing: Any) -> list[str]:
    if not isinstance(thing, type) or issubclass(thing, Exception):
        return []
    rows = []
    for name, member in vars(thing).items():
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if name.startswith("_") or not (inspect.isfunction(function) or isinstance(member, property)):
            continue
        if isinstance(member, property):
            call = name
        else:
            bound = _parameters(inspect.signature(function))
            given = bound if isinstance(member, staticmethod) else bound[1:]
            call = f"{'await ' * inspect.iscoroutinefunction(function)}{name}({', '.join(given)})"
        rows.append(f"| `{call}` | {_first_paragraph(member)} |".replace(" | None", r" \| None"))
    return ["\n".join(["| it has | what you get |", "|---|---|", *rows])] if rows else []


def _first_paragraph(thing: Any) -> str:
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


MAKERS: Mapping[str, Callable[[], str]] = {
    "orrery.scheduler.states.STEPS": steps_of_a_task,
    "orrery.scheduler.states.Step": table_of_steps,
    "orrery.scheduler.events.AnyEvent": events_from_outside,
    "orrery.scheduler.events.Decision": decisions,
    "orrery.scheduler.events": parts_of_events,
    "orrery": public_names,
    "orrery.fleet.messages": frames.frames,
    "orrery.fleet.profile": frames.parts,
}

if __name__ == "__main__":
    for path in PAGES.glob("*.md"):
        page = path.read_text(encoding="utf-8")
        if whole(page) != page:
            path.write_text(whole(page), encoding="utf-8")
            print(f"{path.name} is new")
