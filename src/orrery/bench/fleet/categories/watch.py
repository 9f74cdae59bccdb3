"""Watch: monitoring and alerting."""

from __future__ import annotations

from orrery.bench.fleet.checks import answer_has, every, is_untouched, json_is, json_lines_have, rows_are, was_asked
from orrery.bench.fleet.deeds import files, forms, rollout, sensors, tables, watching, web
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting
from orrery.bench.fleet.steps import step
from orrery.graph import Edge, Expr, Graph, Ref

# -- four hosts sampled, those over a threshold alerted -----------------------------------------------------------

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

# -- every service probed, a table made, the sick ones reported ---------------------------------------------------

STATUS = {"web1": 200, "web2": 503, "db1": 200, "pi1": 200, "big1": 503}


def _probes(setting: Setting) -> None:
    for host, code in STATUS.items():
        if host != "pi1":
            route = {"text": "fine"} if code == 200 else {"status": code}
            setting.serve(host, {"/health": {**route, "delay_s": 0.4}})
    setting.serve("pi1", {"/health": {"text": "fine", "delay_s": 0.4}, "/page": {"appends": "paged.jsonl"}})


def _probes_gold(setting: Setting) -> Graph:
    tasks = [step(f"probe-{host}", web.status, host, url=f"{setting.address(host)}/health") for host in STATUS]
    codes = {host: Ref(f"probe-{host}") for host in STATUS}
    return Graph(
        [
            *tasks,
            step("write", files.put, "big1", path="status.json", content=codes, wait_s=0.2),
            step("sick", watching.sick, "pi1", codes=codes),
            step("page", web.post, "pi1", url=f"{setting.address('pi1')}/page", value={"sick": Ref("sick")},
                 when=Expr("len(sick) > 0", {"sick": Ref("sick")})),
        ]
    )  # fmt: skip


PROBES = Exercise(
    name="probes",
    category="watch",
    words=(
        "Ask /health of {web1}, {web2}, {db1}, {pi1} and {big1}. Write the HTTP status of each to status.json on "
        'big1, as a JSON map from host to number. If any is not 200, post {"sick": the sorted list of their names} as'
        " JSON, once, to {pi1}/page."
    ),
    build=_probes,
    gold=_probes_gold,
    subtasks=(
        Subtask("the table is made", json_is("big1/status.json", STATUS)),
        Subtask("the sick ones are reported, once", json_lines_have("pi1/paged.jsonl", {"sick": ["big1", "web2"]})),
    ),
    changes=("big1/status.json", "pi1/paged.jsonl"),
)

# -- folders held against their quotas ----------------------------------------------------------------------------

USED = {"web1": 4_000, "web2": 9_500, "db1": 12_000, "big1": 700}
QUOTA = {"web1": 5_000, "web2": 5_000, "db1": 20_000, "big1": 500}
OVER = {host: USED[host] - QUOTA[host] for host in USED if USED[host] > QUOTA[host]}


