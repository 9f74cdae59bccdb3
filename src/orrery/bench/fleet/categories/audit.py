"""Audit: what is there is held against what should be, and repaired."""

from __future__ import annotations

import hashlib

from orrery.bench.fleet.checks import (
    answer_has,
    every,
    is_gone,
    is_private,
    is_untouched,
    json_is,
    lines_are,
    reason_has,
    rows_are,
    was_asked,
)
from orrery.bench.fleet.deeds import auditing, files, tables, web
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting
from orrery.bench.fleet.steps import step
from orrery.graph import Edge, Expr, Graph, Ref, Retry, Task

# -- settings that have drifted -----------------------------------------------------------------------------------

WANTED = {"tls": "1.3", "workers": 4, "debug": False}
FOUND = {
    "web1": {"tls": "1.3", "workers": 4, "debug": False, "name": "front"},
    "web2": {"tls": "1.2", "workers": 4, "debug": True, "name": "back"},
    "pi1": {"tls": "1.3", "workers": 1, "debug": False, "name": "eye"},
    "big1": {"tls": "1.3", "workers": 4, "debug": False, "name": "brain"},
}
DRIFT = {"web2": ["debug", "tls"], "pi1": ["workers"]}


def _drift(setting: Setting) -> None:
    setting.write_json("db1/wanted.json", WANTED)
    for host, settings in FOUND.items():
        setting.write_json(f"{host}/app.json", settings)


def _drift_gold(_setting: Setting) -> Graph:
    tasks = [step("wanted", files.get_json, "db1", path="wanted.json")]
    for host in FOUND:
        drift = Ref(f"drift-{host}")
        tasks += [
            step(f"drift-{host}", auditing.drift, host, path="app.json", wanted=Ref("wanted")),
            step(
                f"repair-{host}",
                auditing.put_right,
                host,
                path="app.json",
                wanted=Ref("wanted"),
                when=Expr("len(drift) > 0", {"drift": drift}),
            ),
        ]
    tasks += [
        step("drifted", auditing.not_empty, None, found={host: Ref(f"drift-{host}") for host in FOUND}),
        step("write", files.put, "db1", path="drift.json", content=Ref("drifted")),
    ]
    return Graph(tasks)


DRIFTED = Exercise(
    name="drift",
    category="audit",
    words=(
        "Hold app.json on web1, web2, pi1 and big1 against wanted.json on db1. Where a setting is not as wanted, put "
        "it right in place and leave all others as they are. Write to drift.json on db1 which settings were wrong, as"
        " a JSON map from host to the sorted list, with those hosts only."
    ),
    build=_drift,
    gold=_drift_gold,
    subtasks=(
        Subtask("web2 is put right", json_is("web2/app.json", {**FOUND["web2"], **WANTED})),
        Subtask("pi1 is put right", json_is("pi1/app.json", {**FOUND["pi1"], **WANTED})),
        Subtask("what was wrong is written", json_is("db1/drift.json", DRIFT)),
    ),
    changes=("web2/app.json", "pi1/app.json", "db1/drift.json"),
)

# -- keys that everybody can read ---------------------------------------------------------------------------------

KEYS = {"web1": ("a.key",), "web2": (), "db1": ("main.key", "spare.key"), "big1": ("gpu.key",)}


def _open_keys(setting: Setting) -> None:
    for host, names in KEYS.items():
        setting.write(f"{host}/keys/good.key", "key")
        setting.path(f"{host}/keys/good.key").chmod(0o600)
        for name in names:
            setting.write(f"{host}/keys/{name}", "key")
            setting.path(f"{host}/keys/{name}").chmod(0o644)


def _open_keys_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            *(step(host, auditing.close_keys, host, paths="keys/*.key") for host in KEYS),
            step("count", auditing.not_empty, None, found={host: Ref(host) for host in KEYS}),
            step("write", files.put, "big1", path="closed.json", content=Ref("count")),
        ]
    )


OPEN_KEYS = Exercise(
    name="open-keys",
    category="audit",
    words=(
        "Make every keys/*.key on web1, web2, db1 and big1 that others than its owner can read private (mode 600), "
        "and write to closed.json on big1 which ones there were, as a JSON map from host to the sorted list of their "
        "names, with those hosts only."
    ),
    build=_open_keys,
    gold=_open_keys_gold,
    subtasks=(
        *(
            Subtask(f"the keys of {host} are private", is_private(*(f"{host}/keys/{name}" for name in names)))
            for host, names in KEYS.items()
            if names
        ),
        Subtask("they are listed", json_is("big1/closed.json", {host: list(n) for host, n in KEYS.items() if n})),
    ),
    changes=("big1/closed.json",),
)

# -- accounts of people who have left -----------------------------------------------------------------------------

STAFF = ("ada", "grace", "linus")
ACCOUNTS = {"web1": ("ada", "mallory", "grace"), "web2": ("linus", "ada"), "big1": ("mallory", "oscar", "linus")}


def _leavers(setting: Setting) -> None:
    setting.write_table("db1/staff.db", "staff", "name", [(name,) for name in STAFF])
    for host, names in ACCOUNTS.items():
        setting.write(f"{host}/accounts.txt", "".join(f"{name} active\n" for name in names))


def _leavers_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            step("staff", tables.ask, "db1", path="staff.db", sql="SELECT name FROM staff"),
            *(step(host, auditing.lock_leavers, host, path="accounts.txt", staff=Ref("staff")) for host in ACCOUNTS),
            step("locked", auditing.names_of, None, found={host: Ref(host) for host in ACCOUNTS}),
            step("write", files.put, "db1", path="locked.json", content=Ref("locked")),
        ],
        outputs={"answer": Ref("locked")},
    )


