"""A script as a file of rules: the first one that fits a request answers it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from orrery.errors import ModelScriptError, RequestError, suggestion
from orrery.models.simulated.answer import Answer
from orrery.models.simulated.asked import Asked, Call
from orrery.models.simulated.faults import Fault


class When(Struct, forbid_unknown_fields=True, frozen=True):
    """What a request must be like; all that is given must hold.

    Args:
        contains: a text in the user's newest text, upper and lower case alike.
        matches: a regular expression found there; its groups can be used in the answer.
        prompt: a regular expression found anywhere in what the model reads.
        model: the model's name.
        tool: a tool of this name is offered.
        result: a result of this tool has just come in; true for that of any tool, false for none.
        turn: how often the model has spoken before.
        structured: whether an answer by schema is asked for.
    """

    contains: str | None = None
    matches: str | None = None
    prompt: str | None = None
    model: str | None = None
    tool: str | None = None
    result: str | bool | None = None
    turn: int | None = None
    structured: bool | None = None

    def fits(self, asked: Asked) -> bool:
        """Whether it holds."""
        came = [result.name for result in asked.results]
        return (
            (self.contains is None or self.contains.casefold() in asked.text.casefold())
            and (self.matches is None or re.search(self.matches, asked.text) is not None)
            and (self.prompt is None or re.search(self.prompt, asked.prompt) is not None)
            and (self.model is None or self.model == asked.model)
            and (self.tool is None or any(tool.name == self.tool for tool in asked.tools))
            and (
                self.result is None
                or (self.result in came if isinstance(self.result, str) else self.result == bool(came))
            )
            and (self.turn is None or self.turn == asked.turn)
            and (self.structured is None or self.structured == (asked.output is not None))
        )

    def captured(self, asked: Asked) -> dict[str, str]:
        """What an answer may use: groups by number and name, and what the request says itself."""
        found = re.search(self.matches, asked.text) if self.matches is not None else None
        numbered = {str(i): text or "" for i, text in enumerate((found[0], *found.groups()))} if found else {}
        named = {name: text or "" for name, text in found.groupdict().items()} if found else {}
        return _given(asked) | numbered | named


class SaidCall(Struct, forbid_unknown_fields=True, frozen=True):
    """A tool call as a rule has it."""

    name: str
    args: dict[str, Any] | str = {}


class Said(Struct, forbid_unknown_fields=True, frozen=True):
    """An answer as a rule has it; `json` is a value that is sent as JSON text, `fault` as on the command line."""

    text: str = ""
    json: Any = msgspec.UNSET
    calls: list[SaidCall] = []
    refusal: str = ""
    fault: str | None = None


class Rule(Struct, forbid_unknown_fields=True, frozen=True):
    """When it holds, this is the answer. Several answers are given in turn; the last one stays."""

    answer: str | Said | list[str | Said]
    when: When = When()

    @property
    def answers(self) -> list[Said]:
        """The answers in turn."""
        given = self.answer if isinstance(self.answer, list) else [self.answer]
        return [Said(text=one) if isinstance(one, str) else one for one in given]


class _File(Struct, forbid_unknown_fields=True):
    rules: list[Rule]


@dataclass
class Rules:
    """The script that a list of rules makes. Raises ModelScriptError where none fits a request."""

    rules: list[Rule]
    place: str = "rules"

    def __post_init__(self) -> None:
        self._given = [0] * len(self.rules)

    def __call__(self, asked: Asked) -> Answer | Fault:
        """The answer of the first rule that fits."""
        for number, rule in enumerate(self.rules):
            if rule.when.fits(asked):
                answers = rule.answers
                said = answers[min(self._given[number], len(answers) - 1)]
                self._given[number] += 1
                return _filled(said, rule.when.captured(asked))
        raise ModelScriptError(
            f"{self.place}: no rule fits the request {asked.text[:80]!r}; a last rule without `when` answers all others"
        )


def read_rules(value: Any, place: str) -> Rules:
    """The script in the content of a rules file.

    Args:
        value: as YAML or JSON have it.
        place: the file's name, for messages.

    Raises:
        ModelScriptError: naming every rule at fault.
    """
    try:
        rules = msgspec.convert(value, _File).rules
    except msgspec.ValidationError as error:
        raise ModelScriptError(f"{place}: {error}") from error
    problems = [f"{place}: rule {number}: {text}" for number, rule in enumerate(rules, 1) for text in _problems(rule)]
    if problems or not rules:
        raise ModelScriptError("\n".join(problems) or f"{place}: there is no rule")
    return Rules(rules, place)


def _problems(rule: Rule) -> Iterator[str]:
    known = set(_given(Asked("")))
    for name in ("matches", "prompt"):
        pattern = getattr(rule.when, name)
        try:
            compiled = re.compile(pattern or "")
        except re.error as error:
            yield f"when.{name}: {pattern!r} is no regular expression: {error}"
            return
        if name == "matches" and pattern is not None:
            known |= {*map(str, range(compiled.groups + 1)), *compiled.groupindex}
    if not rule.answers:
        yield "answer: the list is empty"
    for said in rule.answers:
        for name in _names(msgspec.to_builtins(said)):
            if name not in known:
                yield f"answer: there is no {'${' + name + '}'}; {suggestion(name, known, most=12)}"
        if said.fault is not None:
            try:
                Fault.parse(said.fault)
            except RequestError as error:
                yield f"answer: {error}"


_PLACE = re.compile(r"\$(?:\$|\{(\w+)\})")
"""`${name}`, and `$$` for a dollar sign where that would be read as one."""


def _given(asked: Asked) -> dict[str, str]:
    results = asked.results
    return {"text": asked.text, "model": asked.model, "result": results[-1].text if results else ""}


def _names(value: Any) -> Iterator[str]:
    """The names that a value's texts use."""
    if isinstance(value, str):
        yield from filter(None, _PLACE.findall(value))
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _names(one)
    elif isinstance(value, list):
        for one in value:
            yield from _names(one)


def _fill(value: Any, known: Mapping[str, str]) -> Any:
    """The value with its texts filled, once: what is put in is not read again."""
    if isinstance(value, str):
        return _PLACE.sub(lambda found: known[found[1]] if found[1] else "$", value)
    if isinstance(value, Mapping):
        return {name: _fill(one, known) for name, one in value.items()}
    return [_fill(one, known) for one in value] if isinstance(value, list) else value


def _filled(said: Said, known: Mapping[str, str]) -> Answer | Fault:
    if said.fault is not None:
        return Fault.parse(said.fault)
    text = Answer.json(_fill(said.json, known)).text if said.json is not msgspec.UNSET else _fill(said.text, known)
    calls = tuple(Call(call.name, _fill(call.args, known)) for call in said.calls)
    return Answer(text, calls, _fill(said.refusal, known))
