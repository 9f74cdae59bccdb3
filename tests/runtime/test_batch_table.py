"""Tables: read in every form, held against a workflow's inputs, and written with the results. And what rows share."""

from __future__ import annotations

import csv
import json
import math
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orrery.errors import BadRowError, Failure, InputError, RequestError
from orrery.graph import INPUTS, Graph, Ref, Task
from orrery.runtime.batch.columns import Columns
from orrery.runtime.batch.pace import Pace
from orrery.runtime.batch.plan import batch_of
from orrery.runtime.batch.results import RowResult, Spool, write_table
from orrery.runtime.batch.sharing import Occurrences, SharedWork
from orrery.runtime.batch.table import Table, TableRow
from orrery.workflow.workflow import InputSpec, Workflow

INPUT_SPECS = {
    "n": InputSpec("n", "integer"),
    "text": InputSpec("text", "string", "none"),
    "ratio": InputSpec("ratio", "number", 0.5),
}
ROWS: list[dict[str, Any]] = [
    {"n": 1, "text": 'with, "all"\nof it', "ratio": 0.25},
    {"n": -20, "text": "", "ratio": 1e300},
    {"n": 3, "text": "☃", "ratio": 2.0},
]
WORKFLOW = Workflow(
    "w", Graph([Task("a", "values.constant", {"value": Ref(INPUTS, ("n",))})], outputs={"it": Ref("a")}), INPUT_SPECS
)


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    match path.suffix:
        case ".csv" | ".tsv":
            with path.open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
                writer.writeheader()
                writer.writerows(rows)
        case ".json":
            path.write_text(json.dumps(rows))
        case ".parquet":
            duckdb = pytest.importorskip("duckdb")
            lines = written(path.with_suffix(".jsonl"), rows)
            types = "{n: 'BIGINT', text: 'VARCHAR', ratio: 'DOUBLE'}"
            duckdb.sql(f"COPY (SELECT * FROM read_json('{lines}', columns={types})) TO '{path}'")
        case _:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("form", [".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet"])
def test_a_table_reads_the_same_in_every_form(tmp_path: Path, form: str) -> None:
    table = Table(written(tmp_path / f"t{form}", ROWS))
    columns = Columns("w", INPUT_SPECS, {})
    assert [columns.bind(row) for row in table.rows()] == ROWS
    assert [row.number for row in table.rows()] == [1, 2, 3]
    assert table.columns() in (None, ["n", "text", "ratio"])