LEAVERS = Exercise(
    name="leavers",
    category="audit",
    words=(
        "In accounts.txt on web1, web2 and big1 (a name and a state in each line), lock the accounts of people who "
        "are not in the table staff of staff.db on db1: put locked in place of active. Write the sorted names of all "
        "who were locked anywhere to locked.json on db1, as a JSON list, and tell me."
    ),
    build=_leavers,
    gold=_leavers_gold,
    subtasks=(
        Subtask("locked on web1", lines_are("web1/accounts.txt", ("ada active", "mallory locked", "grace active"))),
        Subtask("locked on big1", lines_are("big1/accounts.txt", ("mallory locked", "oscar locked", "linus active"))),
        Subtask("they are listed", json_is("db1/locked.json", ["mallory", "oscar"])),
        Subtask("they are told", answer_has("mallory", "oscar")),
    ),
    changes=("web1/accounts.txt", "big1/accounts.txt", "db1/locked.json"),
)

# -- certificates that run out, renewed by an authority that is busy at first -------------------------------------

DAYS = {"web1": 90, "web2": 6, "pi1": 12, "big1": 200}
LEAST_DAYS = 14


def _certificates(setting: Setting) -> None:
    for host, days in DAYS.items():
        setting.write_json(f"{host}/certificate.json", {"host": host, "days": days})
    setting.serve("db1", {"/days": {"json": {"days": 365}, "status": 503, "times": 1, "delay_s": 0.3}})


def _certificates_gold(setting: Setting) -> Graph:
    tasks: list[Task] = []
    for host in DAYS:
        old, soon = Ref(f"read-{host}"), Expr(f"cert.days < {LEAST_DAYS}", {"cert": Ref(f"read-{host}")})
        retry = Retry(attempts=4, backoff_s=0.1, factor=1.0)
        tasks += [
            step(f"read-{host}", files.get_json, host, path="certificate.json", wait_s=0.4),
            step(f"ask-{host}", web.fetch_json, host, when=soon, retry=retry, url=f"{setting.address('db1')}/days"),
            step(
                f"renew-{host}",
                files.put,
                host,
                path="certificate.json",
                content={"host": old["host"], "days": Ref(f"ask-{host}", ("days",))},
            ),
        ]
    return Graph(tasks)


CERTIFICATES = Exercise(
    name="certificates",
    category="audit",
    words=(
        "Read certificate.json on web1, web2, pi1 and big1. Where it has less than 14 days, get a new number of days "
        "from {db1}/days, which may be busy at first: then ask again. Write it into certificate.json of that host. Do"
        " not ask for hosts that need none."
    ),
    build=_certificates,
    gold=_certificates_gold,
    subtasks=(
        Subtask("web2 has a new one", json_is("web2/certificate.json", {"host": "web2", "days": 365})),
        Subtask("pi1 has a new one", json_is("pi1/certificate.json", {"host": "pi1", "days": 365})),
        Subtask(
            "the others were left alone, and nothing was asked for them",
            every(
                was_asked("db1", "GET /days", 3),
                is_untouched("web1/certificate.json", "big1/certificate.json"),
            ),
        ),
    ),
    changes=("web2/certificate.json", "pi1/certificate.json"),
)

# -- nothing is repaired while its backup cannot be trusted -------------------------------------------------------

DATABASE = "CREATE TABLE prices (part, price);\n"


def _bad_backup(setting: Setting) -> None:
    setting.write_table("db1/prices.db", "prices", "part, price", [("bolt", -1), ("nut", 2)])
    for host in ("web1", "big1"):
        text = DATABASE if host == "web1" else DATABASE[:-9]  # this copy was cut off
        setting.write(f"{host}/backup/prices.sql", text)
    setting.write("db1/backup.sha256", hashlib.sha256(DATABASE.encode()).hexdigest())


def _bad_backup_gold(_setting: Setting) -> Graph:
    wanted = step("wanted", files.get_text, "db1", path="backup.sha256")
    checks = [
        step(
            f"check-{host}",
            auditing.must_match,
            host,
            path="backup/prices.sql",
            sha256=Ref("wanted"),
            report="backup/checked.txt",
        )
        for host in ("web1", "big1")
    ]
    repair = step("repair", tables.change, "db1", path="prices.db", sql="UPDATE prices SET price = 0 WHERE price < 0")
    return Graph([wanted, *checks, repair], [Edge(check.id, "repair") for check in checks])


BAD_BACKUP = Exercise(
    name="bad-backup",
    category="audit",
    words=(
        "Set negative prices in prices.db on db1 to 0, but only if both backups, backup/prices.sql on web1 and on "
        "big1, have the SHA-256 in backup.sha256 on db1. Leave what came out, matches or differs, in "
        "backup/checked.txt on each of the two. If one differs, change nothing and give the reason."
    ),
    build=_bad_backup,
    gold=_bad_backup_gold,
    subtasks=(
        Subtask("the good backup was checked", lines_are("web1/backup/checked.txt", ("matches",))),
        Subtask("the bad backup was found", lines_are("big1/backup/checked.txt", ("differs",))),
        Subtask(
            "nothing was changed, and the reason is given",
            every(
                reason_has("backup/prices.sql", "differs"),
                rows_are("db1/prices.db", "SELECT min(price) FROM prices", [(-1,)]),
                is_gone("db1/prices.db-journal"),
            ),
        ),
    ),
    changes=("*/backup/checked.txt",),
)

EXERCISES = (DRIFTED, OPEN_KEYS, LEAVERS, CERTIFICATES, BAD_BACKUP)
