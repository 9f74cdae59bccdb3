"""Hand-over: files go from device to device, and change their form on the way."""

from __future__ import annotations

import hashlib

from orrery.bench.fleet.checks import (
    answer_has,
    answer_lacks,
    every,
    file_is,
    is_untouched,
    json_is,
    rows_are,
    same_file,
)
from orrery.bench.fleet.deeds import files, forms, tables
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting, chance
from orrery.bench.fleet.steps import step
from orrery.graph import Graph, Ref

# -- databases dumped here, restored and compared there -----------------------------------------------------------

ORDERS = [(n, f"customer {n % 7}", n * 3 % 101) for n in range(400)]
STOCK = [(f"part {n}", n % 13) for n in range(150)]


def _dumps(setting: Setting) -> None:
    setting.write_table("db1/orders.db", "orders", "id, customer, amount", ORDERS)
    setting.write_table("db1/stock.db", "stock", "part, pieces", STOCK)


def _dumps_gold(_setting: Setting) -> Graph:
    tasks = []
    for name in ("orders", "stock"):
        tasks += [
            step(f"dump-{name}", tables.dump, "db1", path=f"{name}.db"),
            step(f"before-{name}", tables.fingerprints, "db1", path=f"{name}.db"),
            step(f"restore-{name}", tables.restore, "big1", path=f"copies/{name}.db", script=Ref(f"dump-{name}")),
            step(f"after-{name}", tables.fingerprints, "big1", path=Ref(f"restore-{name}")),
        ]
    same = {name: [Ref(f"before-{name}"), Ref(f"after-{name}")] for name in ("orders", "stock")}
    tasks.append(step("compare", tables.compare, None, pairs=same))
    return Graph(tasks, outputs={"answer": Ref("compare")})


DUMPS = Exercise(
    name="dumps",
    category="handover",
    words=(
        "Dump the databases orders.db and stock.db on db1, restore them as copies/orders.db and copies/stock.db on "
        "big1, compare every table there with the original, and tell me for each database whether it is the same or "
        "different."
    ),
    build=_dumps,
    gold=_dumps_gold,
    subtasks=(
        Subtask(
            "orders restored",
            rows_are("big1/copies/orders.db", "SELECT count(*), sum(amount) FROM orders",
                     [(len(ORDERS), sum(row[2] for row in ORDERS))]),
        ),
        Subtask(
            "stock restored",
            rows_are("big1/copies/stock.db", "SELECT count(*), sum(pieces) FROM stock",
                     [(len(STOCK), sum(row[1] for row in STOCK))]),
        ),
        Subtask(
            "the comparison is told",
            every(
                answer_has("orders", "stock", "same"),
                answer_lacks("different"),
                is_untouched("db1/orders.db", "db1/stock.db"),
            ),
        ),
    ),
    changes=("big1/copies/*",),
)  # fmt: skip

# -- tables that change their form on the way ---------------------------------------------------------------------

PEOPLE = [("Ada", 36, "London"), ("Grace", 45, "New York"), ("Linus", 28, "Helsinki")]
PRICES = [("bolt", 0.25), ("nut", 0.1), ("gear", 12.5)]


def _forms(setting: Setting) -> None:
    setting.write("web1/people.csv", "name,age,city\n" + "".join(f"{n},{a},{c}\n" for n, a, c in PEOPLE))
    setting.write("web2/prices.csv", "part;price\n" + "".join(f"{part};{price}\n" for part, price in PRICES))


def _forms_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            step("people", forms.read_csv, "web1", path="people.csv", separator=","),
            step("as-json", files.put, "big1", path="people.json", content=Ref("people"), wait_s=0.4),
            step("prices", forms.read_csv, "web2", path="prices.csv", separator=";"),
            step("as-table", forms.to_table, "db1", path="prices.db", table="prices", records=Ref("prices")),
        ]
    )


