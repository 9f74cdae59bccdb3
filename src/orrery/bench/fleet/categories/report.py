"""Report: one account from many sources."""

from __future__ import annotations

from orrery.bench.fleet.checks import (
    answer_has,
    every,
    file_is,
    json_is,
    lines_are,
    nothing_was_assigned,
    text_has,
    text_lacks,
    was_asked,
)
from orrery.bench.fleet.deeds import files, fleet, forms, reporting, tables, web
from orrery.bench.fleet.exercise import Exercise, Subtask
from orrery.bench.fleet.setting import PROFILES, Setting
from orrery.bench.fleet.steps import step
from orrery.graph import ITEM, Each, Edge, Graph, Place, Ref, Template

# -- what is there at all -----------------------------------------------------------------------------------------


def _nothing(_setting: Setting) -> None:
    """The fleet itself is the fixture."""


def _online_gold(_setting: Setting) -> Graph:
    return Graph([step("ask", fleet.online, None)], outputs={"answer": Ref("ask")})


ONLINE = Exercise(
    name="online",
    category="report",
    words="Which devices are online, and what can they do? Do not have any of them do anything for that.",
    build=_nothing,
    gold=_online_gold,
    subtasks=(
        Subtask("the devices are named, and none had to work", every(answer_has(*PROFILES), nothing_was_assigned)),
        Subtask(
            "their skills are named", answer_has(*(one for profile in PROFILES.values() for one in profile.skills))
        ),
    ),
)

# -- sales of three branches, in three forms ----------------------------------------------------------------------

SALES = {
    "web1": (("north", 120), ("south", 80), ("north", 30)),
    "web2": (("south", 200), ("east", 55)),
    "db1": (("east", 45), ("north", 50), ("west", 10)),
}
BY_REGION = {"north": 200, "south": 280, "east": 100, "west": 10}


def _sales(setting: Setting) -> None:
    for host, separator in (("web1", ","), ("web2", ";")):
        rows = "".join(f"{region}{separator}{amount}\n" for region, amount in SALES[host])
        setting.write(f"{host}/sales.csv", f"region{separator}amount\n{rows}")
    setting.write_table("db1/sales.db", "sales", "region, amount", SALES["db1"])


def _sales_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            step("web1", forms.read_csv, "web1", path="sales.csv", separator=","),
            step("web2", forms.read_csv, "web2", path="sales.csv", separator=";"),
            step("db1", tables.ask, "db1", path="sales.db", sql="SELECT region, amount FROM sales", wait_s=0.4),
            step("total", reporting.total_by, "big1", parts=[Ref("web1"), Ref("web2"), Ref("db1")]),
            step("as-json", files.put, "big1", path="sales.json", content=Ref("total")),
            step("as-table", reporting.markdown_table, "big1", path="sales.md", head=["region", "amount"],
                 rows=Ref("total")),
        ],
        outputs={"answer": Ref("total")},
    )  # fmt: skip


SALES_BY_REGION = Exercise(
    name="sales",
    category="report",
    words=(
        "Add up the sales by region from sales.csv on web1 (commas), sales.csv on web2 (semicolons) and the table "
        "sales of sales.db on db1. Write them to sales.json on big1, as a JSON map from region to amount, and as a "
        "Markdown table with the columns region and amount to sales.md there, the largest amount first."
    ),
    build=_sales,
    gold=_sales_gold,
    subtasks=(
        Subtask("the sums are right", json_is("big1/sales.json", BY_REGION)),
        Subtask(
            "the table is there, in order",
            lambda end: (
                [
                    [cell.strip() for cell in line.strip("| ").split("|")]
                    for line in end.text("big1/sales.md").splitlines()[2:]
                    if line.strip()
                ]
                == [[region, str(amount)] for region, amount in sorted(BY_REGION.items(), key=lambda pair: -pair[1])]
            ),
        ),
    ),
    changes=("big1/sales.json", "big1/sales.md"),
)

# -- what lies on five devices ------------------------------------------------------------------------------------

STORED = {"web1": (3, 100), "web2": (1, 5000), "db1": (4, 10), "pi1": (2, 7), "big1": (5, 1000)}
"""Files on each, and the bytes of each file."""


def _inventory(setting: Setting) -> None:
    for host, (count, size) in STORED.items():
        for number in range(count):
            setting.write(f"{host}/store/{number}/file.bin", bytes(size))


def _inventory_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            *(step(host, reporting.inventory, host, path="store") for host in STORED),
            step("write", files.put, "db1", path="inventory.json", content={host: Ref(host) for host in STORED}),
        ],
        outputs={"answer": {host: Ref(host) for host in STORED}},
    )


INVENTORY = Exercise(
    name="inventory",
    category="report",
    words=(
        "How many files are below store/ on web1, web2, db1, pi1 and big1, and how many bytes? Write it to "
        'inventory.json on db1, as a JSON map from host to {"files": NUMBER, "bytes": NUMBER}.'
    ),
    build=_inventory,
    gold=_inventory_gold,
    subtasks=(
        Subtask(
            "everything is counted",
            json_is(
                "db1/inventory.json",
                {host: {"files": count, "bytes": count * size} for host, (count, size) in STORED.items()},
            ),
        ),
    ),
    changes=("db1/inventory.json",),
)

# -- a weekly report in which one section is missing --------------------------------------------------------------

