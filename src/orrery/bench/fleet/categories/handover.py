"""Hand-over: files go from device to device, and change their form on the way."""

from __future__ import annotations

from orrery.bench.fleet.checks import answer_has, every, is_untouched, rows_are
from orrery.bench.fleet.deeds import tables
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import Setting
from orrery.bench.fleet.steps import step
from orrery.graph import Graph, Ref

# -- databases dumped here, restored and compared there ---------------------------------------------------------

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
            every(answer_has("orders", "stock", "same"), is_untouched("db1/orders.db", "db1/stock.db")),
        ),
    ),
    changes=("big1/copies/*",),
)  # fmt: skip

EXERCISES = (DUMPS,)
