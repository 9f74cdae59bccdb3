"""Repair of malformed calls: the tool that was meant, its arguments by their right names and in their right types.

A model, or a person in a hurry, writes `readFile(file="a.txt")` for `files.read(path="a.txt")`. What is meant is
found by rules that can each be said in a sentence, and every change is told. A call that is right is left as it is.
Where two readings are near, none is chosen; a misspelt name never becomes a tool that may do more than another near it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Protocol, get_args, get_origin

import msgspec

from orrery.errors import AmbiguousNameError, ArgumentError, UnknownNameError
from orrery.graph import Effects, refs_in
from orrery.tools.hints import WayOut, seen
from orrery.tools.tool import Tool
from orrery.tools.words import stem, words_of

AnyTool = Tool[..., Any]

NEAR, CLEARLY = 0.8, 0.06
"""How like a known name a misspelt one must be (1 is equal), and how much more than every other."""
_IN_SIGHT = 0.65
_NEAR_ARGUMENT = 0.75
"""Lower than for tools: the names are shorter, and what comes of it is checked."""
_KINDS = ("pure", "idempotent", "keyed", "once")
_WRAPPERS = ("args", "arguments", "input", "inputs", "kwargs", "parameters", "params")
_PREFIXES = ("functions", "function", "tools", "tool", "default_api")
_UNITS = ("_s", "_bytes", "_ms")

ALIASES: Mapping[str, str] = {
    "bash": "shell.script",
    "cat": "files.read",
    "code_interpreter": "python.run",
    "curl": "http.get",
    "delete_file": "files.remove",
    "execute_python": "python.run",
    "fetch": "http.get",
    "find_files": "files.glob",
    "list_files": "files.glob",
    "python": "python.run",
    "python_repl": "python.run",
    "rm": "files.remove",
    "run_command": "shell.run",
    "run_python": "python.run",
    "sh": "shell.script",
    "wget": "http.download",
}
"""Names that other systems gave to such tools → ours."""

ARGUMENT_ALIASES: tuple[frozenset[str], ...] = tuple(
    frozenset(group.split())
    for group in (
        "path file filename file_path filepath file_name pathname",
        "content contents text data body value",
        "url uri link href address endpoint",
        "pattern glob regex regexp expression",
        "command cmd argv",
        "code source program script snippet",
        "text string content input body",
        "sql query statement",
        "folder directory dir root cwd base",
        "source src from from_path origin input_path",
        "target destination dest dst to to_path output output_path",
        "most limit max max_results maximum top count n",
        "records rows items data entries",
        "values data numbers",
        "algorithm algo method hash",
        "old find search from",
        "new replacement replace replace_with to",
        "encoding charset",
        "headers header",
        "params parameters query query_params",
        "json payload body data",
        "env environment variables",
        "timeout_s timeout seconds timeout_seconds",
        "separator sep delimiter",
        "prompt question message",
        "model model_name",
        "title caption heading",
    )
)
"""Argument names that mean the same; what a tool itself calls it decides."""


class Repaired(msgspec.Struct, frozen=True):
    """A call that passes its tool's check; `changes` says, in sentences, what was changed to get there."""

    name: str
    args: dict[str, Any]
    changes: tuple[str, ...] = ()


class Tools(Protocol):
    """What is known by name: the registry of tools, or a dict."""

    def __iter__(self) -> Iterator[str]: ...

    def __contains__(self, name: object, /) -> bool: ...

    def get(self, name: str, /) -> AnyTool | None:
        """The tool of that name."""


def repair(name: str, args: Any, tools: Tools, *, drop_unknown: bool = False, asked: Effects | None = None) -> Repaired:
    """The call that was meant.

    Args:
        name: the tool's name as it was written.
        args: its arguments as they were written: a map, or JSON text that holds one; a `Ref` may stand for a value.
        tools: what may be called.
        drop_unknown: leave arguments out that the tool does not have; otherwise they are an error.
        asked: the widest effects that the asker had in mind; a tool that does more is refused.

    Raises:
        UnknownNameError: no tool has such a name, or one near it.
        AmbiguousNameError: several have.
        ArgumentError: the arguments do not fit, and no rule says how they would.
    """
    changes: list[str] = []
    known = _name(name, tools, changes)
    tool = tools.get(known)
    assert tool is not None
    if asked is not None and _danger(tool.effects) > _danger(asked):
        raise ArgumentError(
            f"{name!r} was to be no more than {asked.kind}, but {known!r} is {tool.effects.kind}; name the tool exactly"
        )
    given = _unwrapped(args, tool, changes)
    if tool.check(given):
        given = _renamed(given, tool, changes)
        given = _retyped(given, tool, changes)
        if drop_unknown:
            for unknown in [key for key in given if key not in tool.hints]:
                del given[unknown]
                changes.append(f"{unknown!r} was left out: {known} has no such argument")
        problems = tool.check(given)
        if problems:
            raise ArgumentError("\n".join(map(str, problems)), problems)
    return Repaired(known, given, tuple(changes))


