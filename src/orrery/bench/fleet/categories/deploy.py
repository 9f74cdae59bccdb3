"""Deploy: in stages, with a look at each before the next."""

from __future__ import annotations

import hashlib

from orrery.bench.fleet.checks import (
    every,
    file_is,
    is_gone,
    is_untouched,
    json_is,
    reason_has,
    rows_are,
    text_has,
    was_asked,
)
from orrery.bench.fleet.deeds import files, rollout, tables, web
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

# -- first one host, then the others ------------------------------------------------------------------------------

CANARY, OTHERS = "web1", ("web2", "big1", "pi1")


def _canary(setting: Setting) -> None:
    setting.write("db1/release/app.txt", "release 2\n")
    for host in (CANARY, *OTHERS):
        setting.write(f"{host}/app.txt", "release 1\n")
        setting.write_json(f"{host}/load.json", {"errors": 0})
        rule = {"file": "load.json", "key": "errors", "at_most": 0}
        setting.serve(host, {"/health": {"healthy_if": rule, "delay_s": 0.3}})


def _canary_gold(setting: Setting) -> Graph:
    tasks = [step("release", files.get_text, "db1", path="release/app.txt")]
    edges = []
    for host in (CANARY, *OTHERS):
        tasks += [
            step(f"install-{host}", files.put, host, path="app.txt", content=Ref("release"), wait_s=0.3),
            step(f"probe-{host}", web.must_be_healthy, host, url=f"{setting.address(host)}/health"),
        ]
        edges.append(Edge(f"install-{host}", f"probe-{host}"))
    edges += [Edge(f"probe-{CANARY}", f"install-{host}") for host in OTHERS]
    tasks.append(step("note", files.put, "db1", path="release/done.json", content=[CANARY, *OTHERS]))
    edges += [Edge(f"probe-{host}", "note") for host in OTHERS]
    return Graph(tasks, edges)


CANARY_FIRST = Exercise(
    name="canary",
    category="deploy",
    words=(
        "Install release/app.txt of db1 as app.txt, on web1 first. If {web1}/health is fine then, install it on web2,"
        " big1 and pi1 at once, and ask {web2}/health, {big1}/health and {pi1}/health too. If all are fine, write the"
        ' list of hosts ["web1", "web2", "big1", "pi1"] to release/done.json on db1.'
    ),
    build=_canary,
    gold=_canary_gold,
    subtasks=(
        Subtask("the first host has it", file_is(f"{CANARY}/app.txt", "release 2\n")),
        *(Subtask(f"{host} has it", file_is(f"{host}/app.txt", "release 2\n")) for host in OTHERS),
        Subtask("all were asked", every(*(was_asked(host, "GET /health") for host in (CANARY, *OTHERS)))),
        Subtask("it is noted", json_is("db1/release/done.json", [CANARY, *OTHERS])),
    ),
    changes=("*/app.txt", "db1/release/done.json"),
)

# -- a database migrated before the servers that need it ----------------------------------------------------------

PARTS = [("bolt", 5), ("nut", 9)]


def _migration(setting: Setting) -> None:
    setting.write_table("db1/shop.db", "parts", "name, pieces", PARTS)
    for host in ("web1", "web2"):
        setting.write_json(f"{host}/app.json", {"schema": 1, "name": host})


def _migration_gold(_setting: Setting) -> Graph:
    sql = "ALTER TABLE parts ADD COLUMN price DEFAULT 1; UPDATE parts SET price = pieces * 2"
    servers = ("web1", "web2")
    return Graph(
        [
            step("dump", tables.dump, "db1", path="shop.db"),
            step("backup", files.put, "big1", path="backup/shop.sql", content=Ref("dump"), wait_s=0.3),
            step("migrate", tables.change, "db1", path="shop.db", sql=sql),
            *(step(host, rollout.change, host, path="app.json", values={"schema": 2}) for host in servers),
            step("look", tables.ask, "db1", path="shop.db", sql="SELECT name, price FROM parts ORDER BY name"),
            step("keep", files.put, "big1", path="backup/prices.json", content=Ref("look")),
        ],
        [Edge("backup", "migrate"), *(Edge("migrate", target) for target in (*servers, "look"))],
    )


MIGRATION = Exercise(
    name="migration",
    category="deploy",
    words=(
        "Migrate shop.db on db1: first dump it to backup/shop.sql on big1, then give the table parts a column price "
        "that is twice the pieces. Only then set schema to 2 in app.json on web1 and web2, leaving the old files as "
        "app.json.old. Write name and price of all parts, by name, as a JSON list of lists to backup/prices.json on "
        "big1."
    ),
    build=_migration,
    gold=_migration_gold,
    subtasks=(
        Subtask("the old state is safe", text_has("big1/backup/shop.sql", "CREATE TABLE parts (name, pieces)", "bolt")),
        Subtask("the table is new", rows_are("db1/shop.db", "SELECT * FROM parts", [(n, p, 2 * p) for n, p in PARTS])),
        *(
            Subtask(f"{host} knows", json_is(f"{host}/app.json", {"schema": 2, "name": host}))
            for host in ("web1", "web2")
        ),
        Subtask("the prices are written", json_is("big1/backup/prices.json", [["bolt", 10], ["nut", 18]])),
    ),
    changes=("db1/shop.db", "big1/backup/*", "*/app.json", "*/app.json.old"),
)

