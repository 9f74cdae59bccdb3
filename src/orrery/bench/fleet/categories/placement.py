"""Placement: work that can be done only where there is what it needs."""

from __future__ import annotations

from orrery.bench.fleet.checks import answer_has, answer_lists, every, file_is, is_gone, is_there, json_is, rows_are
from orrery.bench.fleet.deeds import compute, files, sensors, tables
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting, chance
from orrery.bench.fleet.steps import step
from orrery.graph import ITEM, Each, Edge, Graph, Place, Ref, Template

# -- six tiny models trained where there is a GPU, the best one judged elsewhere ----------------------------------

RATES = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2)
GPU = Place(skills=("gpu",))


def _points(count: int, seed: int) -> list[list[float]]:
    dice = chance(seed)
    return [
        [x, round(2.5 * x - 1 + dice.gauss(0, 0.1), 4)] for x in (round(dice.uniform(-2, 2), 4) for _ in range(count))
    ]


TRAINING, TEST = _points(60, 1), _points(30, 2)
MODELS = [compute.train(TRAINING, rate, 0.0) for rate in RATES]
BEST = compute.best(MODELS)


def _six_models(setting: Setting) -> None:
    setting.write_json("db1/training.json", TRAINING)
    setting.write_json("web2/test.json", TEST)


def _six_models_gold(_setting: Setting) -> Graph:
    trained = [
        step(f"train-{n}", compute.train, GPU, effects="pure", points=Ref("points"), rate=rate)
        for n, rate in enumerate(RATES)
    ]
    return Graph(
        [
            step("points", files.get_json, "db1", path="training.json"),
            *trained,
            step("best", compute.best, None, models=[Ref(task.id) for task in trained]),
            step("keep", files.put, GPU, path="best.json", content=Ref("best")),
            step("test", files.get_json, "web2", path="test.json"),
            step("judge", compute.judge, "web2", model=Ref("best"), points=Ref("test")),
            step("report", files.put, "web2", path="judged.json", content=Ref("judge")),
        ],
        outputs={"answer": Ref("judge")},
    )


SIX_MODELS = Exercise(
    name="six-models",
    category="placement",
    words=(
        "Train a line on the points in training.json on db1 with the rates 0.0001, 0.001, 0.01, 0.05, 0.1 and 0.2, on"
        " a device with a gpu. Keep the one with the least loss as best.json on that device, judge it on the points "
        "of test.json on web2, write its rate and its loss there to judged.json on web2, and tell me both."
    ),
    build=_six_models,
    gold=_six_models_gold,
    subtasks=(
        Subtask("the best model is kept", json_is("big1/best.json", BEST)),
        Subtask("it is judged elsewhere", json_is("web2/judged.json", compute.judge(BEST, TEST, 0.0))),
        Subtask("the figures are told", every(answer_has(BEST["rate"]), is_there("web2/judged.json"))),
    ),
    changes=("big1/best.json", "web2/judged.json"),
)

# -- each step where there is the skill for it, no device named ---------------------------------------------------

FRAMES = 3


def _by_skill(setting: Setting) -> None:
    for number in range(FRAMES):
        setting.write(f"pi1/frames/{number}.pgm", b"P5\n8 8\n255\n" + bytes([40 * (number + 1)]) * 64)
    setting.write_json("web2/limits.json", {"least": 60})


LIT = [[0, 40.0], [1, 80.0], [2, 120.0]]


def _by_skill_gold(_setting: Setting) -> Graph:
    camera, gpu, database = (Place(skills=(skill,)) for skill in ("camera", "gpu", "database"))
    numbers = range(FRAMES)
    return Graph(
        [
            *(step(f"take-{n}", files.get, camera, path=f"frames/{n}.pgm", wait_s=0.2) for n in numbers),
            *(step(f"light-{n}", sensors.brightness, gpu, picture=Ref(f"take-{n}"), wait_s=0.6) for n in numbers),
            step("limits", files.get_json, Place(skills=("tester",)), path="limits.json"),
            step("store", tables.store, database, path="lights.db", values=[Ref(f"light-{n}") for n in numbers]),
            step("dark", sensors.below, None, values={str(n): Ref(f"light-{n}") for n in numbers},
                 least=Ref("limits", ("least",))),
        ],
        outputs={"answer": Ref("dark")},
    )  # fmt: skip


BY_SKILL = Exercise(
    name="by-skill",
    category="placement",
    words=(
        "Take frames/0.pgm, frames/1.pgm and frames/2.pgm where there is a camera, reckon the mean of the pixels of "
        "each where there is a gpu, and store them as the table lights (number, light) of a new lights.db where there"
        " is a database. Tell me the numbers of the frames below the least in limits.json of the device that is a "
        "tester."
    ),
    build=_by_skill,
    gold=_by_skill_gold,
    subtasks=(
        Subtask("the means are stored", rows_are("db1/lights.db", "SELECT * FROM lights ORDER BY number", LIT)),
        Subtask("the dark frame is told", answer_lists("0")),
    ),
    changes=("db1/lights.db",),
)

# -- replicas that must not lie on one device ---------------------------------------------------------------------

LEDGER = "".join(f"entry {n}\n" for n in range(500))


def _replicas(setting: Setting) -> None:
    for name in ("ledger", "journal"):
        setting.write(f"db1/{name}.txt", f"{name}\n{LEDGER}")


