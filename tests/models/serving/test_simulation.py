"""Many calls on several replicas, in virtual time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import RequestError, UnknownNameError
from orrery.models.serving import (
    Call,
    Cluster,
    Piece,
    PrefixCache,
    Timing,
    balances,
    batch_seconds,
    call_seconds,
    simulate,
    under_load,
)

LAW = Timing(first_s=0.1, tokens_per_s=50, prefill_per_s=4000, slots=4, slowdown=0.1)
MANUAL, LAWS = Piece("the manual", 1600), Piece("the laws", 1600)


def test_a_call_is_made_when_those_before_it_have_ended() -> None:
    calls = [
        Call((MANUAL,), 11, after=(1, 2)),
        Call((MANUAL,), 11, at=1.0),
        Call((MANUAL,), 11, at=5.0, after=(1,)),
    ]
    last, first, middle = simulate(calls, LAW).calls
    assert first.at == 1.0
    assert first.ended == pytest.approx(1.0 + LAW.due_s(11, uncached=1600))
    assert middle.at == 5.0
    assert last.at == middle.ended
    assert (first.cached, middle.cached, last.cached) == (0, 1600, 1600)


def test_sums_are_of_all_calls() -> None:
    found = simulate([Call((MANUAL, Piece(i, 20)), 11) for i in range(10)], LAW)
    assert (found.prompt_tokens, found.answer_tokens) == (16_200, 110)
    assert (found.cached_tokens, found.prefilled_tokens) == (14_400, 1800)
    assert found.seconds == max(one.ended for one in found.calls)
    assert simulate([], LAW).seconds == 0.0


def test_round_robin_takes_each_in_turn_and_least_loaded_the_one_with_the_least_to_do() -> None:
    calls = [Call((Piece(i, 10),), 1000 if i == 0 else 11, at=i / 1000) for i in range(4)]
    assert [one.replica for one in simulate(calls, LAW, replicas=2).calls] == [0, 1, 0, 1]
    assert [one.replica for one in simulate(calls, LAW, replicas=2, balance="least-loaded").calls] == [0, 1, 1, 1]


def test_prefix_affinity_brings_equal_beginnings_together_unless_the_line_is_too_long() -> None:
    calls = [Call((piece, Piece(i, 20)), 2, at=float(i)) for i, piece in enumerate((MANUAL, LAWS, LAWS, MANUAL))]
    apart = simulate(calls, LAW, replicas=2, balance="prefix-affinity")
    assert [one.replica for one in apart.calls] == [0, 0, 0, 0]  # nothing else is under way, so nothing is lost
    crowd = [Call((MANUAL, Piece(i, 20)), 500) for i in range(40)]
    assert {one.replica for one in simulate(crowd, LAW, replicas=2, balance="prefix-affinity").calls} == {0, 1}


def test_a_rule_of_ones_own() -> None:
    found = simulate([Call((MANUAL,), 1)] * 3, LAW, replicas=3, balance=lambda *_: 2)
    assert {one.replica for one in found.calls} == {2}
    fixed = simulate([Call((MANUAL,), 1, replica=1)], LAW, replicas=3, balance=lambda *_: 2)
    assert fixed.calls[0].replica == 1


def test_calls_with_a_rank_are_held_back_and_made_in_its_order() -> None:
    law = Timing(first_s=0.0, tokens_per_s=10, prefill_per_s=1000, slots=1, cache_blocks=100)
    pieces = (MANUAL, LAWS, MANUAL, LAWS)

    def read(ranks: tuple[int | None, ...]) -> list[int]:
        calls = [
            Call((piece,), 11, replica=0, rank=rank, at=0.0 if rank is None else i * 1e-9)
            for i, (piece, rank) in enumerate(zip(pieces, ranks, strict=True))
        ]
        return [one.cached for one in simulate(calls, law).calls]

    assert read((None, None, None, None)) == [0, 0, 0, 0]  # the cache has room for one of the two
    assert read((0, 2, 1, 3)) == [0, 0, 1600, 1600]
    together = [Call((MANUAL,), 11, replica=0, rank=rank) for rank in (3, 1, 2)]
    found = simulate(together, law)
    assert sorted(range(3), key=lambda place: found.calls[place].started) == [1, 2, 0]
    assert {one.at for one in found.calls} == {0.0}


def test_what_becomes_ready_at_the_time_a_slot_is_freed_is_in_the_choice() -> None:
    law = Timing(first_s=0.0, tokens_per_s=10, slots=1)
    calls = [
        Call((), 11, replica=0, rank=0),
        Call((), 11, replica=0, rank=2),
        Call((), 11, replica=0, rank=1, after=(0,)),
    ]
    assert [one.started for one in simulate(calls, law).calls] == [0.0, 2.0, 1.0]


def test_calls_with_one_key_are_made_once() -> None:
    calls = [
        Call((MANUAL,), 51, key="same"),
        Call((MANUAL,), 51, at=0.3, key="same"),
        Call((MANUAL,), 51, at=9.0, key="same"),
        Call((MANUAL,), 51, key="other"),
        Call((LAWS,), 2, after=(1,)),
    ]
    found = simulate(calls, LAW)
    assert (found.made, found.prompt_tokens) == (3, 4800)
    assert [one.shared for one in found.calls] == [False, True, True, False, False]
    assert found.calls[1].ended == found.calls[0].ended == found.calls[4].at
    assert found.calls[2].seconds == 0.0


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        ([Call((), 1, after=(0,))], "waits for itself"),
        ([Call((), 1, after=(1,)), Call((), 1, after=(0,))], "waits for itself"),
        ([Call((), 1, after=(7,))], "not in the list"),
        ([Call((), 1, replica=1)], "there are 1"),
        ([Call((), 1, rank=1)], "no replica"),
        ([Call((), -1)], "at least 0"),
        ([Call((Piece("x", -5),), 1)], "at least 0"),
        ([Call((), 1, at=float("nan"))], "finite"),
    ],
)
def test_calls_that_make_no_sense_are_refused(calls: list[Call], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        simulate(calls, LAW)


def test_replicas_and_rules_that_do_not_exist_are_refused() -> None:
    with pytest.raises(RequestError, match="at least one"):
        Cluster(LAW, replicas=0)
    with pytest.raises(UnknownNameError):
        simulate([], LAW, balance="luck")


def test_a_prefix_cache_counts_whole_blocks_of_equal_pieces_from_the_beginning() -> None:
    cache = PrefixCache(16)
    assert cache.read_pieces("m", (Piece("a", 100), Piece("b", 100))) == 0
    assert cache.read_pieces("m", (Piece("a", 100), Piece("c", 100))) == 96
    assert cache.read_pieces("m", (Piece("b", 100), Piece("a", 100))) == 0
    assert cache.read_pieces("other", (Piece("a", 100),)) == 0
    assert cache.known("m", (Piece("a", 100), Piece("b", 100), Piece("new", 50))) == 192


def test_a_full_prefix_cache_forgets_what_was_not_used_longest_and_ends_before_beginnings() -> None:
    cache = PrefixCache(10, most_blocks=5)
    a, b, c = (Piece(name, 20) for name in "abc")
    cache.read_pieces("m", (a, b))
    cache.read_pieces("m", (c,))
    assert cache.known("m", (a, b)) == 20
    assert cache.known("m", (c,)) == 20
    cache.read_pieces("m", (Piece("too large", 1000),))
    assert cache.known("m", (c,)) == 0


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 400), st.floats(0, 2)), min_size=1, max_size=30),
    st.integers(1, 4),
    st.sampled_from(sorted(balances)),
)
def test_every_call_is_served_once_and_the_same_calls_give_the_same_times(
    asked: list[tuple[int, int, float]], replicas: int, balance: str
) -> None:
    calls = [
        Call((Piece(doc, 320), Piece((doc, i), 30)), answer, at=at, after=(i // 2,) if i % 3 == 2 else ())
        for i, (doc, answer, at) in enumerate(asked)
    ]
    found = simulate(calls, LAW, replicas=replicas, balance=balance)
    assert found == simulate(calls, LAW, replicas=replicas, balance=balance)
    for call, one in zip(calls, found.calls, strict=True):
        assert one.at <= one.started <= one.first <= one.ended < float("inf")
        assert one.seconds >= LAW.due_s(call.answer_tokens, uncached=call.prompt_tokens - one.cached) - 1e-9
        assert all(found.calls[before].ended <= one.at for before in call.after)


def test_the_formula_for_one_call_is_the_simulation_of_one_call() -> None:
    one = simulate([Call((MANUAL, Piece(1, 40)), 80)], LAW).seconds
    assert call_seconds(LAW, prompt_tokens=1640, answer_tokens=80) == pytest.approx(one)


@pytest.mark.parametrize("calls", [1, 3, 4, 37, 400])
@pytest.mark.parametrize("prefill_per_s", [4000.0, float("inf")])
def test_the_formula_for_calls_that_come_at_once_is_near_the_simulation(calls: int, prefill_per_s: float) -> None:
    law = Timing(first_s=0.05, tokens_per_s=50, prefill_per_s=prefill_per_s, slots=4, slowdown=0.1)
    found = simulate([Call((Piece(i, 200),), 100) for i in range(calls)], law, replicas=2, balance="round-robin")
    guess = batch_seconds(law, calls=calls, prompt_tokens=200, answer_tokens=100, replicas=2)
    assert guess == pytest.approx(found.seconds, rel=0.1)


@pytest.mark.parametrize("calls_per_s", [0.1, 1.0, 2.0, 2.3])
def test_the_formula_under_load_is_near_the_simulation(calls_per_s: float) -> None:
    import random

    law = Timing(first_s=0.1, tokens_per_s=50, prefill_per_s=4000, slots=8, slowdown=0.05)
    dice, at, calls = random.Random(5), 0.0, []
    for i in range(3000):
        at += dice.expovariate(calls_per_s)
        calls.append(Call((Piece(i, 400),), 80, at=at))
    found = simulate(calls, law).calls
    mean = sum(one.seconds for one in found) / len(found)
    load = under_load(law, calls_per_s=calls_per_s, prompt_tokens=400, answer_tokens=80)
    assert load.seconds == pytest.approx(mean, rel=0.15)


def test_more_than_a_server_can_do_is_said() -> None:
    assert under_load(LAW, calls_per_s=100, prompt_tokens=400, answer_tokens=80).seconds == float("inf")
    assert under_load(LAW, calls_per_s=1e9, prompt_tokens=4, answer_tokens=1).used == 1.0
    free = under_load(Timing(), calls_per_s=100, prompt_tokens=400, answer_tokens=51)
    assert free.waited_s == 0.0
    assert free.seconds == pytest.approx(1.4)
