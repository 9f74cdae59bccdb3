"""Six kinds of agentic work over many queries: a workflow each, and the rows that go through it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from orrery.graph import Effects, Graph, Ref, Task
from orrery.graph.ref import INPUTS
from orrery.graph.template import Template

LARGE, SMALL = "large", "small"
_WORDS = (
    "account alloy anchor basin bearing cargo census clause coast copper county credit damage debt delta demand depot "
    "draft duty engine export factor fleet freight fund gauge grain harbour hazard import index interest inventory "
    "junction keel lease ledger levy margin meter mill notice ore outlet parcel pier plant policy port price quota "
    "rail rate ratio report reserve risk river route sector share shift signal stock supply survey tariff tender "
    "term tide tonnage trade transit treaty turbine vessel volume wage water weight yard yield zone"
)


class Workload(NamedTuple):
    """A workflow, and what goes through it.

    Args:
        name: what kind of work it is.
        graph: the workflow; every task asks a model.
        rows: the inputs of each query.
    """

    name: str
    graph: Graph
    rows: Sequence[dict[str, Any]]


def ask(name: str, *parts: str | Ref, most: int, model: str = LARGE) -> Task:
    """A call whose answer has at most so many tokens."""
    return Task(
        name,
        "model.ask",
        {"prompt": Template(parts), "model": model, "max_tokens": most},
        effects=Effects("idempotent", reads=(f"model:{model}",)),
    )


def given(name: str) -> Ref:
    """An input of the row."""
    return Ref(INPUTS, (name,))


def prose(seed: object, tokens: int) -> str:
    """So many tokens of text, always the same for a seed."""
    dice = random.Random(f"{seed}")  # noqa: S311 - repeatable, not secret
    return " ".join(dice.choices(_WORDS.split(), k=tokens))[: tokens * 4].ljust(tokens * 4)


def documents(queries: int, seed: int) -> Workload:
    """Different questions about documents: fifty about each, which is outlined and mined once."""
    dice, count = random.Random(seed), max(1, queries // 50)  # noqa: S311 - repeatable, not secret
    texts = [prose(("document", seed, i), 1500) for i in range(count)]
    document = given("document")
    return Workload(
        "documents",
        Graph(
            [
                ask("outline", "Document:\n", document, "\nOutline it.", most=120),
                ask("facts", "Document:\n", document, "\nList its figures.", most=160),
                ask("answer", "Document:\n", document, "\nOutline: ", Ref("outline"), "\nFigures: ", Ref("facts"),
                    "\nQuestion: ", given("question"), most=60),
                ask("check", "Does this follow?\n", Ref("facts"), "\n", Ref("answer"), most=2, model=SMALL),
            ],
            outputs={"answer": Ref("answer"), "check": Ref("check")},
        ),
        [{"document": dice.choice(texts), "question": prose(("question", seed, i), 24)} for i in range(queries)],
    )  # fmt: skip


def reports(queries: int, seed: int) -> Workload:
    """A report for each customer over market data that all have in common, by sector and region."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    sectors = [prose(("sector", seed, i), 900) for i in range(12)]
    regions = [prose(("region", seed, i), 700) for i in range(6)]
    return Workload(
        "reports",
        Graph(
            [
                ask("sector", "Market data:\n", given("sector"), "\nWhere does this sector go?", most=200),
                ask("peers", "Market data:\n", given("sector"), "\nWho leads it?", most=120),
                ask("region", "Regional data:\n", given("region"), "\nWhat is to be watched there?", most=160),
                ask("outlook", "Sector: ", Ref("sector"), "\nRegion: ", Ref("region"), "\nThe outlook?", most=160),
                ask("holdings", "Portfolio:\n", given("portfolio"), "\nSum it up.", most=60),
                ask("report", "House style: ", prose("style", 300), "\nOutlook: ", Ref("outlook"), "\nLeaders: ",
                    Ref("peers"), "\nHoldings: ", Ref("holdings"), "\nWrite to the customer.", most=100),
            ],
            outputs={"report": Ref("report")},
        ),
        [
            {
                "sector": dice.choice(sectors),
                "region": dice.choice(regions),
                "portfolio": prose(("portfolio", seed, i), 200),
            }
            for i in range(queries)
        ],
    )  # fmt: skip


