"""Drills: something dies in the middle."""

from __future__ import annotations

import hashlib
from functools import cache

from orrery.bench.fleet.checks import file_is, json_is, same_file, was_asked
from orrery.bench.fleet.deeds import compute, files, web
from orrery.bench.fleet.exercise import Drill, Exercise, Subtask
from orrery.bench.fleet.setting import Setting, chance
from orrery.bench.fleet.steps import step
from orrery.graph import Edge, Graph, Place, Ref

# -- words counted over 16 shards, while one of the workers is killed -------------------------------------------

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

# -- a large file whose source dies half-way --------------------------------------------------------------------

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

EXERCISES = (SIXTEEN_SHARDS, HALF_WAY)
