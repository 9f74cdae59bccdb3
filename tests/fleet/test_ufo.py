"""The bridge to UFO³, against a server that speaks the frames which its published definitions describe."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from orrery.cli import main
from orrery.errors import ConnectionLostError, OrreryError, ProtocolError, ToolError, TransportUrlError
from orrery.fleet.device.agent import News
from orrery.graph import Effects, Graph, Limits, Place, Task
from orrery.runtime import Result, Session
from orrery.runtime.device import make_ufo_device
from orrery.runtime.executors.fleet import FleetExecutor
from orrery.scheduler.events import PersonAsked, TaskStarted
from orrery.tools import tools
from orrery.workflow import Workflow, load
from tests.fleet.fleets import WITHIN_S, Fleet, fleet, until

INFO = {
    "platform": "Windows",
    "cpu_count": 8,
    "memory_total_gb": 31.7,
    "supported_features": ["gui", "office", 7],
    "of_tomorrow": {"x": 1},
}


class Desktop:
    """A device agent server with one desktop.

    What a request says decides what is done: "say X" is answered with X, "fail" fails, "hang" waits for `release`,
    "drop" breaks the connection, "garble" sends what is no JSON.
    """

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.released = asyncio.Event()
        self.knows = "desktop-1"
        self.port = 0

    async def __aenter__(self) -> Desktop:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await serve(self._attend, "127.0.0.1", self.port)
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}/ws"

    async def stop(self) -> None:
        self.released.set()
        self._server.close()
        await self._server.wait_closed()

    @property
    def tasks(self) -> list[dict[str, Any]]:
        return [one for one in self.said if one["type"] == "task"]

    async def _attend(self, ws: ServerConnection) -> None:
        doing: set[asyncio.Task[None]] = set()
        try:
            while True:
                message = json.loads(await ws.recv())
                self.said.append(message)
                assert datetime.fromisoformat(message["timestamp"]).tzinfo is not None
                doing.add(asyncio.create_task(self._answer(ws, message)))
        except ConnectionClosed:
            await asyncio.gather(*doing, return_exceptions=True)

    async def _answer(self, ws: ServerConnection, message: dict[str, Any]) -> None:
        async def say(**fields: Any) -> None:
            await ws.send(json.dumps({"timestamp": "2026-01-01T00:00:00Z", "of_tomorrow": [1], **fields}))

        match message["type"]:
            case "register" if message["target_id"] == self.knows:
                assert message["client_type"] == message["metadata"]["type"].removesuffix("_client") == "constellation"
                assert message["metadata"]["targeted_device_id"] == self.knows
                await say(type="heartbeat", status="ok")
            case "register":
                await say(type="error", status="error", error=f"{message['target_id']} is not connected")
            case "device_info_request":
                await say(type="news", status="ok")
                await say(type="device_info_response", status="ok", result=INFO, response_id=message["request_id"])
            case "task":
                await say(type="heartbeat", status="ok")
                await self._perform(ws, message, say)

    async def _perform(self, ws: ServerConnection, message: dict[str, Any], say: Any) -> None:
        word, _, rest = message["request"].partition(" ")
        end = {"type": "task_end", "session_id": message["session_id"], "response_id": "r1"}
        if word == "drop":
            await ws.close()
            return
        if word == "garble":
            await ws.send("{")
            return
        if word == "hang":
            await self.released.wait()
        if word == "fail":
            await say(**end, status="failed", error="there is no window of that name")
        else:
            await say(**{**end, "session_id": "of somebody else"}, status="completed", result="wrong")
            await say(**end, status="completed", result={"said": rest, "many": [1, 2.5, None]})


class Bridge:
    """A hub, a desktop, and the device between them."""

    def __init__(self, hub: Fleet, desktop: Desktop, news: list[News], folder: Path) -> None:
        self.hub, self.desktop, self.news, self.folder = hub, desktop, news, folder
        self.events: list[Any] = []

    async def run(self, what: Graph | Workflow) -> Result:
        """Run something on it; a person who is asked says no."""

        def hear(_run: str, events: Any) -> None:
            self.events += events
            for event in events:
                if isinstance(event, PersonAsked):
                    asyncio.get_running_loop().call_soon(run.answer, event.task, "deny")

        executors = {"fleet": FleetExecutor(self.hub.address)}
        async with Session("memory://", executors=executors, observers=(hear,)) as session:
            run = session.start(what, folder=self.folder)
            return await asyncio.wait_for(run.wait(), WITHIN_S)

    async def until_refused(self, because: str) -> None:
        """Return once the device has turned something away, and why."""
        await until(lambda: any(one.kind == "refused" and because in one.text for one in self.news))

    @property
    def questions(self) -> list[str]:
        return [event.question for event in self.events if isinstance(event, PersonAsked)]


@asynccontextmanager
async def bridged(folder: Path) -> AsyncIterator[Bridge]:
    async with fleet(folder) as hub, Desktop() as desktop:
        token = hub.server.registry.enrolment_token(name="windows", at=hub.server.now())
        news: list[News] = []
        agent = make_ufo_device(
            hub.address.url, folder / "d", desktop.url, "desktop-1", token=token, name="windows", on_news=news.append
        )
        running = asyncio.create_task(agent.run())
        try:
            await until(lambda: any(view.name == "windows" and view.state == "online" for view in hub.server.views()))
            yield Bridge(hub, desktop, news, folder)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def ask(words: str, *, timeout_s: float | None = None, id: str = "ask") -> Task:
    place = Place(skills=("ufo",))
    limits = Limits(timeout_s=timeout_s)
    return Task(id, "ufo.request", {"request": words}, "fleet", Effects("once"), limits=limits, place=place)


def told(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 2 * WITHIN_S))


def test_a_desktop_is_a_device_and_does_what_a_workflow_asks(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(
        """
