"""Drills: something dies in the middle."""

from __future__ import annotations

import hashlib
from functools import cache

from orrery.bench.fleet.checks import (
    answer_has,
    every,
    file_is,
    is_gone,
    json_is,
    reason_has,
    rows_are,
    same_file,
    was_asked,
)
from orrery.bench.fleet.deeds import compute, files, sensors, tables, web
from orrery.bench.fleet.exercise import HUB, Check, Drill, Exercise, Subtask
from orrery.bench.fleet.setting import Setting, chance
from orrery.bench.fleet.steps import step
from orrery.graph import Edge, Graph, Place, Ref, Template

# -- words counted over 16 shards, while one of the workers is killed ---------------------------------------------

SHARDS = 16
VOCABULARY = ("red", "green", "blue", "orbit", "moon", "star", "comet")


def _shard(number: int) -> str:
    words = chance(number)
    return " ".join(words.choice(VOCABULARY) for _ in range(300)) + "\n"


COUNTS = compute.add_up([compute.counted(_shard(number)) for number in range(SHARDS)])


def _sixteen_shards(setting: Setting) -> None:
    for number in range(SHARDS):
        setting.write(f"db1/shards/{number:02}.txt", _shard(number))


def _sixteen_shards_gold(_setting: Setting) -> Graph:
    workers = Place(on=("web1", "web2", "pi1", "big1"))
    names = [f"count-{number:02}" for number in range(SHARDS)]
    return Graph(
        [
            step("shards", files.get_all, "db1", paths="shards/*.txt"),
            *(
                step(name, compute.count_words, workers, text=Ref("shards", (number,)), mark="work/begun")
                for number, name in enumerate(names)
            ),
            step("total", compute.add_up, None, counts=[Ref(name) for name in names]),
            step("write", files.put, "db1", path="words.json", content=Ref("total")),
        ]
    )


SIXTEEN_SHARDS = Exercise(
    name="sixteen-shards",
    category="drills",
    words=(
        "Count the words of the 16 files shards/*.txt on db1, on web1, web2, pi1 and big1 at once, and write the "
        "totals to words.json on db1, as a JSON map from word to count. One of the workers may die while it works."
    ),
    build=_sixteen_shards,
    gold=_sixteen_shards_gold,
    subtasks=(Subtask("every shard was counted, and each once", json_is("db1/words.json", COUNTS)),),
    changes=("db1/words.json", "*/work/begun"),
    drill=Drill(when="web2/work/begun", kills="web2"),
)

# -- a large file whose source dies half-way ----------------------------------------------------------------------

LARGE_BYTES = 50_000_000


