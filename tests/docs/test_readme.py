"""The README works as it is written: its blocks run, its figures and pictures are those of this version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT, Block, blocks_of, check, environment

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")


def of_kind(*languages: str) -> list[Block]:
    return [block for block in blocks_of(README) if block.language in languages]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone holds and an installation needs."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def installed(command: str, tree: Path, target: Path, **environ: str) -> None:
    """Run a `pip install` of the README as it is, but without a network: what is fetched is there already."""
    offline = command.replace("pip install", "pip install --no-index --no-deps --no-build-isolation", 1)
    where = {"PIP_TARGET": str(target), **environ}
    ran = subprocess.run(
        ["bash", "-c", offline], cwd=tree, env=environment() | where, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


def disk_bytes(paths: list[Path]) -> int:
    """What `du` counts."""
    return sum(os.stat(path).st_blocks * 512 for path in paths if path.exists())


def test_the_readme_prints_what_it_shows(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(without_installing(), encoding="utf-8")
    folder = tmp_path / "folder"
    folder.mkdir()
    check(tmp_path / "README.md", folder)


def without_installing() -> str:
    """The README; what it installs is tested by itself."""
    [block] = of_kind("sh")
    assert all(line.startswith("pip install ") for line in block.lines)
    return TEXT.replace("\n".join(["```sh", *block.lines, "```"]), "")


def test_every_block_of_the_readme_is_run() -> None:
    assert {block.language for block in blocks_of(README)} == {"python", "console", "sh", "yaml"}
    assert [block.line for block in of_kind("python", "yaml") if block.name not in TEXT.partition(block.name)[2]] == []


def test_the_first_program_has_twelve_lines_and_stands_on_the_first_screen() -> None:
    program = of_kind("python")[0]
    assert len([line for line in program.lines if line.strip()]) == 12
    assert program.line + len(program.lines) <= 30


def test_the_commands_that_install_orrery_do(tree: Path, tmp_path: Path) -> None:
    [block] = of_kind("sh")
    for number, command in enumerate(block.lines):
        installed(command, tree, tmp_path / str(number), PIP_NO_COMPILE="1")
        assert (tmp_path / str(number) / "orrery" / "__init__.py").exists()


def test_the_core_is_as_small_as_the_readme_says(tree: Path, tmp_path: Path) -> None:
    [said, command] = re.findall(r"The core takes ([\d.]+) MB.*?`(.*?) && du -sh core`", TEXT, re.DOTALL)[0]
    installed(command, tree, tmp_path)  # the command's own --target counts
    files = list((tree / "core").rglob("*"))
    files += [Path(str(file.locate())) for file in distribution("msgspec").files or ()]
    assert disk_bytes(files) / 2**20 == pytest.approx(float(said), rel=0.15)


def test_the_picture_of_the_workflow_is_what_orrery_draws(tmp_path: Path) -> None:
    [block] = [block for block in of_kind("yaml") if block.name == "release.yaml"]
    (tmp_path / block.name).write_text("\n".join(block.lines), encoding="utf-8")
    command = [sys.executable, "-m", "orrery", "plan", block.name, "--format", "svg", "-o", "drawn.svg"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    drawn = (tmp_path / "drawn.svg").read_text(encoding="utf-8")
    assert drawn == (ROOT / "docs" / "images" / "release.svg").read_text(encoding="utf-8")