name: desktop
tasks:
  ask:
    uses: ufo.request
    with: {request: say hello, name: greeting}
    runs-on: {skills: [ufo, office], os: windows, cpus: 4}
outputs:
  said: ${{ tasks.ask.said }}
"""
    )

    async def story() -> None:
        async with bridged(tmp_path) as bridge:
            (view,) = bridge.hub.server.views()
            assert view.profile.os == "windows"
            assert (view.profile.cpus, view.profile.memory_bytes, view.profile.slots) == (8, 31_700_000_000, 1)
            assert view.profile.skills == ("ufo", "gui", "office")
            assert [offer.name for offer in view.profile.tools] == ["ufo.request"]
            result = await bridge.run(load(tmp_path / "flow.yaml"))
            assert (result.state, result.outputs) == ("succeeded", {"said": "hello"})
            (task,) = bridge.desktop.tasks
            assert (task["request"], task["task_name"], task["status"]) == ("say hello", "greeting", "continue")
            assert (task["target_id"], task["client_id"]) == ("desktop-1", "orrery-windows")

    told(story())


def test_what_fails_there_fails_here_and_says_why(tmp_path: Path) -> None:
    async def story() -> None:
        async with bridged(tmp_path) as bridge:
            result = await bridge.run(Graph([ask("fail")]))
            assert result.state == "failed"
            assert "there is no window of that name" in str(result.error)
            assert sum(isinstance(event, TaskStarted) for event in bridge.events) == 1

    told(story())


@pytest.mark.parametrize("words", ["drop", "garble"])
def test_where_the_connection_breaks_a_person_is_asked_and_the_bridge_goes_on(tmp_path: Path, words: str) -> None:
    async def story() -> None:
        async with bridged(tmp_path) as bridge:
            result = await bridge.run(Graph([ask(words)]))
            assert result.state == "failed"
            assert len(bridge.questions) == 1
            assert "the connection with the UFO server" in bridge.questions[0]
            assert len(bridge.desktop.tasks) == 1  # and it is not asked for again
            assert (await bridge.run(Graph([ask("say again")], outputs={}))).state == "succeeded"

    told(story())


def test_what_takes_too_long_is_given_up_and_nothing_else_begins_before_it_ends(tmp_path: Path) -> None:
    async def story() -> None:
        async with bridged(tmp_path) as bridge:
            result = await bridge.run(Graph([ask("hang", timeout_s=0.5)]))
            assert result.error is not None
            assert result.error.code == "timeout"
            next_one = asyncio.create_task(bridge.run(Graph([ask("say next")])))
            await bridge.until_refused("busy")
            assert len(bridge.desktop.tasks) == 1
            bridge.desktop.released.set()
            assert (await next_one).state == "succeeded"

    told(story())


def test_a_server_that_comes_back_is_used_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with bridged(tmp_path) as bridge:
            await bridge.desktop.stop()
            later = asyncio.create_task(bridge.run(Graph([ask("say later")])))
            await bridge.until_refused("cannot be reached")
            await bridge.desktop.start()
            assert (await later).state == "succeeded"
            assert not bridge.questions
            assert len(bridge.desktop.tasks) == 1

    told(story())


def test_it_does_nothing_else(tmp_path: Path) -> None:
    async def story() -> None:
        async with bridged(tmp_path) as bridge:
            task = Task("read", "files.read", {"path": "x"}, "fleet", place=Place(skills=("ufo",)))
            result = await bridge.run(Graph([task]))
            assert "files.read" in str(result.error)
            wrong = Task("ask", "ufo.request", {"words": "x"}, "fleet", Effects("once"), place=Place(skills=("ufo",)))
            assert "request" in str((await bridge.run(Graph([wrong]))).error)
            assert not bridge.desktop.tasks

    told(story())


@pytest.mark.parametrize(
    ("url", "desktop", "error", "says"),
    [
        ("", "desktop-2", ProtocolError, "desktop-2 is not connected"),
        ("ws://127.0.0.1:1/ws", "desktop-1", ConnectionLostError, "cannot be reached"),
        ("desktop:5000", "desktop-1", TransportUrlError, "no URL of a WebSocket"),
    ],
)
def test_a_server_that_will_not_have_it_ends_it(
    tmp_path: Path, url: str, desktop: str, error: type[OrreryError], says: str
) -> None:
    async def story() -> None:
        async with Desktop() as server:
            agent = make_ufo_device("ws://127.0.0.1:1", tmp_path / "d", url or server.url, desktop, token="enrol.x")
            with pytest.raises(error, match=says):
                await agent.run()

    told(story())


def test_elsewhere_the_tool_says_what_it_needs() -> None:
    assert "ufo.request" not in tools.names()
    with pytest.raises(ToolError, match=r"runs-on: \{skills: \[ufo\]\}"):
        tools.get("ufo.request").function(request="open the mail")


def test_the_command_needs_both_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", "--hub", "ws://127.0.0.1:1", "--ufo", "ws://127.0.0.1:2/ws"]) == 2
    assert "--ufo-device" in capsys.readouterr().err


def test_it_is_a_command(tmp_path: Path) -> None:
    async def story() -> None:
        async with fleet(tmp_path) as hub, Desktop() as desktop:
            token = hub.server.registry.enrolment_token(name="windows", at=hub.server.now())
            (tmp_path / "token").write_text(token)
            words = ["device", "--hub", hub.address.url, "--token-file", str(tmp_path / "token"), "--skills", "till"]
            words += ["--folder", str(tmp_path / "d"), "--ufo", desktop.url, "--ufo-device", "desktop-1"]
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "orrery", *words, stderr=asyncio.subprocess.DEVNULL
            )
            try:
                await until(lambda: any(view.state == "online" for view in hub.server.views()))
                assert "till" in hub.server.views()[0].profile.skills
                process.terminate()
                assert await asyncio.wait_for(process.wait(), WITHIN_S) == 0
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()

    told(story())
