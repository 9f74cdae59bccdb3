"""The default embedding: no model, no download, the same everywhere, and near is near."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import MissingExtraError, UnknownNameError
from orrery.models.embedding import embed, embedders, words_of

TOOLS = {
    "count": "text.count: count words, lines and characters of a text",
    "chart": "chart.bar: draw a bar chart from names and numbers",
    "read": "files.read: read a file as text",
    "get": "http.get: fetch a URL from the web",
    "query": "data.query: run an SQL query over tables",
    "grep": "text.grep: find lines that match a pattern",
}


@pytest.mark.parametrize(
    ("need", "tool"),
    [
        ("counting the lines in a text", "count"),
        ("draw bars for these numbers", "chart"),
        ("reading files", "read"),
        ("fetching the URL", "get"),
        ("an sql querry over the tables", "query"),
        ("which lines match this pattern?", "grep"),
    ],
)
def test_the_nearest_is_the_one_that_is_meant(need: str, tool: str) -> None:
    wanted, *found = embed([need, *TOOLS.values()])
    ranked = sorted(zip(TOOLS, found, strict=True), key=lambda one: -wanted.cosine(one[1]))
    assert ranked[0][0] == tool


@given(st.text(max_size=200))
def test_every_text_has_a_direction_of_length_one_or_none(text: str) -> None:
    (vector,) = embed([text])
    assert vector.cosine(vector) == pytest.approx(1.0 if words_of(text) else 0.0)


@given(st.text(max_size=60), st.text(max_size=60))
def test_nearness_is_mutual_and_between_nothing_and_all(one: str, other: str) -> None:
    first, second = embed([one, other])
    assert first.cosine(second) == pytest.approx(second.cosine(first))
    assert -1e-9 <= first.cosine(second) <= 1 + 1e-9


def test_it_is_the_same_in_every_process() -> None:
    text = "the quick brown fox: readTable, read_table, naïve Ångström"
    program = f"from orrery.models.embedding import embed; print(embed([{text!r}])[0].weights)"
    fresh = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert fresh.strip() == str(embed([text])[0].weights)


def test_common_words_hardly_count() -> None:
    one, other, third = embed(["what is the weather in Oslo", "what is the price of the house", "Oslo weather"])
    assert one.cosine(other) < 0.1
    assert one.cosine(third) > 0.8


def test_names_are_taken_apart() -> None:
    assert words_of("readTable read_table HTTP2") == ["read", "table", "read", "table", "http", "2"]


def test_an_embedder_that_needs_a_library_says_which() -> None:
    assert {"hashed", "minilm"} <= set(embedders.names())
    with pytest.raises(MissingExtraError, match=r"pip install 'orrery\[minilm\]'"):
        embed(["x"], embedder="minilm")
    with pytest.raises(UnknownNameError, match="did you mean 'hashed'"):
        embed(["x"], embedder="hashd")
