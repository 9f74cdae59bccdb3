"""How many requests in other people's words the rules planner gets right, and whether it does anything else instead.

The suite `unseen` was written after the planner was frozen, by somebody who had not seen it, and its requests stay as
they are. An older one, `paraphrases`, began like that and the planner was tuned on it since, so that it only says what
must not get lost.

Each is planned and really run in a fresh folder. A refusal with its reason costs a second attempt; a plan that
succeeds and did something else costs trust, so that those are counted apart, and what a run wrote without being asked
counts as something else too.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from orrery.bench.report import Options, Row
from orrery.errors import NotUnderstoodError, OrreryError
from orrery.graph import Graph
from orrery.planners.rules import understand
from orrery.runtime.result import Result
from orrery.runtime.session import Session

SUITES = Path(__file__).parents[4] / "tests/planners/rules/suites"
"""Requests with what must come of them; they come with the repository and not with the package."""
UNSEEN = SUITES / "unseen.yaml"
TUNED_ON = SUITES / "paraphrases.yaml"
QUICK_CASES = 5
LIMIT_S = 30.0

Word = Literal["right", "refused", "wrong", "failed"]
Case = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What became of a request.

    Args:
        case: the request with its category and its checks.
        word: "right", "refused" (before anything ran), "wrong" (it succeeded, with another result) or "failed".
        because: the planner's reason, the failure, or what came out instead.
    """

    case: Case
    word: Word
    because: str = ""


def rows(options: Options) -> list[Row]:
    """Right per category, and refused, wrong and failed over all; nothing where the suites are not at hand.

    All of them are of requests that the planner had not seen, but for the last, which are those it was tuned on.
    """
    if not (UNSEEN.is_file() and TUNED_ON.is_file()):
        return []
    cases, tuned_on = requests(UNSEEN), requests(TUNED_ON)
    if options.quick:
        cases, tuned_on = (some[:: math.ceil(len(some) / QUICK_CASES)] for some in (cases, tuned_on))
    options.tell(f"rules: {len(cases)} requests that it had not seen, {len(tuned_on)} that it was tuned on")
    verdicts = score(cases)
    words = Counter(verdict.word for verdict in verdicts)
    per_category = [
        Row(f"rules, {category}, right of {table.total()} requests", table["right"], "requests")
        for category, table in by_category(verdicts).items()
    ]
    return [
        *per_category,
        Row(f"rules, right of {len(verdicts)} requests that it had not seen", words["right"], "requests"),
        *(Row(f"rules, {word} of them", words[word], "requests") for word in get_args(Word)[1:]),
        Row(
            f"rules, right of {len(tuned_on)} requests that it was tuned on",
            sum(verdict.word == "right" for verdict in score(tuned_on)),
            "requests",
        ),
    ]


def requests(suite: Path) -> list[Case]:
    """The cases of a suite, in its order."""
    import yaml

    cases: list[Case] = yaml.safe_load(suite.read_text(encoding="utf-8"))
    return cases


def score(cases: Sequence[Case]) -> list[Verdict]:
    """What became of each request, in a fresh folder for each."""
    make = _folder_maker()
    verdicts = []
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="orrery-rules-") as name:
            folder = Path(name).resolve()
            make(folder)
            verdicts.append(attempt(case, folder))
    return verdicts


def by_category(verdicts: Sequence[Verdict]) -> dict[str, Counter[Word]]:
    """How many got which word, for every category in the order of the suite."""
    table: dict[str, Counter[Word]] = {}
    for verdict in verdicts:
        table.setdefault(verdict.case["category"], Counter())[verdict.word] += 1
    return table


def attempt(case: Case, folder: Path) -> Verdict:
    """Plan the request and run the plan in the folder.

    What is not refused is run, and whatever the planner or the run raises of Orrery's own errors is a failure.
    """
    before = _contents(folder)
    try:
        graph = understand(case["request"], folder, approve="yes").graph
    except NotUnderstoodError as refused:
        return Verdict(case, "refused", str(refused))
    try:
        result = asyncio.run(_run(graph, folder))
    except (OrreryError, TimeoutError) as error:
        return Verdict(case, "failed", f"{type(error).__name__}: {error}")
    if result.state != "succeeded":
        return Verdict(case, "failed", str(result.error))
    faults = list(differences(case, graph, result.outputs.get("answer"), before, folder))
    return Verdict(case, "wrong" if faults else "right", "; ".join(faults))


