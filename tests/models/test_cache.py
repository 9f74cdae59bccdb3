"""The cache: an equal request is answered from disk, for nothing, also after a restart."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orrery.errors import ModelError
from orrery.models import Offer, Reply, Request
from orrery.models.cache import AnswerCache, cache_path, digest
from orrery.models.call import complete, stream
from orrery.models.config import Named, Provider
from orrery.models.messages import ModelRequest, ToolCallPart, ToolReturnPart, UserPromptPart, prompt
from orrery.models.messages import ModelResponse as Response
from orrery.models.request import Spent
from orrery.models.simulated import Answer, Call, Fault
from orrery.tools import LocalContext
from tests.simulated import Simulated

TEXT = "one\ntwo\nthree\n"


def request(text: str = "hi", **given: Any) -> Request:
    return Request("sim-openai-chat:simulated", tuple(prompt(text)), **given)


def ask(one: Request, ctx: LocalContext | None = None) -> Reply:
    return asyncio.run(complete(one, ctx))


def test_an_equal_request_costs_nothing_and_is_streamed_too(simulated: Simulated, ctx: LocalContext) -> None:
    server = simulated(lambda asked: TEXT)
    paid = ask(request(), ctx)
    tokens = ctx.tokens

    async def again() -> list[str | Reply]:
        return [piece async for piece in stream(request(), ctx)]

    *pieces, last = asyncio.run(again())
    assert pieces == ["one\n", "two\n", "three\n"]
    assert isinstance(last, Reply)
    assert last.recalled
    assert not paid.recalled
    assert last.text == paid.text
    assert last.message.parts == paid.message.parts
    assert replace(last.spent, seconds=0.0, first_s=0.0) == Spent()
    assert ctx.tokens == tokens, "nothing was added to what was consumed"
    assert server.counts.calls == 1


def test_what_one_replica_answered_another_is_not_asked(simulated: Simulated) -> None:
    server = simulated()
    with Path(os.environ["ORRERY_MODELS"]).open("a") as file:
        file.write('[models."sim-ollama:its"]\nreplica_of = "sim-openai-chat:simulated"\n')
    first = ask(replace(request(), model="sim-ollama:its"))
    again = [ask(request()), ask(replace(request(), model="sim-ollama:its"))]
    assert [one.text for one in again] == [first.text] * 2
    assert all(one.recalled for one in again)
    assert server.counts.calls == 1
    assert not ask(replace(request(), model="sim-ollama:other")).recalled, "which says nothing of being the same"


def test_a_request_that_wants_none_is_made_anew(simulated: Simulated) -> None:
    server = simulated(lambda asked: TEXT)
    assert [ask(request(cache=False)).recalled for _ in range(3)] == [False] * 3
    assert server.counts.calls == 3
    ask(request())
    assert ask(request()).recalled
    assert not ask(request(cache=False)).recalled


def test_data_and_calls_are_recalled_as_they_were(simulated: Simulated) -> None:
    server = simulated(lambda asked: Answer(calls=(Call("t", {"a": 1}),)) if asked.tools else '{"n": 3}')
    wanted = {"type": "object", "properties": {"n": {"type": "integer"}}}
    offer = Offer("t", "d", {"type": "object"})
    for _ in range(2):
        assert ask(request(output=wanted)).output == {"n": 3}
        (part,) = ask(request(tools=(offer,))).message.parts
        assert isinstance(part, ToolCallPart)
        assert part.args_as_dict() == {"a": 1}
    assert server.counts.calls == 2


def test_another_process_finds_the_answer(simulated: Simulated) -> None:
    server = simulated(lambda asked: TEXT)
    program = """
