"""Habits of the source that no linter knows: names, direction of imports, declared dependencies."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src/orrery"
SOURCES = sorted(PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = ("errors.py", "registry.py", "graph", "scheduler", "journal")
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "stuff"}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """Each absolute import of a file, late ones too: where, and the module."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            modules = [node.module]
        else:
            continue
        for module in modules:
            yield f"{path.relative_to(ROOT)}:{node.lineno}", module


def foreign(path: Path) -> Iterator[tuple[str, str]]:
    """Those imports that are neither the standard library nor Orrery."""
    for place, module in imported(path):
        root = module.partition(".")[0]
        if root != "orrery" and root not in sys.stdlib_module_names:
            yield place, root


def requirement_names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower() for requirement in requirements}


def test_files_are_named_after_what_is_in_them() -> None:
    nameless = [path for path in PACKAGE.rglob("*") if NAMES_THAT_SAY_NOTHING & set(path.stem.split("_"))]
    assert nameless == []


def test_the_core_imports_only_the_standard_library_and_msgspec() -> None:
    core = [path for path in SOURCES if path.relative_to(PACKAGE).parts[0] in CORE]
    assert [(place, name) for path in core for place, name in foreign(path) if name != "msgspec"] == []


def test_every_imported_library_is_a_declared_dependency() -> None:
    extras: dict[str, list[str]] = PROJECT["optional-dependencies"]
    declared = requirement_names(PROJECT["dependencies"]).union(*map(requirement_names, extras.values()))
    distributions = packages_distributions()
    undeclared = [
        (place, name)
        for path in SOURCES
        for place, name in foreign(path)
        # A library that is not installed here goes by the name of its module, as most do.
        if not declared & {distribution.lower() for distribution in distributions.get(name, [name])}
    ]
    assert undeclared == []


def test_every_missing_extra_names_an_extra_that_exists() -> None:
    named = [
        (f"{path.relative_to(ROOT)}:{node.lineno}", node.args[0].value)
        for path in SOURCES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "MissingExtraError"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    ]
    assert [(place, extra) for place, extra in named if extra not in PROJECT["optional-dependencies"]] == []


def test_every_package_says_what_it_is_for() -> None:
    packages = [path for path in SOURCES if path.name == "__init__.py" and path.parent != PACKAGE]
    assert [str(path.relative_to(ROOT)) for path in packages if not ast.get_docstring(tree_of(path))] == []
