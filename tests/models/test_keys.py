"""Keys: found where they are said to be, and never seen anywhere else, whatever a server does with them."""

from __future__ import annotations

import asyncio
import base64
import copy
import json
import logging
import pickle
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orrery import arun, flow
from orrery.errors import Failure, ModelError, ModelKeyError, OrreryError
from orrery.models import Request
from orrery.models.call import complete
from orrery.models.config import Provider
from orrery.models.keys import HIDDEN, Key, find_key, has_key
from orrery.models.messages import prompt
from orrery.tools.model import ask
from tests.models.test_wire_formats import KINDS

SECRET = "sk-test/a+b=c\"d'e&f g-0123456789"
secrets = st.text(st.sampled_from("abcXYZ019-_+/=.&%\"'\\ "), min_size=8, max_size=40).map(lambda text: f"sk{text}sk")


def test_a_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", f" {SECRET}\n")
    assert find_key("env:A_KEY").reveal() == SECRET
    assert has_key("env:A_KEY")
    monkeypatch.delenv("A_KEY")
    assert not has_key("env:A_KEY")
    with pytest.raises(ModelKeyError, match="the environment variable A_KEY holds no key"):
        find_key("env:A_KEY")


def test_a_key_comes_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.backend import KeyringBackend
    from keyring.errors import KeyringLocked

    class Ring(KeyringBackend):
        priority = 1

        def get_password(self, service: str, username: str) -> str | None:
            if service == "locked":
                raise KeyringLocked("the ring is locked")
            return {("work", "orrery"): SECRET}.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            raise NotImplementedError

        def delete_password(self, service: str, username: str) -> None:
            raise NotImplementedError

    before = keyring.get_keyring()
    keyring.set_keyring(Ring())  # type: ignore[no-untyped-call]
    try:
        assert find_key("keyring:work").reveal() == SECRET
        with pytest.raises(ModelKeyError, match="python -m keyring set play orrery"):
            find_key("keyring:play")
        with pytest.raises(ModelKeyError, match="the ring is locked; use env:NAME instead"):
            find_key("keyring:locked")
    finally:
        keyring.set_keyring(before)


def test_googles_older_variable_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", "g")
    assert find_key(Provider("google").key_place).reveal() == "g"


def test_a_key_shows_itself_nowhere() -> None:
    key = Key(SECRET, "env:A_KEY")
    assert repr(key) == str(key) == f"{key}" == "<Key env:A_KEY>"
    assert SECRET not in repr({"key": [key]})
    with pytest.raises(TypeError, match="a key stays in its process"):
        pickle.dumps(key)
    with pytest.raises(TypeError, match="a key stays in its process"):
        copy.copy(key)


def forms(secret: str) -> list[str]:
    """The ways in which a key may stand in a text."""
    return [
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        base64.b64encode(secret.encode()).decode(),
    ]


@given(secrets, st.text(max_size=20), st.text(max_size=20))
def test_a_text_is_redacted_of_every_form(secret: str, before: str, after: str) -> None:
    key = Key(secret, "env:A")
    for form in forms(secret):
        said = key.redacted(f"{before}<{form}>{after}")
        assert form not in said
        assert HIDDEN in said


@given(st.text(max_size=50))
def test_without_a_key_nothing_is_redacted(text: str) -> None:
    assert Key("", "none").redacted(text) == text


