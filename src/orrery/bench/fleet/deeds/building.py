"""Building: packages made from source, and tested in an interpreter of their own."""

from __future__ import annotations

import io
import subprocess
import sys
import time
import zipfile

from orrery.bench.fleet.deeds import files
from orrery.runtime.context import Context


def package(source: str) -> bytes:
    """A package that holds one module; the same for the same source."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("module.py"), source)
    return target.getvalue()


def build(source: str, target: str, wait_s: float = 0.6, *, ctx: Context) -> bytes:
    """Check the syntax of a source file and pack it; the package is left at `target` and returned.

    Raises SyntaxError.
    """
    text = (ctx.folder / source).read_text(encoding="utf-8")
    compile(text, source, "exec")
    made = package(text)
    files.put(target, made, wait_s, ctx=ctx)
    return made


def check(package: bytes, tests: str, report: str, wait_s: float = 0.6, *, ctx: Context) -> str:
    """Run a file of tests against a package, in an interpreter of its own. Returns "passed"; so says the report.

    Raises RuntimeError with the last line that the tests wrote, if they failed.
    """
    time.sleep(wait_s)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        code = archive.read("module.py").decode() + (ctx.folder / tests).read_text(encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=20, check=False
    )
    said = ran.stderr.strip().rpartition("\n")[2]
    (ctx.folder / report).write_text("passed\n" if ran.returncode == 0 else f"failed: {said}\n", encoding="utf-8")
    if ran.returncode:
        raise RuntimeError(f"the tests failed: {said}")
    return "passed"
