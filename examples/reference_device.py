"""A whole device in less than 250 lines over the standard library: a model for devices in other languages.

    orrery devices enrol pi                                          (on the hub's machine: prints a token)
    python examples/reference_device.py ws://127.0.0.1:8765 enrol.TOKEN pi.db

It speaks the JSON form of docs/reference/fleet-protocol.md over WebSocket, performs four tools, remembers in a file
what it did, goes on with its session after a cut, stops what runs when its lease ends, and obeys cancel and drain.
"""

import base64, hashlib, json, os, platform, socket, sqlite3, ssl, struct, sys, threading, time  # noqa: E401, I001
from typing import Any
from urllib.parse import urlsplit

Fields = dict[str, Any]
SLOTS, MESSAGE_MAX, GUID = 2, 4_000_000, b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SEQUENCED = ("assign", "accept", "reject", "progress", "result", "cancel", "state", "desired", "drain")
OTHERS = ("hello", "welcome", "ack", "ping", "error", "credit", "artifact")
FINAL = ("token", "name", "revoked", "replaced", "version")  # errors after which nothing is tried again
TOOLS: Fields = {  # none of them changes anything, so what was begun and broke off can simply be done again
    "text.upper": (lambda _stop, text: text.upper(), {"text": {"type": "string"}}),
    "math.sum": (lambda _stop, numbers: sum(numbers), {"numbers": {"type": "array"}}),
    "host.info": (lambda _stop: {"system": platform.system(), "python": platform.python_version()}, {}),
    "clock.wait": (lambda stop, seconds: stop.wait(seconds), {"seconds": {"type": "number"}}),
}
FORMS = {op: {"type": "object", "properties": properties} for op, (_, properties) in TOOLS.items()}
OFFERS = [{"name": op, "effects": {"kind": "pure"}, "parameters": form} for op, form in FORMS.items()]
PROFILE = {"os": platform.system().lower(), "cpus": os.cpu_count() or 1, "slots": SLOTS, "tools": OFFERS}


class WebSocket:
    """As much of RFC 6455 as a client needs."""

    def __init__(self, url: str) -> None:
        at, key, self.lock = urlsplit(url), base64.b64encode(os.urandom(16)), threading.Lock()
        self.raw = socket.create_connection((at.hostname, at.port or (443 if at.scheme == "wss" else 80)), timeout=10)
        if at.scheme == "wss":
            self.raw = ssl.create_default_context().wrap_socket(self.raw, server_hostname=at.hostname)
        ask = f"GET {at.path or '/'} HTTP/1.1\r\nHost: {at.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        ask += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: orrery.1.json\r\nSec-WebSocket-Key: "
        self.raw.sendall(ask.encode() + key + b"\r\n\r\n")
        self.file, head = self.raw.makefile("rb"), b""
        while (line := self.file.readline(1000)) not in (b"\r\n", b""):
            head += line
        if base64.b64encode(hashlib.sha1(key + GUID).digest()) not in head:
            raise ConnectionError(f"it is no WebSocket: {head[:80]!r}")

    def send(self, data: bytes, opcode: int = 1) -> None:
        size, mask = len(data), os.urandom(4)
        head = struct.pack("!BB", 128 | opcode, 128 | (size if size < 126 else 126 if size < 65536 else 127))
        head += b"" if size < 126 else struct.pack("!H" if size < 65536 else "!Q", size)
        with self.lock:
            self.raw.sendall(head + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(data)))

    def receive(self) -> list[Fields]:
        """The frames of the next message."""
        whole, first = b"", 0
        while first & 143 not in (128, 129, 130):  # the last part of a message, whatever it is made of
            if len(head := self.file.read(2)) < 2:
                raise ConnectionError("the connection is gone")
            first, size = head[0], head[1] & 127
            size = size if size < 126 else int.from_bytes(self.file.read(2 if size == 126 else 8), "big")
            if size + len(whole) > MESSAGE_MAX:
                raise ConnectionError("a message is too large")
            data = self.file.read(size)
            if first & 15 == 8:
                raise ConnectionError(f"the hub closed the connection: {data[2:].decode(errors='replace')}")
            if first & 15 == 9:
                self.send(data, opcode=10)
            whole += data if first & 15 < 3 else b""
        frames = json.loads(whole)
        return frames if isinstance(frames, list) else [frames]