async def _run(graph: Graph, folder: Path) -> Result:
    async with Session("memory://") as session:
        return await asyncio.wait_for(session.start(graph, folder=folder).wait(), LIMIT_S)


def differences(case: Case, graph: Graph, answer: Any, before: Mapping[str, bytes], folder: Path) -> Iterator[str]:
    """Everything in which the result is not what the case asks for; nothing if it is right.

    Args:
        case: with the checks that the head of the suite explains.
        graph: the plan that was run.
        answer: its output of that name.
        before: what the folder held before the run.
        folder: as it is after the run.
    """
    for name, holds in CHECKS.items():
        if name in case and not holds(answer, case[name], case):
            yield f"{name} is {answer!r}"
    if "draws" in case and not any(task.op == f"chart.{case['draws']}" for task in graph):
        yield f"no {case['draws']} chart was drawn"
    after = _contents(folder)
    for path in case.get("files", ()):
        if not after.get(path):
            yield f"{path} was not written"
    for path, text in case.get("text", {}).items():
        if after.get(path) != text.encode():
            yield f"{path} holds {after.get(path)!r}"
    for path, records in case.get("records", {}).items():
        found = [msgspec.json.decode(line) for line in after.get(path, b"").splitlines()]
        if found != records:
            yield f"{path} holds {found!r}"
    for path in case.get("gone", ()):
        if path in after:
            yield f"{path} is there"
    asked = {path for name in ("files", "text", "records", "gone") for path in case.get(name, ())}
    for path in sorted((before.keys() | after.keys()) - asked):
        if before.get(path) != after.get(path):
            yield f"{path} was not to be touched"


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# -- one check for each way in which a case says what the answer is


def _is_one(answer: Any, wanted: Any, _case: Case) -> bool:
    only = answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
    return not isinstance(only, list) and _has(only, wanted)


def _is_list(answer: Any, wanted: Sequence[Any], case: Case) -> bool:
    if not isinstance(answer, list) or len(answer) != len(wanted):
        return False
    if case.get("any_order"):
        return all(any(_has(item, value) for item in answer) for value in wanted)
    return all(_has(item, value) for item, value in zip(answer, wanted, strict=True))


def _is_pairs(answer: Any, wanted: Mapping[str, float], case: Case) -> bool:
    if isinstance(answer, Mapping):
        answer = [{"group": group, "number": number} for group, number in answer.items()]
    if not isinstance(answer, list) or (len(answer) != len(wanted) and not case.get("more")):
        return False
    return all(any(_has(row, group) and _has(row, number) for row in answer) for group, number in wanted.items())


def _is_rows(answer: Any, wanted: Sequence[Mapping[str, Any]], _case: Case) -> bool:
    if not isinstance(answer, list) or len(answer) != len(wanted):
        return False
    return all(
        isinstance(row, Mapping) and columns.items() <= row.items() for row, columns in zip(answer, wanted, strict=True)
    )


def _is_kind(answer: Any, wanted: str, _case: Case) -> bool:
    kinds: dict[str, tuple[type, ...]] = {"number": (int, float), "map": (dict,)}
    return isinstance(answer, kinds[wanted]) and not isinstance(answer, bool)


def _has(item: Any, value: Any) -> bool:
    """Whether the item is the value, or a row in which it stands."""
    if isinstance(item, Mapping):
        return any(_has(cell, value) for cell in item.values())
    if isinstance(value, int | float) and isinstance(item, int | float) and not isinstance(item, bool):
        return math.isclose(item, value)
    return type(item) is type(value) and bool(item == value)


CHECKS: Mapping[str, Callable[[Any, Any, Case], bool]] = {
    "answer": lambda answer, wanted, _case: bool(answer == wanted),
    "one": _is_one,
    "list": _is_list,
    "pairs": _is_pairs,
    "rows": _is_rows,
    "kind": _is_kind,
}
"""The keys of a case that speak of its answer, and when they hold."""


def _folder_maker() -> Callable[[Path], None]:
    """What fills a folder; it stands beside the suites, outside every package."""
    spec = spec_from_file_location("rules_suite_folder", SUITES.parent / "folder.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    make: Callable[[Path], None] = module.make
    return make


__all__ = [
    "TUNED_ON",
    "UNSEEN",
    "Verdict",
    "Word",
    "attempt",
    "by_category",
    "differences",
    "requests",
    "rows",
    "score",
]
