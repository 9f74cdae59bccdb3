"""What a server counted: calls, tokens and prefix hits, for each model and in all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class Tally:
    """What came of the calls to one model, or to all.

    Args:
        calls: requests for an answer, the failed ones too.
        answered: those that got a whole one.
        failed: those that met a fault, or whose script failed.
        limited: those refused for a limit.
        interrupted: those whose client went away before the end.
        input_tokens: read, the cached ones included; those of failed and limited calls are not counted.
        output_tokens: sent.
        cached_tokens: found in the prefix cache.
        prefix_hits: calls that found any there.
    """

    calls: int = 0
    answered: int = 0
    failed: int = 0
    limited: int = 0
    interrupted: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    prefix_hits: int = 0


@dataclass
class Counts(Tally):
    """The counts in all, and by model.

    Args:
        running: calls under way.
        most_running: the most that ever were at once.
    """

    running: int = 0
    most_running: int = 0
    models: dict[str, Tally] = field(default_factory=dict)

    def add(self, model: str, **amounts: int) -> None:
        """Count for a model and in all."""
        for tally in (self, self.models.setdefault(model, Tally())):
            for name, amount in amounts.items():
                setattr(tally, name, getattr(tally, name) + amount)

    def copy(self) -> Counts:
        """These counts as they are now."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        return Counts(**own | {"models": {name: Tally(**asdict(tally)) for name, tally in list(self.models.items())}})

    def plain(self) -> dict[str, Any]:
        """The counts as JSON has them."""
        return asdict(self.copy())
