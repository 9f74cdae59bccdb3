"""A bridge to UFO³: one of its device agent servers as a device of a hub.

Written from the published definitions of its messages: JSON as text on a WebSocket, of which five kinds matter here,
`register`, `heartbeat`, `device_info_request` and its response, `task`, `task_end`. For the server the bridge is a
constellation client that has one device. The protocol can neither stop a task nor be asked about one later, so what is
broken off has an unknown effect.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec

from orrery.errors import (
    ConnectionLostError,
    Failure,
    MissingExtraError,
    OrreryError,
    ProtocolError,
    ToolError,
    TransportUrlError,
)
from orrery.fleet.messages import Assign, Progress, Reject, Result
from orrery.fleet.profile import Offer, Profile
from orrery.graph import values
from orrery.tools.ufo import NAME, request

try:
    from websockets.asyncio.client import ClientConnection, connect
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
except ImportError as error:
    raise MissingExtraError("fleet", needed_for="a bridge to UFO³") from error

Reporter = Callable[[Progress | Result], None]
Message = dict[str, Any]

SKILL = "ufo"
"""The skill that every such device has."""
ANSWER_S = 15.0
"""How long the server may take for a handshake, and to answer a question."""
HEARTBEAT_S = 20.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 15.0
ASK_AGAIN_S = 2.0
"""When the hub would ask again while the server is away, or still busy with what was given up."""
MOST_BYTES = 16_000_000
"""The largest message that is taken in."""


class UfoServer:
    """The conversation with a device agent server, over as many connections as it takes.

    Args:
        url: of its WebSocket, such as ws://desktop:5000/ws.
        device: the name under which the desktop is registered there.
        client: what this end is called there.
    """

    def __init__(self, url: str, device: str, client: str) -> None:
        self.url, self.device, self.client = url, device, client
        self._ws: ClientConnection | None = None
        self._ends: dict[str, asyncio.Future[Message]] = {}
        self._given_up: set[str] = set()
        self._infos: asyncio.Future[Message] | None = None

    @property
    def why_not(self) -> str:
        """Why the server can be given nothing now; empty: it can."""
        if self._ws is None:
            return f"the UFO server at {self.url} cannot be reached at present"
        if self._given_up or self._ends:
            return "the desktop is still busy with an earlier request, which cannot be stopped from here"
        return ""

    async def connect(self) -> None:
        """Dial and register.

        Raises:
            TransportUrlError: it is no URL of a WebSocket.
            ConnectionLostError: the server cannot be reached.
            ProtocolError: it answers otherwise than it should, or refuses.
        """
        try:
            ws = await connect(self.url, open_timeout=ANSWER_S, max_size=MOST_BYTES, close_timeout=1.0)
        except InvalidURI as error:
            raise TransportUrlError(f"{self.url!r} is no URL of a WebSocket, such as ws://desktop:5000/ws") from error
        except (OSError, TimeoutError, InvalidHandshake, EOFError) as error:
            raise ConnectionLostError(f"the UFO server at {self.url} cannot be reached: {error}") from error
        try:
            meta = {"type": "constellation_client", "targeted_device_id": self.device}
            await _send(ws, self._message("register", metadata=meta))
            async with asyncio.timeout(ANSWER_S):
                while (answer := _read(await ws.recv())).get("type") not in ("heartbeat", "error"):
                    pass  # others may come first
        except (ConnectionClosed, TimeoutError) as error:
            await ws.close()
            raise ConnectionLostError(
                f"the UFO server at {self.url} does not answer: {error or 'it is silent'}"
            ) from error
        except ProtocolError:
            await ws.close()
            raise
        if answer["type"] == "error" or answer.get("status") == "error":
            await ws.close()
            raise ProtocolError(f"the UFO server at {self.url} refuses {self.device!r}: {answer.get('error')}")
        self._ws = ws

    async def info(self) -> Message:
        """What the server says of its desktop; `listen` must be running. Raises ConnectionLostError, ProtocolError."""
        self._infos = asyncio.get_running_loop().create_future()
        try:
            await self._say(self._message("device_info_request", request_id=f"info-{time.time_ns()}"))
            async with asyncio.timeout(ANSWER_S):
                answer = await self._infos
        except TimeoutError:
            raise ConnectionLostError(f"the UFO server at {self.url} does not say what {self.device!r} is") from None
        finally:
            self._infos = None
        if answer.get("status") == "error" or not isinstance(answer.get("result"), dict):
            raise ProtocolError(f"the UFO server at {self.url} does not know {self.device!r}: {answer.get('error')}")
        found: Message = answer["result"]
        return found

    async def perform(self, session: str, text: str, name: str) -> Message:
        """Have a request done; returns its `task_end`. Cancelled, it is given up: the desktop goes on with it.

        Raises ConnectionLostError: the connection broke, so nobody knows what became of it.
        """
        end: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._ends[session] = end
        try:
            task = self._message("task", request=text, task_name=name, session_id=session, status="continue")
            await self._say(task)
            return await end
        except asyncio.CancelledError:
            self._given_up.add(session)
            raise
        finally:
            del self._ends[session]

    async def listen(self) -> None:
        """Take in what the server says, until the connection ends. Returns why it did."""
        ws = self._ws
        assert ws is not None
        beating = asyncio.create_task(self._beat(ws))
        because = "the connection was closed"
        try:
            while True:
                self._take(_read(await ws.recv()))
        except ConnectionClosed as closed:
            because = str(closed)
        except ProtocolError as error:
            because = str(error)
        finally:
            self._ws = None
            beating.cancel()
            lost = ConnectionLostError(f"the connection with the UFO server at {self.url} is gone: {because}")
            for waiting in (*self._ends.values(), *([] if self._infos is None else [self._infos])):
                if not waiting.done():
                    waiting.set_exception(lost)
            self._given_up.clear()  # nothing will ever be heard of them
            await ws.close()

    async def stay_connected(self) -> None:
        """Listen, and connect again whenever the connection ends; until cancelled."""
        while True:
            await self.listen()
            pause_s = FIRST_PAUSE_S
            while self._ws is None:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                with suppress(OrreryError):  # the hub is told at every Assign that it is away
                    await self.connect()

    async def close(self) -> None:
        """Leave."""
        if self._ws is not None:
            await self._ws.close()

    def _take(self, message: Message) -> None:
        match message.get("type"):
            case "task_end":
                session = str(message.get("session_id"))
                self._given_up.discard(session)
                end = self._ends.get(session)
                if end is not None and not end.done():
                    end.set_result(message)
            case "device_info_response" | "error" if self._infos is not None and not self._infos.done():
                self._infos.set_result(message)
            case _:
                pass  # heartbeats, and what a newer server may say

    async def _beat(self, ws: ClientConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(HEARTBEAT_S)
                await _send(ws, self._message("heartbeat"))

    async def _say(self, message: Message) -> None:
        try:
            if self._ws is None:
                raise ConnectionLostError(self.why_not)
            await _send(self._ws, message)
        except ConnectionClosed as closed:
            raise ConnectionLostError(f"the connection with the UFO server at {self.url} is gone: {closed}") from closed

    def _message(self, kind: str, **fields: Any) -> Message:
        return {
            "type": kind,
            "client_type": "constellation",
            "client_id": self.client,
            "target_id": self.device,
            "status": "ok",
            "timestamp": datetime.now(UTC).isoformat(),
            **fields,
        }


class UfoPerformer:
    """Performs `ufo.request`, one at a time, as a desktop does.

    Args:
        server: the desktop's.
        described: is given what the server says of its desktop, before anything is performed.
    """

    def __init__(self, server: UfoServer, described: Callable[[Message], None]) -> None:
        self._server, self._described = server, described
        self._running: dict[str, asyncio.Task[None]] = {}
        self._staying: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and ask what the desktop is. Raises what `UfoServer.connect` and `info` raise."""
        await self._server.connect()
        self._staying = asyncio.create_task(self._server.stay_connected())
        try:
            self._described(await self._server.info())
        except BaseException:
            await self.close()
            raise

    def refusal(self, assign: Assign) -> Reject | None:
        """With what an Assign is answered that cannot be done, or not now; None: it is done."""
        if assign.op != NAME:
            return Reject(
                work=assign.work, reason="not-offered", message=f"a bridge to UFO³ does {NAME} and nothing else"
            )
        try:
            args = values.decode(assign.args)
            problems = (
                request.check(args) if isinstance(args, dict) else ("the arguments are no map of names to values",)
            )
        except (msgspec.MsgspecError, ValueError) as error:
            problems = (f"the arguments cannot be read: {error}",)
        if problems:
            return Reject(work=assign.work, reason="arguments", message="; ".join(map(str, problems)))
        why_not = self._server.why_not
        if why_not and assign.work not in self._running:
            return Reject(work=assign.work, reason="full", message=why_not, retry_after_s=ASK_AGAIN_S)
        return None

    def start(self, assign: Assign, report: Reporter) -> None:
        """Pass the request on."""
        task = asyncio.get_running_loop().create_task(self._perform(assign, report))
        self._running[assign.work] = task

    def cancel(self, work: str) -> None:
        """Give a request up. The desktop goes on with it: its protocol has no word for stopping."""
        if work in self._running:
            self._running[work].cancel()

    async def close(self) -> None:
        """Leave. A request that is under way goes on, and nobody hears how it ends."""
        tasks = [*self._running.values(), *([] if self._staying is None else [self._staying])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.close()

    async def _perform(self, assign: Assign, report: Reporter) -> None:
        args: Mapping[str, Any] = values.decode(assign.args)
        session = hashlib.sha256(f"{assign.work}/{assign.fence}".encode()).hexdigest()[:32]
        if self._server.why_not:  # it went between the Assign and now, and has heard nothing
            result = Result(work=assign.work, status="lost", effect="none")
        else:
            result = Result(work=assign.work, status="stopped", effect="unknown")
            try:
                end = await self._server.perform(session, args["request"], args.get("name") or assign.task)
                result = _ended(assign.work, end)
            except ConnectionLostError as error:
                failure = Failure.of(error)
                result = Result(work=assign.work, status="lost", effect="unknown", failure=failure)
            except asyncio.CancelledError:
                pass  # what is said of it is that it was stopped, and that nobody knows what it has done by then
        del self._running[assign.work]
        report(result)


def profile_of(info: Mapping[str, Any], device: str, *, skills: tuple[str, ...] = ()) -> Profile:
    """The profile of a desktop, from what its server says; what is missing or odd counts as unknown."""
    features = info.get("supported_features")
    said = tuple(one for one in features if isinstance(one, str)) if isinstance(features, list) else ()
    cpus, memory_gb = info.get("cpu_count"), info.get("memory_total_gb")
    return Profile(
        version=int(time.time()),  # grows from start to start
        os=str(info.get("platform") or "").lower(),
        host=str(info.get("hostname") or device),
        cpus=cpus if isinstance(cpus, int) and cpus > 0 else 1,
        memory_bytes=int(memory_gb * 1e9) if isinstance(memory_gb, int | float) and memory_gb > 0 else 0,
        skills=tuple(dict.fromkeys((SKILL, *skills, *said))),
        tools=(Offer(NAME, request.description, request.parameters, request.effects),),
        slots=1,
    )


def _ended(work: str, end: Message) -> Result:
    """What a task_end amounts to."""
    if end.get("status") == "completed":
        return Result(work=work, status="succeeded", value=values.encode(end.get("result")))
    said = end.get("error") or end.get("result") or "it did not say why"
    failure = Failure.of(ToolError(f"the desktop's agent failed: {said}"))
    return Result(work=work, status="failed", effect="unknown", failure=failure)


def _read(data: str | bytes) -> Message:
    """One message. Raises ProtocolError."""
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"the UFO server sent what is no JSON object: {error}") from error


async def _send(ws: ClientConnection, message: Message) -> None:
    await ws.send(msgspec.json.encode(message).decode())


__all__ = ["SKILL", "UfoPerformer", "UfoServer", "profile_of"]
