"""The words that the planner knows, as data: what they mean, never in which sentence.

A wider vocabulary is more lines here. Nouns stand in the singular.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def _each(words: str, meaning: T) -> dict[str, T]:
    """All the words, each with that meaning."""
    return dict.fromkeys(words.split(), meaning)


def words(text: str) -> frozenset[str]:
    """The words of a text as a set."""
    return frozenset(text.split())


_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]
NUMBER_WORDS: Mapping[str, int] = {
    **{word: number for number, word in enumerate(_SMALL)},
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100, "thousand": 1000, "dozen": 12,
}  # fmt: skip

_DAY_S = 86_400.0
UNITS: Mapping[str, tuple[float, str]] = {
    "%": (1, "percent"), "percent": (1, "percent"), "percentage": (1, "percent"),
    **dict.fromkeys(("b", "byte", "bytes"), (1, "bytes")),
    **dict.fromkeys(("kb", "kilobyte", "kilobytes"), (1e3, "bytes")), **dict.fromkeys(("kib",), (1024, "bytes")),
    **dict.fromkeys(("mb", "megabyte", "megabytes"), (1e6, "bytes")), **dict.fromkeys(("mib",), (1024**2, "bytes")),
    **dict.fromkeys(("gb", "gigabyte", "gigabytes"), (1e9, "bytes")), **dict.fromkeys(("gib",), (1024**3, "bytes")),
    "k": (1e3, ""), "K": (1e3, ""),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), (1e-3, "seconds")),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), (1, "seconds")),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), (60, "seconds")),
    **dict.fromkeys(("h", "hour", "hours", "hr", "hrs"), (3600, "seconds")),
    **dict.fromkeys(("d", "day", "days"), (_DAY_S, "seconds")),
    **dict.fromkeys(("week", "weeks"), (7 * _DAY_S, "seconds")),
    **dict.fromkeys(("month", "months"), (30 * _DAY_S, "seconds")),
    **dict.fromkeys(("year", "years"), (365 * _DAY_S, "seconds")),
}  # fmt: skip
"""Units to their size in bytes, seconds, percent or ones. One letter counts only right behind the number."""

CONTRACTIONS: Mapping[str, str] = {
    "what's": "what is", "where's": "where is", "who's": "who is", "it's": "it is", "there's": "there is",
    "that's": "that is", "don't": "do not", "doesn't": "does not", "isn't": "is not", "aren't": "are not",
    "won't": "will not", "can't": "can not", "didn't": "did not", "i'd": "i would", "let's": "let us",
    "haven't": "have not", "hasn't": "has not", "cannot": "can not", "i'm": "i am", "they're": "they are",
    "what're": "what are", "wouldn't": "would not",
}  # fmt: skip

_IRREGULAR: Mapping[str, str] = {
    "lines": "line", "sizes": "size", "files": "file", "types": "type", "indices": "index", "matches": "match",
    "averages": "average", "children": "child", "series": "series", "status": "status",
    "statuses": "status", "its": "its", "this": "this", "is": "is", "was": "was", "has": "has", "does": "does",
    "as": "as", "us": "us", "across": "across", "address": "address", "yes": "yes", "cpus": "cpu", "less": "less",
    "always": "always", "css": "css", "js": "js", "ts": "ts", "plus": "plus", "axis": "axis", "pass": "pass",
    "news": "news", "access": "access", "process": "process", "success": "success", "unless": "unless",
    "besides": "besides", "bytes": "byte", "leaves": "leaf", "rs": "rs",
    "afterwards": "afterwards", "contains": "contain",
    "previous": "previous", "various": "various", "class": "class", "ps": "ps",
}  # fmt: skip


def singular(word: str) -> str:
    """A noun in the singular, or a verb's third person as its infinitive; a rule of thumb, the same for all words."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    if len(word) > 2 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


