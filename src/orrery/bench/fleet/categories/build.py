"""Build: made here, tested there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from orrery.bench.fleet.checks import (
    every,
    file_is,
    is_gone,
    is_there,
    is_untouched,
    json_is,
    reason_has,
    text_has,
    was_asked,
)
from orrery.bench.fleet.deeds import building, files, web
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting
from orrery.bench.fleet.steps import step
from orrery.graph import Edge, Graph, Ref, Retry

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

# -- three modules, each tested on two hosts ----------------------------------------------------------------------

MODULES = {
    "add": "def add(a, b):\n    return a + b\n",
    "double": "def double(a):\n    return a + a\n",
    "greet": "def greet(name):\n    return 'hello ' + name\n",
}
TESTERS = ("web2", "big1")
TESTS = {
    "add": {"web2": "assert add(1, 2) == 3\n", "big1": "assert add('a', 'b') == 'ab'\n"},
    "double": {"web2": "assert double(4) == 8\n", "big1": "assert double([1]) == [1, 1]\n"},
    "greet": {"web2": "assert greet('you') == 'hello you'\n", "big1": "assert greet('') == 'hello'\n"},
}
"""The last one fails."""
MATRIX = {name: {"web2": "passed", "big1": "failed" if name == "greet" else "passed"} for name in MODULES}


def _matrix(setting: Setting) -> None:
    for name, source in MODULES.items():
        setting.write(f"web1/source/{name}.py", source)
        for host, tests in TESTS[name].items():
            setting.write(f"{host}/tests/{name}.py", tests)


def _matrix_gold(_setting: Setting) -> Graph:
    tasks, edges = [], []
    for name in MODULES:
        built = step(f"build-{name}", building.build, "web1", source=f"source/{name}.py", target=f"dist/{name}.zip")
        tasks.append(built)
        for host in TESTERS:
            tests, report = f"tests/{name}.py", f"reports/{name}.txt"
            tasks.append(
                step(f"{name}-{host}", building.check, host, package=Ref(built.id), tests=tests, report=report)
            )
            edges.append(Edge(f"{name}-{host}", "matrix", on="completion"))
    found = {name: {host: Ref(f"{name}-{host}") for host in TESTERS} for name in MODULES}
    tasks += [
        step("matrix", building.outcomes, None, found=found),
        step("write", files.put, "db1", path="matrix.json", content=Ref("matrix")),
    ]
    return Graph(tasks, edges)


MATRIX_OF_TESTS = Exercise(
    name="matrix",
    category="build",
    words=(
        "Build source/add.py, source/double.py and source/greet.py on web1 into dist/NAME.zip, and test each on web2 "
        "and on big1 with the tests/NAME.py of that host, leaving what came out in reports/NAME.txt there. Write the "
        'outcomes to matrix.json on db1, as a JSON map from NAME to a map from host to "passed" or "failed".'
    ),
    build=_matrix,
    gold=_matrix_gold,
    subtasks=(
        *(Subtask(f"{name} is built", is_there(f"web1/dist/{name}.zip")) for name in MODULES),
        Subtask("greet fails on big1", text_has("big1/reports/greet.txt", "failed")),
        Subtask("the outcomes are written", json_is("db1/matrix.json", MATRIX)),
    ),
    changes=("web1/dist/*", "*/reports/*", "db1/matrix.json"),
)

# -- two builds, of which one does not even compile ---------------------------------------------------------------

SOURCES = {"web1": "def ok():\n    return 1\n", "web2": "def broken(:\n    return 2\n"}


def _broken(setting: Setting) -> None:
    for host, source in SOURCES.items():
        setting.write(f"{host}/source/part.py", source)
    setting.write("db1/published/manifest.json", "{}")


def _broken_gold(_setting: Setting) -> Graph:
    hosts = list(SOURCES)
    return Graph(
        [
            *(step(host, building.build, host, source="source/part.py", target="dist/part.zip") for host in hosts),
            *(
                step(f"publish-{host}", files.put, "db1", path=f"published/{host}.zip", content=Ref(host), wait_s=0.3)
                for host in hosts
            ),
            step("manifest", files.put, "db1", path="published/manifest.json", content=dict.fromkeys(hosts, "dist")),
        ],
        [
            *(Edge(source, f"publish-{target}") for source in hosts for target in hosts),
            *(Edge(f"publish-{host}", "manifest") for host in hosts),
        ],
    )


BROKEN = Exercise(
    name="broken",
    category="build",
    words=(
        "Build source/part.py on web1 and on web2 into dist/part.zip there. If both could be built, publish them as "
        "published/web1.zip and published/web2.zip on db1 and list them in published/manifest.json. If one cannot be "
        "built, publish neither, and give the reason."
    ),
    build=_broken,
    gold=_broken_gold,
    subtasks=(
        Subtask("the sound one is built", file_is("web1/dist/part.zip", building.package(SOURCES["web1"]))),
        Subtask(
            "nothing is published, and the reason is given",
            every(
                is_gone("db1/published/web1.zip", "db1/published/web2.zip"),
                is_untouched("db1/published/manifest.json"),
                reason_has("invalid syntax"),
            ),
        ),
    ),
    changes=("web1/dist/*",),
)

# -- tests that fail at first, since a service is not up yet ------------------------------------------------------


def _flaky(setting: Setting) -> None:
    setting.write("web1/source/area.py", MODULE)
    for host in TESTERS:
        setting.write(f"{host}/tests/area_test.py", SMALL)
        times = 2 if host == "big1" else 0
        setting.serve(host, {"/up": {"text": "up", "status": 503, "times": times, "delay_s": 0.2}})


def _flaky_gold(setting: Setting) -> Graph:
    retry = Retry(attempts=4, backoff_s=0.1, factor=1.0)
    tasks = [step("build", building.build, "web1", source="source/area.py", target="dist/area.zip")]
    edges = []
    for host in TESTERS:
        tasks += [
            step(f"up-{host}", web.must_be_healthy, host, retry=retry, url=f"{setting.address(host)}/up"),
            step(
                f"test-{host}",
                building.check,
                host,
                package=Ref("build"),
                tests="tests/area_test.py",
                report="report.txt",
            ),
        ]
        edges += [Edge(f"up-{host}", f"test-{host}"), Edge(f"test-{host}", "publish")]
    tasks.append(step("publish", files.put, "db1", path="published/area.zip", content=Ref("build"), wait_s=0.2))
    return Graph(tasks, edges)  # fmt: skip


FLAKY = Exercise(
    name="flaky",
    category="build",
    words=(
        "Build source/area.py on web1 into dist/area.zip, and test it on web2 and big1 with their tests/area_test.py,"
        " leaving what came out in report.txt there. A host can test once its /up answers ({web2}/up, {big1}/up); ask"
        " up to four times. If both pass, publish it as published/area.zip on db1."
    ),
    build=_flaky,
    gold=_flaky_gold,
    subtasks=(
        Subtask("big1 was asked until it was up", was_asked("big1", "GET /up", 3)),
        Subtask("it passed on web2", text_has("web2/report.txt", "passed")),
        Subtask("it passed on big1", text_has("big1/report.txt", "passed")),
        Subtask("it is published", file_is("db1/published/area.zip", building.package(MODULE))),
    ),
    changes=("web1/dist/*", "*/report.txt", "db1/published/*"),
)

EXERCISES = (BOTH_PASS, ONE_FAILS, MATRIX_OF_TESTS, BROKEN, FLAKY)
