"""The data tools on real files, and the sandbox against queries that try to leave it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import ArgumentError, ContentError, FileAccessError, LimitReachedError, ToolTimeoutError
from orrery.tools import LocalContext, data

MOONS = [
    {"name": "Io", "planet": "Jupiter", "radius_km": 1821.6},
    {"name": "Europa", "planet": "Jupiter", "radius_km": 1560.8},
    {"name": "Titan", "planet": "Saturn", "radius_km": 2574.7},
]


@pytest.fixture
def moons(ctx: LocalContext) -> Path:
    (ctx.folder / "moons.csv").write_text(
        "name,planet,radius_km\nIo,Jupiter,1821.6\nEuropa,Jupiter,1560.8\nTitan,Saturn,2574.7\n"
    )
    return Path("moons.csv")


def test_a_query_reads_files_and_records_together(ctx: LocalContext, moons: Path) -> None:
    found = data.query(
        "SELECT m.name, p.rings FROM moons m JOIN planets p ON p.name = m.planet ORDER BY m.name",
        {"moons": moons, "planets": [{"name": "Jupiter", "rings": True}, {"name": "Saturn", "rings": True}]},
        ctx=ctx,
    )
    assert found == [{"name": "Europa", "rings": True}, {"name": "Io", "rings": True}, {"name": "Titan", "rings": True}]


def test_values_go_in_as_parameters(ctx: LocalContext, moons: Path) -> None:
    evil = "Jupiter'; DROP TABLE moons; --"
    sql = "SELECT count(*) AS n FROM moons WHERE planet = $planet"
    assert data.query(sql, {"moons": moons}, parameters={"planet": "Jupiter"}, ctx=ctx) == [{"n": 2}]
    assert data.query(sql, {"moons": moons}, parameters={"planet": evil}, ctx=ctx) == [{"n": 0}]
    assert data.query("SELECT ? + ? AS n", parameters=[1, 2]) == [{"n": 3}]


def test_a_query_needs_no_table() -> None:
    assert data.query("SELECT 1 AS one") == [{"one": 1}]


def test_everything_comes_back_as_plain_data() -> None:
    sql = """SELECT 1.50 AS dec, DATE '2026-01-02' AS day, TIMESTAMP '2026-01-02 03:04:05' AS at, [1, 2] AS list,
        {'a': DATE '2026-01-02'} AS map, INTERVAL 90 SECOND AS long, 'x'::BLOB AS raw, 12::DECIMAL(4,0) AS whole,
        170141183460469231731687303715884105727 AS big, NULL AS none, uuid() AS id"""
    (row,) = data.query(sql)
    assert len(row.pop("id")) == 36
    assert row == {
        "dec": 1.5,
        "day": "2026-01-02",
        "at": "2026-01-02T03:04:05",
        "list": [1, 2],
        "map": {"a": "2026-01-02"},
        "long": 90.0,
        "raw": b"x",
        "whole": 12,
        "big": 170141183460469231731687303715884105727,
        "none": None,
    }


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "json", "jsonl", "ndjson"])
def test_a_table_survives_writing_and_reading(ctx: LocalContext, suffix: str) -> None:
    path = Path(f"out/moons.{suffix}")
    assert data.write_table(MOONS, path, ctx=ctx) == {"path": str(path), "rows": 3}
    assert data.read_table(path, ctx=ctx) == MOONS
    assert data.read_table(path, columns=["radius_km", "name"], ctx=ctx)[0] == {"radius_km": 1821.6, "name": "Io"}
    assert [found.name for found in (ctx.folder / "out").iterdir()] == [path.name]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries({"n": st.integers(-(2**53), 2**53), "odd 'name\"": st.text("abc é'\"\n{,")}), min_size=1
    )
)
def test_any_records_can_be_queried(records: list[dict[str, Any]]) -> None:
    assert data.query('SELECT * FROM "t""x"', {'t"x': [{**record, "k": "-"} for record in records]}) == [
        {**record, "k": "-"} for record in records
    ]


def test_records_may_hold_dates(ctx: LocalContext) -> None:
    records = [{"seen": datetime(2026, 1, 2, tzinfo=UTC), "x": 1}]
    assert data.query("SELECT year(seen::DATE) AS y FROM t", {"t": records}) == [{"y": 2026}]


def test_a_glob_is_one_table(ctx: LocalContext) -> None:
    for n in range(3):
        data.write_table([{"n": n}], Path(f"part-{n}.parquet"), ctx=ctx)
    assert data.query("SELECT sum(n) AS n FROM t", {"t": Path("part-*.parquet")}, ctx=ctx) == [{"n": 3}]
    with pytest.raises(ArgumentError, match="no file matches 'none-"):
        data.query("SELECT 1", {"t": Path("none-*.csv")}, ctx=ctx)


def test_describe_says_what_the_columns_hold(ctx: LocalContext, moons: Path) -> None:
    by_name = {column["name"]: column for column in data.describe(moons, ctx=ctx)}
    assert by_name["radius_km"]["type"] == "DOUBLE"
    assert by_name["radius_km"]["mean"] == pytest.approx(1985.7)
    assert (by_name["planet"]["rows"], by_name["planet"]["nulls"], by_name["planet"]["mean"]) == (3, 0, None)
    (column,) = data.describe([{"a": None}, {"a": 1}])
    assert (column["rows"], column["nulls"]) == (2, 1)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('{other}')",
        "SELECT * FROM '{other}'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
        "WITH x AS (SELECT * FROM read_blob('{other}')) SELECT * FROM x",
    ],
)
def test_a_query_cannot_read_what_it_was_not_given(ctx: LocalContext, moons: Path, sql: str) -> None:
    other = ctx.folder / "other.csv"
    other.write_text("secret\n1\n")
    with pytest.raises(ContentError, match="cannot be answered") as caught:
        data.query(sql.format(other=other), {"moons": moons}, ctx=ctx)
    assert caught.value.severity == "permanent"


@pytest.mark.parametrize(
    "sql",
    [
        "COPY (SELECT 1) TO '{moons}'",
        "INSERT INTO moons VALUES (1)",
        "SET enable_external_access = true",
        "ATTACH '{moons}.db'",
        "INSTALL httpfs",
        "DROP VIEW moons",
        "SELECT 1; SELECT 2",
        "PRAGMA database_list",
        "",
    ],
)
def test_a_query_only_reads(ctx: LocalContext, moons: Path, sql: str) -> None:
    before = (ctx.folder / moons).read_bytes()
    with pytest.raises(ArgumentError, match=r"runs one SELECT, not [\w, ]+; use data\.write_table"):
        data.query(sql.format(moons=ctx.folder / moons), {"moons": moons}, ctx=ctx)
    assert (ctx.folder / moons).read_bytes() == before


def test_too_many_rows_are_refused_with_the_way_out() -> None:
    with pytest.raises(LimitReachedError, match="more than 10 rows; aggregate, add a LIMIT, or raise max_rows"):
        data.query("SELECT * FROM range(1_000_000_000)", max_rows=10)
    assert len(data.query("SELECT * FROM range(10)", max_rows=10)) == 10


def test_a_long_query_meets_its_deadline() -> None:
    begun = time.perf_counter()
    with pytest.raises(ToolTimeoutError, match=r"did not end within 0\.2 s"):
        data.query(
            "SELECT count(*) FROM range(10_000_000) a, range(10_000_000) b WHERE a.range * b.range % 7 = 1",
            timeout_s=0.2,
        )
    assert time.perf_counter() - begun < 10


def test_what_is_wrong_is_said_plainly(ctx: LocalContext, moons: Path) -> None:
    with pytest.raises(ContentError, match='syntax error at or near "selec"'):
        data.query("selec 1")
    with pytest.raises(ContentError, match='"nam" not found'):
        data.query("SELECT nam FROM moons", {"moons": moons}, ctx=ctx)
    with pytest.raises(ContentError, match="two columns have one name"):
        data.query("SELECT 1 AS a, 2 AS a")
    with pytest.raises(FileAccessError, match=r"did you mean 'moons\.csv'"):
        data.read_table(Path("mons.csv"), ctx=ctx)
    with pytest.raises(ArgumentError, match=r"is in no form known here; a table's file ends with \.csv"):
        data.read_table(Path("moons.xlsx"), ctx=ctx)
    with pytest.raises(ArgumentError, match="table 't' is an empty list"):
        data.query("SELECT 1", {"t": []})
    with pytest.raises(ArgumentError, match="no columns"):
        data.write_table([], Path("x.csv"), ctx=ctx)
    (ctx.folder / "bad.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(ContentError, match=r"bad\.parquet"):
        data.read_table(Path("bad.parquet"), ctx=ctx)
