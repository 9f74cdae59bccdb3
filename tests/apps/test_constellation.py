"""The demo of a fleet: real processes, one of which is killed; in networks of their own where that is allowed."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from orrery.apps.constellation import deeds, network
from orrery.apps.constellation.tally import HERE, Tally
from orrery.graph.values import encode
from orrery.scheduler import events as ev

SOURCE = "def first():\n    pass\n\n\nclass Second:\n    def third(self):\n        return fourth_thing\n"


def demo(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "orrery", "demo", "--fleet", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_a_device_is_killed_and_every_file_is_measured(tmp_path: Path) -> None:
    for number in range(120):
        (tmp_path / f"module_{number:03}.py").write_text(SOURCE * 40)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    before = network_state()
    done = demo(tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    found = said["outputs"]["result"]
    assert (found["files"], found["functions"]) == (120, 120 * 80)
    assert said["devices"]["quarry-2"] >= 4
    assert said["devices"]["quarry-1"] + said["devices"]["quarry-2"] == deeds.SHARDS
    assert said["separate_networks"] is network.can_go_inside()
    assert network_state() == before, "nothing of the machine's own network was touched"
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".py") == [".git", ".orrery"]


def network_state() -> list[str]:
    names = Path("/sys/class/net")
    return sorted(path.name for path in names.iterdir()) if names.is_dir() else []


def test_options_of_the_other_demo_are_refused(tmp_path: Path) -> None:
    done = demo(tmp_path, "--crash")
    assert done.returncode == 2
    assert "--fleet has no --crash" in done.stderr


@pytest.mark.parametrize(
    ("text", "functions"), [(SOURCE, 2), ("def broken(:\n", 0), ("", 0)], ids=["source", "broken", "empty"]
)
def test_a_file_is_measured_whatever_is_in_it(text: str, functions: int) -> None:
    (found,) = deeds.measure({"a.py": text})
    assert (found["name"], found["functions"]) == ("a.py", functions)
    assert "return" not in found["words"]


def test_the_tally_knows_who_has_what_and_what_moved() -> None:
    tally = Tally()
    value = msgspec.Raw(encode(1))
    tally.take("r", [ev.RunStarted(0, "r"), ev.TaskProgressed(1, "a", 1, None, "it is free", "one")])
    assert (tally.busy_on("one"), tally.moved) == (1, {})
    tally.take("r", [ev.TaskProgressed(2, "a", 1, None, "it is free", "two")])
    assert (tally.busy_on("one"), tally.busy_on("two"), tally.moved) == (0, 1, {"a": "one"})
    tally.take("r", [ev.TaskSucceeded(5, "a", 1, value, None, 2.5, "two"), ev.TaskSucceeded(6, "b", 1, value)])
    assert [one.task for one in tally.on("two")] == ["a"]
    assert [one.task for one in tally.on(HERE)] == ["b"]
    assert tally.sequential_s == 2.5
