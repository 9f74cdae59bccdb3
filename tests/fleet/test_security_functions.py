"""A pattern of functions allows those that are written there, and nothing that can be reached from there."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from orrery.runtime.device.rules import DeviceRules

JOBS = """
import os, subprocess
from os import system
from subprocess import *
print("this was imported", file=open(MARKER, "w"))

def train(): return 1
async def later(): return 1
class Camera:
    @staticmethod
    def shoot(): return 1
try:
    import faster
except ImportError:
    def slower(): return 1
named = train
"""


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package `my_package.jobs` on the import path, and the same as a script."""
    folder = tmp_path / "code"
    (folder / "my_package").mkdir(parents=True)
    text = JOBS.replace("MARKER", repr(str(tmp_path / "imported")))
    (folder / "my_package" / "__init__.py").write_text(text)
    (folder / "my_package" / "jobs.py").write_text(text)
    (folder / "jobs.py").write_text(text)
    (folder / "broken.py").write_text("def train(:")
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    return folder


def why_not(rules: DeviceRules, op: str) -> str:
    no = rules.objection(op, {})
    return "" if no is None else no.message


@pytest.mark.parametrize("pattern", ["py:my_package.jobs:*", "py:my_package.*", "py:my_*", "py:*", "*"])
def test_what_is_written_there_is_allowed_and_nothing_is_imported_to_know(jobs: Path, pattern: str) -> None:
    rules = DeviceRules(jobs / "files", allow=(pattern,))
    for name in ("train", "later", "Camera", "Camera.shoot", "slower", "named"):
        assert why_not(rules, f"py:my_package.jobs:{name}") == ""
    assert why_not(rules, "py:my_package.nothing:x") in ("", why_not(DeviceRules(jobs), "py:my_package.nothing:x"))
    assert not (jobs.parent / "imported").exists()
    assert "my_package" not in sys.modules


@pytest.mark.parametrize("pattern", ["py:my_package.jobs:*", "py:my_package.*", "py:my_*", "py:*", "*"])
@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "system",
        "run",
        "Popen",
        "subprocess.run",
        "os",
        "train.__globals__",
        "train.__class__",
        "__loader__",
        "__builtins__.exec",
        "Camera.shoot.__globals__",
        "Camera.__base__.__subclasses__",
        ".",
    ],
)
def test_what_it_imports_is_not(jobs: Path, pattern: str, name: str) -> None:
    no = why_not(DeviceRules(jobs / "files", allow=(pattern,)), f"py:my_package.jobs:{name}")
    assert "a pattern does not allow that: `--allow 'py:my_package.jobs:" in no


def test_named_in_full_it_is(jobs: Path) -> None:
    rules = DeviceRules(jobs / "files", allow=("py:my_package.jobs:system",))
    assert why_not(rules, "py:my_package.jobs:system") == ""
    assert why_not(rules, "py:my_package.jobs:os.system")


def test_a_path_does_not_lead_out_of_what_is_allowed(jobs: Path) -> None:
    own = jobs / "files"
    own.mkdir()
    (own / "evil.py").write_text("def train(): pass")  # as `files.write` may
    (jobs / "link.py").symlink_to(own / "evil.py")
    for pattern in (f"py:{jobs}/my_package/*", "py:my_*"):
        rules = DeviceRules(own, allow=(pattern,))
        for path in (f"{jobs}/my_package/../files/evil.py", "my_/../evil.py", "my_evil.py"):
            assert why_not(rules, f"py:{path}:train"), (pattern, path)
    rules = DeviceRules(own, allow=(f"py:{jobs}/jobs.py:*",))
    assert why_not(rules, f"py:{jobs}/jobs.py:train") == ""
    assert why_not(rules, f"py:{jobs}/jobs.py:os.system")
    assert why_not(DeviceRules(own, allow=(f"py:{jobs}/li*",)), f"py:{jobs}/link.py:train")


def test_what_cannot_be_read_is_not_allowed_by_a_pattern(jobs: Path) -> None:
    rules = DeviceRules(jobs / "files", allow=("py:*",))
    for op in ("py:broken:train", "py:sys:exit", "py:posix:system", "py:builtins:exec", "py:\x00.py:x"):
        assert why_not(rules, op)
