"""Score: what the runs of the suite amount to, for each request, each category, and all."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from orrery.bench.fleet.bound import bound_s
from orrery.bench.fleet.exercise import Exercise
from orrery.bench.fleet.run import Performed
from orrery.graph.query import width
from orrery.scheduler import events as ev


@dataclass(frozen=True, kw_only=True)
class Score:
    """What became of one request.

    Args:
        width: the largest number of tasks of the plan that could run at once; a for-each counts as one.
        makespan_s: side by side.
        sequential_s: the same plan one step after the other, really run; None if that was not tried.
        bound_s: no schedule on these devices could have been shorter, as long as the attempts took what they took.
        edits: patches and growths that the running graph took in.
    """

    exercise: Exercise
    planner: str
    performed: Performed
    width: int = 0
    makespan_s: float = 0.0
    sequential_s: float | None = None
    bound_s: float = 0.0
    edits: int = 0

    @property
    def is_timed(self) -> bool:
        """Whether its times say something of schedules: it succeeded, and nothing was killed on the way."""
        return self.performed.success and self.exercise.drill is None and self.sequential_s is not None


def score(exercise: Exercise, planner: str, side_by_side: Performed, in_turn: Performed | None = None) -> Score:
    """The score of a request from its two runs."""
    if side_by_side.state == "refused":
        return Score(exercise=exercise, planner=planner, performed=side_by_side)
    return Score(
        exercise=exercise,
        planner=planner,
        performed=side_by_side,
        width=width(side_by_side.graph)[0],
        makespan_s=side_by_side.seconds,
        sequential_s=in_turn.seconds if in_turn is not None and in_turn.success else None,
        bound_s=bound_s(side_by_side.grown, side_by_side.events),
        edits=sum(isinstance(event, ev.GraphPatched | ev.TaskExpanded) for event in side_by_side.events) - 1,
    )


# -- all of them ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Total:
    """The scores of a category, or of all."""

    scores: Sequence[Score]

    @property
    def subtasks(self) -> float:
        """The share of the subtasks that were done."""
        done = [flag for score in self.scores for flag in score.performed.done]
        return sum(done) / len(done)

    @property
    def success(self) -> float:
        """The share of the requests after which the state was as it must be."""
        return sum(score.performed.success for score in self.scores) / len(self.scores)

    @property
    def width(self) -> float:
        """The mean width of the plans."""
        return _mean([score.width for score in self.scores if score.width])

    @property
    def timed(self) -> list[Score]:
        """Those whose times count."""
        return [score for score in self.scores if score.is_timed]

    @property
    def of_sequential(self) -> float:
        """The mean of makespan over sequential makespan."""
        return _mean([score.makespan_s / score.sequential_s for score in self.timed if score.sequential_s])

    @property
    def of_bound(self) -> float:
        """The mean of makespan over bound."""
        return _mean([score.makespan_s / score.bound_s for score in self.timed if score.bound_s])

    def mean_of(self, what: str) -> float:
        """The mean of "makespan_s", "sequential_s" or "bound_s" over those whose times count."""
        return _mean([getattr(score, what) for score in self.timed])

    @property
    def edits(self) -> int:
        """How often running graphs were changed."""
        return sum(score.edits for score in self.scores)

    @property
    def frames(self) -> int:
        """The frames that went through the hub."""
        return sum(score.performed.counters.frames for score in self.scores)

    @property
    def size_bytes(self) -> int:
        """The bytes of messages that went through the hub."""
        return sum(score.performed.counters.size_bytes for score in self.scores)


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else 0.0


__all__ = ["Score", "Total", "score"]