SECTIONS = {"web1": "Sales went up.", "web2": "Two pages are new.", "db1": "Backups are whole."}
WRITERS = ("web1", "web2", "db1", "pi1")
WEEKLY = "".join(f"## {host}\n\n{SECTIONS.get(host, 'No section this week.')}\n\n" for host in WRITERS)


def _weekly(setting: Setting) -> None:
    for host, text in SECTIONS.items():
        setting.write(f"{host}/weekly.txt", f"{text}\n")


def _weekly_gold(_setting: Setting) -> Graph:
    return Graph(
        [
            *(step(host, files.get_text, host, path="weekly.txt", wait_s=0.4) for host in WRITERS),
            step("write", reporting.sections, "big1", path="weekly.md", texts={host: Ref(host) for host in WRITERS}),
        ],
        [Edge(host, "write", on="completion") for host in WRITERS],
    )


WEEKLY_REPORT = Exercise(
    name="weekly",
    category="report",
    words=(
        "Put weekly.txt of web1, web2, db1 and pi1 together in weekly.md on big1, in this order: for each a line ## "
        "HOST, an empty line, its text, an empty line. For a host that has none write: No section this week."
    ),
    build=_weekly,
    gold=_weekly_gold,
    subtasks=(
        Subtask("what there is is in it", text_has("big1/weekly.md", *SECTIONS.values())),
        Subtask("what is missing is named, and all is in order", file_is("big1/weekly.md", WEEKLY)),
    ),
    changes=("big1/weekly.md",),
)

# -- a page of figures that three services give -------------------------------------------------------------------

FIGURES = {"web1": ("visitors", 1840), "web2": ("orders", 77), "db1": ("rows", 120_431)}


def _page(setting: Setting) -> None:
    for host, (name, value) in FIGURES.items():
        setting.serve(host, {"/figure": {"json": {"name": name, "value": value}, "delay_s": 0.6}})
    setting.serve("big1", {"/figure": {"json": {"name": "secret", "value": 13}}})


def _page_gold(setting: Setting) -> Graph:
    return Graph(
        [
            *(step(host, web.fetch_json, host, url=f"{setting.address(host)}/figure") for host in FIGURES),
            step("page", reporting.page, "big1", path="page.html", figures=[Ref(host) for host in FIGURES]),
            step("copy", files.put, "web1", path="site/index.html", content=Ref("page"), wait_s=0.2),
            step("mirror", files.put, "web2", path="site/index.html", content=Ref("page"), wait_s=0.2),
        ]
    )


PAGE = Exercise(
    name="page",
    category="report",
    words=(
        "Make a page page.html on big1 from the figures (name, value) of {web1}/figure, {web2}/figure and "
        "{db1}/figure: in HTML, each as a list item NAME: VALUE in this order. Publish the very same page as "
        "site/index.html on web1 and on web2."
    ),
    build=_page,
    gold=_page_gold,
    subtasks=(
        Subtask("the services were asked", every(*(was_asked(host, "GET /figure") for host in FIGURES))),
        Subtask(
            "the page has all figures, and no other",
            every(
                text_has("big1/page.html", *(f"<li>{name}: {value}</li>" for name, value in FIGURES.values())),
                text_lacks("big1/page.html", "secret"),
            ),
        ),
        Subtask("it is published on web1", lambda end: end.text("web1/site/index.html") == end.text("big1/page.html")),
        Subtask("it is published on web2", lambda end: end.text("web2/site/index.html") == end.text("big1/page.html")),
    ),
    changes=("big1/page.html", "web1/site/index.html", "web2/site/index.html"),
)

# -- a letter for every customer, however many there are ----------------------------------------------------------

CUSTOMERS = [("Ada", 120), ("Grace", 0), ("Linus", 75), ("Mary", 310), ("Tim", 20), ("Zoe", 45)]


def _letters(setting: Setting) -> None:
    setting.write_table("db1/customers.db", "customers", "name, owes", CUSTOMERS)


def _letters_gold(_setting: Setting) -> Graph:
    servers = Place(skills=("web",))
    return Graph(
        [
            step("who", tables.ask, "db1", path="customers.db",
                 sql="SELECT name, owes FROM customers WHERE owes > 0 ORDER BY name"),
            step("letters", reporting.letter, servers, each=Each(Ref("who")), name=Ref(ITEM, (0,)),
                 owes=Ref(ITEM, (1,))),
            step("print", reporting.printed, "big1", path="letters", letters=Ref("letters")),
            step("count", files.put, "db1", path="printed.txt", content=Template([Ref("print")])),
        ],
        outputs={"answer": Ref("print")},
    )  # fmt: skip


LETTERS = Exercise(
    name="letters",
    category="report",
    words=(
        "For every customer in the table customers (name, owes) of customers.db on db1 who owes something, have a "
        'letter written on a web server: "Dear NAME, please pay OWES." and a line end. Print them on big1 as '
        "letters/NAME.txt, and write to printed.txt on db1 how many there are."
    ),
    build=_letters,
    gold=_letters_gold,
    subtasks=(
        *(
            Subtask(f"the letter to {name}", file_is(f"big1/letters/{name}.txt", f"Dear {name}, please pay {owes}.\n"))
            for name, owes in CUSTOMERS
            if owes
        ),
        Subtask("they are counted, and nobody else got one", lines_are("db1/printed.txt", ("5",))),
    ),
    changes=(*(f"big1/letters/{name}.txt" for name, owes in CUSTOMERS if owes), "db1/printed.txt"),
)

EXERCISES = (ONLINE, SALES_BY_REGION, INVENTORY, WEEKLY_REPORT, PAGE, LETTERS)
