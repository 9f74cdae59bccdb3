"""Logs: collected and correlated from many hosts."""

from __future__ import annotations

from typing import Any

from orrery.bench.fleet.checks import file_is, json_is
from orrery.bench.fleet.deeds import files, logs
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting
from orrery.bench.fleet.steps import step
from orrery.graph import Edge, Graph, Ref


def log(errors: int, fine: int, what: str = "disk full") -> str:
    """A log with so many lines of errors among others."""
    lines = [f"2026-03-01T10:{n:02}:00 ERROR {what} {n}" for n in range(errors)]
    lines += [f"2026-03-01T11:{n:02}:00 INFO served {n}" for n in range(fine)]
    return "\n".join(lines) + "\n"


# -- rotated logs, one compressed, one badly encoded, one missing ----------------------------------------------

LOST = log(4, 7)


def _rotated(setting: Setting) -> None:
    setting.write("web1/logs/app.log", log(3, 9))
    setting.write("web1/logs/app.log.1.gz", log(5, 20))
    setting.write("web2/logs/app.log", log(6, 2, "café closed").encode("latin-1"))
    setting.write("big1/mirror/db1/app.log", LOST)


def _rotated_gold(_setting: Setting) -> Graph:
    count: dict[str, Any] = {"pattern": " ERROR ", "paths": "logs/app.log*"}
    return Graph(
        [
            step("web1", logs.count_in_logs, "web1", **count),
            step("web2", logs.count_in_logs, "web2", **count),
            step("db1", logs.count_in_logs, "db1", **count),
            step(
                "repair",
                logs.repair_and_count,
                None,
                device="db1",
                mirror="big1",
                copy="mirror/db1/app.log",
                path="logs/app.log",
                pattern=" ERROR ",
            ),
            step("counts", logs.by_host, None, join=3, web1=Ref("web1"), web2=Ref("web2"), db1=Ref("db1"),
                 repaired=Ref("repair")),
            step("write", files.put, "big1", path="errors.json", content=Ref("counts")),
        ],
        [Edge("db1", "repair", on="failure")],
        outputs={"answer": Ref("counts")},
    )  # fmt: skip


ROTATED = Exercise(
    name="rotated",
    category="logs",
    words=(
        "Count the ERROR lines in all logs that match logs/app.log* on web1, web2 and db1. Some are compressed, some "
        "are badly encoded. If a host has lost its log, fetch the copy mirror/HOST/app.log from big1, put it back as "
        "logs/app.log, and count there. Write the counts to errors.json on big1, as a JSON map from host to count."
    ),
    build=_rotated,
    gold=_rotated_gold,
    subtasks=(
        Subtask("the lost log is back on db1", file_is("db1/logs/app.log", LOST)),
        Subtask("the counts are on big1", json_is("big1/errors.json", {"web1": 8, "web2": 6, "db1": 4})),
    ),
    changes=("db1/logs/app.log", "big1/errors.json"),
)

EXERCISES = (ROTATED,)
