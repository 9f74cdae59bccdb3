"""MCP servers, real processes over stdio and HTTP: tools as ours, failures as values, nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orrery import Graph, Task
from orrery import run as run_graph
from orrery.errors import (
    ArgumentError,
    McpError,
    McpSettingsError,
    MissingExtraError,
    ToolTimeoutError,
    UnknownNameError,
)
from orrery.graph import Blob, Effects, Ref
from orrery.tools import LocalContext, tools
from orrery.tools import mcp as ours
from orrery.tools.approval import judge
from orrery.tools.mcp import Server, ToolSettings, declare
from orrery.tools.repair import repair

HERE = Path(__file__).parent
PROGRAM = [sys.executable, str(HERE / "mcp_server.py")]

SETTINGS = f"""
[servers.moons]
command = {json.dumps([*PROGRAM, "stdio"])}
env = {{ PLANET = "env:HOME", COLOUR = "ochre" }}

[servers.moons.tools.moon]
effects = "idempotent"
reads = ["catalogue"]

[servers.trusted]
command = {json.dumps([*PROGRAM, "stdio"])}
trust_hints = true
only = ["add", "slow", "die"]
[servers.trusted.tools.slow]
timeout_s = 1.0

[servers.missing]
command = ["/no/such/program"]
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("mcp") / "mcp.toml"
    path.write_text(SETTINGS)
    yield path
    ours.close()


@pytest.fixture(autouse=True)
def declared(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORRERY_MCP", str(settings))


def call(ctx: LocalContext, name: str, /, **args: Any) -> Any:
    return asyncio.run(tools.get(name).call(args, ctx))


def has_ended(pid: int, *, within_s: float = 10.0) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], within_s)[0])
    finally:
        os.close(descriptor)


def test_a_servers_tools_are_listed_and_a_dead_server_is_named_with_its_reason() -> None:
    names = tools.names()
    assert {"moons.add", "moons.moon", "moons.odd_name_here", "files.read"} <= set(names)
    assert [name for name in names if name.startswith("trusted.")] == ["trusted.add", "trusted.die", "trusted.slow"]
    assert not [name for name in names if name.startswith("missing.")]
    assert tools.problems() == {
        "missing": "the MCP server 'missing' cannot be started: there is no program or folder '/no/such/program'"
    }
    assert "moons.add" in tools
    with pytest.raises(UnknownNameError, match=r"did you mean 'moons\.add'"):
        tools.get("moons.ad")
    with pytest.raises(McpError, match="cannot be started"):
        tools.get("missing.anything")


def test_a_tool_has_the_schema_the_description_and_the_result_of_its_server() -> None:
    add = tools.get("moons.add")
    assert (add.description, add.required, add.executor) == ("The sum of two numbers.", ("a",), "inline")
    assert add.hints == {"a": int, "b": int}
    assert add.parameters["properties"]["b"] == {"default": 1, "title": "B", "type": "integer"}
    assert add.result == {"title": "Result", "type": "integer"}
    assert add.check({"a": Ref("earlier")}) == []
    assert [problem.code for problem in add.check({"c": 1, "b": "x"})] == [
        "argument/unknown",
        "argument/type",
        "argument/missing",
    ]
    assert repair("moonsAdd", {"A": "3"}, tools).args == {"a": "3"}


def test_results_are_structured_data_text_or_blobs(ctx: LocalContext) -> None:
    assert call(ctx, "moons.add", a="2") == 3
    assert call(ctx, "moons.moon", name="Io") == {"name": "Io", "units": None, "diameter_km": 3643.2}
    assert call(ctx, "moons.tell", words=["a", "moon"]) == "a moon"
    assert call(ctx, "moons.odd_name_here") == "odd"
    text, picture = call(ctx, "moons.picture")
    assert text == "look"
    assert isinstance(picture, Blob)
    assert (picture.media, ctx.read_blob(picture)[:4]) == ("image/png", b"\x89PNG")


def test_a_servers_failure_is_an_error_with_its_words(ctx: LocalContext) -> None:
    with pytest.raises(McpError, match=r"moons\.fail failed: .*no such moon") as caught:
        call(ctx, "moons.fail", why="no such moon")
    assert caught.value.severity == "permanent"
    with pytest.raises(ArgumentError, match=r"tool 'moons\.add', argument 'a': expected a whole number"):
        call(ctx, "moons.add", a="many")


