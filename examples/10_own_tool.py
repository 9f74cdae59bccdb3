"""A tool of your own and one of ours, side by side in a flow, with typed results."""

from dataclasses import dataclass
from pathlib import Path

from orrery import flow, run, task, tool
from orrery.tools.files import glob


@dataclass
class Size:
    path: str
    lines: int


@tool(effects="idempotent", reads=("file:{path}",))
def measure(path: str) -> Size:
    """How many lines a file has."""
    return Size(path, len(Path(path).read_text(errors="replace").splitlines()))


@task
def longest(sizes: list[Size]) -> Size:
    return max(sizes, key=lambda size: size.lines)


@flow
def longest_file(pattern: str = "*.md") -> dict[str, object]:
    winner = longest(task(measure).map(glob(pattern)))
    return {"path": winner.path, "lines": winner.lines}


if __name__ == "__main__":
    print(run(longest_file).outputs)
