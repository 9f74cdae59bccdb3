"""The chart tools: real files, the same bytes for the same data, and refusals in plain words."""

from __future__ import annotations

import struct
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from orrery.errors import ArgumentError
from orrery.tools import LocalContext, chart
from orrery.tools.chart import Span

SPANS = [Span("a", 10, 12, "work"), Span("b", 11, 15, "rest"), Span("a", 13, 14, "work")]

DRAW: dict[str, Callable[[Path, LocalContext], str]] = {
    "bar": lambda path, ctx: chart.bar({"Io": 3, "Europa": 2.5}, path, title="Moons", y_label="n", ctx=ctx),
    "many bars": lambda path, ctx: chart.bar({f"a long label {n}": n for n in range(30)}, path, ctx=ctx),
    "line": lambda path, ctx: chart.line({"a": [1, None, 3], "b": [2, 2, 2]}, path, x=[0, 5, 7], ctx=ctx),
    "histogram": lambda path, ctx: chart.histogram([1, 2, 2, 3, 3, 3], path, ctx=ctx),
    "timeline": lambda path, ctx: chart.timeline(SPANS, path, ctx=ctx),
    "no bars": lambda path, ctx: chart.bar({}, path, ctx=ctx),
    "no lines": lambda path, ctx: chart.line({}, path, ctx=ctx),
    "no values": lambda path, ctx: chart.histogram([], path, ctx=ctx),
    "no spans": lambda path, ctx: chart.timeline([], path, ctx=ctx),
    "one point": lambda path, ctx: chart.line({"a": [1]}, path, ctx=ctx),
    "one value": lambda path, ctx: chart.histogram([5.0] * 3, path, ctx=ctx),
    "no length": lambda path, ctx: chart.timeline([Span("a", 1, 1)], path, ctx=ctx),
    "a formula": lambda path, ctx: chart.bar({"$\\frac": 1, "$x$": 2}, path, title="$\\bad{", ctx=ctx),
}


@pytest.mark.parametrize("name", DRAW)
def test_the_same_data_gives_the_same_svg(ctx: LocalContext, name: str) -> None:
    drawn = []
    for number in range(2):
        path = Path(f"out/{number}.svg")
        assert DRAW[name](path, ctx) == str(path)
        drawn.append((ctx.folder / path).read_bytes())
    assert drawn[0] == drawn[1]
    assert ET.fromstring(drawn[0]).tag == "{http://www.w3.org/2000/svg}svg"
    assert b"<dc:date>" not in drawn[0]
    assert sorted(found.name for found in (ctx.folder / "out").iterdir()) == ["0.svg", "1.svg"]


def test_a_png_has_the_size_it_was_asked_for(ctx: LocalContext) -> None:
    chart.line({"a": [1, 2]}, Path("x.PNG"), size=(4, 2), ctx=ctx)
    data = (ctx.folder / "x.PNG").read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", data[16:24]) == (4 * 144, 2 * 144)


def test_charts_drawn_in_threads_are_the_same_as_one_alone(ctx: LocalContext) -> None:
    DRAW["line"](Path("alone.svg"), ctx)
    threads = [threading.Thread(target=DRAW["line"], args=(Path(f"{n}.svg"), ctx)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = (ctx.folder / "alone.svg").read_bytes()
    assert all((ctx.folder / f"{n}.svg").read_bytes() == alone for n in range(4))


def test_spans_come_as_maps_from_a_workflow(ctx: LocalContext) -> None:
    bound = chart.timeline.bind({"spans": [Span("a", 1, 2), {"label": "b", "start": 1, "end": "3"}], "path": "t.svg"})
    assert bound["spans"] == [Span("a", 1, 2), Span("b", 1, 3)]
    chart.timeline.call({"spans": [{"label": "a", "start": 1, "end": 2}], "path": "t.svg"}, ctx)
    assert (ctx.folder / "t.svg").exists()


def test_what_cannot_be_drawn_is_refused(ctx: LocalContext) -> None:
    nan = float("nan")
    with pytest.raises(ArgumentError, match=r"a \.png or a \.svg file, so 'x\.pdf' cannot be one"):
        chart.bar({"a": 1}, Path("x.pdf"), ctx=ctx)
    with pytest.raises(ArgumentError, match="values holds nan, which cannot be drawn"):
        chart.bar({"a": nan}, Path("x.svg"), ctx=ctx)
    with pytest.raises(ArgumentError, match="series 'a' holds inf"):
        chart.line({"a": [float("inf")]}, Path("x.svg"), ctx=ctx)
    with pytest.raises(ArgumentError, match="series 'a' has 1 heights, but x has 2 places"):
        chart.line({"a": [1]}, Path("x.svg"), x=[1, 2], ctx=ctx)
    with pytest.raises(ArgumentError, match="span 'a' ends at 1, before it starts at 2"):
        chart.timeline([Span("a", 2, 1)], Path("x.svg"), ctx=ctx)
    with pytest.raises(ArgumentError, match=r"bins must lie in 1\.\.1000, not 0"):
        chart.histogram([1], Path("x.svg"), bins=0, ctx=ctx)
    with pytest.raises(ArgumentError, match="at most 1000 are drawn"):
        chart.bar({str(n): 1 for n in range(1001)}, Path("x.svg"), ctx=ctx)
    with pytest.raises(ArgumentError, match="100 inches each way, not 4 x 1000"):
        chart.line({"a": [1]}, Path("x.svg"), size=(4, 1000), ctx=ctx)
    assert list(ctx.folder.iterdir()) == []