FILLERS = words(
    """please kindly a an the just also now simply really actually basically some there here me my our us we you
    your i would like want need to could can will shall may might let so well ok okay hey hi hello thank thanks
    be are is am was were do does did of then all both them overall very quickly quick nice nicely simple small
    new own this that these those currently current together altogether only ever well etc still"""
)
"""Words that may go unused: they carry no content of their own, or their content is taken up where it matters."""

ARTICLES = ("the", "a", "an", "its", "their", "all", "each", "every", "any", "of", "these", "those")

MATTERS = words(
    """each every first last next previous not no never none neither nor without except excluding exclude besides
    unless until since before after above below between over under more less fewer than exactly least most fewest half
    twice double either instead different distinct unique duplicate average mean median maximum minimum max min
    ascending descending reverse reversed alphabetically alphabetical recursively directly hidden starting ending
    weekend today yesterday consecutive percent percentage ratio share difference cumulative"""
)
"""Words that change what is meant, whatever else is said: a plan in which one has no part is not what was asked."""

_OPPOSITES = """first/last before/after above/below over/under more/less least/most fewest/most maximum/minimum max/min
ascending/descending alphabetically/descending alphabetical/descending without/with"""


def opposite(word: str) -> str:
    """A word that says the contrary in the same place; "" where none is known."""
    for pair in _OPPOSITES.split():
        one, _, other = pair.partition("/")
        if word in (one, other):
            return other if word == one else one
    if word not in RANKS:
        return ""
    dimension, descending = RANKS[word]
    return next(other for other, meaning in RANKS.items() if meaning == (dimension, not descending))


NO_VALUES = (
    FILLERS
    | MATTERS
    | words(
        """to in into of as by and from or on at per for with under over than then is are was were has have requested
    made used
    placed sold found logged listed given said there each every all any most least often more less"""
    )
)
"""Words that are never a value: "regions are there" says nothing of a region called "there"."""

VERBS: Mapping[str, str] = {
    **_each("count tally number enumerate", "count"),
    **_each(
        "show list display print give find get tell see view output present return report name identify pick "
        "select take choose extract locate look determine figure work compute calculate retrieve keep know "
        "pull open read check collect gather load inspect examine analyse analyze cat",
        "show",
    ),
    **_each("draw plot chart graph visualise visualize sketch render", "chart"),
    **_each("write save store export put record dump", "write"),
    **_each("create make produce generate build", "make"),
    **_each("append add attach", "append"),
    **_each("copy duplicate backup", "copy"),
    **_each("delete remove erase", "remove"),
    **_each("hash checksum fingerprint", "hash"),
    **_each("search grep", "search"),
    **_each("replace substitute swap exchange", "replace"),
    **_each("parse", "parse"),
    **_each("fetch download request", "fetch"),
    **_each("run execute launch invoke", "run"),
    **_each("sum total", "sum"),
    **_each("average", "mean"),
    **_each("sort order rank arrange", "sort"),
    **_each("group", "group"),
    **_each("filter", "filter"),
    **_each("convert turn transform", "convert"),
    **_each("merge combine concatenate join", "merge"),
    **_each("describe summarise summarize profile", "describe"),
    **_each("measure sample monitor record watch", "measure"),
    **_each("ask confirm", "ask"),
    **_each("compare", "compare"),
    **_each("drop discard exclude omit", "drop"),
    **_each("post send upload", "send"),
}  # fmt: skip
"""Verbs to what they ask for."""

NOUNS_TOO = words(
    """count list show display report name look work return output view check plot chart graph record copy backup
    hash search request run sum total average sort order rank group filter total sample measure number dump
    store post match pick sketch read profile summary load"""
)
"""Verbs that are nouns as well: they begin a clause only where no noun may stand."""