def retrieval(queries: int, seed: int) -> Workload:
    """Answers from three retrieved passages each, some passages found much more often than others."""
    dice, count = random.Random(seed), max(3, queries // 8)  # noqa: S311 - repeatable, not secret
    passages = [prose(("passage", seed, i), 400) for i in range(count)]
    weights = [1 / (i + 1) for i in range(count)]
    tasks = [
        ask(f"condense{i}", "Condense the passage.\n", given(f"passage{i}"), "\nIn short:", most=80) for i in range(3)
    ]
    return Workload(
        "retrieval",
        Graph(
            [
                *tasks,
                ask("answer", "Answer from the notes only.\n", *[part for i in range(3) for part in
                    (Ref(f"condense{i}"), "\n")], "Question: ", given("question"), most=90),
            ],
            outputs={"answer": Ref("answer")},
        ),
        [
            {f"passage{k}": text for k, text in enumerate(dice.choices(passages, weights, k=3))}
            | {"question": prose(("question", seed, i), 20)}
            for i in range(queries)
        ],
    )  # fmt: skip


def debates(queries: int, seed: int) -> Workload:
    """Motions argued on both sides in two rounds, then judged by jurors with a leaning each: ten jurors a motion."""
    motions = [prose(("motion", seed, i), 120) for i in range(max(1, queries // 10))]
    rules = prose("rules of debate", 350)
    motion = given("motion")
    return Workload(
        "debates",
        Graph(
            [
                ask("for", rules, "\nSpeak for the motion: ", motion, most=150),
                ask("against", rules, "\nSpeak against the motion: ", motion, most=150),
                ask("rebuttal", rules, "\nMotion: ", motion, "\nReply to: ", Ref("against"), most=120),
                ask("rejoinder", rules, "\nMotion: ", motion, "\nReply to: ", Ref("rebuttal"), most=120),
                ask("vote", "You are a juror who is ", given("leaning"), ".\nFor: ", Ref("for"), Ref("rebuttal"),
                    "\nAgainst: ", Ref("against"), Ref("rejoinder"), "\nYour vote?", most=2),
                ask("reason", "You are a juror who is ", given("leaning"), ". You voted ", Ref("vote"),
                    " on: ", motion, "\nWhy?", most=50),
            ],
            outputs={"vote": Ref("vote"), "reason": Ref("reason")},
        ),
        [
            {"motion": motions[i % len(motions)], "leaning": prose(("leaning", seed, i), 12)}
            for i in range(queries)
        ],
    )  # fmt: skip


def reviews(queries: int, seed: int) -> Workload:
    """Changes reviewed against two files each that many changes touch: a file is understood once."""
    dice, count = random.Random(seed), max(2, queries // 20)  # noqa: S311 - repeatable, not secret
    files = [prose(("file", seed, i), 1200) for i in range(count)]
    tasks = []
    for i in range(2):
        tasks.append(ask(f"purpose{i}", "File:\n", given(f"file{i}"), "\nWhat is it for?", most=80))
        tasks.append(ask(f"risks{i}", "File:\n", given(f"file{i}"), "\nWhat is easily broken?", most=120))
        tasks.append(ask(f"review{i}", "File:\n", given(f"file{i}"), "\nPurpose: ", Ref(f"purpose{i}"), "\nRisks: ",
                         Ref(f"risks{i}"), "\nReview this change: ", given("change"), most=70))  # fmt: skip
    return Workload(
        "reviews",
        Graph(
            [*tasks, ask("verdict", "Reviews:\n", Ref("review0"), "\n", Ref("review1"), "\nMerge it?", most=40)],
            outputs={"verdict": Ref("verdict")},
        ),
        [
            {f"file{k}": text for k, text in enumerate(dice.sample(files, 2))}
            | {"change": prose(("change", seed, i), 150)}
            for i in range(queries)
        ],
    )


def hops(queries: int, seed: int) -> Workload:
    """Questions of several hops whose parts overlap. What kind of answer is wanted only shows when it runs, and is
    then the same for many: those calls are alike at run time and not in the plan."""
    dice, count = random.Random(seed), max(4, queries // 6)  # noqa: S311 - repeatable, not secret
    parts = [prose(("part", seed, i), 25) for i in range(count)]
    guide = prose("guide", 500)
    tasks = [
        ask(f"hop{i}", "You know a lot.\n", prose("facts", 300), "\nAnswer: ", given(f"part{i}"), most=70)
        for i in range(3)
    ]
    return Workload(
        "hops",
        Graph(
            [
                *tasks,
                ask("kind", "Which kind of answer is wanted?\n", given("question"), most=1, model=SMALL),
                ask("form", guide, "\nHow is an answer written that is ", Ref("kind"), "?", most=150),
                ask("answer", "Form: ", Ref("form"), "\n", Ref("hop0"), Ref("hop1"), Ref("hop2"), "\nAnswer: ",
                    given("question"), most=80),
            ],
            outputs={"answer": Ref("answer")},
        ),
        [
            {f"part{k}": text for k, text in enumerate(dice.choices(parts, k=3))}
            | {"question": prose(("question", seed, i), 40)}
            for i in range(queries)
        ],
    )  # fmt: skip


WORKLOADS: Sequence[Callable[[int, int], Workload]] = (documents, reports, retrieval, debates, reviews, hops)

STEPS = 20
"""Of a query whose share of common work is set."""


def common(queries: int, seed: int, share: float) -> Workload:
    """Twenty equal steps a query, of which a share is the same for all queries; the prompts begin alike in nothing."""
    shared = round(STEPS * share)
    tasks = [ask(f"step{i}", given(f"subject{i}"), "\nWhat follows from this?", most=100) for i in range(STEPS)]
    subjects = {f"subject{i}": prose(("common", seed, i), 300) for i in range(shared)}
    return Workload(
        f"{share:.0%} common",
        Graph(tasks, outputs={task.id: Ref(task.id) for task in tasks}),
        [
            subjects | {f"subject{i}": prose(("own", seed, row, i), 300) for i in range(shared, STEPS)}
            for row in range(queries)
        ],
    )  # fmt: skip
