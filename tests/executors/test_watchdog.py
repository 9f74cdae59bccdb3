"""The watchdog tells of a blocked loop once, with the place, and sleeps otherwise."""

from __future__ import annotations

import asyncio
import queue
import threading

from orrery.runtime.watchdog import Watchdog

THRESHOLD_S = 0.05


def hold_up_until(event: threading.Event, at_most_s: float = 10.0) -> None:
    event.wait(at_most_s)


def test_a_blockage_is_reported_once_with_what_is_at_fault() -> None:
    reports: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()
    told = threading.Event()

    def report(seconds: float, where: str) -> None:
        reports.put((seconds, where))
        told.set()

    async def story() -> None:
        dog = Watchdog(asyncio.get_running_loop(), THRESHOLD_S, report=report)
        dog.start()
        hold_up_until(told)
        hold_up_until(threading.Event(), 3 * THRESHOLD_S)  # for longer still: that is the same blockage
        dog.stop()

    asyncio.run(story())
    seconds, where = reports.get_nowait()
    assert seconds >= THRESHOLD_S
    assert "hold_up_until" in where
    assert reports.empty()


def test_each_blockage_is_reported() -> None:
    async def story() -> None:
        reports: queue.SimpleQueue[float] = queue.SimpleQueue()
        told = threading.Event()

        def report(seconds: float, where: str) -> None:
            reports.put(seconds)
            told.set()

        dog = Watchdog(asyncio.get_running_loop(), THRESHOLD_S, report=report)
        dog.start()
        for _ in range(2):
            told.clear()
            hold_up_until(told)
            await asyncio.sleep(2 * THRESHOLD_S)  # the loop lives, and the watchdog sees it
        dog.stop()
        assert reports.qsize() == 2

    asyncio.run(story())


def test_a_lively_loop_is_not_reported() -> None:
    async def story() -> None:
        reports: list[float] = []
        dog = Watchdog(asyncio.get_running_loop(), 5.0, report=lambda seconds, _: reports.append(seconds))
        dog.start()
        await asyncio.sleep(0.05)
        dog.stop()
        assert not reports

    asyncio.run(story())


def test_stopping_ends_its_thread_at_once_and_twice_is_harmless() -> None:
    async def story() -> None:
        dog = Watchdog(asyncio.get_running_loop(), 600.0, report=lambda *_: None)
        dog.start()
        dog.stop()
        dog.stop()
        assert not [thread for thread in threading.enumerate() if thread.name == "orrery-watchdog"]

    asyncio.run(story())


def test_a_loop_that_is_closed_is_no_longer_watched() -> None:
    loop = asyncio.new_event_loop()
    dog = Watchdog(loop, THRESHOLD_S, report=lambda *_: None)
    loop.close()
    dog.start()
    dog.stop()
