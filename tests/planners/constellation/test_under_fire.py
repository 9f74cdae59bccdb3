"""Whatever a thinker says, and whenever: the heart's invariants hold, and what has started never changes."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.scheduler import events as ev

from .conftest import Situation, steered


class Wild:
    """A thinker that says anything that can be said: mostly sense, and some nonsense."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.open: list[int] = []
        self.last = 6

    def __call__(self, situation: Situation) -> str:
        """Some lines."""
        if situation["turn"] == 1:
            steps = (f"{number}. {self._call(number)}" for number in range(1, self.last + 1))
            return "\n".join(steps) + "\nanswer: [$1, $2]"
        self.open = [step["number"] for step in situation["steps"] if step["state"] in ("waiting", "ready")]
        if self.chance.random() < 0.05:
            return "done"
        return "\n".join(self._line() for _ in range(self.chance.randint(0, 2))) or "wait"

    def _line(self) -> str:
        if self.open and self.chance.random() < 0.8:
            number = self.chance.choice(self.open)
        elif self.chance.random() < 0.8:
            self.last += 1
            number = self.last
        else:
            number = self.chance.randint(1, self.last)
        other = self.chance.randint(1, number)
        kind = self.chance.choice(("step", "step", "step", "drop", "link", "unlink", "answer", "prose"))
        return {
            "step": f"{number}. {self._call(number)}",
            "drop": f"drop ${number}",
            "link": f"link ${other} -> ${number} on {self.chance.choice(('success', 'failure', 'completion'))}",
            "unlink": f"unlink ${other} -> ${number}",
            "answer": f"answer: [${number}, ${other}]",
            "prose": "let me think",
        }[kind]

    def _call(self, number: int) -> str:
        earlier = f"${self.chance.randint(1, number - 1)}" if number > 1 and self.chance.random() < 0.8 else "7"
        return self.chance.choice(
            (
                f"test.echo(value={earlier})",
                f"test.nap(ms={self.chance.randint(1, 25)}, value={earlier})",
                f"test.nap(ms={self.chance.randint(1, 25)}, value={earlier})",
                f"test.nap(ms={self.chance.randint(1, 25)}, value={earlier})",
                "test.fail()" if self.chance.random() < 0.4 else f"test.echo(value={earlier})",
                f"test.echo(value=$item) each [1, {earlier}]",
                f"test.echo(value={earlier}) if 1 < {self.chance.randint(0, 3)}",
            )
        )


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_random_edits_keep_the_invariants_and_never_change_what_has_started(seed: int) -> None:
    started: set[str] = set()

    def watch(event: ev.Event) -> None:
        if isinstance(event, ev.TaskStarted):
            started.add(event.task)
        if isinstance(event, ev.GraphPatched):
            assert not started & event.patch.touched().keys(), (
                f"seed {seed}: {event.patch.because} edits what has started"
            )

    with tempfile.TemporaryDirectory() as folder:
        story = steered(
            Wild(seed), Path(folder), options={"max_turns": 12, "max_refusals": 3, "hold_s": 0.02}, watch=watch
        )
    assert story.result.state in ("succeeded", "partial", "failed"), story.result
    assert story.machine.open == 0
    plan = story.machine.records["plan"].failure
    assert plan is None or plan.code == "planner-reply", plan
    told = [number for situation in story.situations for number in situation["results"]]
    assert len(told) == len(set(told)), f"seed {seed}: an end is told twice"
