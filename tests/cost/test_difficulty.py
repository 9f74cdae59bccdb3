"""Difficulty: what is declared, guessed and learned of how hard a call is."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given as given_by
from hypothesis import strategies as st

from orrery.cost import AS_WRITTEN, Cost, Option, Platform, Spread
from orrery.cost.difficulty import MIDDLING, declared, given, guessed, learned
from orrery.graph import Estimate, Graph, Ref, Task, Template


def ask(prompt: Any, **args: Any) -> Task:
    return Task("a", "model.ask", {"prompt": prompt, **args})


def judged(task: Task) -> float:
    return guessed(task, Graph())


def test_what_is_asked_decides_the_guess() -> None:
    proof, translation = ask("Prove that the sum is even."), ask("Translate this into French.")
    assert judged(translation) < judged(ask("Tell me of this.")) < judged(proof)
    assert judged(ask("Yes or no?", max_tokens=5)) < judged(ask("Yes or no?"))
    many = ask(Template(["Put together: ", *(Ref(f"t{n}") for n in range(9))]))
    assert judged(many) == pytest.approx(judged(ask(Template(["Put together: ", Ref("t0")]))) + 0.2)
    assert judged(ask("word " * 2000)) > judged(ask("word " * 200)) > judged(ask("word"))
    assert judged(Task("x", "text.count")) == MIDDLING


@given_by(st.text(max_size=60), st.integers(-5, 10**9))
def test_the_guess_is_a_difficulty(text: str, most: int) -> None:
    assert 0 <= judged(ask(text, max_tokens=most, system=text)) <= 1


def test_what_is_declared_comes_first() -> None:
    task = msgspec.structs.replace(ask("Prove it."), estimate=Estimate(difficulty=0.1))
    assert declared(task, Graph()) == 0.1
    assert declared(ask("Prove it."), Graph()) == judged(ask("Prove it."))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -0.1, 1.1, True, None])
def test_a_figure_that_is_none_is_not_believed(wrong: Any) -> None:
    task = ask("Translate.")
    assert given({"a": wrong})(task, Graph()) == judged(task)
    assert given({"a": 0.9})(task, Graph()) == 0.9


class Failing:
    """Every attempt fails for good with one chance, and takes twice as long until it went well."""

    platform = Platform()

    def __init__(self, fails: float) -> None:
        self.fails = fails

    def estimate(self, task: Task, option: Option = AS_WRITTEN) -> Cost:
        seconds = Spread.exactly(1.0)
        return Cost(seconds, fails=self.fails, settled_s=seconds.times(2.0) if self.fails else None)


def test_what_failed_raises_the_guess_and_not_what_is_declared() -> None:
    task = ask("Translate.")
    assert learned(Failing(0.0))(task, Graph()) == judged(task)
    assert learned(Failing(0.2))(task, Graph()) == pytest.approx(1 - (1 - judged(task)) * 0.8 * 0.5)
    said = msgspec.structs.replace(task, estimate=Estimate(difficulty=0.1))
    assert learned(Failing(0.9))(said, Graph()) == 0.1
