"""References in workflow files: `${{ tasks.build.files[0] }}` becomes a Ref, once, while the file is read.

A text that is one reference and nothing else becomes the `Ref`, so the value keeps its type. References
inside longer text become a `Template`. In a condition, references may stand bare. Results are never searched
for references: what looks like one there is data.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, NamedTuple

from orrery.errors import ExpressionError, suggestion
from orrery.graph import INDEX, INPUTS, ITEM, Expr, Ref, Template

ROOTS = ("tasks", "inputs", "item", "index")

_HOLE = re.compile(r"(?<!\$)\$\{\{((?:(?!\$\{\{).)*?)\}\}", re.DOTALL)
_STEP = (
    r"\.(?P<name>\w+(?:-\w+)*)|\[\s*(?P<number>-?\d+)\s*\]"
    r"""|\[\s*'(?P<single>[^']*)'\s*\]|\[\s*"(?P<double>[^"]*)"\s*\]"""
)
_STEPS = re.compile(_STEP)
_UNNAMED = re.sub(r"\?P<\w+>", "?:", _STEP)
_BARE = re.compile(
    rf"""(?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|(?<![\w.])(?P<ref>(?:{"|".join(ROOTS)})\b(?:{_UNNAMED})*)"""
)


class ReferenceSyntax(Exception):
    """A reference cannot be read; the message says what is wrong with it."""


class Scope(NamedTuple):
    """What may be referred to at one place of a file."""

    tasks: Collection[str]
    inputs: Collection[str]
    items: bool = False

    def fault(self, ref: Ref) -> str | None:
        """What is wrong with a reference here; None if it refers to something."""
        if ref.task in (ITEM, INDEX):
            if not self.items:
                return f"{ref.task[1:]!r} means something only in a task with for-each"
        elif ref.task == INPUTS:
            name = str(ref.path[0])
            if name not in self.inputs:
                hint = suggestion(name, self.inputs) if self.inputs else "the workflow declares no inputs"
                return f"there is no input {name!r}; {hint}"
        elif ref.task not in self.tasks:
            return f"there is no task {ref.task!r}; {suggestion(ref.task, self.tasks)}"
        return None


def read_text(text: str) -> str | Ref | Template:
    """What a text in a workflow file stands for: itself, one reference, or text with references in it.

    `$${{` stands for a literal `${{`.

    Raises:
        ReferenceSyntax: something between `${{` and `}}` is no reference, or the end is missing.
    """
    if "${{" not in text:
        return text
    parts: list[str | Ref] = []
    at = 0
    for hole in _HOLE.finditer(text):
        parts += [_literal(text[at : hole.start()]), read_reference(hole[1])]
        at = hole.end()
    parts.append(_literal(text[at:]))
    return _joined(parts)


def _literal(text: str) -> str:
    if re.search(r"(?<!\$)\$\{\{", text):
        raise ReferenceSyntax("a reference is opened with '${{' and never closed with '}}'; write $${{ for the text")
    return text.replace("$${{", "${{")


def _joined(parts: list[str | Ref]) -> str | Ref | Template:
    merged: list[str | Ref] = []
    for part in parts:
        if isinstance(part, str) and merged and isinstance(merged[-1], str):
            merged[-1] += part
        elif part != "":
            merged.append(part)
    if len(merged) == 1:
        return merged[0]
    return Template(merged) if merged else ""


def read_reference(text: str) -> Ref:
    """The reference that is written `tasks.ID.key[0]`, `inputs.name.key`, `item.key` or `index`.

    Raises:
        ReferenceSyntax: it is none of these.
    """
    stripped = text.strip()
    root = re.match(r"\w*", stripped)
    word = root[0] if root else ""
    if word not in ROOTS:
        hint = f"a reference begins with {', '.join(ROOTS[:-1])} or {ROOTS[-1]}"
        near = suggestion(word, ROOTS) if word else ""
        raise ReferenceSyntax(f"{stripped!r} is no reference: {hint}" + (f"; {near}" if near.startswith("did") else ""))
    path: list[str | int] = []
    at = len(word)
    while at < len(stripped):
        step = _STEPS.match(stripped, at)
        if step is None:
            raise ReferenceSyntax(
                f"{stripped!r} cannot be read from {stripped[at:]!r:.40} on: a reference goes on with .name or [0]; "
                "to compute something, use a task"
            )
        name, number = step["name"], step["number"]
        if number is not None or (name is not None and name.isdecimal() and path):
            path.append(int(number if number is not None else name))
        else:
            path.append(next(part for part in (name, step["single"], step["double"]) if part is not None))
        at = step.end()
    if word in ("item", "index"):
        return Ref(ITEM if word == "item" else INDEX, tuple(path))
    if not path:
        raise ReferenceSyntax(f"{stripped!r} is not complete: write {word}.NAME")
    if word == "inputs":
        return Ref(INPUTS, tuple(path))
    return Ref(str(path[0]), tuple(path[1:]))


def read_condition(text: str) -> Expr:
    """The condition that an `if` holds; references stand bare or in `${{ }}`.

    Raises:
        ReferenceSyntax: a reference in it cannot be read, or a name refers to nothing.
        ExpressionError: the expression itself cannot be read.
    """
    names: dict[str, Ref] = {}

    def name_of(found: re.Match[str]) -> str:
        if found["text"] is not None:
            return found["text"]
        ref = read_reference(found["ref"])
        return variable(ref, names)

    source = _BARE.sub(name_of, text.replace("${{", "(").replace("}}", ")")).strip()
    while source.startswith("(") and source.endswith(")") and source.count("(") == 1:
        source = source[1:-1].strip()
    try:
        condition = Expr(source, dict(names))
    except ExpressionError as error:
        if "&&" in text or "||" in text:
            raise ExpressionError(f"{error}; write 'and', 'or' and 'not' instead of '&&', '||' and '!'") from error
        raise
    for name in condition.free_names():
        if name not in names:
            raise ReferenceSyntax(
                f"{name!r} refers to nothing; write inputs.{name} or tasks.{name}, or quote it if it is a text"
            )
    return condition


def variable(ref: Ref, names: dict[str, Ref]) -> str:
    """The name by which a condition speaks of a reference; it is added to `names`."""
    root = ref.task[1:] if ref.task in (INPUTS, ITEM, INDEX) else f"tasks_{ref.task}"
    wanted = re.sub(r"\W", "_", "_".join(map(str, (root, *ref.path))))
    name, count = wanted, 1
    while names.get(name, ref) != ref:
        count += 1
        name = f"{wanted}_{count}"
    names[name] = ref
    return name


def with_texts_unknown(value: Any) -> Any:
    """The value with a reference in the place of every template: what it amounts to is not known yet either."""
    if isinstance(value, Template):
        return next(value.refs(), "")
    if isinstance(value, dict):
        return {key: with_texts_unknown(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_texts_unknown(inner) for inner in value]
    return value
