"""Logs: collected and correlated from many hosts."""

from __future__ import annotations

from typing import Any

from orrery.bench.fleet.checks import answer_has, file_is, json_has, json_is, lines_are
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


# -- rotated logs, one compressed, one badly encoded, one missing -------------------------------------------------

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


# -- slow requests traced from the database back to the pages that asked ------------------------------------------

PAGES = {"web1": ("/cart", "/search", "/home"), "web2": ("/search", "/pay", "/home")}
SLOW_OVER_MS = 1000


def _correlate(setting: Setting) -> None:
    for host, pages in PAGES.items():
        lines = [f"2026-03-02T09:00:{n:02}Z id={host}-{n} path={pages[n % 3]} status=200" for n in range(24)]
        setting.write(f"{host}/access.log", "\n".join(lines) + "\n")
    queries = [(host, n) for n in range(24) for host in PAGES]
    lines = [
        f"2026-03-02T09:00:{n:02}Z id={host}-{n} ms={SLOW_OVER_MS + 400 if (n, host) in SLOW else 20 + n} query=SELECT"
        for host, n in queries
    ]
    setting.write("db1/queries.log.gz", "\n".join(lines) + "\n")


SLOW = {(4, "web1"), (7, "web1"), (4, "web2"), (13, "web2")}
BY_PAGE = {"web1 /search": 2, "web2 /pay": 2}


def _correlate_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            step("slow", logs.values_where, "db1", path="queries.log.gz", value="id", over=["ms", SLOW_OVER_MS]),
            *(step(host, logs.field_by_id, host, path="access.log", field="path") for host in PAGES),
            step("pages", logs.pages_of, "big1", ids=Ref("slow"), pages={host: Ref(host) for host in PAGES}),
            step("write", files.put, "big1", path="slow.json", content=Ref("pages")),
        ],
        outputs={"answer": Ref("pages")},
    )


CORRELATE = Exercise(
    name="correlate",
    category="logs",
    words=(
        "In queries.log.gz on db1 find the ids of the queries that took more than 1000 ms, and look up in access.log "
        "on web1 and on web2 which paths they came from. Write how often each page was slow to slow.json on big1, as "
        'a JSON map from "HOST PATH" to the number, and tell me.'
    ),
    build=_correlate,
    gold=_correlate_gold,
    subtasks=(
        Subtask("the slow pages are on big1", json_is("big1/slow.json", BY_PAGE)),
        Subtask("they are told", answer_has("web1 /search", "web2 /pay")),
    ),
    changes=("big1/slow.json",),
)

# -- the clients that ask most, over all hosts --------------------------------------------------------------------

CLIENTS = {
    "web1": {"10.0.0.1": 30, "10.0.0.2": 12, "10.0.0.3": 3},
    "web2": {"10.0.0.2": 25, "10.0.0.4": 8},
    "big1": {"10.0.0.4": 21, "10.0.0.1": 2, "10.0.0.9": 1},
}
MOST = {"10.0.0.2": 37, "10.0.0.1": 32, "10.0.0.4": 29}


def _top_clients(setting: Setting) -> None:
    for host, clients in CLIENTS.items():
        lines = [
            f'{client} - - [02/Mar/2026:10:00:{n % 60:02} +0000] "GET /{n} HTTP/1.1" 200 512'
            for client, count in clients.items()
            for n in range(count)
        ]
        setting.write(f"{host}/logs/access.log", "\n".join(lines[::2]) + "\n")
        setting.write(f"{host}/logs/access.log.1.gz", "\n".join(lines[1::2]) + "\n")


def _top_clients_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            *(step(host, logs.first_words, host, paths="logs/access.log*") for host in CLIENTS),
            step("most", logs.most_frequent, None, counts=[Ref(host) for host in CLIENTS], most=3),
            step("write", files.put, "db1", path="clients.json", content=Ref("most"), wait_s=0.2),
        ],
        outputs={"answer": Ref("most")},
    )


TOP_CLIENTS = Exercise(
    name="top-clients",
    category="logs",
    words=(
        "Which three clients asked most often, over all of logs/access.log* on web1, web2 and big1 together? Write "
        "them to clients.json on db1, as a JSON map from address to number of requests, and tell me."
    ),
    build=_top_clients,
    gold=_top_clients_gold,
    subtasks=(
        Subtask("the three are on db1", json_is("db1/clients.json", MOST)),
        Subtask("they are told", answer_has(*MOST)),
    ),
    changes=("db1/clients.json",),
)

# -- one log in the order of time, from five devices --------------------------------------------------------------

HOSTS = ("web1", "web2", "db1", "pi1", "big1")
SINCE = "2026-03-03T12:00:00Z"


