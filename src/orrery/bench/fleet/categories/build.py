"""Build: made here, tested there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orrery.bench.fleet.checks import every, file_is, is_gone, is_there, reason_has, text_has
from orrery.bench.fleet.deeds import building, files
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting
from orrery.bench.fleet.steps import step
from orrery.graph import Edge, Graph, Ref

# -- built once, tested in two places, published only if both pass ------------------------------------------------

MODULE = "def area(width, height):\n    return width * height\n"
SMALL = "assert area(2, 3) == 6\n"
LARGE = "assert area(1000, 1000) == 1_000_000\n"
WRONG = "assert area(-1, 3) >= 0, 'an area cannot be negative'\n"


def _tested_twice(tests: str) -> Callable[[Setting], None]:
    def build(setting: Setting) -> None:
        setting.write("web1/source/area.py", MODULE)
        setting.write("web2/tests/area_test.py", SMALL)
        setting.write("big1/tests/area_test.py", tests)

    return build


def _tested_twice_gold(_setting: Setting) -> Graph:
    test: dict[str, Any] = {"package": Ref("build"), "tests": "tests/area_test.py"}
    return Graph(
        [
            step("build", building.build, "web1", source="source/area.py", target="dist/area.zip"),
            step("test-web2", building.check, "web2", report="report.txt", **test),
            step("test-big1", building.check, "big1", report="report.txt", **test),
            step("publish", files.put, "db1", path="published/area.zip", content=Ref("build"), wait_s=0.2),
        ],
        [Edge("test-web2", "publish"), Edge("test-big1", "publish")],
        outputs={"answer": {"web2": Ref("test-web2"), "big1": Ref("test-big1")}},
    )


_WORDS = (
    "Build source/area.py on web1 into dist/area.zip. Test it on web2 and on big1 with the tests/area_test.py of that "
    "host, and leave what came out in report.txt there. {} If both pass, publish the package as published/area.zip on "
    "db1; if not, publish nothing and give the reason."
)

BOTH_PASS = Exercise(
    name="both-pass",
    category="build",
    words=_WORDS.format("The package must be the very same file everywhere."),
    build=_tested_twice(LARGE),
    gold=_tested_twice_gold,
    subtasks=(
        Subtask("it is built", is_there("web1/dist/area.zip")),
        Subtask("it passed on web2", text_has("web2/report.txt", "passed")),
        Subtask("it passed on big1", text_has("big1/report.txt", "passed")),
        Subtask("it is published", file_is("db1/published/area.zip", building.package(MODULE))),
    ),
    changes=("web1/dist/*", "*/report.txt", "db1/published/*"),
)

ONE_FAILS = Exercise(
    name="one-fails",
    category="build",
    words=_WORDS.format("The tests on big1 are the stricter ones."),
    build=_tested_twice(WRONG),
    gold=_tested_twice_gold,
    subtasks=(
        Subtask("it is built", is_there("web1/dist/area.zip")),
        Subtask("it passed on web2", text_has("web2/report.txt", "passed")),
        Subtask("it failed on big1", text_has("big1/report.txt", "failed", "cannot be negative")),
        Subtask(
            "nothing is published, and the reason is given",
            every(is_gone("db1/published/area.zip"), reason_has("cannot be negative")),
        ),
    ),
    changes=("web1/dist/*", "*/report.txt"),
)

EXERCISES = (BOTH_PASS, ONE_FAILS)
