"""The reference device, which knows nothing of Orrery but its protocol, does all that a device must do."""

from __future__ import annotations

import ast
import asyncio
import hashlib
import io
import os
import shutil
import ssl
import subprocess
import sys
import tokenize
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from orrery.fleet.client import Answer, HubClient
from orrery.fleet.hub.server import HubServer
from orrery.fleet.hub.settings import Settings
from orrery.fleet.messages import Assign, Reject, Result
from orrery.graph import values
from orrery.testing.devices import Call, DeviceConformance

DEVICE = Path(__file__).parents[2] / "examples" / "reference_device.py"
WITHIN_S = 20.0


@asynccontextmanager
async def reference_device(
    hub: str, token: str, folder: Path, *, stderr: int | None = None, trusted: str = ""
) -> AsyncIterator[Process]:
    """The device as a process of its own; -I and -S so that it can find nothing of Orrery."""
    environment = os.environ | ({"SSL_CERT_FILE": trusted} if trusted else {})
    options = ("-I", "-S", "-W", "error", str(DEVICE))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *options, hub, token, str(folder / "device.db"), stderr=stderr, env=environment
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class TestReferenceDevice(DeviceConformance):
    quick = Call("text.upper", {"text": "abc"}, "ABC")
    slow = Call("clock.wait", {"seconds": 60})

    @asynccontextmanager
    async def device(self, hub: str, token: str, folder: Path) -> AsyncIterator[None]:
        async with reference_device(hub, token, folder):
            yield


async def ask(client: HubClient, op: str, args: dict[str, Any], task: str) -> Answer:
    """Have something done, and wait for its end."""
    ended: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    data = values.encode(args)
    assign = Assign(
        work=f"run@1/{task}#1",
        key=f"run@1/{task}",
        run="run",
        task=task,
        attempt=1,
        op=op,
        args=data,
        digest=hashlib.sha256(op.encode() + data).hexdigest(),
        effects="pure",
    )

    def hear(answer: Answer) -> None:
        if isinstance(answer, Result | Reject) and not ended.done():
            ended.set_result(answer)

    client.submit(assign, hear)
    async with asyncio.timeout(WITHIN_S):
        return await ended


def test_it_works_for_a_real_hub_over_two_lives_of_each(tmp_path: Path) -> None:
    async def story() -> None:
        folder = tmp_path / "hub"
        async with HubServer(folder) as hub:
            token = hub.registry.enrolment_token(at=hub.now(), name="pi")
            url = hub.urls[0]
            async with reference_device(url, token, tmp_path), HubClient(url, hub.client_token) as client:
                asked = [ask(client, "text.upper", {"text": f"wörd {n} \U0001f600"}, f"upper-{n}") for n in range(20)]
                results = await asyncio.gather(*asked)
                assert [values.decode(r.value) for r in results if isinstance(r, Result)] == [
                    f"WÖRD {n} \U0001f600" for n in range(20)
                ]
                assert {r.device for r in results if isinstance(r, Result)} == {"pi"}
                info = await ask(client, "host.info", {}, "info")
                assert isinstance(info, Result)
                assert values.decode(info.value)["python"].startswith("3.")
                failed = await ask(client, "math.sum", {"numbers": ["a"]}, "failed")
                assert isinstance(failed, Result)
                assert failed.failure is not None
                assert (failed.status, failed.failure.type) == ("failed", "TypeError")
                overflow = await ask(client, "math.sum", {"numbers": [1e308, 1e308]}, "overflow")
                assert isinstance(overflow, Result)
                assert overflow.status == "failed"
        async with (
            HubServer(folder, listen=(url,)) as hub,
            reference_device(url, "lost", tmp_path),  # it was enrolled: its own key is in its file
            HubClient(url, hub.client_token) as client,
        ):
            total = await ask(client, "math.sum", {"numbers": [1, 2, 2.5]}, "sum")
            assert isinstance(total, Result)
            assert values.decode(total.value) == 5.5

    asyncio.run(story())


def test_what_fits_into_no_message_of_a_device_is_rejected_and_harms_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        async with HubServer(tmp_path / "hub", settings=Settings(patience_s=0.5)) as hub:
            token, url = hub.registry.enrolment_token(at=hub.now(), name="pi"), hub.urls[0]
            async with (
                reference_device(url, token, tmp_path),
                HubClient(url, hub.client_token) as client,
            ):
                asked = ask(client, "text.upper", {"text": "a"}, "small")
                assert isinstance(await asked, Result)
                large = await ask(client, "text.upper", {"text": "\0" * 700_000}, "large")  # in JSON six times as large
                assert not isinstance(large, Result) or large.status != "succeeded"
                assert "do not fit into a message" in str(large)
                after = await ask(client, "text.upper", {"text": "b"}, "after")
                assert isinstance(after, Result)
                assert values.decode(after.value) == "B"
            assert not [one for one in hub.registry.audit(100) if one.kind in ("cut", "failed", "session-lost")]

    asyncio.run(story())


def test_a_device_that_is_refused_says_why_and_ends(tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            HubServer(tmp_path / "hub") as hub,
            reference_device(hub.urls[0], "enrol.nonsense", tmp_path, stderr=PIPE) as process,
        ):
            async with asyncio.timeout(WITHIN_S):
                _, said = await process.communicate()
            assert process.returncode == 1
            assert b"the hub says: token: " in said

    asyncio.run(story())


def test_it_speaks_over_tls_and_only_to_a_hub_whose_certificate_is_good(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to make a certificate with")
    pem = tmp_path / "hub.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    names = ("-addext", "subjectAltName=DNS:localhost", "-keyout", str(pem), "-out", str(tmp_path / "cert.pem"))
    subprocess.run([*command.split(), *names], check=True, capture_output=True)
    pem.write_bytes(pem.read_bytes() + (tmp_path / "cert.pem").read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    async def story() -> None:
        async with HubServer(tmp_path / "hub", listen=("ws://127.0.0.1:0", "wss://localhost:0"), ssl=context) as hub:
            inside, outside = hub.urls
            async with HubClient(inside, hub.client_token) as client:
                token = hub.registry.enrolment_token(at=hub.now(), name="pi")
                async with reference_device(outside, token, tmp_path, stderr=PIPE) as process:
                    assert process.stderr is not None
                    async with asyncio.timeout(WITHIN_S):
                        assert b"CERTIFICATE_VERIFY_FAILED" in await process.stderr.readline()
                async with reference_device(outside, token, tmp_path, trusted=str(pem)):
                    result = await ask(client, "text.upper", {"text": "a"}, "upper")
                    assert isinstance(result, Result)
                    assert values.decode(result.value) == "A"

    asyncio.run(story())


def test_it_has_two_hundred_lines_and_needs_only_the_standard_library() -> None:
    source = DEVICE.read_text(encoding="utf-8")
    tree = ast.parse(source)
    texts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            texts |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    layout = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    code = {t.start[0] for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type not in layout}
    assert len(code - texts) <= 206  # without blank lines and docstrings
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    modules |= {str(node.module).partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert modules <= sys.stdlib_module_names
