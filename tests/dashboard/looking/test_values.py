"""Any value can be shown, whatever it is; what is long is cut, and the whole of it is harmless."""

from __future__ import annotations

import json
import math

import msgspec
import pytest
from hypothesis import given, settings

from orrery.dashboard.values import MOST_ROWS, MOST_TEXT_CHARS, exact, image_media, value_of, whole
from orrery.errors import Failure
from orrery.graph import Blob
from orrery.graph.values import encode
from orrery.journal.memory import MemoryJournal
from orrery.testing.strategies import values

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"


@settings(max_examples=150, deadline=None)
@given(values())
def test_whatever_it_is_it_can_be_told_and_fetched(value: object) -> None:
    journal = MemoryJournal()
    shown = value_of(value, journal.blobs)
    parsed = json.loads(msgspec.json.encode(shown))
    assert parsed["kind"] in ("none", "text", "markdown", "json", "table", "image", "bytes", "error")
    if not isinstance(value, Blob):
        fetched = whole(value, journal.blobs, "it")
        assert fetched.media in ("application/json", "text/plain; charset=utf-8", "application/octet-stream")
    journal.close()


def test_maps_in_a_list_are_a_table(journal: MemoryJournal) -> None:
    found = value_of([{"a": 1, "b": "x"}, {"a": math.nan, "c": [1, 2]}], journal.blobs)
    assert (found.kind, found.columns, found.total, found.cut) == ("table", ("a", "b", "c"), 2, False)
    assert found.rows == ((1, "x", None), (None, None, [1, 2]))


def test_columns_and_rows_are_a_table(journal: MemoryJournal) -> None:
    found = value_of({"columns": ["x", "y"], "rows": [[1, 2], [3, 4]]}, journal.blobs)
    assert (found.kind, found.columns, found.rows) == ("table", ("x", "y"), ((1, 2), (3, 4)))
    assert value_of([[1, 2], [3, 4]], journal.blobs).columns == ("1", "2")
    assert value_of({"columns": ["x"], "rows": [[1, 2]]}, journal.blobs).kind == "json"
    assert value_of([[1], [2, 3]], journal.blobs).kind == "json"


def test_a_long_table_is_cut_and_counted(journal: MemoryJournal) -> None:
    found = value_of([{"n": n} for n in range(10_000)], journal.blobs)
    assert (len(found.rows), found.total, found.cut) == (MOST_ROWS, 10_000, True)


@pytest.mark.parametrize(
    ("value", "name", "kind"),
    [
        ("plain words", "", "text"),
        ("plain words", "report.md", "markdown"),
        ("# Title\n\nwords", "", "markdown"),
        ("a - b\nc", "", "text"),
        ("- one\n- two\n- three", "", "markdown"),
        ("# only a comment in one line", "", "text"),
        (None, "", "none"),
        (True, "", "json"),
        (PNG, "", "image"),
        (SVG, "", "bytes"),
        (SVG.decode(), "", "text"),
        (Failure("ValueError", "no"), "", "error"),
    ],
)
def test_kinds(journal: MemoryJournal, value: object, name: str, kind: str) -> None:
    assert value_of(value, journal.blobs, name=name).kind == kind


def test_what_is_long_is_cut(journal: MemoryJournal) -> None:
    text = value_of("x" * 50_000, journal.blobs)
    assert (len(text.text), text.size_bytes, text.cut) == (MOST_TEXT_CHARS, 50_000, True)
    deep = value_of({"a": [["x" * 100] * 90, 1] * 500, "b": "y" * 10_000}, journal.blobs)
    assert deep.cut
    assert len(msgspec.json.encode(deep)) < 200_000


def test_names_of_columns_are_cut_as_cells_are(journal: MemoryJournal) -> None:
    name = "x" * 100_000
    for value in ([{name: 1}], {"columns": [name], "rows": [[1]]}):
        shown = value_of(value, journal.blobs)
        assert (shown.kind, shown.cut, len(msgspec.json.encode(shown)) < 1000) == ("table", True, True)


def test_numbers_that_a_page_cannot_tell_apart_are_text() -> None:
    assert exact([2**53, 2**53 + 1, {"a": -(2**70)}, True]) == [2**53, str(2**53 + 1), {"a": str(-(2**70))}, True]


def test_blobs_are_opened_sniffed_or_named(journal: MemoryJournal) -> None:
    blobs = journal.blobs
    value = blobs.put(encode([{"a": 1}]), "value")
    assert value_of(value, blobs).kind == "table"
    image = value_of(blobs.put(PNG, "application/octet-stream"), blobs)
    assert (image.kind, image.media) == ("image", "image/png")
    assert value_of(blobs.put(b"# T\n\nx", "text/markdown"), blobs).kind == "markdown"
    assert value_of(blobs.put(SVG, "image/svg+xml"), blobs).kind == "bytes"
    assert value_of(Blob("0" * 64, 5, "value"), blobs).kind == "error"
    assert value_of(Blob("../etc", 5, "value"), blobs).kind == "error"
    assert value_of(Blob("0" * 64, 1 << 40, "value"), blobs).cut


def test_wholes_cannot_be_executed(journal: MemoryJournal) -> None:
    page = whole("<script>alert(1)</script>", journal.blobs, "page")
    assert (page.media, page.filename) == ("text/plain; charset=utf-8", "page.txt")
    drawing = whole(SVG, journal.blobs, "drawing")
    assert (drawing.media, drawing.filename) == ("application/octet-stream", "drawing.bin")
    assert whole(PNG, journal.blobs, "p").media == "image/png"
    assert whole({"n": 2**60}, journal.blobs, "p").content == b'{"n":"1152921504606846976"}'
    assert image_media(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