_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")
FILE_TYPES: Mapping[str, tuple[str, ...]] = {
    "python": (".py",), "py": (".py",), "markdown": (".md",), "md": (".md",), "text": (".txt",), "txt": (".txt",),
    "log": (".log",), "logfile": (".log",), "csv": (".csv",), "tsv": (".tsv",), "json": (".json",),
    "jsonl": (".jsonl",),
    "yaml": (".yaml", ".yml"), "yml": (".yml",), "toml": (".toml",), "html": (".html", ".htm"), "css": (".css",),
    "javascript": (".js",), "js": (".js",), "typescript": (".ts", ".tsx"), "ts": (".ts",), "rust": (".rs",),
    "go": (".go",), "golang": (".go",), "java": (".java",), "c": (".c", ".h"), "c++": (".cpp", ".cc", ".hpp"),
    "ruby": (".rb",), "xml": (".xml",), "sql": (".sql",), "pdf": (".pdf",), "parquet": (".parquet",), "ini": (".ini",),
    "image": _IMAGES, "picture": _IMAGES, "png": (".png",), "svg": (".svg",), "jpg": (".jpg",), "jpeg": (".jpeg",),
    "zip": (".zip",), "tmp": (".tmp",), "temporary": (".tmp",), "bash": (".sh",), "config": (".ini", ".cfg", ".conf"),
    "restructuredtext": (".rst",), "rst": (".rst",), "conf": (".conf",), "bak": (".bak",), "out": (".out",),
}  # fmt: skip
"""Words for kinds of files to the endings that such files have."""

LANGUAGES = words("python markdown html css javascript typescript rust ruby java yaml toml sql xml")
"""Kinds of files that are also what is written in them."""
FILE_NOUNS = words("file document doc script module source page spreadsheet table program")
FOLDER_NOUNS = words("folder directory dir")
IN_FOLDER = words("in under inside within below beneath from")
HERE = words("here")

ROW_NOUNS = words(
    """row record entry event datum data item case observation order sale person people employee user transaction
    purchase payment student invoice member request hit visit job task message customer product reading
    measurement contact ticket shipment booking account client log everyone everybody anyone"""
)
"""What people call the rows of a table, where it is no column's name."""
TABLE_SUFFIXES = frozenset((".csv", ".tsv", ".parquet", ".json", ".jsonl", ".ndjson"))

MEASURES: Mapping[str, str] = {
    **_each("line loc linecount row", "lines"),
    **_each("word wordcount", "words"),
    **_each("character char letter", "chars"),
    **_each("size byte weight", "size_bytes"),
}
"""Nouns to the column that holds that measure of a file."""

RANKS: Mapping[str, tuple[str, bool]] = {
    **_each("longest lengthiest", ("length", True)),
    **_each("shortest", ("length", False)),
    **_each("largest biggest heaviest", ("size", True)),
    **_each("smallest tiniest lightest", ("size", False)),
    **_each("newest latest youngest recent", ("time", True)),
    **_each("oldest earliest", ("time", False)),
    **_each("top highest greatest most best maximum frequent commonest busiest", ("", True)),
    **_each("bottom lowest least fewest worst minimum rarest", ("", False)),
    **_each("costliest priciest dearest", ("price", True)),
    **_each("cheapest", ("price", False)),
    **_each("slowest", ("duration", True)),
    **_each("fastest quickest", ("duration", False)),
}
"""Superlatives to what they compare and whether the greatest comes first; "" is whatever the list is about."""

AGGREGATES: Mapping[str, str] = {
    **_each("sum total", "sum"),
    **_each("average mean avg", "mean"),
    **_each("median", "median"),
    **_each("maximum max highest greatest", "max"),
    **_each("minimum min lowest", "min"),
    **_each("number count amount frequency breakdown tally", "count"),
}

