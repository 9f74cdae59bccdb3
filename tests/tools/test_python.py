"""Programs given as text, in real interpreters: their values, their errors, their limits, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import select
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import ArgumentError, LimitReachedError, ProgramError, ToolTimeoutError
from orrery.graph import Blob
from orrery.tools import LocalContext, python


def ran(ctx: LocalContext, code: str, **options: Any) -> python.Ran:
    return asyncio.run(python.run(code, ctx=ctx, **options))


def value(ctx: LocalContext, code: str, **options: Any) -> Any:
    return ran(ctx, code, **options)["value"]


def has_ended(pid: int, *, within_s: float = 5.0) -> bool:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], within_s)[0])
    finally:
        os.close(descriptor)


def test_the_value_is_the_result_or_else_the_last_expression(ctx: LocalContext) -> None:
    assert ran(ctx, "print('a moon')\n6 * 7") == {"value": 42, "stdout": "a moon\n"}
    assert value(ctx, "result = [n * n for n in range(4)]\nprint(result)") == [0, 1, 4, 9]
    assert value(ctx, "x = 1") is None
    assert value(ctx, "") is None
    assert value(ctx, "result = 3\nraise SystemExit") == 3
    assert value(ctx, "def f(n):\n    return 1 if n < 2 else n * f(n - 1)\nf(5)") == 120


def test_inputs_are_its_variables(ctx: LocalContext) -> None:
    moons = {"moons": [{"name": "Io", "km": 3643}, {"name": "Europa", "km": 3122}], "least": 3500}
    assert value(ctx, "[m['name'] for m in moons if m['km'] > least]", inputs=moons) == ["Io"]
    for name in ("result", "class", "a b", "__builtins__"):
        with pytest.raises(ArgumentError, match="an input cannot be called"):
            ran(ctx, "1", inputs={name: 1})
    with pytest.raises(ArgumentError, match="the inputs are not plain data"):
        ran(ctx, "1", inputs={"x": {1, 2}})


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=12, deadline=None)
@given(data=plain)
def test_plain_data_goes_in_and_out_unchanged(data: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert value(LocalContext(Path(folder)), "data", inputs={"data": data}) == data


def test_what_is_no_plain_data_is_an_error_that_names_the_place(ctx: LocalContext) -> None:
    with pytest.raises(ProgramError, match=r"ran, but result\['a'\]\[1\] is a set; make it text, a number"):
        ran(ctx, "{'a': [1, {2}]}")
    with pytest.raises(ProgramError, match="result has the key 1, which is not text"):
        ran(ctx, "{1: 2}")
    with pytest.raises(ProgramError, match="result is nan, which JSON cannot hold"):
        ran(ctx, "float('nan')")


def test_an_error_carries_the_programs_own_lines(ctx: LocalContext) -> None:
    with pytest.raises(ProgramError) as caught:
        ran(ctx, "def half(n):\n    return n / 0\n\nhalf(3)\n")
    assert caught.value.line == 2
    assert (caught.value.severity, caught.value.code) == ("permanent", "program")
    assert str(caught.value).startswith("the program failed in line 2: ZeroDivisionError: division by zero\n")
    assert '  File "<program>", line 4, in <module>\n    half(3)\n' in str(caught.value)
    assert "python_inside" not in str(caught.value)
    with pytest.raises(ProgramError, match="the program failed in line 1: SyntaxError") as caught:
        ran(ctx, "x = (1,")
    assert caught.value.line == 1
    with pytest.raises(ProgramError, match="the program failed in line 1: SystemExit: 3"):
        ran(ctx, "raise SystemExit(3)")
    with pytest.raises(ProgramError, match=r"was ended by SIGSEGV before it was done"):
        ran(ctx, "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    with pytest.raises(ProgramError, match=r"ended with status 0 before it was done"):
        ran(ctx, "import os; os._exit(0)")


def test_it_sees_nothing_of_this_processs_environment(ctx: LocalContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_API_KEY", "secret")
    seen = value(ctx, "import os; dict(os.environ)")
    assert seen.keys() <= {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "ORRERY_IDEMPOTENCY_KEY"}
    assert seen["ORRERY_IDEMPOTENCY_KEY"] == "by-hand"


def test_its_folder_is_its_own_and_is_removed(ctx: LocalContext) -> None:
    folder = value(
        ctx, "import os\nopen('left', 'w').write('x')\nos.mkdir('sub'); os.chdir('sub')\nos.path.dirname(os.getcwd())"
    )
    assert Path(folder).name.startswith("orrery-python-")
    assert not Path(folder).exists()
    assert list(ctx.folder.iterdir()) == []


def test_a_program_that_takes_too_long_is_ended_with_what_it_started(ctx: LocalContext) -> None:
    code = """
