"""What is installed: the page travels in the wheel and in the sdist where it is built, and nothing breaks where not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from orrery.dashboard.web.page import FOLDER

ROOT = Path(__file__).parents[3]
BUILT = (FOLDER / "single.js").is_file()
PAGE = "orrery/dashboard/page/"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project without its page, with as much of the package as it takes to be built."""
    for name in (".gitignore", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "src/orrery/dashboard/web").mkdir(parents=True)
    shutil.copy(ROOT / "src/orrery/__init__.py", tmp_path / "src/orrery")
    shutil.copy(ROOT / "src/orrery/dashboard/web/page.py", tmp_path / "src/orrery/dashboard/web")
    return tmp_path


def files_of(project: Path, kind: str) -> set[str]:
    """The files of a package of that kind, which is built as pip would build it."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", "dist"]
    subprocess.run(command, cwd=project, check=True, capture_output=True, timeout=60)
    (package,) = (project / "dist").iterdir()
    if kind == "wheel":
        with zipfile.ZipFile(package) as wheel:
            return set(wheel.namelist())
    with tarfile.open(package) as sdist:
        return {name.partition("/")[2] for name in sdist.getnames()}


@pytest.mark.skipif(not BUILT, reason="the page is not built here; `make ui` builds it")
@pytest.mark.parametrize(("kind", "under"), [("wheel", ""), ("sdist", "src/")])
def test_a_page_that_is_built_travels_whole(project: Path, kind: str, under: str) -> None:
    shutil.copytree(FOLDER, project / "src" / PAGE)
    found = {name.removeprefix(under + PAGE) for name in files_of(project, kind) if name.startswith(under + PAGE)}
    assert found == {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert {"index.html", "licences.txt", "single.js", "single.css"} < found
    assert {Path(name).suffix for name in found if name.startswith("assets/")} == {".css", ".js"}


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_a_package_is_built_without_a_page(project: Path, kind: str) -> None:
    found = files_of(project, kind)
    assert any(name.endswith("orrery/dashboard/web/page.py") for name in found)
    assert not any(PAGE in name for name in found)


@pytest.mark.skipif(not BUILT, reason="the page is not built here; `make ui` builds it")
def test_the_page_says_whose_work_is_in_it() -> None:
    notices = (FOLDER / "licences.txt").read_text(encoding="utf-8").split("-" * 80)[1:]
    assert [notice.split()[0] for notice in notices] == ["@preact/signals", "@preact/signals-core", "preact", "uplot"]
    assert all("Permission is hereby granted" in notice and "Copyright" in notice for notice in notices)
