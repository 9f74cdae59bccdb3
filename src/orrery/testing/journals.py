"""The conformance suite of stores: what every journal must do, as tests that a store inherits.

    class TestMyStore(JournalConformance):
        def open(self, folder: Path) -> Journal:
            return MyJournal(folder / "runs")

Needs pytest and hypothesis: `pip install 'orrery[testing]' pytest`.
"""

from __future__ import annotations

import abc
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orrery.errors import (
    CorruptionError,
    FencedError,
    NotSerialisableError,
    OrreryError,
    RequestError,
    RunExistsError,
    RunLockedError,
    RunNameError,
    StoreError,
    UnknownRunError,
)
from orrery.graph import Blob
from orrery.journal import Journal, Lease, Request
from orrery.journal.recover import recover, verify
from orrery.scheduler.codec import encode_events
from orrery.scheduler.events import Event, RunEnded, RunPaused, RunStarted, TaskStarted
from orrery.testing.events import events

Opener = Callable[[], Journal]


def started(first: int, last: int) -> list[Event]:
    """A line of distinguishable events, numbered as they should be in the log."""
    return [TaskStarted(float(number), f"task {number}", 1) for number in range(first, last + 1)]


def append(journal: Journal, *batches: tuple[Lease, Sequence[Event]]) -> None:
    """Append and wait until it is durable, or raise what went wrong."""
    future = journal.append(batches)
    if future is not None:
        future.result(timeout=30)


def log(journal: Journal, run: str, after: int = 0) -> list[tuple[int, Event]]:
    """All that `read` yields."""
    return list(journal.read(run, after))


def as_written(written: Sequence[Event], read: Sequence[tuple[int, Event]]) -> bool:
    """Whether a log holds just these events, numbered from 1; compared by their bytes, so that NaN equals NaN."""
    numbered = [number for number, _ in read] == list(range(1, len(written) + 1))
    return numbered and encode_events(written) == encode_events([event for _, event in read])


