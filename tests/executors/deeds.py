"""What the tasks of these tests do; workers load this file by its path."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from contextvars import ContextVar
from typing import Any

from orrery.runtime.context import Context

colour: ContextVar[str] = ContextVar("colour", default="none")
release = threading.Event()


def pid() -> int:
    return os.getpid()


def spin(ctx: Context) -> None:
    """Computes for ever and listens to nobody."""
    ctx.progress(0.0, str(os.getpid()))
    while True:
        pass


def spin_beside_a_child(ctx: Context) -> None:
    """As `spin`, with a process of its own beside it."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    ctx.progress(0.0, f"{os.getpid()} {child.pid}")
    while True:
        pass


def leave_abruptly(status: int) -> None:
    os._exit(status)


def leave_a_child_behind(ctx: Context) -> None:
    """Dies, and leaves a process that holds everything open which it inherited."""
    if os.fork():
        os._exit(4)
    os.setsid()
    time.sleep(3)
    os._exit(0)


def say(text: str) -> None:
    print(text)
    sys.stdout.flush()


def working_folder() -> str:
    return os.getcwd()


def python_path() -> str | None:
    return os.environ.get("PYTHONPATH")


def size(data: bytes) -> int:
    return len(data)


def burn(seconds: float) -> None:
    """Keeps a processor busy."""
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def look_at_the_flag(ctx: Context) -> str:
    """Runs until it is cancelled, then says so in its own way."""
    ctx.progress(0.0, "here")
    while not ctx.cancelled:
        release.wait(0.01)
    return "cleaned up"


def check_the_flag(ctx: Context) -> None:
    ctx.progress(0.0, "here")
    while True:
        ctx.check_cancelled()
        release.wait(0.01)


def ignore_the_flag(ctx: Context) -> str:
    """Notices no cancellation; ends when the test releases it."""
    ctx.progress(0.0, "here")
    release.wait(30)
    return "too late"


def current_colour() -> str:
    return colour.get()


async def loop_of_its_own() -> str:
    await asyncio.sleep(0)
    return threading.current_thread().name


async def refuse_to_end_once(ctx: Context) -> str:
    """Catches its cancellation and returns a value all the same."""
    ctx.progress(0.0, "here")
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return "saved"
    return "never"


async def refuse_to_end(ctx: Context) -> None:
    """Catches every cancellation."""
    ctx.progress(0.0, "here")
    while not release.is_set():
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            continue


async def cancel_an_inner_task() -> None:
    inner = asyncio.ensure_future(asyncio.sleep(30))
    asyncio.get_running_loop().call_soon(inner.cancel)
    await inner


def an_awaitable() -> Any:
    return loop_of_its_own()


def thread_name() -> str:
    return threading.current_thread().name
