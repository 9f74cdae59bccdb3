"""The lock is complete, checked by hash, and knows nothing of the machine that made it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_direct_dependency_is_locked() -> None:
    project = PROJECT["project"]
    wanted = [*project["dependencies"], *PROJECT["dependency-groups"]["dev"]]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    for extra in {"testing", *re.findall(r"[a-z]+", extras["all"][0].partition("[")[2])}:
        wanted += extras[extra]
    names = {re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower() for requirement in wanted}
    locked = set(re.findall(r"^([a-z0-9._-]+)==", LOCK, flags=re.MULTILINE))
    assert sorted(names - locked) == [], "run `make lock`"


def test_every_locked_package_has_its_hashes() -> None:
    packages = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert [package.splitlines()[0] for package in packages if "--hash=sha256:" not in package] == []


def test_the_lock_names_no_index_and_no_local_path() -> None:
    assert (
        re.findall(r"^.*(?:://|--(?:extra-)?index-url|--find-links|--trusted-host).*$", LOCK, flags=re.MULTILINE) == []
    )
    assert re.findall(r"(?:@ |-e |--editable )?\bfile:.*", LOCK) == []
