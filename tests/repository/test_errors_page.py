"""docs/reference/errors.md says of every error what caused it and how to get out of it."""

from __future__ import annotations

import ast
import mimetypes
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from orrery.errors import OrreryError

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
PROBLEM_CODE = re.compile(r"(argument|graph|json|nest|patch|plan|text|workflow)/[a-z][a-z0-9-]*")
CODE_AT = {"Problem": 0, "Failure": None, "refused": 1}
"""Which argument of a call is a code, besides one by that name."""
MEDIA_TYPES = frozenset(mimetypes.MimeTypes().types_map_inv[True]) | {
    "text/markdown",
    "text/javascript",
    "text/event-stream",
}


def entries() -> dict[str, str]:
    """Every heading of the page that is a code, with the text below it."""
    parts = re.split(r"^#+ `([a-z0-9/-]+)`$", PAGE, flags=re.MULTILINE)
    return {
        code: re.split(r"^#", text, maxsplit=1, flags=re.MULTILINE)[0]
        for code, text in zip(parts[1::2], parts[2::2], strict=True)
    }


def error_classes() -> list[type[OrreryError]]:
    """Every class of orrery.errors that can be raised, families included."""
    found: list[type[OrreryError]] = [OrreryError]
    for family in found:
        found.extend(child for child in family.__subclasses__() if child not in found)
    return [kind for kind in found if kind.__module__ == "orrery.errors"]


def codes_in_source() -> dict[str, str]:
    """Every code that the source gives to a Problem, a Failure or a refusal, and the first place where it does."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        if "testing" in path.parts:  # it makes data up, media types among them
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for code, line in (*codes_in(tree), *codes_of_the_text_form(tree)):
            found.setdefault(code, f"{path.relative_to(ROOT)}:{line}")
    return found


def codes_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if PROBLEM_CODE.fullmatch(node.value) and node.value not in MEDIA_TYPES:
                yield node.value, node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CODE_AT:
            given = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            if (at := CODE_AT[node.func.id]) is not None:
                given += node.args[at : at + 1]
            for code in given:
                if isinstance(code, ast.Constant) and isinstance(code.value, str) and code.value:
                    yield code.value, code.lineno


def codes_of_the_text_form(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """What the readers of the text form call `self.wrong(...)` with: their codes without the family."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "wrong":
            given = [keyword.value for keyword in node.keywords if keyword.arg == "code"] or [ast.Constant("syntax")]
            for code in given:
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    yield f"text/{code.value}", node.lineno


def test_every_error_class_has_a_code_of_its_own() -> None:
    classes = error_classes()
    assert [kind.__name__ for kind in classes if "code" not in vars(kind)] == []
    assert [code for code, count in Counter(kind.code for kind in classes).items() if count > 1] == []


def test_every_error_belongs_to_a_family_and_says_what_happened() -> None:
    for kind in error_classes()[1:]:
        assert {base.__name__ for base in kind.__mro__} & {"RequestError", "OutsideError", "InternalError"}, kind
        assert kind.__doc__, kind


def test_the_page_has_an_entry_for_every_code() -> None:
    wanted = {kind.code: f"class {kind.__name__}" for kind in error_classes()} | codes_in_source()
    missing = {code: place for code, place in sorted(wanted.items()) if code not in entries()}
    assert not missing, "add a heading with cause and way out to docs/reference/errors.md"


def test_the_page_has_no_entry_for_a_code_that_is_gone() -> None:
    known = {kind.code for kind in error_classes()} | set(codes_in_source())
    assert sorted(set(entries()) - known) == []


def test_every_entry_says_cause_and_way_out() -> None:
    incomplete = [code for code, text in entries().items() if "**Cause.**" not in text or "**Way out.**" not in text]
    assert incomplete == []
