"""How hard code is to follow: decisions in a syntax tree, and an index made of them and of its tokens."""

from __future__ import annotations

import ast
import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_DECISIONS = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.comprehension, ast.match_case)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Function(NamedTuple):
    """A function by its qualified name: where it begins, how many lines it has, how many paths lead through it."""

    name: str
    line: int
    lines: int
    complexity: int


def functions_in(tree: ast.Module) -> Iterator[Function]:
    """Every function and method, nested ones too, in the order of the source."""
    ahead: list[tuple[ast.AST, str]] = [(tree, "")]
    while ahead:
        node, inside = ahead.pop()
        name = inside
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            name = f"{inside}.{node.name}" if inside else node.name
        if isinstance(node, _FUNCTIONS):
            yield Function(name, node.lineno, (node.end_lineno or node.lineno) - node.lineno + 1, cyclomatic(node))
        ahead += [(child, name) for child in reversed(list(ast.iter_child_nodes(node)))]


def cyclomatic(tree: ast.AST) -> int:
    """One more than the decisions in a function (or module), without those of functions inside it (McCabe, 1976).

    Decisions are branches, loops, handlers, cases, the conditions of comprehensions, and each further operand
    of `and` and `or`.
    """
    count = 1
    ahead = list(ast.iter_child_nodes(tree))
    while ahead:
        node = ahead.pop()
        if isinstance(node, _FUNCTIONS):
            continue
        if isinstance(node, _DECISIONS):
            count += 1
        if isinstance(node, ast.BoolOp):
            count += len(node.values) - 1
        elif isinstance(node, ast.comprehension):
            count += len(node.ifs)
        ahead += ast.iter_child_nodes(node)
    return count


def maintainability(tokens: Sequence[tuple[int, str]], functions: Sequence[Function], code_lines: int) -> float:
    """The maintainability index in [0, 100] of a file, from the means over its functions.

    Args:
        tokens: (line, text), in the order of the lines.
        functions: those of the file; without any, the file as a whole stands for one.
        code_lines: lines that hold a token.

    Source: Oman and Hagemeister, 1992 (171 - 5.2 ln V - 0.23 G - 16.2 ln LOC over modules), scaled to 100.
    """
    if not tokens:
        return 100.0
    parts = [(one.line, one.line + one.lines, one.complexity) for one in functions] or [(1, tokens[-1][0] + 1, 1)]
    places = [line for line, _ in tokens]
    volumes, complexities, lengths = [], [], []
    for begin, end, complexity in parts:
        words = [word for _, word in tokens[bisect_left(places, begin) : bisect_left(places, end)]]
        volumes.append(len(words) * math.log2(max(2, len(set(words)))))  # Halstead, 1977
        complexities.append(complexity)
        lengths.append(end - begin if functions else code_lines)
    volume, complexity_mean, length = (sum(each) / len(parts) for each in (volumes, complexities, lengths))
    index = 171 - 5.2 * math.log(max(1, volume)) - 0.23 * complexity_mean - 16.2 * math.log(max(1, length))
    return min(100.0, max(0.0, index * 100 / 171))