def test_its_environment_is_what_was_declared(ctx: LocalContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_KEY", "not for servers")
    assert call(ctx, "moons.secret", name="COLOUR") == "ochre"
    assert call(ctx, "moons.secret", name="PLANET") == os.environ["HOME"]
    assert call(ctx, "moons.secret", name="SERVICE_KEY") is None


def test_effects_are_what_is_declared_and_hints_count_only_where_they_are_trusted(tmp_path: Path) -> None:
    assert tools.get("moons.add").effects == Effects("once")
    assert tools.get("moons.moon").effects == Effects("idempotent", reads=("catalogue",))
    assert tools.get("trusted.add").effects == Effects("idempotent", reads=("mcp:trusted",))
    assert tools.get("trusted.slow").effects == Effects("idempotent", writes=("mcp:trusted",))
    assert tools.get("trusted.die").effects == Effects("once")
    words = {name: judge(tools.get(name), {}, tmp_path).word for name in ("moons.add", "moons.moon", "trusted.add")}
    assert words == {"moons.add": "ask", "moons.moon": "allow", "trusted.add": "allow"}


def test_a_call_that_takes_too_long_is_cancelled_at_the_server(ctx: LocalContext) -> None:
    pipe = ctx.folder / "pipe"
    os.mkfifo(pipe)

    async def late() -> str:
        calling = asyncio.create_task(tools.get("trusted.slow").call({"place": str(pipe)}, ctx))
        assert int(await asyncio.to_thread(pipe.read_text)) > 0
        with pytest.raises(ToolTimeoutError, match=r"trusted\.slow did not end within 1 s") as caught:
            await calling
        assert caught.value.severity == "transient"  # it is idempotent, by a hint that is trusted
        return await asyncio.to_thread(pipe.read_text)

    assert asyncio.run(late()) == "cancelled"
    assert (0.25, "begun") in ctx.progressed


def test_a_call_that_is_cancelled_here_is_cancelled_at_the_server(ctx: LocalContext) -> None:
    pipe = ctx.folder / "pipe"
    os.mkfifo(pipe)

    async def cancelled() -> str:
        calling = asyncio.create_task(tools.get("moons.slow").call({"place": str(pipe)}, ctx))
        await asyncio.to_thread(pipe.read_text)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        return await asyncio.to_thread(pipe.read_text)

    assert asyncio.run(cancelled()) == "cancelled"


def test_a_server_that_is_killed_during_a_call_is_an_error_and_is_started_again(ctx: LocalContext) -> None:
    pipe = ctx.folder / "pipe"
    os.mkfifo(pipe)

    async def killed() -> int:
        calling = asyncio.create_task(tools.get("moons.slow").call({"place": str(pipe)}, ctx))
        pid = int(await asyncio.to_thread(pipe.read_text))
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(McpError, match=r"was lost during 'slow'; the next call connects anew") as caught:
            await calling
        assert caught.value.severity == "effect-unknown"
        return pid

    assert has_ended(asyncio.run(killed()))
    assert call(ctx, "moons.add", a=1) == 2


def test_a_server_that_died_between_calls_is_started_again_unnoticed(ctx: LocalContext) -> None:
    with pytest.raises(McpError):
        call(ctx, "moons.die")
    assert call(ctx, "moons.add", a=1, b=1) == 2


def test_a_change_of_the_list_is_heard(ctx: LocalContext) -> None:
    async def grown() -> str:
        await tools.get("moons.grow").call({"name": "callisto"}, ctx)
        async with asyncio.timeout(10):
            while "moons.callisto" not in tools:
                await tools.get("moons.add").call({"a": 1}, ctx)
        answer: str = await tools.get("moons.callisto").call({}, ctx)
        return answer

    assert "moons.callisto" not in tools
    assert asyncio.run(grown()) == "this is callisto"
    assert "moons.callisto" in tools
    assert tools.get("moons.callisto").description == "A tool that was not there before."


def test_a_run_calls_them_and_any_process_with_the_settings_finds_them(tmp_path: Path, settings: Path) -> None:
    graph = Graph(
        [Task("sum", "moons.add", {"a": 20, "b": 1}), Task("twice", "moons.add", {"a": Ref("sum"), "b": 21})],
        outputs={"answer": Ref("twice")},
    )
    result = run_graph(graph, store=f"sqlite:///{tmp_path}/runs.db")
    assert result.state == "succeeded"
    assert result.outputs == {"answer": 42}
    code = f"""
import asyncio, os, sys
from pathlib import Path
from orrery.tools import LocalContext, tools

async def main():
    assert "orrery.tools.mcp" not in sys.modules
    tool = tools.get("moons.add")  # nothing is waited for where a loop runs
    assert tool.hints == {{}}
    return await tool.call({{"a": 5}}, LocalContext(Path({str(tmp_path)!r})))

print(asyncio.run(main()), tools.get("moons.add").required)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "ORRERY_MCP": str(settings)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("6 ('a',)\n", "", 0)


def test_the_command_lists_them_and_says_what_is_wrong(tmp_path: Path, settings: Path) -> None:
    def listed(**env: str) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "orrery", "tools", "--json"],
            cwd=tmp_path,
            env={name: value for name, value in {**os.environ, **env}.items() if value},
            capture_output=True,
            text=True,
            check=True,
        )
        return {each["name"]: each for each in json.loads(done.stdout)["tools"]}

    found = listed(ORRERY_MCP=str(settings))
    assert found["moons.add"]["effects"]["kind"] == "once"
    assert found["missing"]["problem"].startswith("the MCP server 'missing' cannot be started")
    assert not [name for name in listed(ORRERY_MCP="") if name.startswith("moons")]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The server over HTTP, on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen([*PROGRAM, "http", str(port)], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "running on" in line:
                break
        yield port, process
        process.kill()


def test_the_same_over_http(ctx: LocalContext, served: tuple[int, subprocess.Popen[str]]) -> None:
    port, process = served
    declare("web", Server(url=f"http://127.0.0.1:{port}/mcp", trust_hints=True))
    try:
        assert "web.add" in tools
        assert tools.get("web.add").effects.kind == "idempotent"
        assert call(ctx, "web.add", a="2") == 3
        assert isinstance(call(ctx, "web.picture")[1], Blob)
        with pytest.raises(McpError, match="no such moon"):
            call(ctx, "web.fail", why="no such moon")
        pipe = ctx.folder / "pipe"
        os.mkfifo(pipe)

        async def killed() -> None:
            calling = asyncio.create_task(tools.get("web.slow").call({"place": str(pipe)}, ctx))
            await asyncio.to_thread(pipe.read_text)
            process.kill()
            with pytest.raises(McpError) as caught:
                await calling
            assert caught.value.severity == "transient"  # slow is idempotent, by a hint that is trusted

        asyncio.run(killed())
        with pytest.raises(McpError, match="the MCP server 'web'"):
            call(ctx, "web.add", a=1)
    finally:
        declare("web", None)
    assert "web.add" not in tools


def test_a_server_that_does_not_answer_is_given_up_in_time(ctx: LocalContext) -> None:
    silent = Server(command=(sys.executable, "-c", "import sys; print('hm', file=sys.stderr); sys.stdin.read()"))
    declare("silent", Server(command=silent.command, connect_timeout_s=0.5))
    try:
        with pytest.raises(McpError, match=r"did not answer within connect_timeout_s=0\.5"):
            tools.get("silent.x")
        assert "did not answer" in tools.problems()["silent"]
    finally:
        declare("silent", None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[servers.a]", "a server has a `command` or a `url`, and not both"),
        ('[servers.files]\ncommand = ["x"]', "is the name of a built-in toolset"),
        ('[servers."a b"]\ncommand = ["x"]', "cannot name a server"),
        ('[servers.a]\nurl = "ftp://x"', "is no address"),
        ('[servers.a]\ncommand = ["x"]\ncolour = 1', "contains unknown field 'colour'"),
        ('[servers.a]\ncommand = ["x"]\neffects = "none"', "Invalid enum value 'none'"),
        ('[servers.a]\ncommand = ["x"]\ntimeout_s = 0', "a time-out is a number of seconds above 0"),
        ("[server.a]", "there is no setting 'server'; did you mean 'servers'?"),
        ("servers = 3", "write one table for each server"),
        ("[servers", "expected"),
    ],
)
def test_settings_that_cannot_be_used_say_why(
    text: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)
    monkeypatch.setenv("ORRERY_MCP", str(path))
    with pytest.raises(McpSettingsError) as caught:
        tools.names()
    assert said in str(caught.value)
    assert str(path) in caught.value.problems[0].place


def test_settings_that_are_not_there_and_variables_that_are_not_set_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORRERY_MCP", str(tmp_path / "none.toml"))
    with pytest.raises(McpSettingsError, match="cannot be read: No such file"):
        tools.names()
    monkeypatch.delenv("ORRERY_MCP")
    declare("needs", Server(command=("x",), env={"KEY": "env:NOT_SET_ANYWHERE"}))
    try:
        with pytest.raises((McpError, McpSettingsError), match="the environment has no variable 'NOT_SET_ANYWHERE'"):
            tools.get("needs.x")
    finally:
        declare("needs", None)
    with pytest.raises(McpSettingsError, match=r"declare\(\): a server has a `command`"):
        declare("nothing", Server())


def test_what_is_declared_of_a_tool_counts(ctx: LocalContext) -> None:
    declare("own", Server(command=(*PROGRAM, "stdio"), effects="keyed", tools={"add": ToolSettings(effects="pure")}))
    try:
        assert (tools.get("own.add").effects.kind, tools.get("own.tell").effects.kind) == ("pure", "keyed")
    finally:
        declare("own", None)


def test_a_missing_extra_is_named(settings: Path) -> None:
    code = """
import sys
sys.modules["mcp.client.client"] = None
from orrery.errors import MissingExtraError
from orrery.tools import tools
try:
    tools.get("moons.add")
except MissingExtraError as error:
    print(error.extra)
"""
    env = {**os.environ, "ORRERY_MCP": str(settings)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "mcp\n"
    assert MissingExtraError.code == "missing-extra"
