"""The keys of a workflow file: one table, from which files are read, checked and described to editors."""

from __future__ import annotations

from typing import Any

from orrery.workflow.shapes import (
    Choice,
    Data,
    Duration,
    Either,
    Fields,
    Key,
    ListOf,
    MapOf,
    Number,
    Schema,
    Size,
    Text,
    Truth,
    Word,
)
from orrery.workflow.workflow import TYPES

_COUNT = Number(least=1, whole=True)
_WORDS = ListOf(Word())

RETRY = Fields(
    "retry",
    Key("attempts", _COUNT, "How many attempts are made in all, the first included (3)."),
    Key("backoff", Duration(above_zero=False), "The pause after the first failure (1 s)."),
    Key("factor", Number(above=True), "By what the pause grows with every failure (2)."),
    Key("max-backoff", Duration(above_zero=False), "The longest pause (60 s)."),
    Key("jitter", Number(), "By which part of itself the pause is spread, so that retries do not come in step (0.1)."),
    Key("on", ListOf(Text()), "Error classes or codes that are retried; without it, whatever is not permanent."),
    plainly=(_COUNT, "attempts"),
    define="retry",
)

EFFECTS = Fields(
    "effects",
    Key("kind", Choice("pure", "idempotent", "keyed", "once"), "From the freest to the strictest; keyed unless said."),
    Key("reads", ListOf(Text()), "What it reads, such as file:report.md."),
    Key("writes", ListOf(Text()), "What it writes, such as net:api.example.org."),
    plainly=(Choice("pure", "idempotent", "keyed", "once"), "kind"),
    define="effects",
)

ESTIMATE = Fields(
    "estimate",
    Key("time", Duration(above_zero=False), "How long one attempt is expected to take (1 s)."),
    Key("money", Number(), "What it is expected to cost, in the budget's currency."),
    Key("tokens", Number(whole=True), "How many tokens it is expected to use."),
    Key("difficulty", Number(), "How hard it is, from 0 (always right at the first try) to 1."),
    plainly=(Duration(above_zero=False), "time"),
    define="estimate",
)

PLACE = Fields(
    "runs-on",
    Key("on", _WORDS, "Names of devices, one of which it must be; or references to names."),
    Key("skills", ListOf(Text()), "What the device must say of itself, such as gpu or camera."),
    Key("os", Choice("linux", "darwin", "windows"), "The operating system that it needs."),
    Key("cpus", _COUNT, "The fewest processors."),
    Key("memory", Size(), 'The least memory, such as "512MB" or "2GiB".'),
    Key("beside", Word(), "An earlier task, on whose device this one must run."),
    Key("apart", _WORDS, "Earlier tasks, on whose devices it must not run."),
    Key("prefer", Text(), "The device that it runs on if that one is there and has room soon; else it takes another."),
    plainly=(_WORDS, "on"),
    define="place",
)

_RETRY = Key("retry", RETRY, "How often a failure is tried again: a number of attempts, or a map.")
_TIMEOUT = Key("timeout", Duration(), 'How long one attempt may take, such as 30, "90s" or "5m".')
_DEADLINE = Key("deadline", Duration(), "How long after it became ready it must be done, the queue included.")
_RESOURCES = Key("resources", MapOf(_COUNT), "How much of each named resource it holds while it runs.")
_EXECUTOR = Key("executor", Text(), "Where it runs: inline, thread, process, or a registered name.")
_RUNS_ON = Key(
    "runs-on",
    PLACE,
    "Which devices of a fleet may run it: any, names, or a map of needs; this machine unless said.",
)

DEFAULTS = Fields(
    "defaults",
    _RETRY,
    _TIMEOUT,
    _DEADLINE,
    _RESOURCES,
    _EXECUTOR,
    _RUNS_ON,
    define="defaults",
)

BUDGET = Fields(
    "budget",
    Key("money", Number(), "The most money the run may spend."),
    Key("tokens", Number(whole=True), "The most tokens the run may use."),
    Key("wall", Duration(), "The longest the run may take."),
    define="budget",
)

INPUT = Fields(
    "an input",
    Key("type", Choice(*TYPES), "What it must be; anything unless said, or the type of its default."),
    Key("default", Data(), "Its value where none is given."),
    Key("description", Text(), "What it is for."),
    Key("required", Truth(), "Whether it must be given; it must unless it has a default."),
    plainly=(Choice(*TYPES), "type"),
    define="input",
)

TASK = Fields(
    "a task",
    Key("uses", Text(), "What it does: a tool, py:module:function, py:./file.py:function, or ./another.yaml."),
    Key("run", _WORDS, "A command: a shell script as one text, or a list of program and arguments."),
    Key("ask", Word(), "A question for a person; the answer is the result."),
    Key("with", MapOf(Data()), "Arguments by name; references stand in ${{ }}."),
    Key(
        "needs",
        Either(MapOf(Word()), _WORDS),
        "The tasks it waits for: one, a list, or a map of task to success, failure, completion or an expression "
        "over result.",
    ),
    Key("needs-any", _COUNT, "How many of the tasks under needs are enough."),
    Key("after", _WORDS, "Tasks it should come after where both run; nothing is waited for in vain."),
    Key("if", Word(), "An expression over inputs and results; the task is skipped where it is false."),
    Key("for-each", Data(), "A list or a reference to one: the task runs once per item, known as item and index."),
    _RETRY,
    _TIMEOUT,
    _DEADLINE,
    _RESOURCES,
    _EXECUTOR,
    _RUNS_ON,
    Key("effects", EFFECTS, "What it does to the world, which decides what may be done with it."),
    Key("estimate", ESTIMATE, "What it is expected to take; priorities and budgets depend on it, nothing else."),
    Key("hedge-after", Duration(), "A second attempt starts beside a slow first one after this time; pure tasks only."),
    Key("continue-on-error", Truth(), "With for-each: an item that fails leaves its error in the list of results."),
    Key("label", Text(), "What a person reads instead of the task's name."),
    define="task",
)

WORKFLOW = Fields(
    "a workflow",
    Key("name", Text(), "What the workflow is called; the file's name unless said."),
    Key("description", Text(), "What it is for."),
    Key("inputs", MapOf(INPUT), "What a run may or must be given."),
    Key("defaults", DEFAULTS, "What holds for every task that does not say otherwise."),
    Key("budget", BUDGET, "The most that a run may consume."),
    Key("tasks", MapOf(TASK), "The tasks by name.", needed=True),
    Key("outputs", MapOf(Data()), "What a run returns: names to values with references."),
)


def json_schema() -> Schema:
    """The JSON Schema of workflow files, for editors."""
    tables = (INPUT, TASK, DEFAULTS, RETRY, EFFECTS, ESTIMATE, PLACE, BUDGET)
    definitions: dict[str, Any] = {table.define: table.definition() for table in tables}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Orrery workflow",
        "description": "A workflow file: what is done, and what waits for what.",
        **WORKFLOW.definition(),
        "$defs": definitions,
    }