def test_a_long_table_is_read_bit_by_bit(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n\n" + "7\n" * 100_000)
    rows = Table(tmp_path / "t.csv").rows()
    assert next(rows).values == {"n": "7"}
    assert sum(1 for _ in rows) == 99_999


@pytest.mark.parametrize(
    ("cells", "wrong"),
    [
        ({"n": "x"}, r"row 7, column 'n': must be of type integer \(such as 3\), not str 'x'"),
        ({"n": "1.5"}, "row 7, column 'n': must be of type integer"),
        ({"n": ""}, "row 7, column 'n': it is empty, where integer is wanted"),
        ({"text": "a"}, "row 7, column 'n': it is missing"),
        ({"n": 1, "ratio": [2]}, "row 7, column 'ratio': must be of type number"),
        ({"n": 1, "txt": "a"}, "row 7, column 'txt': column 'txt' is no input of 'w'; did you mean 'text'"),
    ],
)
def test_a_row_that_does_not_fit_names_its_number_and_column(cells: dict[str, Any], wrong: str) -> None:
    with pytest.raises(BadRowError, match=wrong):
        Columns("w", INPUT_SPECS, {}).bind(TableRow(7, cells))


def test_an_empty_cell_has_the_default_and_a_constant_is_the_same_for_all() -> None:
    columns = Columns("w", INPUT_SPECS, {"ratio": 9.0})
    assert columns.bind(TableRow(1, {"n": "4", "text": ""})) == {"n": 4, "text": "", "ratio": 9.0}
    with pytest.raises(InputError, match="'ratio' is given twice: by a column and by -i"):
        columns.check_names(["n", "ratio"])
    with pytest.raises(InputError, match="there is no column 'n', which 'w' needs"):
        columns.check_names(["text"])
    Columns("w", INPUT_SPECS, {}, ignore_extra=True).check_names(["n", "anything"])


def test_every_bad_row_is_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("n\n1\nx\n3\n\ny,2\n" + "z\n" * 30)
    with pytest.raises(InputError) as caught:
        batch_of(WORKFLOW, Path("t.csv"), folder=tmp_path)
    said = str(caught.value)
    assert "t.csv: row 2, column 'n': must be of type integer" in said
    assert "t.csv: row 4: 2 cells, where the head has 1" in said
    assert "and 12 more rows\n32 of 34 rows do not fit" in said
    assert "--skip-bad-rows" in said
    assert len(batch_of(WORKFLOW, Path("t.csv"), folder=tmp_path, skip_bad_rows=True).graph) == 2


@pytest.mark.parametrize(
    ("name", "content", "more", "said"),
    [
        ("t.csv", "", {}, "is empty: its first line must name the columns"),
        ("t.csv", "n,n\n1,2\n", {}, "two columns of one name: 'n'"),
        ("t.csv", "n\n", {}, "has no rows, so there is nothing to run"),
        ("t.csv", "n\n\xff\n", {}, "cannot be read as a table"),
        ("t.jsonl", "{\n", {}, "row 1: it is no JSON"),
        ("t.jsonl", "[1]\n", {}, "row 1: it must be a JSON object, not"),
        ("t.json", "{}", {}, "must hold a list of objects"),
        ("t.xls", "", {}, "is in no form known here"),
        ("t.csv", "n\n1\n", {"out": Path("r.xls")}, "no form in which results are written"),
        ("t.csv", "n\n1\n", {"out": Path("t.csv")}, "the results would replace the table"),
        ("t.csv", "n\n1\n", {"at_once": 0}, "there cannot be 0 rows at once"),
        ("t.csv", "n\n1\n", {"given": {"m": "2"}}, "has no input 'm'"),
        ("t.csv", "text\n1\n", {"given": {"n": "two"}}, "input 'n' must be of type integer"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, name: str, content: str, more: dict[str, Any], said: str
) -> None:
    (tmp_path / name).write_text(content, encoding="latin-1")
    with pytest.raises(RequestError, match=said):
        batch_of(WORKFLOW, Path(name), folder=tmp_path, **more)


def test_a_table_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "questions.csv").touch()
    with pytest.raises(InputError, match=r"did you mean 'questions\.csv'"):
        batch_of(WORKFLOW, Path("question.csv"), folder=tmp_path)


@pytest.mark.parametrize("form", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_results_stand_beside_their_rows_in_the_order_of_the_table(tmp_path: Path, form: str) -> None:
    table = Table(written(tmp_path / "t.jsonl", [{"n": 1, "state": "old"}, {"n": 2}, {"n": 3}, {"n": 4}]))
    spool = Spool(tmp_path / "part", 4)
    failure = Failure("ValueError", "no, really")
    spool.add([RowResult(4, "succeeded", {"it": {"a": [1]}}, None, 0.5, 0.25, 7), RowResult(1, "failed", {}, failure)])
    spool.add([RowResult(3, "succeeded", {"it": 2**70}), RowResult(1, "succeeded", {"it": "too late"})])
    out = tmp_path / f"out{form}"
    write_table(out, table, ["n", "state"], ["it"], spool)
    spool.close(remove=True)
    found = [row.values for row in Table(out).rows()]
    assert [str(row["n"]) for row in found] == ["1", "3", "4"]
    assert [row["state_"] for row in found] == ["failed", "succeeded", "succeeded"]
    assert found[0]["state"] == "old"
    assert (found[0]["error_code"], found[0]["error"]) == ("ValueError", "no, really")
    it = found[2]["it"]
    assert (json.loads(it) if isinstance(it, str) else it) == {"a": [1]}
    assert [float(row["seconds"]) for row in found] == [0, 0, 0.5]
    assert not (tmp_path / "part").exists()


KEYS = [bytes([number]) * 32 for number in range(5)]


def test_only_what_recurs_is_counted() -> None:
    found = Occurrences()
    found.add([KEYS[0], KEYS[0], KEYS[1]])
    found.add([KEYS[1], KEYS[2]])
    assert list(found.repeated().values()) == [2]


def test_a_row_waits_for_what_another_window_does_and_does_it_itself_if_that_failed() -> None:
    shared: SharedWork[str] = SharedWork({int.from_bytes(KEYS[0][:8], "big"): 4})
    assert shared.in_the_way([KEYS[0]], "w1") is None
    assert shared.claim([KEYS[0], KEYS[1]], "w1") == [KEYS[0]]
    shared.placed([KEYS[0]])
    assert shared.in_the_way([KEYS[0]], "w1") is None
    assert shared.in_the_way([KEYS[1], KEYS[0]], "w2") == KEYS[0]
    shared.park("second", KEYS[0])
    shared.park("third", KEYS[0])
    assert shared.released() is None
    shared.given_up(KEYS[0])
    assert (shared.released(), shared.parked) == ("second", 1)
    assert shared.claim([KEYS[0]], "w2") == [KEYS[0]]
    shared.placed([KEYS[0]])
    shared.done(KEYS[0], 42)
    assert shared.released() == "third"
    assert shared.known([KEYS[0]]) == {KEYS[0]: 42}
    shared.placed([KEYS[0], KEYS[0]])
    assert shared.known([KEYS[0]]) == {}, "no further row wants it"


@given(st.lists(st.lists(st.sampled_from(KEYS), max_size=4, unique=True), max_size=12), st.randoms())
def test_in_any_order_every_row_goes_and_every_piece_of_work_is_done_by_one_window_at_a_time(
    rows: list[list[bytes]], chance: Any
) -> None:
    counting = Occurrences()
    for keys in rows:
        counting.add(keys)
    shared: SharedWork[list[bytes]] = SharedWork(counting.repeated())
    coming, windows, gone = list(rows), dict[str, list[bytes]](), 0
    while coming or windows or shared.parked:
        row = shared.released() or (coming.pop() if coming and chance.random() < 0.7 else None)
        if row is not None:
            name = f"w{gone}"
            busy = shared.in_the_way(row, name)
            if busy is not None:
                shared.park(row, busy)
            else:
                known = shared.known(row)
                windows[name] = shared.claim(row, name)
                assert not set(windows[name]) & {key for w, keys in windows.items() if w != name for key in keys}
                assert not set(windows[name]) & set(known)
                shared.placed(row)
                gone += 1
        elif windows:
            for key in windows.pop(chance.choice(list(windows))):
                if chance.random() < 0.5:
                    shared.done(key, 1)
                else:
                    shared.given_up(key)
    assert gone == len(rows)
    assert shared.known(KEYS) == {}


def test_a_pace_says_what_is_left() -> None:
    pace = Pace(20_000)
    assert pace.note(0) == "0/20,000 rows"
    pace.mark(10.0, 1_000)
    pace.mark(12.0, 2_000)
    assert pace.note(3) == "2,000/20,000 rows, 3 failed, 500 rows/s, 36 s left"
    pace.mark(13.0, 2_000)
    pace.mark(10_000.0, 3_000)
    assert pace.note(0) == "3,000/20,000 rows, 0.2 rows/s, 23 h 35 min left"


def test_a_head_may_be_wide_and_its_names_long(tmp_path: Path) -> None:
    names = [*(f"c{number}" for number in range(30_000)), "x" * 200_000]
    (tmp_path / "t.csv").write_text(",".join(names) + "\n" + ",".join("1" for _ in names) + "\n")
    began = time.perf_counter()
    assert Table(tmp_path / "t.csv").columns() == names
    assert time.perf_counter() - began < 2


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(InputError, match="is no table but a folder"):
        Table(tmp_path / "t.csv")


def test_cells_hold_texts_without_quotes_and_numbers_that_are_none(tmp_path: Path) -> None:
    written(tmp_path / "t.jsonl", [{"n": 1}])
    table = Table(tmp_path / "t.jsonl")
    table.rows = lambda: iter([TableRow(1, {"n": math.inf, "day": date(2026, 1, 2)})])  # type: ignore[method-assign]
    spool = Spool(tmp_path / "part", 1)
    spool.add([RowResult(1, "succeeded", {"it": 1})])
    write_table(tmp_path / "out.csv", table, ["n", "day"], ["it"], spool)
    spool.close(remove=True)
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("inf,2026-01-02,1,succeeded")


def test_a_quote_that_nobody_closes_swallows_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('name,n\nfine,1\n"begins,2\nlost,3\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"t\.csv', after row 1: .*look at its quotes"):
        list(Table(path).rows())
