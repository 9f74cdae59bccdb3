"""Workflow: a graph with a name, the inputs it takes and the budget it has. What every kind of request becomes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from orrery.errors import InputError, NotSerialisableError, suggestion
from orrery.graph import INPUTS, Graph, refs_in
from orrery.graph.values import encode
from orrery.scheduler.events import Budget

TYPES: Final = ("string", "integer", "number", "boolean", "array", "object", "any")
"""What an input may be declared as, in the words of JSON Schema."""


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = _Unset()
"""The default of an input that has none."""


@dataclass(frozen=True)
class InputSpec:
    """One input of a workflow.

    Args:
        name: how it is given.
        type: one of `TYPES`.
        default: its value where none is given; UNSET if it must be given.
        description: what it is for.
        static: it shaped the graph, so this graph serves only the value that stands in `default`.
    """

    name: str
    type: str = "any"
    default: Any = UNSET
    description: str = ""
    static: bool = False

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is UNSET

    def read(self, value: Any) -> Any:
        """The value as this input takes it; text is read as the type that is wanted. Raises InputError."""
        if value is None and self.default is None:
            return None
        fitted = _from_text(self.type, value) if isinstance(value, str) else value
        if not _fits(self.type, fitted):
            example = _EXAMPLES.get(self.type, "")
            raise InputError(
                f"input {self.name!r} must be of type {self.type}{example}, not {type(value).__name__} {value!r:.60}"
            )
        try:
            encode(fitted)
        except NotSerialisableError as error:
            raise InputError(f"input {self.name!r}: {error}") from error
        return fitted


_UNLIMITED: Final = Budget()


@dataclass(frozen=True)
class Workflow:
    """A graph ready to be run, and how it is started.

    Args:
        name: what it is called.
        graph: what is done; inputs are `Ref(INPUTS, (name, ...))` in it.
        inputs: what it takes, by name.
        budget: the most that a run may consume.
        source: what it was made from, in the words of the request: a file's path or "module:flow".
        description: what it is for.
    """

    name: str
    graph: Graph
    inputs: Mapping[str, InputSpec] = field(default_factory=dict)
    budget: Budget = _UNLIMITED
    source: str = ""
    description: str = ""

    def bind_inputs(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The run's inputs: what was given, read as what is wanted, and defaults for the rest.

        Args:
            given: names to values; a text is read as the input's type, so `n=3` of a command line works.

        Raises:
            InputError: one is unknown, missing or of another type; every problem at once.
        """
        problems: list[str] = []
        bound: dict[str, Any] = {}
        for name in given:
            if name not in self.inputs:
                hint = suggestion(name, self.inputs) if self.inputs else "it takes none"
                problems.append(f"{self.name!r} has no input {name!r}; {hint}")
        for name, spec in self.inputs.items():
            if name not in given:
                if spec.required:
                    about = f" ({spec.description})" if spec.description else ""
                    problems.append(f"{self.name!r} needs the input {name!r}{about}: give it as {name}=VALUE")
                bound[name] = spec.default
                continue
            try:
                bound[name] = spec.read(given[name])
            except InputError as error:
                problems.append(str(error))
                continue
            if spec.static and bound[name] != spec.default:
                problems.append(
                    f"input {name!r} is static: this graph was made for {spec.default!r}, not for {bound[name]!r}; "
                    "make the workflow anew with the other value"
                )
        if problems:
            raise InputError("\n".join(problems))
        return bound


class HasWorkflow(Protocol):
    """Anything that can say what its workflow is, such as a function with `@flow`, or an agent."""

    def workflow(self, **static: Any) -> Workflow:
        """The workflow, its static parameters given."""


def inputs_of(graph: Graph) -> dict[str, InputSpec]:
    """The inputs that a graph refers to, for a graph that comes without a description of them."""
    names: dict[str, None] = {}
    refs = [ref for task in graph for ref in task.refs()] + list(refs_in(dict(graph.outputs)))
    for ref in refs:
        if ref.task == INPUTS and ref.path:
            names[str(ref.path[0])] = None
    return {name: InputSpec(name) for name in names}


def type_of(value: Any) -> str:
    """The input type of a value, such as a default."""
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list() | tuple():
            return "array"
        case dict():
            return "object"
    return "any"


_EXAMPLES = {
    "integer": " (such as 3)",
    "number": " (such as 0.5)",
    "boolean": " (true or false)",
    "array": ' (JSON, such as ["a", "b"])',
    "object": ' (JSON, such as {"a": 1})',
}


def _fits(wanted: str, value: Any) -> bool:
    if value is None:
        return wanted == "any"
    found = type_of(value)
    return wanted in ("any", found) or (wanted == "number" and found == "integer")


def _from_text(wanted: str, text: str) -> Any:
    """The text read as the wanted type, or the text itself where it cannot be."""
    if wanted in ("string", "any"):
        return text
    stripped = text.strip()
    try:
        if wanted == "integer":
            return int(stripped)
        if wanted == "number":
            return float(stripped)
        if wanted == "boolean":
            return {"true": True, "false": False}.get(stripped.lower(), text)
        return json.loads(stripped)
    except (ValueError, RecursionError):
        return text
