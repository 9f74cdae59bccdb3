"""Building: packages made from source, and tested in an interpreter of their own."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from typing import Any

from orrery.bench.fleet.deeds import files
from orrery.bench.fleet.deeds.pace import pause
from orrery.errors import Failure
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
    text = files.get_text(source, wait_s, ctx=ctx)
    compile(text, source, "exec")
    made = package(text)
    files.put(target, made, 0.0, ctx=ctx)
    return made


def check(package: bytes, tests: str, report: str, wait_s: float = 0.6, *, ctx: Context) -> str:
    """Run a file of tests against a package, in an interpreter of its own. Returns "passed"; so says the report.

    Raises RuntimeError with the last line that the tests wrote, if they failed.
    """
    pause(wait_s)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        code = archive.read("module.py").decode() + (ctx.folder / tests).read_text(encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=20, check=False
    )
    said = ran.stderr.strip().rpartition("\n")[2]
    files.put(report, "passed\n" if ran.returncode == 0 else f"failed: {said}\n", 0.0, ctx=ctx)
    if ran.returncode:
        raise RuntimeError(f"the tests failed: {said}")
    return "passed"


def outcomes(found: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Of every package on every host "passed" or "failed"."""
    return {
        name: {host: "failed" if isinstance(said, Failure) else "passed" for host, said in hosts.items()}
        for name, hosts in found.items()
    }
