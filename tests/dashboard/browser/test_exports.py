"""What can be kept of a run: its page in one file, its data, and its graph as a drawing or an image."""

from __future__ import annotations

import json
from pathlib import Path

from playwright.sync_api import Page, expect
from tests.dashboard.browser.house import House
from tests.dashboard.browser.visit import Visit


def kept(page: Page, menu: str, item: str, folder: Path) -> Path:
    """The file that a menu lets one keep."""
    page.get_by_role("button", name=menu, exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=item).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_a_run_is_kept_as_data_and_as_a_page(visit: Visit, house: House, tmp_path: Path) -> None:
    page = visit.open("run/one")
    data = kept(page, "More", "Save as JSON", tmp_path)
    assert data.name == "one.json"
    said = json.loads(data.read_bytes())
    assert len(said["events"]["events"]) == house.journal.head("one")
    single = kept(page, "More", "Save as a page to send", tmp_path)
    assert single.name == "one.html"
    text = single.read_text(encoding="utf-8")
    assert "hello world" in text
    assert house.token not in text + data.read_text(encoding="utf-8")


def test_a_graph_is_kept_as_svg_and_png(visit: Visit, tmp_path: Path) -> None:
    page = visit.open("run/hostile")
    expect(page.get_by_role("button", name="Save the graph")).to_be_visible()
    drawing = kept(page, "Save the graph", "Save as SVG", tmp_path).read_text(encoding="utf-8")
    assert "&lt;b&gt;bold&lt;/b&gt;" in drawing
    assert "<script" not in drawing
    assert "<b>" not in drawing
    image = kept(page, "Save the graph", "Save as PNG", tmp_path).read_bytes()
    assert image.startswith(b"\x89PNG\r\n")
    assert len(image) > 2_000
