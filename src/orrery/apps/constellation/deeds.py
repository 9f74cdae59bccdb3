"""What the steps of the demo do, on whatever device they are done."""

from __future__ import annotations

import ast
import io
import keyword
import os
import time
import tokenize
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from orrery import task

MAX_FILES = 600
SHARDS = 24


@task(effects="pure", estimate_s=0.2)
def pack(root: Path) -> list[dict[str, str]]:
    """The largest Python files below a folder, dealt out into shards: names and texts."""
    paths = [path for path in root.rglob("*.py") if not {".venv", "build", "dist"} & set(path.parts)]
    paths.sort(key=lambda path: (-path.stat().st_size, path))
    shards: list[dict[str, str]] = [{} for _ in range(SHARDS)]
    for number, path in enumerate(sorted(paths[:MAX_FILES])):
        shards[number % SHARDS][path.relative_to(root).as_posix()] = path.read_text("utf-8", "replace")
    return shards


@task(effects="pure", estimate_s=1.0)
def measure(files: Mapping[str, str]) -> list[dict[str, Any]]:
    """What is in each file: lines, functions, and the words that its names are made of."""
    return [_measured(name, text) for name, text in files.items()]


def _measured(name: str, text: str) -> dict[str, Any]:
    try:
        nodes = list(ast.walk(ast.parse(text)))
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (SyntaxError, tokenize.TokenError):
        return {"name": name, "lines": text.count("\n"), "functions": 0, "words": {}}
    functions = sum(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in nodes)
    names = (token.string for token in tokens if token.type == tokenize.NAME and not keyword.iskeyword(token.string))
    words = Counter(word.lower() for one in names for word in one.split("_") if len(word) > 3)
    return {"name": name, "lines": text.count("\n"), "functions": functions, "words": dict(words.most_common(50))}


@task(effects="pure", estimate_s=2.0)
def sample(seconds: float) -> list[float]:
    """How busy the machine is, ten times a second: the load of the last minute for each processor."""
    end, loads = time.monotonic() + seconds, []
    while time.monotonic() < end:
        loads.append(os.getloadavg()[0] / (os.cpu_count() or 1))
        time.sleep(0.1)
    return loads


@task(effects="pure", estimate_s=0.5)
def join(files: Sequence[Sequence[Mapping[str, Any]]], history: str, loads: Sequence[float]) -> dict[str, Any]:
    """What it all comes to."""
    every = [file for shard in files for file in shard]
    touched = Counter(line for line in history.splitlines() if line)
    words: Counter[str] = Counter()
    for file in every:
        words.update(file["words"])
    hot = sorted(every, key=lambda file: (-file["functions"] * (1 + touched[file["name"]]), file["name"]))
    return {
        "files": len(every),
        "lines": sum(file["lines"] for file in every),
        "functions": sum(file["functions"] for file in every),
        "words": [word for word, _ in words.most_common(8)],
        "hot": [{"name": f["name"], "functions": f["functions"], "changes": touched[f["name"]]} for f in hot[:5]],
        "load": {"mean": sum(loads) / len(loads) if loads else 0.0, "samples": len(loads)},
    }
