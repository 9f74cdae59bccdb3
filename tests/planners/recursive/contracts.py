"""Contracts as functions, for the tests of the recursive planner."""

from __future__ import annotations

from typing import Any

from orrery.planners.recursive import Answer, Atomicity, Finding, Part, Split, Step, Verdict
from orrery.tools import tool

HERE = "py:tests.planners.recursive.contracts:"


def named(**contracts: str) -> dict[str, str]:
    """The options that name functions of this module; those not given are the plainest ones."""
    chosen = {
        "atomizer": "root_splits",
        "planner": "two_parts",
        "executor": "say",
        "aggregator": "join",
        "verifier": "accept",
        **contracts,
    }
    return {name: value if ":" in value or "." in value else HERE + value for name, value in chosen.items()}


def root_splits(part: Part) -> Atomicity:
    return Atomicity(part.goal != part.request)


def never(part: Part) -> dict[str, Any]:
    return {"atomic": False, "because": "never"}


def two_parts(part: Part) -> Split:
    return Split((Step(f"{part.goal}.a"), Step(f"{part.goal}.b", after=(1,))))


def nine_parts(part: Part) -> Split:
    return Split(tuple(Step(str(at)) for at in range(9)))


def backwards(part: Part) -> Split:
    return Split((Step("a", after=(2,)), Step("b")))


def one_part(part: Part) -> Split:
    return Split((Step("all of it"),))


def nonsense(part: Part) -> str:
    return "no idea"


def other_plan(part: Part) -> Split:
    """Names its parts after the critique that it heeds."""
    return Split(tuple(Step(f"{part.critique or 'first'} {at}") for at in range(2)))


def say(part: dict[str, Any]) -> str:
    heard = [given["summary"] for given in part.get("given", ())]
    return f"{part['goal']} after {heard}" + (f", minding {part['critique']}" if part.get("critique") else "")


def large(part: dict[str, Any]) -> dict[str, Any]:
    return {"summary": f"much about {part['goal']}", "rows": ["x" * 100] * 5_000}


def count_rows(part: dict[str, Any], results: dict[str, Any]) -> Any:
    """The first part makes rows, the second counts those of the first."""
    if not results:
        return {"summary": "rows", "rows": list(range(1_234))}
    return [len(result["rows"]) for result in results.values()]


def fail(part: dict[str, Any]) -> None:
    raise ValueError("the well is dry")


async def join(part: Part, findings: tuple[Finding, ...]) -> Answer:
    return Answer(" & ".join(finding.summary for finding in findings))


def accept(part: Part, summary: str) -> Verdict:
    return Verdict(True)


def refuse(part: Part, summary: str) -> Verdict:
    return Verdict(False, "too vague")


def refuse_once(part: Part, summary: str) -> Verdict:
    return Verdict(bool(part.critique), "too vague")


def refuse_plan(part: Part, summary: str) -> Verdict:
    return Verdict(False, "look again", again="plan")


@tool(name="tests.say", effects="pure")
def say_as_tool(part: dict[str, Any]) -> str:
    """Say the goal."""
    return str(part["goal"])