import asyncio
import os
from orrery.models import Request
from orrery.models.call import complete
from orrery.models.messages import prompt
reply = asyncio.run(complete(Request("sim-openai-chat:simulated", tuple(prompt("hi")))))
print(reply.recalled, repr(reply.text))
"""
    ask(request())
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert answer.strip() == f"True {TEXT!r}"
    assert server.counts.calls == 1


@pytest.mark.parametrize("fault", ["500", "cut", "empty", "refusal", "reset"])
def test_failures_are_not_kept(fault: str, simulated: Simulated) -> None:
    server = simulated(lambda asked: TEXT, faults=[replace(Fault.parse(fault), first=1)])
    with pytest.raises(ModelError):
        ask(request())
    assert ask(request()).text == TEXT
    assert server.counts.calls == 2


def test_data_that_did_not_fit_is_not_kept(simulated: Simulated) -> None:
    answers = iter(['{"n": "x"}', '{"n": 1}'])
    simulated(lambda asked: next(answers))
    wanted = {"type": "object", "properties": {"n": {"type": "integer"}}}
    with pytest.raises(ModelError):
        ask(request(output=wanted))
    assert ask(request(output=wanted)).output == {"n": 1}


def path_of_cache() -> Path:
    return cache_path(Path.cwd())


def flip_a_byte(path: Path) -> None:
    with sqlite3.connect(path) as database:
        (answer,) = database.execute("SELECT answer FROM answers").fetchone()
        database.execute("UPDATE answers SET answer = ?", (answer.replace(b"one", b"0ne"),))
    database.close()


def cut_the_file(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100] + b"x" * 500)


def write_prose(path: Path) -> None:
    path.write_text("this is no database " * 100)


def forget_the_table(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE answers")
    database.close()


@pytest.mark.parametrize("damage", [flip_a_byte, cut_the_file, write_prose, forget_the_table])
def test_a_damaged_cache_is_asked_for_nothing_and_works_again(
    damage: Callable[[Path], None], simulated: Simulated
) -> None:
    server = simulated(lambda asked: TEXT)
    ask(request())
    damage(path_of_cache())
    assert not ask(request()).recalled
    ask(request())
    assert ask(request()).recalled
    assert server.counts.calls <= 3


def test_a_place_that_cannot_be_written_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cache = AnswerCache(tmp_path / "file" / "models.db")
    cache.put("k", b"answer")
    assert cache.get("k") is None


def test_the_oldest_answers_go_when_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orrery.models.cache.MAX_ENTRIES", 3)
    cache = AnswerCache(tmp_path / "models.db")
    for number in range(5):
        cache.put(f"k{number}", b"%d" % number)
    assert [cache.get(f"k{number}") for number in range(5)] == [None, None, b"2", b"3", b"4"]


def test_it_lies_beside_the_settings_that_are_named_else_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ORRERY_MODELS", raising=False)
    assert cache_path(tmp_path) == tmp_path / ".orrery" / "models.db"
    monkeypatch.setenv("ORRERY_MODELS", str(tmp_path / "other" / "models.toml"))
    assert cache_path(tmp_path) == tmp_path / "other" / "models.toml.db"


def test_it_is_never_the_file_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "models.db"
    settings.write_text('default = "openai:x"\n')
    monkeypatch.setenv("ORRERY_MODELS", str(settings))
    AnswerCache(cache_path(tmp_path)).put("k", b"answer")
    assert settings.read_text() == 'default = "openai:x"\n'


NAMED, PROVIDER = Named("p", "m"), Provider("openai-chat", base_url="http://localhost:1/v1")


def test_what_does_not_reach_the_model_does_not_count() -> None:
    early, late = datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)

    def conversation(at: datetime, call: str) -> Request:
        messages = (
            ModelRequest(parts=[UserPromptPart("hi", timestamp=at)], timestamp=at),
            Response(parts=[ToolCallPart("t", {"a": 1}, tool_call_id=call)], timestamp=at),
            ModelRequest(parts=[ToolReturnPart("t", {"timestamp": 1}, tool_call_id=call, timestamp=at)]),
        )
        return Request("p:m", messages, timeout_s=at.year, cache=True)

    one, other = conversation(early, "call-x"), conversation(late, "call-y")
    assert digest(one, NAMED, PROVIDER) == digest(other, NAMED, PROVIDER)
    slower = Provider("openai-chat", base_url=PROVIDER.base_url, key="env:OTHER", requests_per_minute=1)
    assert digest(one, Named("another-name-for-it", "m"), slower) == digest(one, NAMED, PROVIDER)


@pytest.mark.parametrize(
    "change",
    [
        lambda: (request("ho"), NAMED, PROVIDER),
        lambda: (request(tools=(Offer("t", "", {}),)), NAMED, PROVIDER),
        lambda: (request(output={"type": "object"}), NAMED, PROVIDER),
        lambda: (request(settings={"temperature": 0}), NAMED, PROVIDER),
        lambda: (request(), Named("p", "n"), PROVIDER),
        lambda: (request(), NAMED, Provider("openai-chat", base_url="http://localhost:2/v1")),
        lambda: (request(), NAMED, Provider("ollama", base_url="http://localhost:1/v1")),
    ],
)
def test_what_reaches_the_model_counts(change: Callable[[], tuple[Request, Named, Provider]]) -> None:
    assert digest(*change()) != digest(request(), NAMED, PROVIDER)
