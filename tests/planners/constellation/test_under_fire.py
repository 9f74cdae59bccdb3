"""Whatever a thinker says, and whenever: the heart's invariants hold, and what has started never changes."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.scheduler import events as ev

from .conftest import Situation, steered

NUMBERS = range(1, 10)


class Wild:
    """A thinker that says anything that can be said, sense or nonsense."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def __call__(self, situation: Situation) -> str:
        """Some lines."""
        if situation["turn"] == 1:
            return "\n".join(f"{number}. {self._call(number)}" for number in NUMBERS[:5]) + "\nanswer: [$1, $2]"
        if self.chance.random() < 0.05:
            return "done"
        return "\n".join(self._line() for _ in range(self.chance.randint(0, 4))) or "wait"

    def _line(self) -> str:
        number, other = self.chance.choice(NUMBERS), self.chance.choice(NUMBERS)
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
        earlier = f"${self.chance.randint(1, number - 1)}" if number > 1 and self.chance.random() < 0.6 else "7"
        return self.chance.choice(
            (
                f"test.echo(value={earlier})",
                f"test.nap(turns={self.chance.randint(1, 30)}, value={earlier})",
                "test.fail()",
                f"test.echo(value=$item) each [1, {earlier}]",
                f"test.echo(value={earlier}) if 1 < {self.chance.randint(0, 3)}",
            )
        )


@settings(max_examples=40, deadline=None)
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
        story = steered(Wild(seed), Path(folder), options={"turns": 12, "refusals": 3, "hold_s": 0.02}, watch=watch)
    assert story.result.state in ("succeeded", "partial", "failed"), story.result
    assert story.machine.open == 0
    told = [number for situation in story.situations for number in situation["results"]]
    assert len(told) == len(set(told)), f"seed {seed}: an end is told twice"