def _quotas(setting: Setting) -> None:
    for host, used in USED.items():
        setting.write(f"{host}/data/a.bin", bytes(used // 2))
        setting.write(f"{host}/data/deeper/b.bin", bytes(used - used // 2))
    setting.write_table("db1/quotas.db", "quotas", "host, bytes", QUOTA.items())


def _quotas_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            step("quotas", tables.ask, "db1", path="quotas.db", sql="SELECT host, bytes FROM quotas"),
            *(step(f"used-{host}", watching.used_bytes, host, path="data") for host in USED),
            step("over", watching.over, None, used={h: Ref(f"used-{h}") for h in USED}, quotas=Ref("quotas")),
            step("write", files.put, "big1", path="over.json", content=Ref("over")),
        ],
        outputs={"answer": Ref("over")},
    )


QUOTAS = Exercise(
    name="quotas",
    category="watch",
    words=(
        "How many bytes are in the files below data/ on web1, web2, db1 and big1, and which hosts are over their "
        "quota in the table quotas (host, bytes) of quotas.db on db1? Write to over.json on big1 by how many bytes, "
        "as a JSON map with those hosts only, and tell me."
    ),
    build=_quotas,
    gold=_quotas_gold,
    subtasks=(
        Subtask("those over their quota are written", json_is("big1/over.json", OVER)),
        Subtask("they are told", answer_has(*OVER, *OVER.values())),
    ),
    changes=("big1/over.json",),
)

# -- a service that hangs is freed, and looked at again -----------------------------------------------------------

SERVICES = ("web1", "web2", "db1")


def _hangs(setting: Setting) -> None:
    for host in SERVICES:
        setting.write_json(f"{host}/state.json", {"stuck": 3 if host == "web2" else 0, "since": "noon"})
        rule = {"file": "state.json", "key": "stuck", "at_most": 0}
        setting.serve(host, {"/health": {"healthy_if": rule, "delay_s": 0.3}})


def _hangs_gold(setting: Setting) -> Graph:
    tasks, edges = [], []
    for host in SERVICES:
        url = f"{setting.address(host)}/health"
        tasks += [
            step(f"probe-{host}", web.must_be_healthy, host, url=url),
            step(f"free-{host}", rollout.change, host, path="state.json", values={"stuck": 0}),
            step(f"again-{host}", web.must_be_healthy, host, url=url),
        ]
        edges += [Edge(f"probe-{host}", f"free-{host}", on="failure"), Edge(f"free-{host}", f"again-{host}")]
    freed = {host: Ref(f"again-{host}") for host in SERVICES}
    tasks += [
        step("freed", watching.those_with, None, found=freed),
        step("write", files.put, "big1", path="freed.json", content=Ref("freed")),
    ]
    edges += [Edge(f"{what}-{host}", "freed", on="completion") for host in SERVICES for what in ("probe", "again")]
    return Graph(tasks, edges)


HANGS = Exercise(
    name="hangs",
    category="watch",
    words=(
        "Ask {web1}/health, {web2}/health and {db1}/health. Where one is not healthy, set stuck to 0 in state.json of"
        " that host, leaving the old file as state.json.old, and ask again until it is. Write the sorted names of the"
        " hosts that had to be freed to freed.json on big1, as a JSON list."
    ),
    build=_hangs,
    gold=_hangs_gold,
    subtasks=(
        Subtask("the one that hung is free", json_is("web2/state.json", {"stuck": 0, "since": "noon"})),
        Subtask("it was asked again", was_asked("web2", "GET /health", 2)),
        Subtask(
            "those that were freed are named, the others were left alone",
            every(json_is("big1/freed.json", ["web2"]), is_untouched("web1/state.json", "db1/state.json")),
        ),
    ),
    changes=("web2/state.json", "web2/state.json.old", "big1/freed.json"),
)

# -- two of three must agree --------------------------------------------------------------------------------------

VOTERS = ("web1", "web2", "db1")


def _quorum(setting: Setting) -> None:
    setting.serve("web1", {"/leader": {"json": {"leader": "db1", "term": 7}, "delay_s": 0.4}})
    setting.serve("web2", {"/leader": {"status": 503, "delay_s": 0.4}})
    setting.serve("db1", {"/leader": {"json": {"leader": "db1", "term": 7}, "delay_s": 0.5}})
    setting.write_json("big1/route.json", {"writes_to": "web2"})


def _quorum_gold(setting: Setting) -> Graph:
    return Graph(
        [
            *(step(host, web.fetch_json, host, url=f"{setting.address(host)}/leader") for host in VOTERS),
            step("agreed", watching.agreed, None, join=2, votes={host: Ref(host) for host in VOTERS}),
            step("route", rollout.change, "big1", path="route.json", values={"writes_to": Ref("agreed")}),
        ],
        outputs={"answer": Ref("agreed")},
    )


QUORUM = Exercise(
    name="quorum",
    category="watch",
    words=(
        "Ask {web1}/leader, {web2}/leader and {db1}/leader who leads. As soon as two answer the same, set writes_to "
        "in route.json on big1 to that leader, leaving the old file as route.json.old, and tell me who it is."
    ),
    build=_quorum,
    gold=_quorum_gold,
    subtasks=(
        Subtask("all were asked", every(*(was_asked(host, "GET /leader") for host in VOTERS))),
        Subtask("writes go to the leader", json_is("big1/route.json", {"writes_to": "db1"})),
        Subtask("it is told", answer_has("db1")),
    ),
    changes=("big1/route.json", "big1/route.json.old"),
)

# -- disks that will be full within a week, as tickets in the database --------------------------------------------

GROWTH = {"web1": (50, 2), "web2": (70, 6), "db1": (40, 1), "big1": (88, 3)}
"""Percent in use on the last day, and by how much it grew each day."""
DAYS_LEFT = {host: round((100 - now) / daily, 1) for host, (now, daily) in GROWTH.items()}


def _trend(setting: Setting) -> None:
    for host, (now, daily) in GROWTH.items():
        days = "".join(f"2026-03-{n + 1:02},{now - daily * (5 - n)}\n" for n in range(6))
        setting.write(f"{host}/disk.csv", "day,percent\n" + days)
    setting.write_table("db1/tickets.db", "tickets", "host, days", [("old", 99.0)])


def _trend_gold(_setting: Setting) -> Graph:
    tasks = []
    for host in GROWTH:
        tasks += [
            step(f"history-{host}", forms.read_csv, host, path="disk.csv", separator=","),
            step(f"days-{host}", watching.days_left, "big1", history=Ref(f"history-{host}")),
            step(
                f"ticket-{host}",
                watching.ticket,
                "db1",
                path="tickets.db",
                host=host,
                days=Ref(f"days-{host}"),
                when=Expr("days < 7", {"days": Ref(f"days-{host}")}),
            ),
        ]
    return Graph(tasks)  # fmt: skip


TREND = Exercise(
    name="trend",
    category="watch",
    words=(
        "From disk.csv on web1, web2, db1 and big1 (day, percent in use) reckon on big1 in how many days each disk is"
        " full if it goes on growing evenly as it did, to one digit. For each that has less than 7 days, add a row "
        "(host, days) to the table tickets of tickets.db on db1."
    ),
    build=_trend,
    gold=_trend_gold,
    subtasks=(
        Subtask(
            "those that fill up have a ticket, and no other",
            rows_are("db1/tickets.db", "SELECT host, days FROM tickets ORDER BY host",
                     sorted([(host, days) for host, days in DAYS_LEFT.items() if days < 7] + [("old", 99.0)])),
        ),
    ),
    changes=("db1/tickets.db",),
)  # fmt: skip

EXERCISES = (THRESHOLD, PROBES, QUOTAS, HANGS, QUORUM, TREND)