FORMS = Exercise(
    name="forms",
    category="handover",
    words=(
        "Turn people.csv on web1 into people.json on big1, a JSON list of objects in which the age is a number, and "
        "prices.csv on web2, whose columns are separated by semicolons, into the table prices (part, price) of the "
        "SQLite database prices.db on db1, with the prices as numbers."
    ),
    build=_forms,
    gold=_forms_gold,
    subtasks=(
        Subtask(
            "the people are JSON on big1",
            json_is("big1/people.json", [{"name": n, "age": a, "city": c} for n, a, c in PEOPLE]),
        ),
        Subtask(
            "the prices are a table on db1",
            rows_are(
                "db1/prices.db",
                "SELECT part, price FROM prices ORDER BY price DESC",
                sorted(PRICES, key=lambda p: -p[1]),
            ),
        ),
    ),
    changes=("big1/people.json", "db1/prices.db"),
)

# -- two files that pass four hands, in opposite directions -------------------------------------------------------

WAYS = {"letter": ("web1", "web2", "db1", "big1"), "parcel": ("big1", "db1", "web2", "web1")}


def _relay(setting: Setting) -> None:
    for name, way in WAYS.items():
        setting.write(f"{way[0]}/{name}.txt", f"{name} for you\n")


def _relayed(name: str, way: tuple[str, ...]) -> str:
    return f"{name} for you\n" + "".join(f"seen by {host}\n" for host in way)


def _relay_gold(_setting: Setting) -> Graph:
    tasks = []
    for name, way in WAYS.items():
        tasks.append(step(f"{name}-0", forms.signed, way[0], text="", path=f"{name}.txt", host=way[0]))
        for number, host in enumerate(way[1:], 1):
            text = Ref(f"{name}-{number - 1}")
            tasks.append(step(f"{name}-{number}", forms.signed, host, text=text, path="", host=host))
        tasks.append(step(f"{name}-end", files.put, way[-1], path=f"{name}-signed.txt", content=Ref(f"{name}-3")))
    return Graph(tasks)


RELAY = Exercise(
    name="relay",
    category="handover",
    words=(
        "Pass letter.txt from web1 over web2 and db1 to big1, and parcel.txt from big1 over db1 and web2 to web1. "
        'Each of the four adds a line "seen by HOST" at the end, the first one too, with its own name. At the end '
        "they are to lie there as letter-signed.txt and parcel-signed.txt."
    ),
    build=_relay,
    gold=_relay_gold,
    subtasks=tuple(
        Subtask(f"the {name} has arrived", file_is(f"{way[-1]}/{name}-signed.txt", _relayed(name, way)))
        for name, way in WAYS.items()
    ),
    changes=("big1/letter-signed.txt", "web1/parcel-signed.txt"),
)

# -- compressed here, unpacked there, and compared ----------------------------------------------------------------

ARCHIVED = {"web1": b"orders " * 20_000, "web2": b"visits " * 30_000, "pi1": b"frames " * 5_000}


def _archive(setting: Setting) -> None:
    for host, data in ARCHIVED.items():
        setting.write(f"{host}/today.dat", data)


def _archive_gold(_setting: Setting) -> Graph:
    tasks = []
    for host in ARCHIVED:
        tasks += [
            step(f"pack-{host}", files.packed, host, path="today.dat"),
            step(f"unpack-{host}", files.unpack, "db1", path=f"archive/{host}.dat", data=Ref(f"pack-{host}")),
            step(f"here-{host}", files.sha256, host, path="today.dat"),
            step(f"there-{host}", files.sha256, "db1", path=Ref(f"unpack-{host}")),
        ]
    pairs = {host: [Ref(f"here-{host}"), Ref(f"there-{host}")] for host in ARCHIVED}
    tasks += [
        step("compare", tables.compare, None, pairs=pairs),
        step("say", files.put, "db1", path="archive/compared.json", content=Ref("compare")),
    ]
    return Graph(tasks, outputs={"answer": Ref("compare")})


