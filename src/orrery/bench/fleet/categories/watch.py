"""Watch: monitoring and alerting."""

from __future__ import annotations

from orrery.bench.fleet.checks import json_lines_have, was_asked
from orrery.bench.fleet.deeds import sensors, web
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting
from orrery.bench.fleet.steps import step
from orrery.graph import Expr, Graph, Ref

# -- four hosts sampled, those over a threshold alerted ---------------------------------------------------------

LOADS = {"web1": (0.2, 0.4, 0.3), "web2": (0.95, 0.9, 0.97), "db1": (0.5, 0.4, 0.6), "big1": (0.99, 0.85, 0.92)}


def _threshold(setting: Setting) -> None:
    for host, loads in LOADS.items():
        setting.write(f"{host}/load.txt", "\n".join(map(str, loads)) + "\n")
    setting.serve("pi1", {"/alerts": {"appends": "alerts.jsonl", "delay_s": 0.2}})


def _threshold_gold(setting: Setting) -> Graph:
    tasks = []
    for host in LOADS:
        tasks += [
            step(f"sample-{host}", sensors.sample, host, path="load.txt"),
            step(f"mean-{host}", sensors.mean, host, values=Ref(f"sample-{host}")),
            step(
                f"alert-{host}",
                web.post,
                host,
                when=Expr("load > 0.8", {"load": Ref(f"mean-{host}")}),
                url=f"{setting.address('pi1')}/alerts",
                value={"host": host, "load": Ref(f"mean-{host}")},
            ),
        ]
    return Graph(tasks)


THRESHOLD = Exercise(
    name="threshold",
    category="watch",
    words=(
        "Take the mean of the numbers in load.txt on web1, web2, db1 and big1. For each host whose mean is over 0.8, "
        'and for no other, post {"host": NAME, "load": MEAN}, rounded to 3 digits, as JSON to {pi1}/alerts.'
    ),
    build=_threshold,
    gold=_threshold_gold,
    subtasks=(
        Subtask("just two alerts were sent", was_asked("pi1", "POST /alerts", 2)),
        Subtask(
            "they name the hosts over the threshold",
            json_lines_have("pi1/alerts.jsonl", {"host": "web2", "load": 0.94}, {"host": "big1", "load": 0.92}),
        ),
    ),
    changes=("pi1/alerts.jsonl",),
)

EXERCISES = (THRESHOLD,)