def _event(host: str, n: int) -> str:
    return f"2026-03-03T{11 + n // 4:02}:{(n * 7 + len(host) + ord(host[0])) % 60:02}:00Z {host} event {n}"


MERGED = sorted(line for host in HOSTS for n in range(8) if (line := _event(host, n)) >= SINCE)


def _in_order(setting: Setting) -> None:
    for host in HOSTS:
        setting.write(f"{host}/events.log", "\n".join(sorted(_event(host, n) for n in range(8))) + "\n")


def _in_order_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            *(step(host, logs.lines_since, host, path="events.log", since=SINCE) for host in HOSTS),
            step("merge", logs.merged, "big1", parts=[Ref(host) for host in HOSTS]),
            step("write", files.put, "big1", path="merged.log", content=Ref("merge")),
        ]
    )


IN_ORDER = Exercise(
    name="in-order",
    category="logs",
    words=(
        f"Collect the lines of events.log since {SINCE} from web1, web2, db1, pi1 and big1, and write them to "
        "merged.log on big1, in the order of time."
    ),
    build=_in_order,
    gold=_in_order_gold,
    subtasks=(
        Subtask("all lines are there", lines_are("big1/merged.log", MERGED, any_order=True)),
        Subtask("they are in order", lines_are("big1/merged.log", MERGED)),
    ),
    changes=("big1/merged.log",),
)

# -- passwords taken out of logs where they lie -------------------------------------------------------------------

LEAKS = {"web1": 3, "web2": 0, "db1": 5, "pi1": 1}


def _with_passwords(count: int, password: str) -> str:
    lines = [f"login user={n} password={password if n < count else 'none-given'}" for n in range(max(4, count))]
    return "\n".join(line.replace(" password=none-given", "") for line in lines) + "\n"


def _passwords(setting: Setting) -> None:
    for host, count in LEAKS.items():
        setting.write(f"{host}/auth.log", _with_passwords(count, f"secret-{host}"))


def _passwords_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            *(step(host, logs.mask, host, path="auth.log", name="password") for host in LEAKS),
            step("write", files.put, "big1", path="masked.json", content={host: Ref(host) for host in LEAKS}),
        ]
    )


PASSWORDS = Exercise(
    name="passwords",
    category="logs",
    words=(
        "Replace the value after password= by *** in every line of auth.log on web1, web2, db1 and pi1, in place, and"
        " write how many lines were changed to masked.json on big1, as a JSON map from host to number."
    ),
    build=_passwords,
    gold=_passwords_gold,
    subtasks=(
        *(
            Subtask(f"no password is left on {host}", file_is(f"{host}/auth.log", _with_passwords(count, "***")))
            for host, count in LEAKS.items()
            if count
        ),
        Subtask("the numbers are on big1", json_is("big1/masked.json", LEAKS)),
    ),
    changes=("*/auth.log", "big1/masked.json"),
)

# -- gaps in heartbeats; one log cannot be read, and that is part of the report -----------------------------------

BEATS = {"web1": (0, 5, 10, 15, 20), "web2": (0, 5, 10, 25, 30), "big1": (0, 5, 10, 15, 40)}
GAPS = {"web1": 5, "web2": 15, "big1": 25, "db1": "unreadable"}


def _gaps(setting: Setting) -> None:
    for host, minutes in BEATS.items():
        setting.write(f"{host}/beats.log.gz", "".join(f"2026-03-04T08:{minute:02}:00Z beat\n" for minute in minutes))
    setting.write("db1/beats.log.gz", "", damaged=True)


def _gaps_gold(_setting: Setting) -> Graph:
    hosts = list(GAPS)
    return Graph(
        [
            *(step(host, logs.longest_gap, host, path="beats.log.gz") for host in hosts),
            step("report", logs.or_unreadable, None, found={host: Ref(host) for host in hosts}),
            step("write", files.put, "big1", path="gaps.json", content=Ref("report")),
        ],
        [Edge(host, "report", on="completion") for host in hosts],
        outputs={"answer": Ref("report")},
    )


GAPS_IN_BEATS = Exercise(
    name="gaps",
    category="logs",
    words=(
        "Find the longest gap in minutes between two heartbeats in beats.log.gz on web1, web2, db1 and big1, and "
        'write it to gaps.json on big1, as a JSON map from host to minutes; "unreadable" for a host whose log cannot '
        "be read."
    ),
    build=_gaps,
    gold=_gaps_gold,
    subtasks=(
        Subtask("the gaps are on big1", json_has("big1/gaps.json", {host: GAPS[host] for host in BEATS})),
        Subtask("the unreadable one is named", json_is("big1/gaps.json", GAPS)),
    ),
    changes=("big1/gaps.json",),
)

EXERCISES = (ROTATED, CORRELATE, TOP_CLIENTS, IN_ORDER, PASSWORDS, GAPS_IN_BEATS)
