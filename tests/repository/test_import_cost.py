"""`import orrery` is cheap, does nothing, and pulls in nothing optional."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MOST_MODULES = 120
MOST_SECONDS = 0.150

PROBE = """
import json, sys, time
before = set(sys.modules)
began = time.perf_counter()
import orrery
seconds = time.perf_counter() - began
print(json.dumps({"modules": sorted(set(sys.modules) - before), "seconds": seconds}))
"""


def probe(folder: Path) -> dict[str, Any]:
    """What importing Orrery loads and takes in a bare interpreter that starts in `folder`."""
    # Bytecode is kept, as on any machine where Orrery is used: compiling is not what is measured.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder.parent / "bytecode")
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert list(folder.iterdir()) == [], "importing must not write files"
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def imports(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("import") / "empty"
    folder.mkdir()
    return [probe(folder) for _ in range(8)][1:]  # the first one compiles


def test_importing_orrery_loads_few_modules(imports: list[dict[str, Any]]) -> None:
    assert len(imports[0]["modules"]) < MOST_MODULES, imports[0]["modules"]


def test_importing_orrery_takes_little_time(imports: list[dict[str, Any]]) -> None:
    # The quickest of several: the tests share their processors with others, and noise only ever adds.
    assert min(run["seconds"] for run in imports) < MOST_SECONDS


def test_importing_orrery_loads_no_optional_library(imports: list[dict[str, Any]]) -> None:
    roots = {name.partition(".")[0] for name in imports[0]["modules"]}
    assert (
        roots & {"cyclopts", "duckdb", "httpx2", "hypothesis", "matplotlib", "numpy", "psutil", "rich", "yaml"} == set()
    )