class JournalConformance(abc.ABC):
    """Inherit it, say how your store is opened, and every test must pass."""

    @abc.abstractmethod
    def open(self, folder: Path) -> Journal:
        """A journal on the store that lives in `folder`: a new one the first time, then the same again.

        Several may be open at a time; each stands for a process of its own.
        """

    @pytest.fixture
    def again(self, tmp_path: Path) -> Iterator[Opener]:
        """Opens the test's store once more."""
        opened: list[Journal] = []

        def open_once_more() -> Journal:
            opened.append(self.open(tmp_path))
            return opened[-1]

        yield open_once_more
        for journal in opened:
            journal.close()

    @pytest.fixture
    def journal(self, again: Opener) -> Journal:
        """The journal under test."""
        return again()

    # The log

    def test_events_come_back_numbered_and_in_order(self, journal: Journal) -> None:
        lease = journal.create("r", 0.0)
        append(journal, (lease, started(1, 3)))
        append(journal, (lease, started(4, 4)))
        append(journal, (lease, started(5, 300)))
        assert as_written(started(1, 300), log(journal, "r"))
        assert journal.head("r") == 300

    def test_reading_can_begin_after_any_event(self, journal: Journal) -> None:
        lease = journal.create("r", 0.0)
        for first, last in ((1, 3), (4, 4), (5, 9)):
            append(journal, (lease, started(first, last)))
        whole = log(journal, "r")
        for after in range(12):
            assert log(journal, "r", after) == whole[after:]

    def test_a_new_run_has_no_events(self, journal: Journal) -> None:
        journal.create("r", 0.0)
        assert log(journal, "r") == []
        assert journal.head("r") == 0

    def test_an_append_of_nothing_changes_nothing(self, journal: Journal) -> None:
        lease = journal.create("r", 0.0)
        append(journal)
        append(journal, (lease, []))
        assert journal.head("r") == 0

    def test_a_reader_sees_the_log_as_it_was_when_it_began(self, journal: Journal) -> None:
        lease = journal.create("r", 0.0)
        append(journal, (lease, started(1, 200)))
        reading = journal.read("r")
        seen = [next(reading)]
        append(journal, (lease, started(201, 205)))
        assert as_written(started(1, 200), [*seen, *reading])

    def test_one_append_may_write_several_runs_and_one_of_them_twice(self, journal: Journal) -> None:
        a, b = journal.create("a", 0.0), journal.create("b", 0.0)
        append(journal, (a, started(1, 2)), (b, started(1, 1)), (a, started(3, 3)))
        assert as_written(started(1, 3), log(journal, "a"))
        assert as_written(started(1, 1), log(journal, "b"))

    def test_an_append_is_written_whole_or_not_at_all(self, journal: Journal, again: Opener) -> None:
        a, b = journal.create("a", 0.0), journal.create("b", 0.0)
        journal.release(b)
        with pytest.raises(FencedError):
            append(journal, (a, started(1, 2)), (b, started(1, 1)))
        with pytest.raises(NotSerialisableError):
            append(journal, (a, [*started(1, 2), TaskStarted(0.0, object(), 1)]))  # type: ignore[arg-type]
        assert log(again(), "a") == log(again(), "b") == []
        append(journal, (a, started(1, 2)))
        assert as_written(started(1, 2), log(journal, "a"))

    def test_what_was_appended_survives_closing(self, again: Opener) -> None:
        first = again()
        first.append([(first.create("r", 0.0), started(1, 5))])
        first.close()
        second = again()
        assert as_written(started(1, 5), log(second, "r"))
        append(second, (second.acquire("r", 9.0), started(6, 6)))
        assert as_written(started(1, 6), log(second, "r"))

    def test_closing_twice_is_harmless_and_a_closed_journal_says_so(self, journal: Journal) -> None:
        lease = journal.create("r", 0.0)
        journal.close()
        journal.close()
        with pytest.raises(OrreryError):
            append(journal, (lease, started(1, 1)))
        with pytest.raises(StoreError):
            log(journal, "r")

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(groups=st.lists(st.lists(events(), max_size=6), max_size=6))
    def test_every_event_survives_the_round_trip(self, groups: list[list[Event]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            journal = self.open(Path(folder))
            lease = journal.create("r", 0.0)
            for group in groups:
                append(journal, (lease, group))
            journal.close()
            reopened = self.open(Path(folder))
            assert as_written([event for group in groups for event in group], log(reopened, "r"))
            reopened.close()

    # Runs and who may write them

    def test_a_run_is_created_once(self, journal: Journal, again: Opener) -> None:
        journal.create("r", 0.0)
        with pytest.raises(RunExistsError):
            journal.create("r", 0.0)
        with pytest.raises(RunExistsError):
            again().create("r", 0.0)

    def test_a_name_must_be_printable_and_short(self, journal: Journal) -> None:
        for name in ("", "a\nb", "x" * 201):
            with pytest.raises(RunNameError):
                journal.create(name, 0.0)
        for name in ("x" * 200, "Łódź / 2 '; --", "../up"):
            append(journal, (journal.create(name, 0.0), started(1, 1)))
            assert journal.head(name) == 1

    def test_an_unknown_run_is_an_error_everywhere(self, journal: Journal) -> None:
        asked: list[Callable[[], object]] = [
            lambda: journal.acquire("r", 0.0),
            lambda: journal.head("r"),
            lambda: log(journal, "r"),
            lambda: journal.load_snapshot("r"),
            lambda: journal.post("r", Request("cancel")),
            lambda: recover(journal, "r"),
        ]
        for ask in asked:
            with pytest.raises(UnknownRunError):
                ask()

    def test_one_journal_at_a_time_may_write_a_run(self, journal: Journal, again: Opener) -> None:
        lease = journal.create("r", 0.0)
        other = again()
        for somebody in (journal, other):
            with pytest.raises(RunLockedError):
                somebody.acquire("r", 1.0)
        journal.release(lease)
        assert other.acquire("r", 2.0).epoch > lease.epoch

    def test_closing_gives_the_lease_back(self, journal: Journal, again: Opener) -> None:
        lease = journal.create("r", 0.0)
        journal.close()
        assert again().acquire("r", 1.0).epoch > lease.epoch

    def test_an_old_lease_writes_nothing(self, journal: Journal, again: Opener) -> None:
        old = journal.create("r", 0.0)
        append(journal, (old, started(1, 1)))
        journal.release(old)
        with pytest.raises(FencedError):
            append(journal, (old, started(2, 2)))
        other = again()
        append(other, (other.acquire("r", 1.0), started(2, 2)))
        for attempt in (
            lambda: append(journal, (old, started(3, 3))),
            lambda: journal.save_snapshot(old, 1, b"old"),
            lambda: journal.collect(old),
        ):
            with pytest.raises(FencedError):
                attempt()
        journal.release(old)  # must not take the lease from its new holder
        with pytest.raises(RunLockedError):
            journal.acquire("r", 2.0)
        assert as_written(started(1, 2), log(other, "r"))

    def test_an_epoch_never_comes_back(self, journal: Journal) -> None:
        lease = journal.create("r", 0.0)
        epochs = [lease.epoch]
        for _ in range(3):
            journal.release(lease)
            lease = journal.acquire("r", 1.0)
            epochs.append(lease.epoch)
        assert epochs == sorted(set(epochs))

    def test_the_summary_follows_the_run(self, journal: Journal, again: Opener) -> None:
        lease = journal.create("one", 10.0, target="demo.yaml")
        journal.create("two", 11.0)
        append(journal, (lease, [RunStarted(12.0, "one"), *started(13, 14), RunPaused(15.0)]))
        other = again()
        summary = other.runs()[0]
        assert (summary.run, summary.state, summary.events, summary.target) == ("one", "paused", 4, "demo.yaml")
        assert (summary.created_at, summary.updated_at, summary.live) == (10.0, 15.0, True)
        append(journal, (lease, [RunEnded(20.0, "failed")]))
        journal.release(lease)
        assert [(s.run, s.state, s.live) for s in other.runs()] == [("one", "failed", False), ("two", "running", True)]
        assert [other.summary(s.run) for s in other.runs()] == other.runs()
        with pytest.raises(UnknownRunError):
            other.summary("three")

    # Snapshots

    def test_recovery_goes_on_from_the_snapshot(self, journal: Journal, again: Opener) -> None:
        lease = journal.create("r", 0.0)
        append(journal, (lease, started(1, 4)))
        append(journal, (lease, started(5, 9)))
        assert recover(journal, "r").snapshot is None
        for seq, state in ((2, b"two"), (7, b"seven" * 10_000)):
            journal.save_snapshot(lease, seq, state)
            assert again().load_snapshot("r") == (seq, state)
        recovered = recover(again(), "r")
        assert (recovered.seq, recovered.snapshot) == (7, b"seven" * 10_000)
        assert list(recovered.events) == log(journal, "r", 7)

    def test_a_snapshot_of_what_has_not_happened_is_refused(self, journal: Journal) -> None:
        lease = journal.create("r", 0.0)
        for seq in (0, 1):
            with pytest.raises(RequestError):
                journal.save_snapshot(lease, seq, b"")
        append(journal, (lease, started(1, 2)))
        with pytest.raises(RequestError):
            journal.save_snapshot(lease, 3, b"")
        assert journal.load_snapshot("r") is None

    def test_an_intact_run_verifies(self, journal: Journal) -> None:
        append(journal, (journal.create("r", 0.0), started(1, 9)))
        report = verify(journal, "r")
        assert (report.ok, report.events, report.intact) == (True, 9, 9)

    # Requests

    def test_requests_reach_the_holder_in_order_and_once(self, journal: Journal, again: Opener) -> None:
        lease = journal.create("r", 0.0)
        journal.create("other", 0.0)
        assert journal.collect(lease) == []
        posted = [
            Request("pause", {"by": "ada"}),
            Request("answer", {"task": "t", "verdict": "approve", "value": [1, {"a": None}]}),
            Request("cancel"),
        ]
        other = again()
        for request in posted[:2]:
            other.post("r", request)
        journal.post("other", Request("pause"))
        journal.post("r", posted[2])
        assert journal.collect(lease) == posted
        assert journal.collect(lease) == []
        append(journal, (lease, started(1, 1)))
        assert journal.collect(lease) == []
        other.post("r", Request("continue"))
        assert journal.collect(lease) == [Request("continue")]

    def test_a_request_waits_until_somebody_acts_on_it(self, journal: Journal, again: Opener) -> None:
        lease = journal.create("r", 0.0)
        journal.release(lease)
        journal.post("r", Request("cancel"))
        lease = journal.acquire("r", 1.0)
        assert journal.collect(lease) == [Request("cancel")]
        journal.release(lease)  # nothing was appended: the holder may have died before it did anything
        other = again()
        lease = other.acquire("r", 2.0)
        assert other.collect(lease) == [Request("cancel")]
        append(other, (lease, started(1, 1)))
        other.release(lease)
        assert journal.collect(journal.acquire("r", 3.0)) == []

    # Blobs

    def test_blobs_are_kept_by_their_content(self, journal: Journal, again: Opener) -> None:
        data = bytes(range(256)) * 5_000
        blob = journal.blobs.put(data, "text/plain")
        assert (blob.size_bytes, blob.media) == (len(data), "text/plain")
        with journal.blobs.writer("text/plain") as out:
            for start in range(0, len(data), 100_000):
                out.write(data[start : start + 100_000])
        assert out.blob == blob
        other = again().blobs
        assert other.get(blob) == data
        with other.open(blob) as file:
            assert file.read(3) == data[:3]

    def test_a_blob_given_up_half_way_was_never_there(self, journal: Journal) -> None:
        whole = journal.blobs.put(b"abc")
        out = journal.blobs.writer()

        def write_and_give_up() -> None:
            with out:
                out.write(b"abcdef")
                raise KeyError("given up")

        with pytest.raises(KeyError):
            write_and_give_up()
        with pytest.raises(StoreError):
            _ = out.blob
        assert journal.blobs.get(whole) == b"abc"

    def test_a_blob_that_is_not_there_is_corruption(self, journal: Journal) -> None:
        with pytest.raises(CorruptionError):
            journal.blobs.get(Blob("0" * 64, 3))
        with pytest.raises(CorruptionError):
            journal.blobs.open(Blob("../../etc/passwd", 3))
