"""The observatory's workflow: `observatory` is all of it, the tasks above it are its steps."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from orrery import Context, Retry, flow, task, when
from orrery.apps.observatory import almanac, report
from orrery.apps.observatory.findings import Answer, Choice, FileShape, Findings, gather, hotspots
from orrery.apps.observatory.fingerprints import Duplicate, duplicates
from orrery.apps.observatory.history import GIT_LOG, History, read_log
from orrery.apps.observatory.imports import Imports, Module, read_imports
from orrery.apps.observatory.source import LANGUAGES, FileFacts, measure_file
from orrery.tools import tools

MAX_FILES = 400
NOT_OURS = frozenset({"node_modules", "venv", "site-packages", "build", "dist", "target", "vendor", "__pycache__"})
OWN_SOURCE = Path(__file__).parents[2]
"""The source of Orrery as it is installed."""

glob, watch, http_get = tools.get("files.glob"), tools.get("metrics.sample"), tools.get("http.get")
# These look and change nothing, which the tools cannot know of any program: so a crash may repeat them.
git = task(tools.get("shell.run"), effects="pure", timeout_s=60)
script = task(tools.get("shell.script"), effects="pure", timeout_s=60)


@task(effects="pure")
def choose(root: Path, git: dict[str, Any], tracked: str | None, found: list[str] | None) -> Choice:
    """Choose the source files: those that git tracks, else those in the folder, else Orrery's own."""
    notes = []
    if tracked is None:
        notes.append(f"there is no git history of {root} to read here, so the report does without: {_why(git)}")
    elif git["stdout"].strip() == "true":
        notes.append("the clone is shallow: its history begins where it was cut off")
    paths = tracked.split("\0") if tracked is not None else found or []
    paths = [path for path in paths if _is_source(root, path)]
    if not paths:
        where = f"below {root}" if tracked is None else f"that git tracks below {root}"
        notes.append(f"there is no source {where}, so Orrery looks at its own")
        root = OWN_SOURCE
        paths = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.py"))]
    if len(paths) > MAX_FILES:
        notes.append(f"of {len(paths):,} source files the {MAX_FILES} largest were measured")
        paths = sorted(paths, key=lambda path: (-(root / path).stat().st_size, path))[:MAX_FILES]
    # About as long as the rest will take, so that the picture of the machine shows it at work.
    watch_s = min(6.0, 1.0 + 0.03 * len(paths) / min(os.cpu_count() or 1, 4))
    return {"name": _name(root), "root": str(root), "files": sorted(paths), "watch_s": watch_s, "notes": notes}


def _name(root: Path) -> str:
    """What a project calls itself, else its folder."""
    try:
        return str(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"])
    except (OSError, ValueError, LookupError, TypeError):
        return root.name


def _why(git: dict[str, Any]) -> str:
    return " ".join(str(git["stderr"]).split()).removeprefix("fatal: ") or f"git ended with status {git['status']}"


def _is_source(root: Path, path: str) -> bool:
    pure = PurePosixPath(path)
    return pure.suffix in LANGUAGES and NOT_OURS.isdisjoint(pure.parts) and (root / path).is_file()


@task(executor="process", effects="pure", estimate_s=0.05)
def measure(path: str, root: Path) -> FileFacts:
    """Measure one file."""
    return measure_file(root, path)


@task(effects="pure")
def read_history(log: str) -> History | None:
    """Read what git wrote."""
    return read_log(log)


@task(effects="pure")
def list_packages() -> list[str]:
    """List what is installed."""
    return almanac.installed_names()


@task(effects="idempotent", retry=Retry(attempts=5, backoff_s=0.2), timeout_s=20)
async def look_up(name: str, ctx: Context) -> Answer:
    """Ask the almanac, which is often busy, about one package."""
    answer = await http_get(f"{almanac.address()}/packages/{name}")
    said: almanac.Package = answer["body"]
    return {**said, "attempt": ctx.attempt}


@task(executor="process", effects="pure")
def find_duplicates(facts: Sequence[FileFacts]) -> list[Duplicate]:
    """Find what was written twice."""
    return duplicates([(one["path"], one["fingerprints"]) for one in facts])


@task(effects="pure")
def order_packages(facts: Sequence[FileFacts], root: str) -> Imports:
    """Order packages by who imports whom."""
    # A tree that is itself a package is imported by its own name.
    above = f"{Path(root).name}/" if Path(root, "__init__.py").is_file() else ""
    python = [one for one in facts if one["language"] == "Python"]
    return read_imports([Module(above + one["path"], one["lines"], one["imports"]) for one in python])


@task(effects="pure")
def rank(facts: Sequence[FileFacts], history: History | None) -> list[FileShape]:
    """Rank files: complexity times churn."""
    return hotspots(facts, history)


gather_all = task(gather, name="gather", effects="pure")


@task(effects="idempotent")
def write_report(folder: Path, findings: Findings) -> report.Written:
    """Write the report."""
    return report.write(folder, findings)


@flow
def observatory(root: Path, folder: Path) -> dict[str, Any]:
    """What a source tree is made of, who changes it, and how this machine fared meanwhile."""
    repository = script.options(name="find-git")("git rev-parse --is-shallow-repository", cwd=root, check=False)
    with when(repository["status"] == 0):
        tracked = git.options(name="git-files")(["git", "ls-files", "-z"], cwd=root)
        history = read_history(git.options(name="git-log")(GIT_LOG, cwd=root, check=False)["stdout"])
    with when(repository["status"] != 0):
        found = glob("**/*", root=root, max_results=200_000)
    choice = choose.needs(tracked, found, on="completion")(root, repository, tracked["stdout"], found)

    facts = measure.map(choice["files"], root=choice["root"])
    machine = watch(choice["watch_s"], interval_s=0.1)
    packages: Any = look_up.options(accept_errors=True).map(list_packages())

    findings = gather_all.needs(history, machine, on="completion")(
        choice=choice,
        facts=facts,
        shapes=rank.needs(history, on="completion")(facts, history),
        duplicates=find_duplicates(facts),
        imports=order_packages(facts, choice["root"]),
        history=history,
        machine=machine,
        packages=packages,
    )
    return {"report": write_report(folder, findings), "findings": findings}