ARCHIVE = Exercise(
    name="archive",
    category="handover",
    words=(
        "Copy today.dat from web1, web2 and pi1 to archive/HOST.dat on db1, compressed with gzip on the way. Compare "
        'the SHA-256 at both ends, and write to archive/compared.json on db1 for each host "same" or "different", as '
        "JSON."
    ),
    build=_archive,
    gold=_archive_gold,
    subtasks=(
        *(
            Subtask(f"that of {host} is there", file_is(f"db1/archive/{host}.dat", data))
            for host, data in ARCHIVED.items()
        ),
        Subtask("they were compared", json_is("db1/archive/compared.json", dict.fromkeys(ARCHIVED, "same"))),
    ),
    changes=("db1/archive/*",),
)

# -- a large file kept in four parts, and put together again ------------------------------------------------------

KEEPERS = ("web1", "web2", "db1", "pi1")
WHOLE = chance(11).randbytes(1_200_000)


def _parts(setting: Setting) -> None:
    setting.write("big1/whole.bin", WHOLE)


def _parts_gold(_setting: Setting) -> Graph:
    tasks = []
    for number, host in enumerate(KEEPERS):
        tasks += [
            step(f"cut-{host}", forms.part_of, "big1", path="whole.bin", number=number, of=len(KEEPERS)),
            step(f"keep-{host}", files.put, host, path="kept.bin", content=Ref(f"cut-{host}"), wait_s=0.4),
            step(f"bring-{host}", files.get, host, path=Ref(f"keep-{host}"), wait_s=0.4),
        ]
    return Graph(
        [
            *tasks,
            step("join", forms.joined, "big1", path="again.bin", parts=[Ref(f"bring-{host}") for host in KEEPERS]),
        ],
        outputs={"answer": Ref("join")},
    )


PARTS = Exercise(
    name="parts",
    category="handover",
    words=(
        "Cut whole.bin on big1 into four parts of equal size, keep one each as kept.bin on web1, web2, db1 and pi1, "
        "in this order, then bring them back from there and join them as again.bin on big1. Tell me its SHA-256."
    ),
    build=_parts,
    gold=_parts_gold,
    subtasks=(
        *(
            Subtask(f"{host} keeps its part", file_is(f"{host}/kept.bin", forms.cut(WHOLE, number, len(KEEPERS))))
            for number, host in enumerate(KEEPERS)
        ),
        Subtask("the whole is there again", same_file("big1/again.bin", "big1/whole.bin")),
        Subtask("its digest is told", answer_has(hashlib.sha256(WHOLE).hexdigest())),
    ),
    changes=("*/kept.bin", "big1/again.bin"),
)

# -- texts in three encodings, brought together in one ------------------------------------------------------------

TEXTS = {"web1": ("latin-1", "Käse für Zoë"), "web2": ("utf-16", "naïve façade"), "db1": ("utf-8", "smørrebrød")}
TOGETHER = "".join(f"{host}: {text}\n" for host, (_, text) in TEXTS.items())


def _encodings(setting: Setting) -> None:
    for host, (encoding, text) in TEXTS.items():
        setting.write(f"{host}/menu.txt", text.encode(encoding))


def _encodings_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            *(step(h, forms.read_text, h, path="menu.txt", encoding=encoding) for h, (encoding, _) in TEXTS.items()),
            step("write", forms.labelled, "big1", path="menus.txt", texts={host: Ref(host) for host in TEXTS}),
            step("check", files.sha256, "big1", path=Ref("write")),
        ],
        outputs={"answer": Ref("check")},
    )


ENCODINGS = Exercise(
    name="encodings",
    category="handover",
    words=(
        "Bring menu.txt of web1 (Latin-1), web2 (UTF-16) and db1 (UTF-8) together in menus.txt on big1, in UTF-8, a "
        'line "HOST: TEXT" each in this order, and tell me the SHA-256 of the result.'
    ),
    build=_encodings,
    gold=_encodings_gold,
    subtasks=(
        Subtask("the texts are together", file_is("big1/menus.txt", TOGETHER)),
        Subtask("the digest is told", answer_has(hashlib.sha256(TOGETHER.encode()).hexdigest())),
    ),
    changes=("big1/menus.txt",),
)

EXERCISES = (DUMPS, FORMS, RELAY, ARCHIVE, PARTS, ENCODINGS)