class Device:
    """One device of a hub. The main thread talks with the hub, another watches the clock, and each task has one."""

    def __init__(self, url: str, token: str, file: str) -> None:
        self.url, self.lock, self.accepting = url, threading.RLock(), True
        self.ws: WebSocket | None = None
        self.db = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self.db.execute("CREATE TABLE IF NOT EXISTS done(key PRIMARY KEY, work, record)")
        self.token = (self.recall("key", "token") or {"token": token})["token"]
        self.tasks: dict[str, Fields] = {}  # what runs, by key
        self.session, self.sent, self.received, self.open = "", 0, 0, list[Fields]()
        self.answered_at, self.pinged_at, self.heartbeat_s, self.lease_s = 0.0, 0.0, 5.0, 1e9

    def recall(self, column: str, value: str) -> Any:
        row = self.db.execute(f"SELECT record FROM done WHERE {column} = ?", [value]).fetchone()
        return row and json.loads(row[0])

    def keep(self, key: str, work: str, record: Fields) -> None:
        self.db.execute("REPLACE INTO done VALUES(?, ?, ?)", [key, work, json.dumps(record)])

    def say(self, kind: str, **fields: Any) -> None:
        with self.lock:
            frame = {"type": kind, **fields}
            if kind in SEQUENCED:  # numbered, and kept until it is acknowledged
                self.sent += 1
                self.open.append(frame := frame | {"seq": self.sent})
            self.send(frame)

    def send(self, *frames: Fields) -> None:
        try:
            for frame in frames if self.ws else ():
                self.ws.send(json.dumps(frame).encode())  # type: ignore[union-attr]
        except OSError:
            self.ws = None  # the thread that talks with the hub notices it, too, and calls again

    def talk(self) -> None:
        """Work until the hub will not have this device any more."""
        threading.Thread(target=self.watch, daemon=True).start()
        while True:
            try:
                self.call(ws := WebSocket(self.url))
                while True:
                    self.take_all(ws.receive())
            except OSError as error:
                print(error, file=sys.stderr)
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                self.say("error", error="malformed", message=repr(error))
            if self.ws:
                self.ws.raw.close()
            self.ws = None
            time.sleep(0.1 + os.urandom(1)[0] / 500)

    def call(self, ws: WebSocket) -> None:
        now, hello = time.monotonic(), {"type": "hello", "token": self.token, "profile": PROFILE}
        ws.send(json.dumps(hello | {"session": self.session, "received": self.received}).encode())
        welcome, *more = ws.receive()
        self.take(welcome)  # an error ends it here
        self.token = welcome.get("key", self.token)  # on enrolment: from now on it is known by this
        self.keep("token", "", {"token": self.token})
        with self.lock:
            self.ws, self.answered_at, self.pinged_at = ws, now, now
            self.heartbeat_s, self.lease_s = welcome.get("heartbeat_s", 5.0), welcome.get("lease_s", 30.0)
            ws.raw.settimeout(3 * self.heartbeat_s)  # if nothing comes for so long, the connection is lost
            self.say("credit", slots=SLOTS)
            if welcome.get("resumed"):
                self.open = [frame for frame in self.open if frame["seq"] > welcome.get("received", 0)]
                self.send(*self.open)
            else:  # the hub knows nothing of what was said before
                self.session, self.sent, self.received, self.open = welcome["session"], 0, 0, []
                done = self.db.execute("SELECT record FROM done WHERE key != 'token'")
                held = [named(json.loads(record)) | {"phase": "done"} for (record,) in done]
                held += [named(task) | {"phase": "running"} for task in self.tasks.values()]
                self.say("state", whole=True, profile=PROFILE, held=held)
        self.take_all(more)

    def take_all(self, frames: list[Fields]) -> None:
        with self.lock:
            for frame in frames:
                if frame.get("seq", 0) in (0, self.received + 1):  # else it is a repetition, or will come again
                    self.take(frame)
                    self.received += frame.get("seq", 0) > 0
            if any(frame.get("seq") for frame in frames):
                self.send({"type": "ack", "received": self.received})

    def take(self, frame: Fields) -> None:
        kind = frame["type"]
        if kind == "assign":
            self.assign(named(frame), frame["op"], frame.get("args", {}))
        elif kind == "cancel":
            self.cancel(frame["work"], frame.get("fence", 0), frame.get("forget"))
        elif kind == "ack":
            self.open = [one for one in self.open if one["seq"] > frame["received"]]
        elif kind == "ping" and frame.get("answer"):
            self.answered_at = frame["id"] / 1000  # when it was asked
        elif kind == "ping":
            self.send({"type": "ping", "id": frame["id"], "answer": True})
        elif kind in ("drain", "desired"):
            self.accepting = frame.get("accepting", self.accepting) if kind == "desired" else False
        elif kind == "error" and not frame.get("retryable"):
            said = f"the hub says: {frame['error']}: {frame.get('message')}"
            raise SystemExit(said) if frame["error"] in FINAL else ConnectionError(said)
        elif kind not in SEQUENCED + OTHERS:
            self.say("error", error="unknown-type", about=str(frame.get("seq", "")), retryable=True)

    def assign(self, new: Fields, op: str, args: Any) -> None:
        running, was = self.tasks.get(new["key"]), self.recall("key", new["key"])
        asked, before = {"work": new["work"], "fence": new["fence"]}, running or was or {"work": None, "digest": None}
        same, alike = before["work"] == new["work"], before["digest"] == new["digest"]
        done = was and alike and not running and (same or was["result"]["status"] == "succeeded")
        fresh, fits = not running and not done, op in TOOLS and args.keys() == TOOLS[op][1].keys()
        problems = {
            "fenced": same and before["fence"] > new["fence"],
            "not-offered": fresh and op not in TOOLS,
            "arguments": (fresh and not fits) or ((same or running) and not alike),
            "draining": fresh and not self.accepting,
            "full": fresh and len(self.tasks) >= SLOTS,
        }
        if problem := next((reason for reason, is_so in problems.items() if is_so), ""):
            return self.say("reject", **asked, reason=problem, retry_after_s=1.0 if problem == "full" else None)
        if done:
            self.keep(new["key"], new["work"], was | new)
            return self.say("result", **asked, remembered=True, **was["result"])
        self.say("accept", **asked)
        if running:  # as by a hub or a client that was started again: who asked last gets the result
            return running.update(new)
        task = self.tasks[new["key"]] = new | {"stop": threading.Event(), "why": "stopped"}
        return threading.Thread(target=self.perform, args=[task, op, args], daemon=True).start()

    def perform(self, task: Fields, op: str, args: Fields) -> None:
        try:
            result: Fields = {"status": "succeeded", "value": TOOLS[op][0](task["stop"], **args)}
            json.dumps(result, allow_nan=False)  # JSON has no form for it, and what cannot be said must not be
        except Exception as error:  # noqa: BLE001 - whatever went wrong is the answer
            result = {"status": "failed", "failure": {"type": type(error).__name__, "message": str(error)}}
        with self.lock:
            if task["stop"].is_set():
                result = {"status": task["why"], "effect": "none"}
            else:
                self.keep(task["key"], task["work"], named(task) | {"result": result})
            del self.tasks[task["key"]]
            self.say("result", work=task["work"], fence=task["fence"], **result)

    def cancel(self, work: str, fence: int, forget: bool | None) -> None:
        task, was = next((one for one in self.tasks.values() if one["work"] == work), None), self.recall("work", work)
        if task and (not fence or fence >= task["fence"]):
            task["stop"].set()
        elif was and forget:
            self.db.execute("DELETE FROM done WHERE work = ?", [work])
        elif not task and not forget:
            result = was["result"] if was else {"status": "stopped", "effect": "unknown"}
            self.say("result", work=work, fence=fence, **result)

    def watch(self) -> None:
        """What the clock asks for."""
        while True:
            time.sleep(0.05)
            with self.lock:
                now = time.monotonic()
                for task in self.tasks.values() if now > self.answered_at + 0.9 * self.lease_s else ():
                    task["why"] = "lost"  # soon the hub gives it to another
                    task["stop"].set()
                if self.ws and now > self.pinged_at + self.heartbeat_s:
                    self.pinged_at = now
                    self.send({"type": "ping", "id": int(now * 1000)})


def named(record: Fields) -> Fields:
    """What names an attempt."""
    return {name: record.get(name, usual) for name, usual in (("key", ""), ("work", ""), ("digest", ""), ("fence", 0))}


if __name__ == "__main__":
    Device(*sys.argv[1:4]).talk()
