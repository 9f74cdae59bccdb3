"""What a tree may use is split top-down, and nothing is given out twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import PlannerOptionError
from orrery.planners.recursive import Budget
from orrery.planners.recursive.budget import allowance
from orrery.planners.recursive.method import method_of


@given(st.integers(1, 30), st.integers(3, 500), st.none() | st.integers(0, 10**7), st.data())
def test_children_together_get_no_more_than_there_is(
    depth: int, nodes: int, tokens: int | None, data: st.DataObject
) -> None:
    budget = Budget(depth, nodes, tokens)
    shares = budget.split(data.draw(st.integers(2, nodes - 1)))
    assert sum(share.nodes for share in shares) == nodes - 1
    assert all(share.nodes >= 1 and share.depth == depth - 1 for share in shares)
    if tokens is None:
        assert all(share.tokens is None for share in shares)
    else:
        assert (budget.own_tokens or 0) + sum(share.tokens or 0 for share in shares) <= tokens


@given(st.integers(0, 10**6), st.integers(1, 12), st.data())
def test_calls_that_keep_to_their_allowance_keep_to_the_whole(tokens: int, calls: int, data: st.DataObject) -> None:
    spent = 0
    for left in range(calls, 0, -1):
        allowed = allowance(tokens, spent=spent, calls=left)
        assert allowed is not None
        spent += data.draw(st.integers(0, allowed))
    assert spent <= tokens


def test_a_node_without_room_below_it_says_which_limit_it_met() -> None:
    assert Budget(0, 100).leaves_no_plan() == "the depth limit is reached"
    assert Budget(3, 2).leaves_no_plan() == "the node limit leaves 1 below it"
    assert Budget(1, 3).leaves_no_plan() == ""


def test_every_wrong_option_is_named_at_once() -> None:
    with pytest.raises(PlannerOptionError) as caught:
        method_of({"max_dept": 3, "max_nodes": 0, "max_parts": 1})
    said = str(caught.value)
    assert "no option 'max_dept'; did you mean 'max_depth'" in said
    assert "option 'max_nodes': Expected `int` >= 1, not 0" in said
    assert "option 'max_parts'" in said
    with pytest.raises(PlannerOptionError, match="verify"):
        method_of({"verify": "sometimes"})
