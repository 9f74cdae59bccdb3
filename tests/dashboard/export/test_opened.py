"""The file in a real browser, from a disk and without a network: the page is there, and nothing is asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.dashboard.logs import Log, board

from orrery.dashboard.export import export_of
from orrery.dashboard.single import FOLDER, html_of
from orrery.graph import Graph, Ref, Task
from orrery.journal.memory import MemoryJournal

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
    pytest.mark.skipif(not (FOLDER / "single.js").is_file(), reason="the page is not built here; `make ui` builds it"),
]


def test_it_opens_without_a_server_or_a_network(journal: MemoryJournal, tmp_path: Path) -> None:
    graph = Graph(
        [Task("load", "files.read", {"path": "a"}), Task("count", "text.count", {"text": Ref("load")})],
        outputs={"words": Ref("count")},
    )
    log = Log(journal, "sent", graph, at=1e9)
    log.did("load", 1e9, 1e9 + 1, value="<b>two words</b>")
    log.did("count", 1e9 + 1, 1e9 + 3, value=2)
    path = tmp_path / "sent.html"
    path.write_bytes(html_of(export_of(board(journal), "sent")))
    trouble: list[str] = []
    asked: list[str] = []
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            page = browser.new_context(offline=True).new_page()
            page.set_default_timeout(10_000)
            page.on("console", lambda said: trouble.append(said.text) if said.type in ("error", "warning") else None)
            page.on("pageerror", lambda error: trouble.append(str(error)))
            page.on("request", lambda request: asked.append(request.url))
            page.goto(path.as_uri())
            page.get_by_role("heading", name="sent").wait_for()
            for name, text in {"Events": "succeeded after", "Outputs": "words", "Spending": "text.count"}.items():
                page.get_by_role("tab", name=name).click()
                page.get_by_role("tabpanel").get_by_text(text).first.wait_for()
            page.get_by_role("tab", name="Graph").click()
            page.goto(f"{path.as_uri()}#/run/sent?task=load")
            page.get_by_text("<b>two words</b>").first.wait_for()
        finally:
            browser.close()
    assert trouble == []
    assert [url.partition("#")[0] for url in asked] == [path.as_uri()]
