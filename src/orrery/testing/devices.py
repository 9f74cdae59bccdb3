"""What every device must do, as tests: subclass `DeviceConformance`, name two tools, and say how a device is started.

    class TestMyDevice(DeviceConformance):
        quick = Call("text.upper", {"text": "abc"}, "ABC")
        slow = Call("clock.wait", {"seconds": 60})

        @asynccontextmanager
        async def device(self, hub: str, token: str, folder: Path) -> AsyncIterator[None]:
            process = await asyncio.create_subprocess_exec("my-device", hub, token, folder / "state")
            try:
                yield
            finally:
                process.kill()
                await process.wait()

The suite plays the hub itself, at a WebSocket on loopback, in the form that the device asks for. It takes any device of
the protocol, in any language.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec

from orrery.fleet.codec import encode
from orrery.fleet.messages import Accept, Assign, Cancel, Drain, Error, Ping, Reject, Result, State
from orrery.fleet.profile import Profile
from orrery.graph import values
from orrery.testing.examiner import KEY, TOKEN, Call, Examiner

Story = Callable[[Examiner], Coroutine[Any, Any, None]]


class DeviceConformance:
    """The tests."""

    quick: Call
    """A tool that answers at once."""
    slow: Call
    """One that takes longer than any test unless it is cancelled."""
    lease_s = 1.0
    """For the one test that lets a lease run out."""

    def device(self, hub: str, token: str, folder: Path) -> AbstractAsyncContextManager[Any]:
        """Run a device of this hub until the block ends, which may kill it.

        Args:
            token: to enrol with, where the folder holds nothing yet.
            folder: where it keeps what it is to remember.
        """
        raise NotImplementedError("say how a device is started")

    def examine(self, folder: Path, story: Story, *, heartbeat_s: float = 5.0, lease_s: float = 30.0) -> None:
        """Run a story with a device that has called."""

        async def told() -> None:
            async with Examiner(heartbeat_s=heartbeat_s, lease_s=lease_s).open() as hub:
                async with self.device(hub.url, TOKEN, folder):
                    await hub.called()
                    await story(hub)
                hub.is_shut = True

        asyncio.run(told())

    # -- who it is ------------------------------------------------------------------------------------------------

    def test_it_says_who_it_is(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            hello = await hub.called()
            assert (hello.token, hello.role) == (TOKEN, "device")
            assert 1 in hello.versions
            assert (hello.session, hello.received) == ("", 0)

        self.examine(tmp_path, story)

    def test_it_keeps_the_key_that_it_was_enrolled_with(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            hub.cut()
            assert (await hub.called(2)).token == KEY

        self.examine(tmp_path, story)
        self.examine(tmp_path, _has_key)  # also when it was started again

    def test_it_offers_its_tools(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            def offered() -> Profile | None:
                states = [state.profile for state in hub.said(State) if state.profile is not None]
                return states[-1] if states else hub.hellos[-1].profile

            await hub.until(lambda: offered() is not None, "say what it is")
            profile = offered()
            assert profile is not None
            assert profile.slots >= 1
            offers = {offer.name: offer for offer in profile.tools}
            for call in (self.quick, self.slow):
                assert offers[call.op].parameters.get("type") == "object"
                assert set(call.args) <= set(offers[call.op].parameters.get("properties", {}))

        self.examine(tmp_path, story)

    def test_it_answers_pings(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            await hub.until(lambda: hub.answered_pings > 0, "answer a Ping")

        self.examine(tmp_path, story)

    # -- work -----------------------------------------------------------------------------------------------------

    def test_it_does_what_it_accepts(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            asked = hub.assign(self.quick)
            result = await hub.answer(Result, asked.work)
            self._is_done(result, asked)
            assert not result.remembered
            about = [type(frame) for frame in hub.got if isinstance(frame, Accept | Result)]
            assert about == [Accept, Result]
            assert hub.said(Accept)[0].fence == asked.fence

        self.examine(tmp_path, story)

    def test_it_does_many_things_one_after_another(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            for n in range(20):
                asked = hub.assign(self.quick, task=f"task-{n}")
                self._is_done(await hub.answer(Result, asked.work), asked)

        self.examine(tmp_path, story)

    def test_it_rejects_what_it_does_not_offer(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            asked = hub.assign(Call("no.such.tool"))
            reject = await hub.answer(Reject, asked.work)
            assert (reject.reason, reject.fence) == ("not-offered", asked.fence)

        self.examine(tmp_path, story)

    def test_it_does_not_fail_by_wrong_arguments(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            asked = hub.assign(Call(self.quick.op, {"no such argument": 1}))
            await hub.until(lambda: bool(hub.said(Reject) + hub.said(Result)), "refuse wrong arguments")
            if hub.said(Reject):
                assert hub.said(Reject)[0].reason == "arguments"
            else:
                assert hub.said(Result)[0].status == "failed"
                assert hub.said(Result)[0].failure is not None
            right = hub.assign(self.quick, task="right")
            assert right.work != asked.work
            self._is_done(await hub.answer(Result, right.work), right)

        self.examine(tmp_path, story)

    def test_it_answers_from_memory_what_it_did(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            await hub.answer(Result, hub.assign(self.quick).work)
            again = hub.assign(self.quick)
            result = await hub.answer(Result, again.work, 2)
            self._is_done(result, again)
            assert result.remembered
            later = hub.assign(self.quick, attempt=2)
            result = await hub.answer(Result, later.work)
            self._is_done(result, later)
            assert result.remembered

        self.examine(tmp_path, story)

    def test_it_remembers_when_it_was_started_again(self, tmp_path: Path) -> None:
        async def before(hub: Examiner) -> None:
            await hub.answer(Result, hub.assign(self.quick).work)

        async def after(hub: Examiner) -> None:
            asked = hub.assign(self.quick, fence=7)
            result = await hub.answer(Result, asked.work)
            # Until its client says Cancel(forget), a result is kept, and offered to whoever comes.
            if not result.remembered:
                result = await hub.answer(Result, asked.work, 2)
            assert result.remembered
            self._is_done(result, asked)

        self.examine(tmp_path, before)
        self.examine(tmp_path, after)

    def test_it_does_not_take_other_arguments_for_the_same(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            first = hub.assign(self.quick)
            await hub.answer(Result, first.work)
            other = msgspec.structs.replace(first, digest="0" * 64, fence=first.fence + 1)
            hub.post(other)
            assert (await hub.answer(Reject, first.work)).reason == "arguments"

        self.examine(tmp_path, story)

    def test_it_refuses_an_old_fence(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            asked = hub.assign(self.quick, fence=9)
            await hub.answer(Result, asked.work)
            hub.assign(self.quick, fence=8)
            reject = await hub.answer(Reject, asked.work)
            assert (reject.reason, reject.fence) == ("fenced", 8)
            running = hub.assign(self.slow, task="slow", fence=9)
            await hub.answer(Accept, running.work)
            hub.assign(self.slow, task="slow", fence=8)
            assert (await hub.answer(Reject, running.work)).reason == "fenced"

        self.examine(tmp_path, story)

    def test_it_forgets_on_demand(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            asked = hub.assign(self.quick)
            await hub.answer(Result, asked.work)
            hub.post(Cancel(work=asked.work, fence=asked.fence, forget=True))
            again = hub.assign(self.quick)
            result = await hub.answer(Result, again.work, 2)
            self._is_done(result, again)
            assert not result.remembered

        self.examine(tmp_path, story)

    def test_it_stops_what_is_cancelled(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            asked = hub.assign(self.slow)
            await hub.answer(Accept, asked.work)
            hub.post(Cancel(work=asked.work, fence=asked.fence, because="it is not wanted any more"))
            result = await hub.answer(Result, asked.work)
            assert (result.status, result.fence) == ("stopped", asked.fence)
            after = hub.assign(self.quick, task="after")
            self._is_done(await hub.answer(Result, after.work), after)

        self.examine(tmp_path, story)

    def test_it_answers_for_what_it_never_heard_of(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            hub.post(Cancel(work="run@1/unknown#1", fence=3))
            result = await hub.answer(Result, "run@1/unknown#1")
            assert (result.status, result.effect) == ("stopped", "unknown")

        self.examine(tmp_path, story)

    def test_a_draining_device_takes_nothing_new(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            running = hub.assign(self.slow, task="slow")
            await hub.answer(Accept, running.work)
            hub.post(Drain(because="the suite wants it"))
            new = hub.assign(self.quick, task="new")
            assert (await hub.answer(Reject, new.work)).reason == "draining"
            assert not hub.said(Result, running.work)
            hub.post(Cancel(work=running.work, fence=running.fence))
            assert (await hub.answer(Result, running.work)).status == "stopped"

        self.examine(tmp_path, story)

    # -- the session ----------------------------------------------------------------------------------------------

    def test_what_was_lost_with_a_connection_is_said_again(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            asked = hub.assign(self.quick)
            await hub.answer(Result, asked.work)
            hub.is_deaf = True
            lost = hub.assign(self.quick, task="lost")
            await hub.until(lambda: hub.unheard >= 1, "answer")
            hub.cut()
            hub.is_deaf = False
            hello = await hub.called(2)
            assert hello.session == "session-1"
            assert hello.received == 2
            self._is_done(await hub.answer(Result, lost.work), lost)
            assert len(hub.said(Result)) == len(hub.said(Accept)) == 2

        self.examine(tmp_path, story)

    def test_what_was_said_while_there_was_no_connection_is_said_later(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            for n in range(2, 5):
                asked = hub.assign(self.quick, task=f"task-{n}")
                hub.cut()
                hello = await hub.called(n)
                assert hello.session == "session-1"
                self._is_done(await hub.answer(Result, asked.work), asked)
            assert len(hub.said(Result)) == 3

        self.examine(tmp_path, story)

    def test_it_drops_what_is_repeated(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            asked = hub.assign(self.quick)
            await hub.answer(Result, asked.work)
            assert hub.link is not None
            repeated = msgspec.structs.replace(asked, seq=hub.link.session.sent)
            await hub.raw(encode([repeated], hub.form))
            after = hub.assign(self.quick, task="after")
            await hub.answer(Result, after.work)
            assert len(hub.said(Result)) == 2

        self.examine(tmp_path, story)

    def test_a_lost_session_is_reported_anew(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            done, running = hub.assign(self.quick, task="done"), hub.assign(self.slow, task="running")
            await hub.answer(Result, done.work)
            await hub.answer(Accept, running.work)
            states = len(hub.said(State))
            hub.cut()
            hub.forget()
            assert (await hub.called(2)).session == "session-1"
            state = await hub.answer(State, times=states + 1)
            assert state.whole
            phases = {held.work: held.phase for held in state.held}
            assert phases == {done.work: "done", running.work: "running"}
            again = hub.assign(self.slow, task="running")
            assert (await hub.answer(Accept, running.work, 2)).fence == again.fence

        self.examine(tmp_path, story)

    def test_a_malformed_message_is_answered_and_the_session_goes_on(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            await hub.raw(b"{]")
            assert (await hub.answer(Error)).error == "malformed"
            assert (await hub.called(2)).session == "session-1"
            asked = hub.assign(self.quick)
            self._is_done(await hub.answer(Result, asked.work), asked)

        self.examine(tmp_path, story)

    def test_what_a_later_version_says_is_no_harm(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            assert hub.link is not None
            hub.link.session.sent += 1
            await hub.raw(hub.write({"type": "dance", "seq": hub.link.session.sent, "steps": ["left"]}))
            error = await hub.answer(Error)
            assert (error.error, error.retryable) == ("unknown-type", True)
            hub.post(Ping(id=2**40, extra={"mood": "good"}))
            asked = hub.assign(self.quick)
            self._is_done(await hub.answer(Result, asked.work), asked)
            assert len(hub.hellos) == 1

        self.examine(tmp_path, story)

    def test_a_device_that_is_cut_off_stops_before_its_lease_ends(self, tmp_path: Path) -> None:
        async def story(hub: Examiner) -> None:
            asked = hub.assign(self.slow)
            await hub.answer(Accept, asked.work)
            await hub.until(lambda: hub.answered_pings > 0, "answer a Ping")
            hub.is_shut = True
            hub.cut()
            await asyncio.sleep(1.5 * self.lease_s)
            hub.is_shut = False
            await hub.called(2)
            assert (await hub.answer(Result, asked.work)).status in ("lost", "stopped")

        self.examine(tmp_path, story, heartbeat_s=self.lease_s / 5, lease_s=self.lease_s)

    def _is_done(self, result: Result, asked: Assign) -> None:
        assert result.status == "succeeded", result
        assert values.decode(result.value) == self.quick.value
        assert (result.work, result.fence) == (asked.work, asked.fence)


async def _has_key(hub: Examiner) -> None:
    assert (await hub.called()).token == KEY


__all__ = ["Call", "DeviceConformance", "Examiner"]