import os, subprocess
child = subprocess.Popen(["sleep", "60"])
with open(place, "w") as file:
    file.write(str(child.pid))
child.wait()
"""
    place = ctx.folder / "pid"
    with pytest.raises(ToolTimeoutError, match="did not end within timeout_s=1"):
        ran(ctx, code, inputs={"place": str(place)}, timeout_s=1.0)
    assert has_ended(int(place.read_text()))
    with pytest.raises(ArgumentError, match="is no time to run in"):
        ran(ctx, "1", timeout_s=0)


def test_a_cancelled_program_is_ended_with_what_it_started(ctx: LocalContext) -> None:
    place = ctx.folder / "pid"
    os.mkfifo(place)
    code = """
import subprocess
child = subprocess.Popen(["sleep", "60"])
with open(place, "w") as file:
    file.write(str(child.pid))
child.wait()
"""

    async def cancelled() -> int:
        running = asyncio.create_task(python.run(code, inputs={"place": str(place)}, ctx=ctx, timeout_s=60))
        pid = int(await asyncio.to_thread(place.read_text))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return pid

    assert has_ended(asyncio.run(cancelled()))


def test_each_limit_has_a_name(ctx: LocalContext) -> None:
    with pytest.raises(LimitReachedError, match=r"had used its cpu_s=1 of processor time"):
        ran(ctx, "while True: pass", cpu_s=1)
    with pytest.raises(LimitReachedError, match=r"needed more than memory_bytes=268435456"):
        ran(ctx, "x = 'x' * (300 << 20)", memory_bytes=256 << 20)
    with pytest.raises(LimitReachedError, match=r"stdout grew past max_output_bytes=1000"):
        ran(ctx, "while True: print('x' * 100)", max_output_bytes=1000)
    with pytest.raises(LimitReachedError, match=r"result is larger than max_output_bytes=1000"):
        ran(ctx, "'x' * 1500", max_output_bytes=1000)
    with pytest.raises(ProgramError, match=r"File too large"):
        ran(ctx, "open('big', 'w').write('x' * 200_000)", max_output_bytes=1000, max_file_bytes=100_000)


def test_the_limits_are_set_for_good(ctx: LocalContext) -> None:
    code = """
import resource
names = ("RLIMIT_AS", "RLIMIT_FSIZE", "RLIMIT_CORE", "RLIMIT_CPU")
found = {name: resource.getrlimit(getattr(resource, name)) for name in names}
found["processes"] = resource.getrlimit(resource.RLIMIT_NPROC)[1]
found
"""
    found = value(ctx, code, memory_bytes=256 << 20, max_file_bytes=32 << 20, timeout_s=7.5)
    assert found["RLIMIT_AS"] == [256 << 20, 256 << 20]
    assert found["RLIMIT_FSIZE"] == [32 << 20, 32 << 20]
    assert found["RLIMIT_CORE"] == [0, 0]
    assert found["RLIMIT_CPU"] == [8, 9]
    assert 32 < found["processes"] < 10_000


def test_much_output_becomes_a_blob(ctx: LocalContext) -> None:
    out = ran(ctx, "print('x' * 100_000)\n'done'")
    assert out["value"] == "done"
    assert isinstance(out["stdout"], Blob)
    assert ctx.read_blob(out["stdout"]) == b"x" * 100_000 + b"\n"


def test_a_program_that_breaks_its_own_output_still_has_a_value(ctx: LocalContext) -> None:
    assert value(ctx, "import sys\nsys.stdout.close()\n1") == 1
    assert value(ctx, "import sys\nsys.stdout = None\n2") == 2
    assert value(ctx, "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n3") == 3


@pytest.mark.parametrize(
    "spoiling",
    [
        "os.mkfifo('outcome.json')",
        "os.mkdir('outcome.json')",
        "os.symlink('/dev/tty', 'outcome.json')",
        "open('outcome.json', 'w').write('[' * 100_000)",
        "open('outcome.json', 'w').write('{\"kind\": \"raised\"}')",
    ],
)
def test_a_program_that_puts_something_else_in_the_place_of_its_outcome_has_none(
    ctx: LocalContext, spoiling: str
) -> None:
    with pytest.raises(ProgramError, match="ended with status 0 before it was done"):
        ran(ctx, f"import os\n{spoiling}\nos._exit(0)")


def test_a_program_is_quickly_run(ctx: LocalContext) -> None:
    before = os.times()
    assert json.dumps(value(ctx, "1")) == "1"
    assert sum(os.times()[:4]) - sum(before[:4]) < 1.0, "processor time, its own process and ours"