COMPARISONS: Mapping[tuple[str, ...], str] = {
    ("more", "than"): ">", ("greater", "than"): ">", ("larger", "than"): ">", ("bigger", "than"): ">",
    ("longer", "than"): ">", ("higher", "than"): ">", ("over",): ">", ("above",): ">", ("exceed",): ">",
    ("exceeding",): ">", ("beyond",): ">", ("newer", "than"): "newer", ("older", "than"): "older",
    ("after",): ">", ("since",): ">=", ("until",): "<=",
    ("at", "least"): ">=", ("no", "less", "than"): ">=", ("not", "less", "than"): ">=", ("no", "fewer", "than"): ">=",
    ("less", "than"): "<", ("fewer", "than"): "<", ("smaller", "than"): "<", ("shorter", "than"): "<",
    ("lower", "than"): "<", ("below",): "<", ("under",): "<", ("before",): "<",
    ("at", "most"): "<=", ("no", "more", "than"): "<=", ("not", "more", "than"): "<=", ("up", "to"): "<=",
    ("exactly",): "=", ("equal", "to"): "=", ("equal",): "=", ("equalling",): "=", ("not", "equal", "to"): "!=",
    ("precisely",): "=", ("different", "from"): "!=", ("other", "than"): "!=",
}  # fmt: skip
"""Words that compare, followed by what is compared with."""

COMPARED_BY: Mapping[str, str] = {
    "longer": "length", "shorter": "length", "larger": "size", "bigger": "size", "smaller": "size",
}  # fmt: skip
"""Comparatives that say by themselves what is compared."""

CONTAINING = words("""contain containing mention mentioning include including matching match having with""")

LEVELS: Mapping[str, tuple[str, ...]] = {
    "error": ("ERROR", "CRITICAL"), "failure": ("ERROR", "CRITICAL"), "warning": ("WARNING",),
    "info": ("INFO",), "debug": ("DEBUG",), "critical": ("CRITICAL",), "fatal": ("CRITICAL",), "notice": ("NOTICE",),
    "trace": ("TRACE",), "exception": ("ERROR", "CRITICAL"), "failed": ("ERROR", "CRITICAL"),
}  # fmt: skip
"""Nouns for log records to the levels that they have."""

SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "ip": ("host", "ip", "client"), "client": ("host", "client"), "visitor": ("host",), "address": ("host", "address"),
    "url": ("path", "url"), "page": ("path", "page"), "endpoint": ("path", "endpoint"), "uri": ("path", "uri"),
    "route": ("path", "route"), "status code": ("status",), "response code": ("status",), "code": ("status", "code"),
    "severity": ("level",), "log level": ("level",), "browser": ("agent",), "user agent": ("agent",),
    "verb": ("method",), "http method": ("method",), "response size": ("size_bytes",), "size": ("size_bytes", "size"),
    "byte": ("size_bytes", "bytes"), "text": ("message",), "msg": ("message",), "timestamp": ("time",),
    "date": ("date", "time", "day"), "name": ("name", "path"), "file": ("path", "file"), "filename": ("path", "name"),
    "http status": ("status",), "response time": ("duration_ms", "duration", "ms", "elapsed", "latency_ms"),
    "latency": ("latency_ms", "duration_ms", "latency", "ms"), "duration": ("duration_ms", "duration", "seconds", "ms"),
    "revenue": ("revenue", "amount", "sales"), "sale": ("sales", "amount", "revenue"), "price": ("price",),
    "component": ("source", "component"), "logger": ("source", "logger"), "service": ("service", "source"),
}  # fmt: skip
"""What people call a column to the names that it may have."""

PEOPLE = ("name", "customer", "client", "user", "member", "employee", "student", "author", "person", "host")
"""Columns that "who" asks for, the first that tells rows apart."""
_PAID = ("amount", "spent", "cost", "price", "paid", "total")
_EARNED = ("salary", "income", "earnings", "wage", "pay")
VERB_COLUMNS: Mapping[str, tuple[str, ...]] = {
    **_each("spend spends spent pay pays paid", _PAID),
    **_each("earn earns earned make makes made", _EARNED),
    **_each("sell sells sold", ("quantity", "amount", "revenue", "units", "sold")),
    **_each("weigh weighs weighed", ("weight", "mass")),
    **_each("cost costs", ("price", "cost", "amount")),
}
"""Verbs to the columns that they add up; of several that are there, none is chosen."""