def _name(written: str, tools: Tools, changes: list[str]) -> str:
    """The name of the tool that was meant. Raises UnknownNameError, AmbiguousNameError."""
    if written in tools:
        return written
    names = sorted(tools)
    for because, found in _readings(written, names):
        if len(found) == 1:
            changes.append(f"the tool {written!r} is {found[0]!r}: {because}")
            return found[0]
        if found:
            raise AmbiguousNameError("tool", written, found)
    return _nearest(written, names, tools, changes)


def _readings(written: str, names: list[str]) -> Iterator[tuple[str, list[str]]]:
    """What a name may stand for, by one rule after another: why, and which."""
    plain = _letters(written)
    yield "only case and separators differ", [name for name in names if _letters(name) == plain]
    bare = written.strip().removesuffix("()")
    for prefix in _PREFIXES:
        rest = re.sub(rf"^{prefix}[._:/]+", "", bare, flags=re.IGNORECASE)
        if rest != written:
            yield "what stands around it is no part of a name", [n for n in names if _letters(n) == _letters(rest)]
    alias = ALIASES.get("_".join(words_of(written)))
    yield "it is known by that name elsewhere", [alias] if alias in names else []
    stems = {stem(word) for word in words_of(written)}
    yield "it has the same words", [n for n in names if len(stems) > 1 and {stem(w) for w in words_of(n)} == stems]
    yield "only one tool is called so", [n for n in names if _letters(n.rpartition(".")[2]) == plain]


def _nearest(written: str, names: list[str], tools: Tools, changes: list[str]) -> str:
    plain = _letters(written)
    ranked = sorted(((_likeness(plain, _letters(name)), name) for name in names), key=lambda pair: (-pair[0], pair[1]))
    if not ranked or ranked[0][0] < NEAR:
        raise UnknownNameError("tool", written, names)
    likeness, best = ranked[0]
    near = [name for like, name in ranked if like >= likeness - CLEARLY]
    if len(near) > 1:
        raise AmbiguousNameError("tool", written, near)
    safer = [name for like, name in ranked[1:] if like >= _IN_SIGHT and _wider(best, name, tools)]
    if safer:
        raise AmbiguousNameError("tool", written, [best, *safer])
    changes.append(f"the tool {written!r} is {best!r}: no other name is near it")
    return best


def _wider(name: str, other: str, tools: Tools) -> bool:
    """Whether one tool may do more than another."""
    one, two = tools.get(name), tools.get(other)
    return one is not None and two is not None and _danger(one.effects) > _danger(two.effects)


def _danger(effects: Effects) -> tuple[int, bool]:
    """An order of effects: what is harder to take back is higher."""
    return _KINDS.index(effects.kind), bool(effects.writes)


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _likeness(one: str, other: str) -> float:
    # autojunk would ignore letters that are frequent in long names.
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _unwrapped(args: Any, tool: AnyTool, changes: list[str]) -> dict[str, Any]:
    """The arguments as a map of their own, taken out of text and of what was put around them."""
    if isinstance(args, str):
        found = _json(args) if args.strip() else {}
        if not isinstance(found, dict):
            raise ArgumentError(f"tool {tool.name!r}: expected a map of arguments, got {seen(args)}")
        changes.append("the arguments came as JSON text")
        args = found
    if args is None:
        return {}
    if not isinstance(args, Mapping):
        raise ArgumentError(f"tool {tool.name!r}: expected a map of arguments, got {seen(args)}")
    given = dict(args)
    if len(given) == 1:
        ((wrapper, inner),) = given.items()
        inner = _json(inner) if isinstance(inner, str) else inner
        if wrapper in _WRAPPERS and wrapper not in tool.hints and isinstance(inner, Mapping):
            changes.append(f"the arguments stood inside {wrapper!r}")
            return dict(inner)
    return given


def _renamed(given: dict[str, Any], tool: AnyTool, changes: list[str]) -> dict[str, Any]:
    """The arguments under the names that the tool has for them, where exactly one is meant."""
    free = [name for name in tool.hints if name not in given]
    wanted: dict[str, str] = {}
    for rule in (_same_letters, _same_meaning, _nearly_same):
        for unknown in [name for name in given if name not in tool.hints and name not in wanted]:
            left = [name for name in free if name not in wanted.values()]
            found = rule(unknown, left)
            # An argument that must be given is meant before one that may be left out.
            found = [name for name in found if name in tool.required] or found
            if len(found) > 1:
                found = [name for name in found if _fits(tool, name, given[unknown])]
            if len(found) == 1:
                wanted[unknown] = found[0]
                changes.append(f"the argument {unknown!r} is {found[0]!r}")
    return {wanted.get(name, name): value for name, value in given.items()}


