"""The runs of a store by the names that people use for them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orrery.errors import RequestError, UnknownRunError, suggestion
from orrery.journal import Journal, RunSummary, open_journal
from orrery.runtime.session import store_url

LAST = "last"
"""The word for the run that was created last."""


def open_existing(store: str | None) -> Journal:
    """The store, which must be there already: looking for runs makes none. Raises UnknownRunError."""
    url = store_url(store)
    path = url.removeprefix("sqlite:///")
    if path != url and path and not Path(path).exists():
        raise UnknownRunError(f"there is no store at {url}, so there are no runs; name another with --store")
    return open_journal(url)


def without_windows(runs: Sequence[RunSummary]) -> list[RunSummary]:
    """Runs that somebody began; not those that a batch began for its rows, whose names go on from its own."""
    names = {run.run for run in runs}
    return [run for run in runs if run.run.rpartition("/")[0] not in names]


def find_run(journal: Journal, name: str) -> str:
    """The run that is meant by its name, by the beginning of it, or by 'last'.

    Raises:
        UnknownRunError: there is none.
        RequestError: several begin like that.
    """
    runs = [run for run in journal.runs() if run.events or run.live]
    if any(run.run == name for run in runs):
        return name
    known = [run.run for run in (runs if "/" in name else without_windows(runs))]
    if name == LAST and known:
        return known[-1]
    alike = [run for run in known if run.startswith(name)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        more = f" and {len(alike) - 5} more" if len(alike) > 5 else ""
        raise RequestError(f"several runs begin with {name!r}: {', '.join(alike[:5])}{more}; write more of the name")
    raise UnknownRunError(f"there is no run {name!r}; {suggestion(name, known) if known else 'the store has none'}")


def standing(run: RunSummary) -> str:
    """The state of a run in one word; "interrupted" if it should run and nobody drives it."""
    return "interrupted" if run.state == "running" and not run.live else run.state
