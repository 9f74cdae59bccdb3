"""Deploy: in stages, with a look at each before the next."""

from __future__ import annotations

from orrery.bench.fleet.checks import every, json_is, reason_has, was_asked
from orrery.bench.fleet.deeds import rollout, web
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting
from orrery.bench.fleet.steps import step
from orrery.graph import Edge, Graph, Ref

# -- a rolling change of settings that stops at a failed health probe, and rolls the touched hosts back -----------

HOSTS = {"web1": 16, "web2": 16, "db1": 4, "big1": 16}
"""How many workers each host can bear."""
OLD, NEW = {"workers": 2}, {"workers": 8}


def _rolling(setting: Setting) -> None:
    for host, most in HOSTS.items():
        setting.write_json(f"{host}/app.json", OLD)
        rule = {"file": "app.json", "key": "workers", "at_most": most}
        setting.serve(host, {"/health": {"healthy_if": rule, "delay_s": 0.3}})


def _rolling_gold(setting: Setting) -> Graph:
    stages = (("web1", "web2"), ("db1", "big1"))
    tasks, edges = [], []
    for number, stage in enumerate(stages):
        for host in stage:
            tasks += [
                step(f"change-{host}", rollout.change, host, path="app.json", values=NEW),
                step(f"probe-{host}", web.must_be_healthy, host, url=f"{setting.address(host)}/health"),
                step(f"back-{host}", rollout.roll_back, host, path="app.json"),
                step(f"well-{host}", web.must_be_healthy, host, url=f"{setting.address(host)}/health"),
            ]
            edges += [Edge(f"change-{host}", f"probe-{host}"), Edge(f"back-{host}", f"well-{host}")]
            edges += [Edge(f"stage-{number - 1}", f"change-{host}")] if number else []
            # Back goes every host that was changed, as soon as it is known that the rollout stops.
            edges += [Edge("stop", f"back-{host}")]
        tasks.append(step(f"stage-{number}", rollout.passed, None, hosts=list(stage)))
        edges += [Edge(f"probe-{host}", f"stage-{number}") for host in stage]
    hosts = list(HOSTS)
    probes = {host: Ref(f"probe-{host}") for host in hosts}
    tasks.append(step("stop", rollout.why, None, join=1, probes=probes))
    edges += [Edge(f"probe-{host}", "stop", on="failure") for host in hosts]
    return Graph(tasks, edges, outputs={"answer": Ref("stop")})


ROLLING = Exercise(
    name="rolling",
    category="deploy",
    words=(
        "Set workers to 8 in app.json, first on web1 and web2, then on db1 and big1. After each change ask the host's"
        " /health ({web1}, {web2}, {db1}, {big1}). If a probe fails, stop, put the old app.json back on every host "
        "that was changed, make sure that they are healthy again, and give the reason."
    ),
    build=_rolling,
    gold=_rolling_gold,
    subtasks=(
        Subtask("the first stage was tried", every(was_asked("web1", "GET /health"), was_asked("web2", "GET /health"))),
        Subtask("the second stage was tried", was_asked("db1", "GET /health")),
        Subtask(
            "every host has its old settings back, and the reason is given",
            every(*(json_is(f"{host}/app.json", OLD) for host in HOSTS), reason_has("too much is asked of this host")),
        ),
    ),
    changes=("*/app.json", "*/app.json.old"),
)

EXERCISES = (ROLLING,)
