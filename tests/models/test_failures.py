"""What goes wrong with a model ends as one error that says what it was and whether another try may help."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from orrery.errors import ArgumentError, ModelError, Severity, UnknownNameError
from orrery.models import Offer, Reply, Request
from orrery.models.call import complete, stream
from orrery.models.messages import calls_of, prompt
from orrery.models.simulated import Answer, Asked, Call, Fault, SimulatedServer
from orrery.tools import LocalContext
from tests.models.test_wire_formats import KINDS
from tests.simulated import Simulated

LOOK = Offer(
    "look", "Looks.", {"type": "object", "properties": {"place": {"type": "string"}, "n": {"type": "integer"}}}
)
SURE = {"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"]}
TWICE = '{"place": "a", "place": "b"}'


def script(asked: Asked) -> Answer | str:
    if asked.tools:
        return Answer("I look.", (Call("look", {"place": "Oslo", "n": 12345}),))
    if asked.output is not None or '"sure"' in asked.system:
        return Answer.json({"sure": True, "because": "I looked at it for long enough"})
    return "word " * 50


def failing(kind: str, ctx: LocalContext | None = None, **asked: Any) -> ModelError:
    """The error that a request ends with."""
    request = Request(f"sim-{kind}:simulated", tuple(prompt("hi")), **{"cache": False, "timeout_s": 10.0, **asked})
    with pytest.raises(ModelError) as caught:
        asyncio.run(complete(request, ctx))
    assert str(caught.value).startswith(f"sim-{kind}:simulated")
    return caught.value


def impatient(idle_s: float) -> None:
    """Let the silence within an answer be no longer than that."""
    path = Path(os.environ["ORRERY_MODELS"])
    path.write_text(path.read_text().replace('key = "none"', f'key = "none"\nidle_s = {idle_s}'))


def settle(server: SimulatedServer) -> None:
    """Wait until the server has noticed that nobody listens any more."""
    deadline = time.monotonic() + 5
    while server.counts.running and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "severity", "retry_after_s"),
    [
        (Fault("status", 429, retry_after_s=2), "transient", 2.0),
        (Fault("status", 500), "transient", None),
        (Fault("status", 503, retry_after_s=1), "transient", 1.0),
        (Fault("status", 529), "transient", None),
        (Fault("status", 400), "permanent", None),
        (Fault("status", 401), "permanent", None),
        (Fault("status", 402), "permanent", None),
        (Fault("status", 403), "permanent", None),
        (Fault("status", 404), "permanent", None),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Fault) else "",
)
def test_a_status_says_whether_it_may_pass(
    kind: str, fault: Fault, severity: Severity, retry_after_s: float | None, simulated: Simulated
) -> None:
    server = simulated(script, faults=[fault])
    error = failing(kind)
    assert (error.severity, error.retry_after_s, error.status) == (severity, retry_after_s, fault.status)
    assert str(fault.status) in str(error) or "quota" in str(error)
    assert server.counts.calls == 1, "the provider's library tries nothing again"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("fault", "severity", "said"),
    [
        ("reset", "transient", "the connection failed"),
        ("cut", "transient", "broke off|ended without|decode"),
        ("garbage", "transient", "decode"),
        ("content-type", "transient", "ended without content|decode"),
        ("empty", "transient", "the answer is empty"),
        ("refusal", "permanent", "refused to answer"),
    ],
)
def test_an_answer_that_is_none_says_why(
    kind: str, fault: str, severity: Severity, said: str, simulated: Simulated
) -> None:
    simulated(script, faults=[fault])
    error = failing(kind)
    assert error.severity == severity
    assert re.search(said, str(error))
    assert error.__cause__ is None
    assert error.__context__ is None, "what the library raised may hold the key"


@pytest.mark.parametrize("kind", KINDS)
def test_a_silence_within_an_answer_ends_it(kind: str, simulated: Simulated) -> None:
    simulated(script, faults=["stall"])
    impatient(0.1)
    error = failing(kind)
    assert error.severity == "transient"
    assert "the answer stopped for 0.1 s before its end" in str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_an_endless_answer_ends_at_the_total_time(kind: str, simulated: Simulated) -> None:
    server = simulated(script, faults=["endless"], tokens_per_s=2000)
    began = time.monotonic()
    error = failing(kind, timeout_s=0.5)
    assert error.severity == "transient"
    assert "the answer did not end within timeout_s=0.5" in str(error)
    assert time.monotonic() - began < 3
    settle(server)
    assert server.counts.running == 0, "the connection was closed, so the server stopped"


@pytest.mark.parametrize("kind", KINDS)
def test_an_endless_answer_ends_at_the_most_that_was_asked_for(kind: str, simulated: Simulated) -> None:
    simulated(script, faults=["endless"])
    error = failing(kind, settings={"max_tokens": 20}, timeout_s=30.0)
    assert error.severity == "permanent"
    assert "did not end within 2304 characters; raise max_tokens" in str(error)


def test_a_model_that_never_begins_ends_at_the_total_time(simulated: Simulated) -> None:
    simulated(script, first_s=60.0)
    error = failing("openai-chat", timeout_s=0.2)
    assert "did not end within timeout_s=0.2" in str(error)


def test_nobody_there_is_a_broken_connection(simulated: Simulated) -> None:
    simulated(script)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    settings = Path(os.environ["ORRERY_MODELS"])
    settings.write_text(re.sub(r"127\.0\.0\.1:\d+", f"127.0.0.1:{port}", settings.read_text()))
    for kind in KINDS:
        error = failing(kind)
        assert error.severity == "transient"
        assert "the connection failed" in str(error)


@pytest.mark.parametrize("kind", ["openai-chat", "openai-responses", "anthropic", "ollama"])  # google sends no text
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (TWICE, "the name 'place' stands twice in one object"),
        ('{"place": "Os', "are no JSON"),
        ('{"n": NaN}', "NaN is no number in JSON"),
        ("[1, 2]", "are no object"),
        ("[" * 5000, "are no JSON"),
    ],
    ids=["twice", "half", "nan", "list", "deep"],
)
def test_arguments_that_cannot_be_read_are_an_error(kind: str, args: str, said: str, simulated: Simulated) -> None:
    simulated(lambda asked: Answer(calls=(Call("look", args),)))
    error = failing(kind, tools=(LOOK,))
    assert error.severity == "transient"
    assert said in str(error)
    assert "'look'" in str(error)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ('{"sure": tru', "is not the JSON that was asked for"),
        ('{"sure": true, "sure": false}', "the name 'sure' stands twice"),
        ('{"sure": "perhaps"}', "sure is string, not boolean"),
        ("{}", "the answer lacks 'sure'"),
        ("Yes, I am.", "is not the JSON that was asked for"),
    ],
    ids=["half", "twice", "type", "missing", "prose"],
)
def test_data_that_is_not_what_was_asked_for_is_an_error(
    kind: str, answer: str, said: str, simulated: Simulated
) -> None:
    simulated(lambda asked: answer)
    error = failing(kind, output=SURE)
    assert error.severity == "transient"
    assert said in str(error)


@pytest.mark.parametrize("kind", KINDS)
def test_talk_around_the_data_is_taken_off(kind: str, simulated: Simulated) -> None:
    simulated(script, faults=["prose"])
    reply = asyncio.run(complete(Request(f"sim-{kind}:simulated", tuple(prompt("hi")), output=SURE)))
    assert reply.output["sure"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_cut_off_at_the_users_own_limit_is_not_tried_again(kind: str, simulated: Simulated) -> None:
    simulated(lambda asked: Answer.json({"sure": True, "because": "word " * 100}))
    error = failing(kind, output=SURE, settings={"max_tokens": 16})
    assert error.severity == "permanent"
    assert "cut off at max_tokens" in str(error)


@pytest.mark.parametrize("kind", ["openai-chat", "openai-responses", "anthropic", "ollama"])
def test_arguments_cut_off_at_the_models_own_limit_are_tried_again(kind: str, simulated: Simulated) -> None:
    simulated(script, faults=["truncated"])
    error = failing(kind, tools=(LOOK,))
    assert error.severity == "transient"
    assert "the arguments for 'look' were cut off at the most the model writes" in str(error)


def test_text_that_ends_at_the_users_own_limit_is_an_answer(simulated: Simulated) -> None:
    simulated(script)
    request = Request("sim-openai-chat:simulated", tuple(prompt("hi")), settings={"max_tokens": 10})
    reply = asyncio.run(complete(request))
    assert reply.message.finish_reason == "length"
    assert reply.text == ("word " * 50)[:40]


def test_a_tool_that_was_not_offered_is_handed_on_for_repair(simulated: Simulated) -> None:
    simulated(lambda asked: Answer(calls=(Call("lok", {"place": "Oslo"}),)))
    reply = asyncio.run(complete(Request("sim-openai-chat:simulated", tuple(prompt("hi")), tools=(LOOK,))))
    assert [call.tool_name for call in calls_of(reply.message)] == ["lok"]


def test_huge_arguments_end_the_answer(simulated: Simulated) -> None:
    simulated(lambda asked: Answer(calls=(Call("look", {"place": "x" * 2_100_000}),)), split="lines")
    error = failing("openai-chat", tools=(LOOK,), timeout_s=30.0)
    assert "did not end within 2000000 characters" in str(error)


def test_very_many_calls_end_the_answer(simulated: Simulated) -> None:
    simulated(lambda asked: Answer(calls=tuple(Call("look", {"n": n}) for n in range(300))))
    error = failing("openai-chat", tools=(LOOK,))
    assert "did not end within 256 calls of tools" in str(error)
    assert error.severity == "permanent"


def test_large_arguments_within_the_limit_arrive(simulated: Simulated) -> None:
    place = "x" * 300_000
    simulated(lambda asked: Answer(calls=(Call("look", {"place": place}),)), split="lines")
    reply = asyncio.run(complete(Request("sim-openai-chat:simulated", tuple(prompt("hi")), tools=(LOOK,))))
    assert calls_of(reply.message)[0].args_as_dict() == {"place": place}


def test_what_a_failed_call_used_up_is_paid_for(simulated: Simulated, ctx: LocalContext) -> None:
    simulated(lambda asked: Answer("word " * 50, input_tokens=500), faults=[Fault("reset", after=20)])
    failing("anthropic", ctx)  # which says first what it read
    assert ctx.tokens >= 500


def test_a_listener_that_goes_away_closes_the_connection(simulated: Simulated) -> None:
    server = simulated(script, tokens_per_s=100)

    async def leave_early() -> None:
        async for piece in stream(Request("sim-openai-chat:simulated", tuple(prompt("hi")))):
            assert not isinstance(piece, Reply)
            break

    asyncio.run(leave_early())
    settle(server)
    assert server.counts.interrupted == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_is_cancelled_with_its_task(kind: str, simulated: Simulated) -> None:
    server = simulated(script, tokens_per_s=50)

    async def cancel_midway() -> None:
        begun = asyncio.Event()

        async def listen() -> None:
            async for _piece in stream(Request(f"sim-{kind}:simulated", tuple(prompt("hi")))):
                begun.set()

        task = asyncio.create_task(listen())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_midway())
    settle(server)
    assert server.counts.interrupted == 1


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("gpt", "there is no model 'gpt'"),
        ("sim-openai-chat", "there is no model 'sim-openai-chat'"),
        ("sim-opnai-chat:x", "did you mean 'sim-openai-chat'"),
    ],
)
def test_a_model_that_is_not_known_is_named_with_its_neighbours(model: str, said: str, simulated: Simulated) -> None:
    simulated(script)
    with pytest.raises(UnknownNameError, match=re.escape(said)):
        asyncio.run(complete(Request(model, tuple(prompt("hi")))))


def test_a_setting_that_no_model_knows_is_an_error(simulated: Simulated) -> None:
    server = simulated(script)
    with pytest.raises(ArgumentError, match="no setting 'temprature' of a model; did you mean 'temperature'"):
        asyncio.run(complete(Request("sim-google:simulated", tuple(prompt("hi")), settings={"temprature": 1})))
    assert server.counts.calls == 0