class Tattler(BaseHTTPRequestHandler):
    """A server that repeats the key it was sent, in whatever it answers."""

    answer: tuple[int, str, str] = (500, "text/plain", "{}")

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.rfile.read(length)
        status, media, body = type(self).answer
        data = body.encode()
        self.send_response(status)
        self.send_header("content-type", media)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody wants to know."""


@contextmanager
def tattling() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Tattler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def tattler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with tattling() as url:
        lines = []
        for kind in KINDS:
            lines += [f"[providers.t-{kind}]", f'kind = "{kind}"', f'base_url = "{url}"', 'key = "env:A_KEY"']
        path = tmp_path / "models.toml"
        path.write_text("\n".join(lines))
        monkeypatch.setenv("ORRERY_MODELS", str(path))
        yield url


def bodies(secret: str) -> list[tuple[int, str, str]]:
    """Answers that give a key away."""
    said = f"Incorrect API key provided: {secret}."
    event = {"type": "error", "error": {"type": "invalid_request_error", "message": said}}
    chunk = {"id": secret, "choices": [{"index": 0, "delta": {"content": secret, "refusal": secret}}]}
    return [
        (401, "application/json", json.dumps({"error": {"message": said, "code": secret}})),
        (400, "application/json", json.dumps([{"error": {"message": said, "status": "INVALID_ARGUMENT"}}])),
        (403, "text/html", f"<html>{said}</html>"),
        (500, "text/plain", said),
        (429, "application/json", json.dumps({"error": quote(secret, safe="")})),
        (200, "text/event-stream", f"data: {said}\n\n"),
        (200, "text/event-stream", f"event: error\ndata: {json.dumps(event)}\n\n"),
        (200, "text/event-stream", f"data: {json.dumps(chunk)}\n\ndata: {{{secret}\n\n"),
        (200, "text/html", f"<html>{said}</html>"),
    ]


def everything_said(error: BaseException) -> str:
    """All that could be read of an error: by people, in a traceback, as a value in the journal."""
    seen = [str(error), repr(error), repr(vars(error)), "".join(traceback.format_exception(error))]
    if isinstance(error, Exception):
        seen.append(repr(Failure.of(error, detail="".join(traceback.format_exception(error)))))
    seen += [everything_said(inner) for inner in (error.__cause__, error.__context__) if inner is not None]
    return "\n".join(seen)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=secrets, meeting=st.tuples(st.sampled_from(KINDS), st.integers(0, len(bodies("")) - 1)))
def test_no_failure_gives_a_key_away(
    secret: str,
    meeting: tuple[str, int],
    tattler: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kind, number = meeting
    monkeypatch.setenv("A_KEY", secret)
    Tattler.answer = bodies(secret)[number]
    caplog.clear()
    with caplog.at_level(logging.DEBUG), pytest.raises(OrreryError) as caught:
        asyncio.run(complete(Request(f"t-{kind}:m", tuple(prompt("hi")), cache=False)))
    assert isinstance(caught.value, ModelError)
    for form in forms(secret):
        assert form not in everything_said(caught.value)
        # A server's words may be in what its library logs for debugging; our own logs and the request's headers not.
        assert not any(form in record.getMessage() for record in caplog.records if record.name.startswith("orrery"))
        assert not any(
            form in record.getMessage() and "authorization" in record.getMessage().lower() for record in caplog.records
        )


@pytest.mark.parametrize("before", [380, 390, 395, 399])
def test_a_key_is_not_cut_through_by_the_shortening_of_what_was_said(
    before: int, tattler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", SECRET)
    Tattler.answer = (401, "application/json", json.dumps({"error": {"message": "x" * before + SECRET}}))
    with pytest.raises(ModelError) as caught:
        asyncio.run(complete(Request("t-openai-chat:m", tuple(prompt("hi")), cache=False)))
    assert SECRET[:2] not in str(caught.value)


@flow
def asking(model: str) -> Any:
    """One question to a model."""
    return ask("hi", model=model, cache=False)


@pytest.mark.parametrize("kind", KINDS)
def test_no_event_gives_a_key_away(kind: str, tattler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", SECRET)
    monkeypatch.chdir(tmp_path)
    Tattler.answer = bodies(SECRET)[0]
    store = tmp_path / "runs.db"
    result = asyncio.run(arun(asking, store=f"sqlite:///{store}", model=f"t-{kind}:m"))
    assert result.state == "failed"
    assert HIDDEN in str(result.error)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for form in forms(SECRET):
        assert form.encode() not in kept