def _release() -> bytes:
    return chance(5).randbytes(1_000_000) * (LARGE_BYTES // 1_000_000)


@cache
def _digest() -> str:
    return hashlib.sha256(_release()).hexdigest()


def _half_way(setting: Setting) -> None:
    release = _release()
    setting.write("web1/release.bin", release)
    setting.write("web2/mirror/release.bin", release)
    setting.write("db1/notes.txt", "release 5\n")
    setting.serve("web1", {"/release.bin": {"file": "release.bin", "cut_after": LARGE_BYTES // 2}})
    setting.serve("web2", {"/release.bin": {"file": "mirror/release.bin"}})


def _half_way_gold(setting: Setting) -> Graph:
    return Graph(
        [
            step("notes", files.get, "db1", path="notes.txt", wait_s=0.6),
            step("keep-notes", files.put, "big1", path="notes.txt", content=Ref("notes"), wait_s=0.2),
            step("source", web.download, "big1", url=f"{setting.address('web1')}/release.bin", path="release.bin"),
            step("mirror", web.download, "big1", url=f"{setting.address('web2')}/release.bin", path="release.bin"),
            step("hash", files.sha256, "big1", join=1, path="release.bin", wait_s=0.4),
            step("origin", files.sha256, "web2", path="mirror/release.bin", wait_s=0.6),
            step("same", compute.must_be_equal, None, values=[Ref("hash"), Ref("origin")]),
            step("say", files.put, "big1", path="release.sha256", content=Ref("same")),
        ],
        [Edge("source", "mirror", on="failure"), Edge("source", "hash"), Edge("mirror", "hash")],
    )


HALF_WAY = Exercise(
    name="half-way",
    category="drills",
    words=(
        "Copy notes.txt from db1 to big1, and download {web1}/release.bin to release.bin on big1. If the source "
        "breaks off, go on from there with the mirror {web2}/release.bin. Compare its SHA-256 with that of "
        "mirror/release.bin on web2, and if they are the same write it to release.sha256 on big1."
    ),
    build=_half_way,
    gold=_half_way_gold,
    subtasks=(
        Subtask("the notes are copied", file_is("big1/notes.txt", "release 5\n")),
        Subtask("the file is whole", same_file("big1/release.bin", "web1/release.bin")),
        Subtask(
            "the mirror gave the second half only", was_asked("web2", f"GET /release.bin from {LARGE_BYTES // 2}", 1)
        ),
        Subtask("its digest is written", lambda end: end.text("big1/release.sha256") == _digest()),
    ),
    changes=("big1/notes.txt", "big1/release.*"),
)

# -- the only camera dies and comes back; the only camera dies for good -------------------------------------------

LIGHTS = {"pi1": 80, "web1": 120, "web2": 40}
CAMERA = Place(skills=("camera",))


def _one_camera(setting: Setting) -> None:
    for host, light in LIGHTS.items():
        setting.write(f"{host}/view.pgm", b"P5\n16 16\n255\n" + bytes([light]) * 256)


def _one_camera_gold(_setting: Setting) -> Graph:
    where = {"pi1": CAMERA, "web1": Place(on=("web1",)), "web2": Place(on=("web2",))}
    tasks = []
    for host, place in where.items():
        mark = "work/begun" if host == "pi1" else ""
        tasks += [
            step(f"take-{host}", files.get, place, path="view.pgm", wait_s=0.5, mark=mark),
            step(f"light-{host}", sensors.brightness, "big1", picture=Ref(f"take-{host}")),
            step(f"keep-{host}", files.put, "big1", path=f"light/{host}.txt", content=Template([Ref(f"light-{host}")])),
        ]
    return Graph(tasks, outputs={host: Ref(f"keep-{host}") for host in LIGHTS})


def _kept(host: str) -> Check:
    return lambda end: float(end.text(f"big1/light/{host}.txt")) == LIGHTS[host]


_VIEWS = (
    "Take view.pgm from the device with the camera, from web1 and from web2, reckon the mean of its pixels on big1, "
    "and keep it there as light/HOST.txt (light/pi1.txt for the camera). "
)

RETURNS = Exercise(
    name="returns",
    category="drills",
    words=_VIEWS + "The device with the camera may die, and be back soon: do not give it up.",
    build=_one_camera,
    gold=_one_camera_gold,
    subtasks=tuple(Subtask(f"the light of {host} is kept", _kept(host)) for host in LIGHTS),
    changes=("big1/light/*", "pi1/work/begun"),
    drill=Drill(when="pi1/work/begun", kills="pi1", returns=True),
)

NO_SPARE = Exercise(
    name="no-spare",
    category="drills",
    words=_VIEWS + "The device with the camera may die for good: then do the others, and say what is missing.",
    build=_one_camera,
    gold=_one_camera_gold,
    subtasks=(
        Subtask("the light of web1 is kept", _kept("web1")),
        Subtask("the light of web2 is kept", _kept("web2")),
        Subtask("what is missing is said", every(reason_has("camera"), is_gone("big1/light/pi1.txt"))),
    ),
    changes=("big1/light/*", "pi1/work/begun"),
    drill=Drill(when="pi1/work/begun", kills="pi1"),
)

# -- a booking that must be made once, on a host that dies while it is made ---------------------------------------

BOOKED = (("rent", 900), ("water", 40), ("light", 25))


def _once_only(setting: Setting) -> None:
    setting.write_table("db1/bank.db", "bookings", "key, what, amount", [("old", "salary", 2000)])
    for host, (what, amount) in zip(("web1", "web2", "big1"), BOOKED, strict=True):
        setting.write_json(f"{host}/bill.json", {"what": what, "amount": amount})


def _once_only_gold(_setting: Setting) -> Graph:
    tasks = []
    for host in ("web1", "web2", "big1"):
        bill = Ref(f"bill-{host}")
        tasks += [
            step(f"bill-{host}", files.get_json, host, path="bill.json", wait_s=0.4),
            step(f"book-{host}", tables.book, "db1", effects="keyed", path="bank.db", bill=bill, mark="work/booked"),
        ]
    return Graph(
        [
            *tasks,
            step("total", tables.ask, "db1", join=3, path="bank.db", sql="SELECT sum(amount) FROM bookings"),
        ],
        [Edge(f"book-{host}", "total") for host in ("web1", "web2", "big1")],
        outputs={"answer": Ref("total")},
    )


ONCE_ONLY = Exercise(
    name="once-only",
    category="drills",
    words=(
        "Book the bills in bill.json of web1, web2 and big1 (what, amount) in the table bookings of bank.db on db1, "
        "each once and never twice, even if db1 dies while it books and comes back. Tell me the sum of all amounts."
    ),
    build=_once_only,
    gold=_once_only_gold,
    subtasks=(
        Subtask(
            "each bill is booked, and once",
            rows_are("db1/bank.db", "SELECT what, amount FROM bookings ORDER BY amount",
                     [("light", 25), ("water", 40), ("rent", 900), ("salary", 2000)]),
        ),
        Subtask("the sum is told", answer_has(2965)),
    ),
    changes=("db1/bank.db", "db1/bank.db-journal", "db1/work/booked"),
    drill=Drill(when="db1/work/booked", kills="db1", returns=True),
)  # fmt: skip

# -- the hub dies and comes back ----------------------------------------------------------------------------------

TOOLS = ("web1", "web2", "pi1", "big1")


def _hub_dies(setting: Setting) -> None:
    for number, host in enumerate(TOOLS):
        setting.write(f"{host}/text.txt", _shard(number))


def _hub_dies_gold(_setting: Setting) -> Graph:
    tasks = []
    for host in TOOLS:
        tasks += [
            step(f"read-{host}", files.get_text, host, path="text.txt", mark="work/begun", wait_s=0.6),
            step(f"count-{host}", compute.count_words, host, text=Ref(f"read-{host}")),
        ]
    return Graph(
        [
            *tasks,
            step("total", compute.add_up, None, counts=[Ref(f"count-{host}") for host in TOOLS]),
            step("write", files.put, "db1", path="words.json", content=Ref("total")),
        ]
    )


HUB_DIES = Exercise(
    name="hub-dies",
    category="drills",
    words=(
        "Count the words of text.txt on web1, web2, pi1 and big1, each there, and write the totals to words.json on "
        "db1, as a JSON map from word to count. The hub may die meanwhile and come back."
    ),
    build=_hub_dies,
    gold=_hub_dies_gold,
    subtasks=(
        Subtask(
            "the totals are on db1",
            json_is("db1/words.json", compute.add_up([compute.counted(_shard(n)) for n in range(len(TOOLS))])),
        ),
    ),
    changes=("db1/words.json", "*/work/begun"),
    drill=Drill(when="web1/work/begun", kills=HUB, returns=True),
)

EXERCISES = (SIXTEEN_SHARDS, HALF_WAY, RETURNS, NO_SPARE, ONCE_ONLY, HUB_DIES)
