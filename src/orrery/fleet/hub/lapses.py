"""Lapses: what follows when time has passed."""

from __future__ import annotations

from orrery.fleet.hub import presence, requests
from orrery.fleet.hub.attempt import Attempt, State
from orrery.fleet.hub.ledger import Ledger
from orrery.fleet.hub.queue import Line

VIEWS_S = 0.25
"""Those who watch the devices are shown them at most so often."""


def lapse(ledger: Ledger, kind: str, subject: str) -> None:
    """A timer is due."""
    match kind:
        case "health" if subject in ledger.devices:
            presence.passed(ledger, ledger.devices[subject])
        case "full" | "trust" if subject in ledger.devices:
            ledger.review(ledger.devices[subject])
        case "adrift":
            _adrift(ledger, ledger.attempts[subject])
        case "sought":
            _sought(ledger, ledger.attempts[subject])
        case "deadline":
            _deadline(ledger, ledger.attempts[subject])
        case "preferred":
            ledger.waited_for_preferred(ledger.attempts[subject])
        case "line" if subject in ledger.queue.busy:
            _patience(ledger, ledger.queue.busy[subject])
        case "client" if subject in ledger.clients:
            _client(ledger, subject)
        case "views":
            for client in ledger.clients.values():
                if client.watching:
                    requests.tell_views(ledger, client)
        case _:
            pass  # whom it was set for is not there any more


def _adrift(ledger: Ledger, attempt: Attempt) -> None:
    assert attempt.holder is not None
    ledger.end_lost(attempt, f"{attempt.holder.name} is gone, and alone knows what became of {attempt.work}")


def _sought(ledger: Ledger, attempt: Attempt) -> None:
    awaits = ", ".join(attempt.awaits)
    if attempt.may_be_done:
        ledger.remembers_no_more(attempt.assign.key)  # the next attempt does not wait for the same device again
        ledger.end_lost(attempt, f"{awaits} may have done {attempt.work}, and has not come back")
    else:
        ledger.put_back(attempt, f"{awaits} has not come back")


def _deadline(ledger: Ledger, attempt: Attempt) -> None:
    attempt.overdue = True
    match attempt.state:
        case State.QUEUED | State.BEHIND:
            ledger.end_overdue(attempt, "none")
        case State.SOUGHT:
            if not attempt.may_be_done:
                ledger.end_overdue(attempt, attempt.effect_unheard)
            else:
                _sought(ledger, attempt)
        case State.ADRIFT:
            _adrift(ledger, attempt)
        case State.LEASED:
            requests.stop(ledger, attempt, "its deadline has passed")
        case _:
            pass


def _patience(ledger: Ledger, line: Line) -> None:
    """Nobody has come who could do what waits in a line."""
    since = line.hopeless_since
    if since is None:
        return
    patience_s = ledger.settings.patience_s
    for attempt in list(line.waiting.values()):
        if max(since, attempt.queued_at) + patience_s <= ledger.now:
            ledger.end_without_device(attempt, line)
    if line.waiting:
        oldest = min(attempt.queued_at for attempt in line.waiting.values())
        ledger.timers.set(("line", line.name), max(since, oldest) + patience_s)


def _client(ledger: Ledger, name: str) -> None:
    """A client has not come back: what ended is kept no longer, what has not goes on."""
    client = ledger.clients[name]
    for attempt in list(client.attempts.values()):
        if attempt.state is State.ENDED:
            ledger.drop(attempt)
    if name in ledger.clients:
        ledger.timers.set(("client", name), ledger.now + ledger.settings.session_kept_s)
