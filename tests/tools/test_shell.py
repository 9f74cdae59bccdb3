"""Real programs: their output, their limits, and that nothing of them is left behind."""

from __future__ import annotations

import asyncio
import hashlib
import os
import select
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from orrery.errors import (
    ArgumentError,
    CommandError,
    FileAccessError,
    LimitReachedError,
    ToolError,
    ToolTimeoutError,
)
from orrery.graph import Blob
from orrery.tools import LocalContext, shell
from orrery.tools.program import Program
from orrery.tools.shell import Finished


def run(ctx: LocalContext, *command: str, **options: Any) -> Finished:
    return asyncio.run(shell.run(list(command), ctx=ctx, **options))


def python(ctx: LocalContext, code: str, **options: Any) -> Finished:
    return run(ctx, sys.executable, "-c", code, **options)


def has_ended(pid: int, *, within_s: float = 5.0) -> bool:
    """Whether a process ends within a time; a killed one needs a moment to go."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], within_s)[0])
    finally:
        os.close(descriptor)


def test_a_program_gets_its_words_and_gives_its_output(ctx: LocalContext) -> None:
    found = run(ctx, "printf", "%s|", "a b", "$HOME", "*")
    assert (found["status"], found["stdout"], found["stderr"]) == (0, "a b|$HOME|*|", "")
    assert (found["truncated"], found["invalid_utf8"]) == (False, False)
    assert 0 < found["seconds"] < 30


def test_it_runs_in_the_folder_of_the_run_with_the_key_in_its_environment(ctx: LocalContext) -> None:
    (ctx.folder / "sub").mkdir()
    out = run(ctx, "sh", "-c", "pwd; echo $ORRERY_IDEMPOTENCY_KEY $EXTRA", cwd=Path("sub"), env={"EXTRA": "x"})
    assert out["stdout"] == f"{(ctx.folder / 'sub').resolve()}\nby-hand x\n"


def test_it_can_read_what_it_is_given(ctx: LocalContext) -> None:
    assert run(ctx, "cat", stdin="héllo")["stdout"] == "héllo"
    assert run(ctx, "wc", "-c", stdin=b"x" * 3_000_000)["stdout"] == "3000000\n"
    assert run(ctx, "cat")["stdout"] == ""
    assert run(ctx, "true", stdin=b"x" * 3_000_000)["status"] == 0


def test_a_failing_program_is_an_error_with_the_end_of_its_stderr(ctx: LocalContext) -> None:
    with pytest.raises(CommandError, match=r"'sh' ended with status 3; the end of its stderr:\nno such moon") as caught:
        run(ctx, "sh", "-c", "echo no such moon >&2; exit 3")
    assert caught.value.status == 3
    with pytest.raises(CommandError, match=r"'false' ended with status 1; it wrote nothing to stderr"):
        run(ctx, "false")
    with pytest.raises(CommandError, match="was ended by SIGSEGV"):
        run(ctx, "sh", "-c", "kill -SEGV $$")
    assert run(ctx, "false", check=False)["status"] == 1


def test_only_the_end_of_a_long_stderr_is_in_the_message(ctx: LocalContext) -> None:
    with pytest.raises(CommandError) as caught:
        python(ctx, "import sys; sys.stderr.write('x' * 1_000_000 + 'the end'); sys.exit(1)")
    assert len(str(caught.value)) < 3_000
    assert str(caught.value).endswith("the end")


def test_what_cannot_be_started_is_refused_before_it_starts(ctx: LocalContext) -> None:
    with pytest.raises(CommandError, match="there is no program 'no-such-program' on the PATH") as caught:
        run(ctx, "no-such-program")
    assert (caught.value.status, caught.value.severity) == (None, "permanent")
    (ctx.folder / "plain").write_text("x")
    with pytest.raises(CommandError, match="it may not be executed"):
        run(ctx, "./plain")
    with pytest.raises(ArgumentError, match="holds a NUL character"):
        run(ctx, "echo", "a\0b")
    with pytest.raises(FileAccessError, match="there is no such folder"):
        run(ctx, "true", cwd=Path("nowhere"))
    with pytest.raises(ArgumentError, match="a command is a list of words"):
        run(ctx)


def test_a_program_of_the_run_is_found_in_its_folder(ctx: LocalContext) -> None:
    tool = ctx.folder / "hello"
    tool.write_text("#!/bin/sh\necho hello\n")
    tool.chmod(0o755)
    assert run(ctx, "./hello")["stdout"] == "hello\n"


def test_a_string_is_refused_with_the_way_out(ctx: LocalContext) -> None:
    with pytest.raises(
        ArgumentError, match=r"expected a list of texts, got text 'ls -l'; .*\['ls', '-l'\].*shell\.script"
    ):
        shell.run.bind({"command": "ls -l"})
    with pytest.raises(ArgumentError, match=r"shell\.script runs a line of shell"):
        asyncio.run(shell.run("ls -l", ctx=ctx))  # type: ignore[arg-type]


def test_a_script_is_read_by_a_shell_and_data_comes_as_arguments(ctx: LocalContext) -> None:
    out = asyncio.run(shell.script('echo "$1" | tr a-z A-Z', arguments=["$(reboot); x"], ctx=ctx))
    assert out["stdout"] == "$(REBOOT); X\n"


def test_output_that_is_not_utf8_is_kept_visible_and_flagged(ctx: LocalContext) -> None:
    out = run(ctx, "printf", r"ok\377")
    assert (out["stdout"], out["invalid_utf8"]) == ("ok\\xff", True)


def test_large_output_streams_into_a_blob(ctx: LocalContext) -> None:
    out = python(ctx, "import sys\nfor _ in range(50): sys.stdout.write('x' * 100_000)")
    assert isinstance(out["stdout"], Blob)
    assert (out["stdout"].size_bytes, out["stdout"].media) == (5_000_000, "text/plain")
    assert out["stdout"].digest == hashlib.sha256(b"x" * 5_000_000).hexdigest()
    assert ctx.read_blob(out["stdout"]) == b"x" * 5_000_000


def test_endless_output_ends_the_program_at_the_cap(ctx: LocalContext) -> None:
    with pytest.raises(LimitReachedError, match=r"stdout grew past max_output_bytes=300000.*on_overflow='truncate'"):
        run(ctx, "yes", max_output_bytes=300_000)
    assert list((ctx.folder / ".blobs").iterdir()) == []


def test_a_gigabyte_of_output_can_be_truncated_and_the_program_finishes(ctx: LocalContext) -> None:
    out = run(ctx, "head", "-c", "1000000000", "/dev/zero", max_output_bytes=1000, on_overflow="truncate")
    assert (out["status"], out["truncated"], out["stdout"]) == (0, True, "\0" * 1000)


def test_a_timeout_ends_the_whole_group(ctx: LocalContext) -> None:
    code = "echo begun >&2; sleep 1000 & echo $! > pid; sleep 1000"
    with pytest.raises(ToolTimeoutError, match=r"'sh' did not end within 0\.3 s.*\n?begun") as caught:
        run(ctx, "sh", "-c", code, timeout_s=0.3)
    assert caught.value.severity == "transient"
    assert has_ended(int((ctx.folder / "pid").read_text()))


def test_a_program_that_ignores_sigterm_is_killed(ctx: LocalContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orrery.tools.program.GRACE_S", 0.2)
    begun = time.perf_counter()
    with pytest.raises(ToolTimeoutError):
        run(ctx, "sh", "-c", "trap '' TERM; echo $$ > pid; while :; do sleep 1; done", timeout_s=0.3)
    assert time.perf_counter() - begun < 5
    assert has_ended(int((ctx.folder / "pid").read_text()))


def test_the_end_of_a_killed_program_is_waited_for(ctx: LocalContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orrery.tools.program.GRACE_S", 0.0)
    heard: list[Program] = []
    ended = Program.process_exited

    def hear(program: Program) -> None:
        heard.append(program)
        ended(program)

    monkeypatch.setattr(Program, "process_exited", hear)
    with pytest.raises(ToolTimeoutError):
        run(ctx, "sh", "-c", "sleep 1000", timeout_s=0.1)
    assert len(heard) == 1


def test_cancelling_ends_the_whole_group(ctx: LocalContext) -> None:
    os.mkfifo(ctx.folder / "begun")

    async def cancel_when_begun() -> None:
        task = asyncio.create_task(
            shell.run(["sh", "-c", "sleep 1000 & echo $! > pid; echo > begun; sleep 1000"], ctx=ctx)
        )
        await asyncio.to_thread((ctx.folder / "begun").read_text)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_when_begun())
    assert has_ended(int((ctx.folder / "pid").read_text()))


def test_cancelling_while_it_starts_leaves_nothing(ctx: LocalContext) -> None:
    async def cancel_after(turns: int) -> None:
        task = asyncio.create_task(shell.run(["sh", "-c", "sleep 1000 & sleep 1000"], ctx=ctx))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    before = {child.pid for child in psutil.Process().children(recursive=True)}
    for turns in range(12):
        asyncio.run(cancel_after(turns))
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_a_background_child_does_not_outlive_the_program(ctx: LocalContext) -> None:
    begun = time.perf_counter()
    out = run(ctx, "sh", "-c", "sleep 1000 & echo $!")
    assert time.perf_counter() - begun < 5
    assert has_ended(int(str(out["stdout"])))


def test_processor_time_is_limited(ctx: LocalContext) -> None:
    with pytest.raises(CommandError, match="was ended by SIGXCPU: it had used its 1 s of processor time"):
        python(ctx, "while True: pass", cpu_s=1)


def test_memory_is_limited(ctx: LocalContext) -> None:
    with pytest.raises(CommandError, match="MemoryError"):
        python(ctx, "x = bytearray(1 << 30)", memory_bytes=512 << 20)
    assert python(ctx, "print('fits')", memory_bytes=512 << 20, cpu_s=60)["stdout"] == "fits\n"


def test_a_store_that_refuses_the_output_ends_the_program(ctx: LocalContext) -> None:
    (ctx.folder / "no-folder").write_text("")
    blocked = LocalContext(ctx.folder, blobs=ctx.folder / "no-folder")
    with pytest.raises(ToolError, match=r"the output cannot be stored: .*File exists"):
        run(blocked, "yes")


def test_many_programs_run_side_by_side(ctx: LocalContext) -> None:
    async def many() -> list[Finished]:
        return await asyncio.gather(*[shell.run(["echo", str(n)], ctx=ctx) for n in range(20)])

    assert [out["stdout"] for out in asyncio.run(many())] == [f"{n}\n" for n in range(20)]
