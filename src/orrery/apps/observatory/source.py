"""One source file, measured: tokens, syntax tree, complexity, vocabulary, redundancy, fingerprints.

This is the work that keeps processors busy: some tens of milliseconds for a file of 300 lines.
"""

from __future__ import annotations

import ast
import io
import lzma
import math
import re
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypedDict

from orrery.apps.observatory.complexity import cyclomatic, functions_in, maintainability
from orrery.apps.observatory.fingerprints import Fingerprint, fingerprints

LANGUAGES = {
    ".c": "C", ".h": "C", ".cc": "C++", ".cpp": "C++", ".hpp": "C++", ".css": "CSS", ".go": "Go", ".java": "Java",
    ".js": "JavaScript", ".jsx": "JavaScript", ".mjs": "JavaScript", ".kt": "Kotlin", ".lua": "Lua", ".php": "PHP",
    ".py": "Python", ".pyi": "Python", ".rb": "Ruby", ".rs": "Rust", ".sh": "Shell", ".sql": "SQL", ".swift": "Swift",
    ".ts": "TypeScript", ".tsx": "TypeScript",
}  # fmt: skip
"""What counts as source, by suffix. Only Python is parsed; the others are measured by their tokens."""

MAX_BYTES = 2_000_000
_WORD = re.compile(r"[^\W\d]\w*|\d[\w.]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|[^\w\s]")
_LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER}


class FunctionFacts(TypedDict):
    """A function or method: where it begins, how long it is, and its cyclomatic complexity."""

    name: str
    line: int
    lines: int
    complexity: int


class FileFacts(TypedDict):
    """What one file is made of.

    `complexity` is the sum over its functions and the module's own level; `maintainability` is in [0, 100];
    `vocabulary_bits` is the entropy of its identifiers; `redundancy` the share that a compressor saves.
    `imports` are dotted names as written, with leading dots where relative. `problem` says why a file could
    not be read or parsed; what could not be measured is 0 then.
    """

    path: str
    language: str
    size_bytes: int
    lines: int
    code_lines: int
    complexity: int
    maintainability: float
    vocabulary_bits: float
    redundancy: float
    functions: list[FunctionFacts]
    imports: list[str]
    fingerprints: list[Fingerprint]
    problem: str | None


class Token(NamedTuple):
    """One token that says something: its text, the line it begins on, and whether it is an operand."""

    text: str
    line: int
    is_operand: bool


def measure_file(root: Path, path: str) -> FileFacts:
    """The facts about one file, `path` being relative to `root`. A file that cannot be read has its `problem`."""
    facts: FileFacts = {
        "path": path, "language": LANGUAGES.get(PurePosixPath(path).suffix, "other"), "size_bytes": 0, "lines": 0,
        "code_lines": 0, "complexity": 0, "maintainability": 0.0, "vocabulary_bits": 0.0, "redundancy": 0.0,
        "functions": [], "imports": [], "fingerprints": [], "problem": None,
    }  # fmt: skip
    try:
        with (root / path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        facts["problem"] = f"cannot be read: {error.strerror or error}"
        return facts
    if len(data) > MAX_BYTES:
        facts["problem"] = f"has more than {MAX_BYTES:,} bytes, so it is not measured"
        return facts
    return _measured(facts, data)


def _measured(facts: FileFacts, data: bytes) -> FileFacts:
    text = data.decode("utf-8", errors="replace")
    tree: ast.Module | None = None
    if facts["language"] == "Python":
        try:
            tree = ast.parse(data)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            facts["problem"] = f"cannot be parsed: {error}"
    tokens = python_tokens(text) if tree is not None else plain_tokens(text)
    facts["size_bytes"] = len(data)
    facts["lines"] = text.count("\n") + (not text.endswith("\n") and bool(text))
    facts["code_lines"] = len({token.line for token in tokens})
    facts["vocabulary_bits"] = round(
        entropy_bits([t.text for t in tokens if t.is_operand and t.text.isidentifier()]), 3
    )
    facts["redundancy"] = round(_redundancy(data), 3)
    facts["fingerprints"] = fingerprints([(token.text, token.line) for token in tokens])
    if tree is not None:
        functions = list(functions_in(tree))
        facts["functions"] = [
            {"name": one.name, "line": one.line, "lines": one.lines, "complexity": one.complexity} for one in functions
        ]
        facts["complexity"] = cyclomatic(tree) - 1 + sum(one.complexity for one in functions)
        facts["imports"] = sorted(set(_imports(tree)))
        operators_and_operands = [(token.line, token.text) for token in tokens]
        facts["maintainability"] = round(maintainability(operators_and_operands, functions, facts["code_lines"]), 1)
    return facts


def python_tokens(text: str) -> list[Token]:
    """The tokens of Python source without comments and layout; as far as they can be read."""
    found: list[Token] = []
    try:
        for kind, word, (line, _), _, _ in tokenize.generate_tokens(io.StringIO(text).readline):
            if kind not in _LAYOUT and kind != tokenize.COMMENT:
                found.append(Token(word, line, kind in (tokenize.NAME, tokenize.NUMBER, tokenize.STRING)))
    except (tokenize.TokenError, SyntaxError):  # it parsed, so only the very end can be odd
        return found
    return found


def plain_tokens(text: str) -> list[Token]:
    """The words and signs of any source, whatever its language; comments count as words."""
    return [
        Token(match[0], number, match[0][0].isalnum() or match[0][0] in "_\"'")
        for number, line in enumerate(text.split("\n"), 1)
        for match in _WORD.finditer(line)
    ]


def entropy_bits(words: Sequence[str]) -> float:
    """The entropy of the words' distribution in bits a word (Shannon, 1948)."""
    total = len(words)
    return -sum(n / total * math.log2(n / total) for n in Counter(words).values()) if total else 0.0


def _redundancy(data: bytes) -> float:
    if not data:
        return 0.0
    packed = lzma.compress(data, format=lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 6}])
    return max(0.0, 1 - len(packed) / len(data))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            place = "." * node.level + (node.module or "")
            yield place
            # `from package import module` may mean a module; whoever knows the tree tells which it is.
            yield from (f"{place}{'' if place.endswith('.') else '.'}{alias.name}" for alias in node.names)
