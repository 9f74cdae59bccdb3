"""The generators of graphs that other tests and benchmarks rest on."""

from __future__ import annotations

import subprocess
import sys

import pytest

from orrery.graph import Graph
from orrery.graph.text import write
from orrery.testing.graphs import random_graph


def test_one_integer_makes_one_graph() -> None:
    assert random_graph(7, tasks=60) == random_graph(7, tasks=60)
    assert random_graph(7, tasks=60) != random_graph(8, tasks=60)
    code = (
        "from orrery.graph.text import write; from orrery.testing.graphs import random_graph\n"
        "print(write(random_graph(7, tasks=60)))"
    )
    for seed in ("1", "2"):
        found = subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert found.stdout == write(random_graph(7, tasks=60)) + "\n"


def _kinds(graph: Graph) -> set[str]:
    found = {"soft" for edge in graph.edges.values() if not edge.hard}
    found |= {edge.on if isinstance(edge.on, str) else "condition" for edge in graph.edges.values()}
    for task in graph:
        found |= {name for name in ("join", "when", "each") if getattr(task, name) is not None}
        found |= {
            name
            for name in ("timeout_s", "deadline_s", "retry", "resources", "hedge_after_s")
            if getattr(task.limits, name)
        }
    return found


def test_every_kind_of_edge_and_limit_occurs() -> None:
    found = set[str]().union(*(_kinds(random_graph(seed, tasks=100)) for seed in range(4)))
    assert found == {
        *("soft", "success", "failure", "completion", "condition", "join", "when", "each"),
        *("timeout_s", "deadline_s", "retry", "resources", "hedge_after_s"),
    }


def test_shares_of_nothing_give_a_plain_graph() -> None:
    graph = random_graph(1, tasks=50, soft=0, conditions=0, joins=0, whens=0, each=0, limits=0)
    assert _kinds(graph) <= {"success"}
    assert len(random_graph(1, tasks=0)) == 0


@pytest.mark.parametrize("asked", ["graphs", "patches", "values"])
def test_without_hypothesis_the_missing_extra_is_named(asked: str) -> None:
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import orrery.testing.graphs as g\n"
        "g.random_graph(1, tasks=3)\n"
        "from orrery.errors import MissingExtraError\n"
        f"try: g.{asked}\n"
        "except MissingExtraError as error: print(error.extra)\n"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "testing\n"
    )
