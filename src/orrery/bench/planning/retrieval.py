"""Whether the right tool of some hundred is found by a need in somebody's own words.

Two sets of needs, none of which anything was tuned on: ordinary paraphrases, written by somebody who had not seen
the index; and needs that avoid the tools' own words on purpose. Each is asked of the tools as their descriptions say
them, and with the example requests that their author gives, who had seen none of the needs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from orrery.bench.report import Options, Row
from orrery.tools.select import ToolCard, ToolIndex

DATA = Path(__file__).parents[4] / "tests/tools/data"
"""Tools and needs; they come with the repository and not with the package."""
LEAST_RECALL = 0.95
QUICK_EVERY = 10


def rows(options: Options) -> list[Row]:
    """Recall of the index; nothing where the data is not at hand."""
    if not DATA.is_dir():
        return []
    options.tell("retrieval of tools")
    cards = read("cards.json")["cards"]
    bare = ToolIndex(card_of(card, examples=False) for card in cards)
    exampled = ToolIndex(card_of(card, examples=True) for card in cards)
    every = QUICK_EVERY if options.quick else 1
    paraphrases, others = (read(f"{name}.json")["needs"][::every] for name in ("paraphrases", "needs"))
    case = f"retrieval, {len(cards)} tools, {len(paraphrases)} paraphrases"
    first = recall(exampled, paraphrases, 1)
    hard = f"retrieval, {len(cards)} tools, {len(others)} needs that avoid their words"
    return [
        Row(f"{case}, recall@1", first, "", target=f">= {LEAST_RECALL}", ok=first >= LEAST_RECALL),
        Row(f"{case}, recall@5", recall(exampled, paraphrases, 5), ""),
        Row(f"{case}, recall@1 without example requests", recall(bare, paraphrases, 1), ""),
        Row(f"{hard}, recall@1", recall(exampled, others, 1), ""),
        Row(f"{hard}, recall@1 without example requests", recall(bare, others, 1), ""),
    ]


def read(name: str) -> dict[str, list[dict[str, Any]]]:
    """One file of the data."""
    found: dict[str, list[dict[str, Any]]] = msgspec.json.decode((DATA / name).read_bytes())
    return found


def card_of(card: dict[str, Any], *, examples: bool) -> ToolCard:
    """A tool's card as the index takes it."""
    requests = tuple(card["examples"]) if examples else ()
    return ToolCard(card["name"], card["description"], tuple(card["arguments"]), requests)


def recall(index: ToolIndex, needs: list[dict[str, Any]], most: int) -> float:
    """The share of needs whose tool is among the first `most`."""
    found = [need["tool"] in [match.name for match in index.find(need["need"], most)] for need in needs]
    return sum(found) / len(found)


__all__ = ["card_of", "read", "recall", "rows"]
