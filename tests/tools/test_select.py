"""Finding tools by what is needed: how well, how fast, and that it says why.

`data/cards.json` holds 530 tools of many fields, with near neighbours and up to six example requests each. Two sets of
needs were written after the index and its thesaurus were frozen, without sight of the examples: `paraphrases.json`, as
people say it, and `needs.json`, which avoids the tools' own words on purpose. The index was tuned on `needs_dev.json`.
Whoever tunes on the first two must write others to report on.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.bench.planning.retrieval import card_of, read, recall
from orrery.tools import tool, tools
from orrery.tools.select import Match, ToolCard, ToolIndex
from orrery.tools.words import stem, terms_of, words_of

CARDS = [card_of(card, examples=False) for card in read("cards.json")["cards"]]


@pytest.fixture(scope="module")
def index() -> ToolIndex:
    return ToolIndex(CARDS)


@pytest.fixture(scope="module")
def exampled() -> ToolIndex:
    return ToolIndex(card_of(card, examples=True) for card in read("cards.json")["cards"])


def test_the_data_is_what_it_is_said_to_be() -> None:
    names = {card.name for card in CARDS}
    sets = [read(f"{name}.json")["needs"] for name in ("paraphrases", "needs", "needs_dev")]
    assert (len(names), len(CARDS), [*map(len, sets)]) == (530, 530, [200, 227, 396])
    needs = [each["need"] for needs in sets for each in needs]
    assert len(set(needs)) == len(needs)
    assert {each["tool"] for needs in sets for each in needs} <= names
    examples = {example for card in read("cards.json")["cards"] for example in card["examples"]}
    assert examples.isdisjoint(needs)


def test_needs_in_other_words_find_their_tool(index: ToolIndex) -> None:
    """Measured: first .700 of paraphrases, .568 of needs that avoid the tools' words, .783 where it was tuned."""
    assert recall(index, read("paraphrases.json")["needs"], 1) >= 0.69
    assert recall(index, read("needs.json")["needs"], 1) >= 0.55
    assert recall(index, read("needs_dev.json")["needs"], 1) >= 0.77


def test_tools_with_example_requests_are_found_more_often(exampled: ToolIndex) -> None:
    """Measured: first .945 of paraphrases and .819 of needs that avoid the tools' words; .995 among five, .965."""
    paraphrases, others = read("paraphrases.json")["needs"], read("needs.json")["needs"]
    assert recall(exampled, paraphrases, 1) >= 0.93
    assert recall(exampled, paraphrases, 5) >= 0.985
    assert recall(exampled, others, 1) >= 0.80


def test_a_match_says_what_it_is_about(index: ToolIndex) -> None:
    best, *_ = index.find("send an email message to Ada")
    assert best.name == "mail.send"
    assert best.because == "it is about 'send', 'email', 'message'"
    assert index.find("transfer money", 3)[0].name == "bank.transfer"
    scores = [match.score for match in index.find("transfer money", 9)]
    assert scores == sorted(scores, reverse=True)


def test_what_says_nothing_finds_nothing(index: ToolIndex) -> None:
    assert index.find("") == []
    assert index.find("of the and") == []
    assert index.find("xyzzy") == []
    assert ToolIndex([]).find("anything") == []
    assert len(index.find("file", 3)) == 3


def test_a_later_card_of_the_same_name_counts() -> None:
    index = ToolIndex([ToolCard("a.b", "Counts moons."), ToolCard("a.b", "Paints stars.")])
    assert len(index) == 1
    assert [match.name for match in index.find("stars")] == ["a.b"]
    assert index.find("moons") == []


def test_the_cards_of_real_tools_are_found() -> None:
    index = ToolIndex(ToolCard.of(tools.get(name)) for name in ("files.read", "files.remove", "http.get", "chart.bar"))
    needs = {
        "delete old.txt": "files.remove",
        "fetch https://example.org/a": "http.get",
        "draw a bar chart": "chart.bar",
        "what does notes.md say, read it": "files.read",
    }
    assert {need: index.find(need, 1)[0].name for need in needs} == needs

    @tool(name="moons.orbit")
    def orbit(planet: str, days: int) -> str:
        """The way of a moon."""
        return planet * days

    assert ToolCard.of(orbit) == ToolCard("moons.orbit", "The way of a moon.", ("planet", "days"))


def test_thousands_of_tools_are_indexed_and_searched_quickly() -> None:
    many = [ToolCard(f"p{part}.{card.name}", card.description, card.words) for part in range(10) for card in CARDS]
    began = time.process_time()
    index = ToolIndex(many[:5000])
    built_s = time.process_time() - began
    needs = [each["need"] for each in read("needs.json")["needs"][:50]]
    began = time.process_time()
    for need in needs:
        index.find(need)
    found_s = (time.process_time() - began) / len(needs)
    # Measured: 0.38 s and 5 ms; the tests share their processors with others.
    assert built_s < 3
    assert found_s < 0.03


def test_words_and_stems() -> None:
    assert words_of("readTable read_table HTTPServer e-mail don't v2") == [
        *("read", "table", "read", "table", "http", "server", "email", "dont", "v", "2"),
    ]
    assert len({stem(word) for word in ("resize", "resized", "resizing", "resizes")}) == 1
    assert stem("stopped") == stem("stops") == "stop"
    phrase = dict(terms_of("call off the meeting"))
    assert "call" not in phrase
    assert set(phrase.values()) == {"call off", "meeting"}
    assert "file" in dict(terms_of("store report.pdf in S3")).values()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_searched_for_and_always_finds_the_same(text: str) -> None:
    index = ToolIndex(CARDS[:60])
    found = index.find(text)
    assert found == ToolIndex(CARDS[:60]).find(text)
    assert all(isinstance(match, Match) and match.score > 0 for match in found)


def test_a_tool_is_found_by_the_requests_that_its_author_gives_as_examples() -> None:
    @tool(name="sky.moon", effects="pure", examples=["how much of it is lit tonight", "is it waxing or waning?"])
    def moon(day: str) -> float:
        """The phase of the moon."""
        return 0.5 if day else 0.0

    @tool(name="sky.tide", effects="pure")
    def tide(day: str) -> float:
        """The height of the water."""
        return 1.0 if day else 0.0

    best, *_ = ToolIndex(map(ToolCard.of, (tide, moon))).find("waning or waxing, which one?")
    assert best.name == "sky.moon"
