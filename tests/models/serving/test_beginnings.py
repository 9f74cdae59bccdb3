"""Prompts cut where they part."""

from __future__ import annotations

from itertools import combinations, takewhile

from hypothesis import given
from hypothesis import strategies as st

from orrery.models.serving.beginnings import cut_where_they_part


@given(st.lists(st.text("ab", max_size=12), max_size=12))
def test_two_texts_share_as_many_pieces_as_characters(texts: list[str]) -> None:
    cut = cut_where_they_part(texts, least_tokens=0)
    assert ["".join(str(piece.key) for piece in pieces) for pieces in cut] == texts
    for (one, mine), (other, theirs) in combinations(zip(texts, cut, strict=True), 2):
        shared = [a for a, b in takewhile(lambda pair: pair[0] == pair[1], zip(mine, theirs, strict=False))]
        assert len("".join(str(piece.key) for piece in shared)) == sum(
            1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
        )


@given(st.lists(st.text("ab", max_size=200), max_size=6))
def test_tokens_are_those_of_the_whole_text(texts: list[str]) -> None:
    for text, pieces in zip(texts, cut_where_they_part(texts), strict=True):
        assert sum(piece.tokens for piece in pieces) == -(-len(text) // 4)