def _same_letters(unknown: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if _letters(name) == _letters(unknown)]


def _same_meaning(unknown: str, names: Iterable[str]) -> list[str]:
    plain = "_".join(words_of(unknown)) or unknown
    forms = {unknown.casefold(), plain, *(unknown.casefold() + unit for unit in _UNITS)}
    groups = [group for group in ARGUMENT_ALIASES if group & forms]
    return [name for name in names if name in forms or any(name in group for group in groups)]


def _nearly_same(unknown: str, names: Iterable[str]) -> list[str]:
    plain = _letters(unknown)
    ranked = sorted(((_likeness(plain, _letters(name)), name) for name in names), reverse=True)
    if not ranked or ranked[0][0] < _NEAR_ARGUMENT:
        return []
    return [name for likeness, name in ranked if likeness >= ranked[0][0] - CLEARLY]


def _retyped(given: dict[str, Any], tool: AnyTool, changes: list[str]) -> dict[str, Any]:
    """The arguments with values of the type that is wanted, where there is one plain way to it."""
    fitted: dict[str, Any] = {}
    for name, value in given.items():
        if name not in tool.hints or not _faults(tool, name, value):
            fitted[name] = value
        elif value is None and name not in tool.required:
            changes.append(f"the argument {name!r} was nothing, so its default counts")
        else:
            way = _way(tool, name, value)
            fitted[name] = value if way is None else way[0]
            if way is not None:
                changes.append(f"the argument {name!r}: {way[1]}")
    return fitted


def _fits(tool: AnyTool, name: str, value: Any) -> bool:
    return not _faults(tool, name, value) or _way(tool, name, value) is not None or value is None


def _faults(tool: AnyTool, name: str, value: Any) -> bool:
    return any(problem.code == "argument/type" for problem in tool.check({name: value}) if problem.argument == name)


def _way(tool: AnyTool, name: str, value: Any) -> tuple[Any, str] | None:
    """Another form of the value that fits, and what was done; None where there is none."""
    if _has_way_out(tool.hints[name]):
        return None  # the tool itself says what to do, because guessing would go wrong
    for form, said in _FORMS:
        found = form(tool, name, value)
        if found is not None and not _faults(tool, name, found):
            return found, said
    return None


def _has_way_out(hint: Any) -> bool:
    return get_origin(hint) is Annotated and any(isinstance(note, WayOut) for note in get_args(hint)[1:])


def _from_json(_tool: AnyTool, _name: str, value: Any) -> Any:
    return _json(value) if isinstance(value, str) else None


def _from_word(_tool: AnyTool, _name: str, value: Any) -> Any:
    words = {"yes": True, "on": True, "y": True, "true": True, "no": False, "off": False, "n": False, "false": False}
    return words.get(value.strip().casefold()) if isinstance(value, str) else None


def _from_number(_tool: AnyTool, _name: str, value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d+(\.0*)?\s*", value):
        return int(float(value))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return None


def _as_text(_tool: AnyTool, _name: str, value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    plain = isinstance(value, dict | list) and next(refs_in(value), None) is None
    try:
        return json.dumps(value, ensure_ascii=False) if plain else None
    except (TypeError, ValueError):
        return None


def _as_list(_tool: AnyTool, _name: str, value: Any) -> Any:
    return None if value is None or isinstance(value, list | tuple | dict) else [value]


def _as_list_of_one_map(_tool: AnyTool, _name: str, value: Any) -> Any:
    return [value] if isinstance(value, dict) else None


def _only_item(_tool: AnyTool, _name: str, value: Any) -> Any:
    return value[0] if isinstance(value, list | tuple) and len(value) == 1 else None


def _choice(tool: AnyTool, name: str, value: Any) -> Any:
    """The one of the allowed words that differs in case or separators only."""
    schema = tool.parameters["properties"].get(name, {})
    allowed = [word for part in (schema, *schema.get("anyOf", ())) for word in part.get("enum", ())]
    same = [word for word in allowed if isinstance(value, str) and _letters(str(word)) == _letters(value)]
    return same[0] if len(same) == 1 else None


_FORMS: tuple[tuple[Callable[[AnyTool, str, Any], Any], str], ...] = (
    (_choice, "one of its words, written otherwise"),
    (_from_json, "its JSON text was read"),
    (_from_word, "a word for true or false was read"),
    (_from_number, "a whole number was read"),
    (_only_item, "the only item of a list was taken"),
    (_as_list, "it became a list of one"),
    (_as_list_of_one_map, "it became a list of one"),
    (_as_text, "it became text"),
)


def _json(text: str) -> Any:
    """What a JSON text holds; None where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