def _replicas_gold(_setting: Setting) -> Graph:
    servers = Place(skills=("web",))
    tasks = []
    for name in ("ledger", "journal"):
        first, path = Ref(f"first-{name}"), f"replica/{name}.txt"
        tasks += [
            step(f"read-{name}", files.get_text, "db1", path=f"{name}.txt"),
            step(f"first-{name}", files.put, servers, path=path, content=Ref(f"read-{name}"), wait_s=0.4),
            step(
                f"second-{name}",
                files.put,
                Place(skills=("web",), apart=(first,)),
                path=path,
                content=Ref(f"read-{name}"),
                wait_s=0.4,
            ),
        ]
    return Graph(tasks)


REPLICAS = Exercise(
    name="replicas",
    category="placement",
    words=(
        "Keep two replicas of ledger.txt and two of journal.txt of db1, as replica/ledger.txt and "
        "replica/journal.txt, on web servers. The two replicas of a file must not lie on one device."
    ),
    build=_replicas,
    gold=_replicas_gold,
    subtasks=tuple(
        Subtask(f"{name} is on {host}", file_is(f"{host}/replica/{name}.txt", f"{name}\n{LEDGER}"))
        for name in ("ledger", "journal")
        for host in ("web1", "web2")
    ),
    changes=("web1/replica/*", "web2/replica/*"),
)

# -- what goes on where it began ----------------------------------------------------------------------------------

ORDERS = {"small": 40, "large": 90}


def _beside(setting: Setting) -> None:
    for name, count in ORDERS.items():
        setting.write(f"db1/{name}.txt", "".join(f"{name} {n}\n" for n in range(count)))


def _beside_gold(_setting: Setting) -> Graph:
    tasks = []
    for name in ORDERS:
        unpacked = Ref(f"unpack-{name}")
        tasks += [
            step(f"read-{name}", files.packed, "db1", path=f"{name}.txt"),
            step(
                f"unpack-{name}",
                files.unpack,
                Place(skills=("web",)),
                path=f"work/{name}.txt",
                data=Ref(f"read-{name}"),
            ),
            step(f"count-{name}", files.count_lines, Place(beside=unpacked), path=unpacked),
            step(f"clean-{name}", files.remove, Place(beside=unpacked), path=f"work/{name}.txt", wait_s=0.2),
        ]
    edges = [Edge(f"count-{name}", f"clean-{name}") for name in ORDERS]
    counts = {name: Ref(f"count-{name}") for name in ORDERS}
    tasks.append(step("write", files.put, "big1", path="counts.json", content=counts))
    return Graph(tasks, edges, outputs={"answer": counts})  # fmt: skip


BESIDE = Exercise(
    name="beside",
    category="placement",
    words=(
        "Unpack small.txt and large.txt of db1 into work/ on some web server each, count their lines on the very "
        "device on which they were unpacked, and remove them there again. Write the numbers to counts.json on big1, "
        "as a JSON map from small and large to number, and tell me."
    ),
    build=_beside,
    gold=_beside_gold,
    subtasks=(
        Subtask("the numbers are on big1", json_is("big1/counts.json", ORDERS)),
        Subtask(
            "nothing is left behind, and the numbers are told",
            every(
                answer_has(*ORDERS.values()),
                is_gone(*(f"{host}/work/{name}.txt" for host in ("web1", "web2") for name in ORDERS)),
            ),
        ),
    ),
    changes=("big1/counts.json",),
)

# -- work that goes where the data lie, as an index says ----------------------------------------------------------

DATA = {"roads": ("web1", 30), "rivers": ("pi1", 12), "towns": ("big1", 55), "peaks": ("web2", 21)}


def _where_it_lies(setting: Setting) -> None:
    index = [{"name": name, "host": host} for name, (host, _) in DATA.items()]
    setting.write_json("db1/index.json", index)
    for name, (host, count) in DATA.items():
        setting.write(f"{host}/data/{name}.txt", "".join(f"{name} {n}\n" for n in range(count)))


def _where_it_lies_gold(_setting: Setting) -> Graph:
    item = Ref(ITEM)
    return Graph(
        [
            step("index", files.get_json, "db1", path="index.json"),
            step(
                "count",
                files.count_lines,
                Place(on=(item["host"],)),
                each=Each(Ref("index")),
                path=Template(["data/", item["name"], ".txt"]),
            ),
            step("report", files.zipped, None, names=Ref("index"), values=Ref("count")),
            step("write", files.put, "db1", path="counted.json", content=Ref("report")),
        ],
        outputs={"answer": Ref("report")},
    )


WHERE_IT_LIES = Exercise(
    name="where-it-lies",
    category="placement",
    words=(
        "index.json on db1 says on which host each data set lies, as data/NAME.txt. Count the lines of each there, "
        "without moving it, and write the numbers to counted.json on db1, as a JSON map from name to number."
    ),
    build=_where_it_lies,
    gold=_where_it_lies_gold,
    subtasks=(
        Subtask("they are counted", json_is("db1/counted.json", {name: count for name, (_, count) in DATA.items()})),
    ),
    changes=("db1/counted.json",),
)

EXERCISES = (SIX_MODELS, BY_SKILL, REPLICAS, BESIDE, WHERE_IT_LIES)
