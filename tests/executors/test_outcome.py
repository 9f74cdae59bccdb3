"""Failures can always be written, and show the user's own lines; a context counts and reports."""

from __future__ import annotations

import asyncio
import math
import traceback
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import Failure, NotSerialisableError, OperationError
from orrery.runtime.context import Context
from orrery.runtime.executors.outcome import failure_of
from orrery.runtime.operations import resolve
from orrery.scheduler.codec import decode_events, encode_events
from orrery.scheduler.events import TaskFailed, TaskProgressed, Usage
from orrery.testing.executors import RecordingHost, invocation


def failing(error: BaseException) -> Failure:
    with pytest.raises(type(error)) as caught:
        raise error
    return failure_of(caught.value)


class Odd(Exception):
    severity = 7
    retry_after_s = "soon"


@given(st.text(st.characters()) | st.binary(max_size=20))
def test_every_message_can_be_written_and_read_again(message: Any) -> None:
    failure = failing(ValueError(message))
    event = TaskFailed(1.0, "a", 1, failure)
    assert decode_events(encode_events([event])) == [event]


@pytest.mark.parametrize(
    "error", [Odd("x"), ValueError("\ud800"), NotSerialisableError("y"), ExceptionGroup("g", [OSError(1, "z")])]
)
def test_an_odd_error_is_a_failure_that_can_be_read_again(error: Exception) -> None:
    failure = failing(error)
    assert failure.type == type(error).__name__
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(failure), type=Failure) == failure


def test_the_detail_shows_the_users_frames_and_none_of_ours() -> None:
    with pytest.raises(OperationError) as caught:
        resolve("py:math:nothing")
    assert len(traceback.extract_tb(caught.tb)) > 1
    failure = failure_of(caught.value)
    assert "test_outcome.py" in failure.detail
    assert "operations.py" not in failure.detail


def test_a_cause_comes_along() -> None:
    error = ValueError("outer")
    error.__cause__ = KeyError("inner")
    failure = failing(error)
    assert failure.cause is not None
    assert failure.cause.type == "KeyError"


def with_context(folder: Path) -> tuple[Context, RecordingHost]:
    host = RecordingHost(folder)
    return Context(invocation("py:math:sqrt"), host), host


def test_a_flood_of_progress_is_thinned_but_the_end_goes_through(tmp_path: Path) -> None:
    async def story() -> None:
        context, host = with_context(tmp_path)
        for n in range(10_000):
            context.progress(n / 10_000, f"step {n}")
        context.progress(1.0, "done\ud800")
        reports = [event for event in host.events if isinstance(event, TaskProgressed)]
        assert len(reports) < 200
        assert reports[0].fraction == 0.0
        assert (reports[-1].fraction, reports[-1].note) == (1.0, "done\\ud800")

    asyncio.run(story())


@pytest.mark.parametrize(("said", "passed_on"), [(7, 1.0), (-1, 0.0), (math.nan, 0.0), (None, None)])
def test_a_fraction_outside_its_range_is_brought_inside(
    tmp_path: Path, said: float | None, passed_on: float | None
) -> None:
    async def story() -> None:
        context, host = with_context(tmp_path)
        context.progress(said)
        assert isinstance(host.events[0], TaskProgressed)
        assert host.events[0].fraction == passed_on

    asyncio.run(story())


def test_nothing_used_is_no_usage(tmp_path: Path) -> None:
    async def story() -> None:
        context, _ = with_context(tmp_path)
        assert context.used() is None
        context.usage(tokens=3)
        assert context.used(cpu_s=0.5) == Usage(0.0, 3, 0.5)

    asyncio.run(story())


def files_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def write_half(context: Context) -> None:
    with context.blob_writer() as out:
        out.write(b"never mind")
        raise ValueError("half-way")


def test_a_blob_that_is_not_closed_leaves_nothing_behind(tmp_path: Path) -> None:
    async def story() -> None:
        context, _ = with_context(tmp_path)
        with context.blob_writer() as out:
            out.write(b"never mind")
        with pytest.raises(ValueError, match="half-way"):
            write_half(context)
        assert files_in(tmp_path) == []
        with context.blob_writer("text/plain") as out:
            out.write(b"kept")
            blob = out.close()
        assert blob == out.close()
        assert files_in(tmp_path) == [b"kept"]

    asyncio.run(story())


def test_a_cancellation_acts_once_it_is_asked_for_and_only_inside_the_block(tmp_path: Path) -> None:
    async def story() -> None:
        acts: list[str] = []
        context, _ = with_context(tmp_path)
        context.check_cancelled()
        with context.when_cancelled(lambda: acts.append("first")):
            context.cancel()
        context.cancel()
        with context.when_cancelled(lambda: acts.append("late")):
            pass
        assert acts == ["first", "late"]
        with pytest.raises(asyncio.CancelledError):
            context.check_cancelled()

    asyncio.run(story())