# -- traffic is switched only if both new hosts are well; one is not ----------------------------------------------

GREEN = {"web1": 0, "web2": 3}
"""Errors on each new host."""


def _switch(setting: Setting) -> None:
    setting.write_json("db1/route.json", {"to": "blue"})
    setting.write("big1/app.txt", "green\n")
    for host, errors in GREEN.items():
        setting.write_json(f"{host}/load.json", {"errors": errors})
        rule = {"file": "load.json", "key": "errors", "at_most": 0}
        setting.serve(host, {"/health": {"healthy_if": rule, "delay_s": 0.3}})


def _switch_gold(setting: Setting) -> Graph:
    tasks = [step("app", files.get_text, "big1", path="app.txt")]
    edges = []
    for host in GREEN:
        tasks += [
            step(f"install-{host}", files.put, host, path="green/app.txt", content=Ref("app"), wait_s=0.3),
            step(f"probe-{host}", web.must_be_healthy, host, url=f"{setting.address(host)}/health"),
            step(f"remove-{host}", files.remove, host, path="green/app.txt", wait_s=0.3),
        ]
        edges += [Edge(f"install-{host}", f"probe-{host}"), Edge("why", f"remove-{host}")]
    tasks += [
        step("switch", rollout.change, "db1", path="route.json", values={"to": "green"}),
        step("why", rollout.why, None, join=1, probes={host: Ref(f"probe-{host}") for host in GREEN}),
    ]
    edges += [Edge(f"probe-{host}", "switch") for host in GREEN]
    edges += [Edge(f"probe-{host}", "why", on="failure") for host in GREEN]
    return Graph(tasks, edges, outputs={"answer": Ref("why")})


SWITCH = Exercise(
    name="switch",
    category="deploy",
    words=(
        "Install app.txt of big1 as green/app.txt on web1 and web2, and ask {web1}/health and {web2}/health. If both "
        'are fine, set to in route.json on db1 to "green". If one is not, leave the route as it is, remove '
        "green/app.txt from both, and give the reason."
    ),
    build=_switch,
    gold=_switch_gold,
    subtasks=(
        Subtask("both were asked", every(was_asked("web1", "GET /health"), was_asked("web2", "GET /health"))),
        Subtask(
            "nothing is left of it, and the reason is given",
            every(
                is_gone("web1/green/app.txt", "web2/green/app.txt"),
                is_untouched("db1/route.json"),
                reason_has("web2", "too much is asked of this host"),
            ),
        ),
    ),
)

# -- only what has the right digest is installed; a damaged copy is fetched anew ----------------------------------

PACKAGE = "package 5\n" * 3_000
COPIES = {"web1": PACKAGE, "web2": PACKAGE[:-7], "pi1": PACKAGE}


def _verified(setting: Setting) -> None:
    setting.write("db1/release.sha256", hashlib.sha256(PACKAGE.encode()).hexdigest())
    setting.write("big1/origin/package.txt", PACKAGE)
    for host, copy in COPIES.items():
        setting.write(f"{host}/incoming/package.txt", copy)


def _verified_gold(_setting: Setting) -> Graph:
    tasks = [step("digest", files.get_text, "db1", path="release.sha256")]
    edges = []
    for host in COPIES:
        tasks += [
            step(f"check-{host}", rollout.must_be, host, path="incoming/package.txt", sha256=Ref("digest")),
            step(f"fetch-{host}", files.get, "big1", path="origin/package.txt", wait_s=0.3),
            step(
                f"mend-{host}", files.put, host, path="incoming/package.txt", content=Ref(f"fetch-{host}"), wait_s=0.2
            ),
            step(
                f"install-{host}",
                rollout.install,
                host,
                join=1,
                source="incoming/package.txt",
                target="installed/package.txt",
                sha256=Ref("digest"),
            ),
        ]
        edges += [
            Edge(f"check-{host}", f"fetch-{host}", on="failure"),
            Edge(f"check-{host}", f"install-{host}"),
            Edge(f"mend-{host}", f"install-{host}"),
            Edge("digest", f"install-{host}", hard=False),
        ]
    return Graph(tasks, edges)  # fmt: skip


VERIFIED = Exercise(
    name="verified",
    category="deploy",
    words=(
        "Install incoming/package.txt as installed/package.txt on web1, web2 and pi1, but only if its SHA-256 is the "
        "one in release.sha256 on db1. Where it is another, first replace incoming/package.txt by origin/package.txt "
        "from big1."
    ),
    build=_verified,
    gold=_verified_gold,
    subtasks=(
        Subtask("the damaged copy is mended", file_is("web2/incoming/package.txt", PACKAGE)),
        *(Subtask(f"{host} has it", file_is(f"{host}/installed/package.txt", PACKAGE)) for host in COPIES),
    ),
    changes=("web2/incoming/package.txt", "*/installed/package.txt"),
)

EXERCISES = (ROLLING, CANARY_FIRST, MIGRATION, SWITCH, VERIFIED)