TIME_PARTS = words("second minute hour day month year weekday")
PERIODIC: Mapping[str, str] = {
    "hourly": "hour", "daily": "day", "monthly": "month", "yearly": "year", "annual": "year",
}  # fmt: skip

CHARTS: Mapping[str, str] = {
    "bar": "bar", "column": "bar", "histogram": "histogram", "line": "line", "curve": "line", "timeline": "timeline",
    "distribution": "histogram", "trend": "line",
}  # fmt: skip
CHART_NOUNS = words("chart graph plot diagram figure picture")

PRONOUNS = words(
    """it them they rest remainder this that these those one ones result answer output outcome former latter"""
)
"""What stands for something said before."""

METRICS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("free", "disk"): ("disk", "free_bytes"), ("available", "disk"): ("disk", "free_bytes"),
    ("free", "space"): ("disk", "free_bytes"), ("disk", "space", "free"): ("disk", "free_bytes"),
    ("disk", "space", "left"): ("disk", "free_bytes"), ("disk", "space", "available"): ("disk", "free_bytes"),
    ("disk", "is", "free"): ("disk", "free_bytes"), ("space", "is", "left"): ("disk", "free_bytes"),
    ("free", "memory"): ("memory", "available_bytes"), ("available", "memory"): ("memory", "available_bytes"),
    ("free", "ram"): ("memory", "available_bytes"), ("available", "ram"): ("memory", "available_bytes"),
    ("memory", "is", "free"): ("memory", "available_bytes"), ("memory", "is",
    "available"): ("memory", "available_bytes"),
    ("ram", "is", "free"): ("memory", "available_bytes"), ("ram", "is", "available"): ("memory", "available_bytes"),
    ("total", "memory"): ("memory", "total_bytes"), ("total", "ram"): ("memory", "total_bytes"),
    ("total", "disk"): ("disk", "total_bytes"),
    ("cpu", "count"): ("cpu_count",), ("core",): ("cpu_count",), ("number", "of", "cpu"): ("cpu_count",),
    ("many", "cpu"): ("cpu_count",), ("cpu", "core"): ("cpu_count",),
    ("cpu",): ("cpu_percent",), ("processor",): ("cpu_percent",), ("memory",): ("memory", "used_percent"),
    ("ram",): ("memory", "used_percent"), ("disk",): ("disk", "used_percent"), ("storage",): ("disk", "used_percent"),
    ("load", "average"): ("load",), ("system", "load"): ("load",), ("uptime",): ("uptime_s",),
    ("been", "up"): ("uptime_s",),
    ("been", "running"): ("uptime_s",), ("been", "on"): ("uptime_s",),
    ("running", "process"): ("processes",), ("process",): ("processes",),
}  # fmt: skip
"""Phrases for a metric of this machine to the place that it has in a snapshot; the longest one counts."""

METRIC_TAILS = words("""usage use utilisation utilization load percentage percent level space consumption used""")
MACHINE_NOUNS = words("machine system computer host server")
MACHINE_STATES = words("""metric snapshot health state status statistic stat resource performance""")
SAMPLE_COLUMNS: Mapping[str, str] = {"cpu_percent": "cpu_percent", "memory": "memory_percent"}

NO_TOOL: Mapping[str, str] = {
    **_each("mail email e-mail", "sends mail"),
    **_each("book reserve", "books anything"),
    **_each("buy order purchase", "buys anything"),
    **_each("call phone", "makes calls"),
    **_each("translate", "translates"),
}  # fmt: skip
"""Verbs that people try, and what a tool for them would do; used only in messages, and only where no tool fits."""
