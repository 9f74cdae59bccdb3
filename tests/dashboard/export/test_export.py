"""A run in a file: all that the page asks for, cut where it must be, and nothing that a browser would run or fetch."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from tests.dashboard.logs import Log, board

from orrery.cli import main
from orrery.dashboard import export, single
from orrery.dashboard.export import export_of, file_name, json_of
from orrery.dashboard.single import html_of
from orrery.dashboard.weighed import Exported
from orrery.errors import Failure, PageNotBuiltError, RequestError, UnknownRunError
from orrery.graph import Graph, Ref, Task
from orrery.graph.values import encode
from orrery.journal import open_journal
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev

HOSTILE = "</script><script>alert(1)</script><!-- <img src=http://example.org/x> & \u2028"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def told(journal: MemoryJournal, run: str = "a/b (1)") -> Exported:
    graph = Graph(
        [
            Task("load/x", "files.read", {"path": HOSTILE}),
            Task("draw", "chart.draw", {"rows": Ref("load/x")}),
            Task("fail", "text.count", {"text": Ref("draw")}, label=HOSTILE),
        ],
        outputs={"picture (1)": Ref("draw"), "text": Ref("load/x")},
    )
    log = Log(journal, run, graph, target=HOSTILE)
    log.did("load/x", 0.0, 1.0, value=HOSTILE)
    log.say(ev.TaskStarted(1.0, "draw", 1), ev.TaskProgressed(1.5, "draw", 1, 0.5, HOSTILE))
    log.say(ev.TaskSucceeded(2.0, "draw", 1, msgspec.Raw(encode(PIXEL))))
    log.say(
        ev.TaskStarted(2.0, "fail", 1),
        ev.TaskFailed(3.0, "fail", 1, Failure("ValueError", HOSTILE, severity="permanent")),
    )
    return export_of(board(journal), run)


def test_it_has_what_the_page_asks_for_and_can_be_read_again(journal: MemoryJournal) -> None:
    found = told(journal)
    again = msgspec.json.decode(json_of(found), type=Exported)
    assert (again.format, again.version, again.notes) == ("orrery-run", 1, ())
    assert [row.id for row in again.change.tasks] == ["load/x", "draw", "fail"]
    assert again.change.head.state == "partial"
    assert [(row.task, row.outcome) for row in again.timeline.attempts][-1] == ("fail", "failed")
    assert [one.seq for one in again.events.events] == list(range(1, again.change.seq + 1))
    assert again.outputs["text"].text == HOSTILE
    assert again.spending.duration_s == pytest.approx(3.0)
    assert list(again.panels) == ["fail", "draw", "load/x"]  # what is wrong comes first
    assert [one.text for one in again.panels["draw"].logs] == [HOSTILE.replace("\u2028", " ").strip()]
    assert json.loads(json_of(found))["change"]["head"]["run"] == "a/b (1)"


def test_images_lie_in_it_by_the_address_at_which_a_page_asks_for_them(journal: MemoryJournal) -> None:
    files = told(journal).files
    address = "/runs/a%2Fb%20(1)/value?output=picture%20(1)"  # as encodeURIComponent writes it
    assert base64.b64decode(files[address].base64) == PIXEL
    assert {file.media for file in files.values()} == {"image/png"}
    assert "/runs/a%2Fb%20(1)/value?task=draw" in files


def test_what_would_make_it_large_is_cut_and_named(journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "MOST_EVENTS", 4)
    monkeypatch.setattr(export, "MOST_PANELS", 2)
    monkeypatch.setattr(export, "MOST_FILE_BYTES", len(PIXEL))
    found = told(journal)
    last = found.change.seq
    assert [one.seq for one in found.events.events] == list(range(last - 3, last + 1))
    assert list(found.panels) == ["fail", "draw"]
    assert len(found.files) == 1
    assert found.notes == (
        f"of {last} events the last 4 are in the file",
        "of 3 tasks, 2 are told of in all detail",
        "of 2 images, 1 are in the file",
    )
    monkeypatch.setattr(export, "MOST_TASKS", 2)
    with pytest.raises(RequestError, match="has 3 tasks"):
        export_of(board(journal), "a/b (1)")


class Document(HTMLParser):
    """The elements of a document, and what stands in its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, str] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.attributes.append((tag, given))
        self._open = f"{tag}:{given.get('type', '')}" if tag in ("script", "style", "title") else ""

    def handle_data(self, data: str) -> None:
        if self._open:
            self.inside[self._open] = self.inside.get(self._open, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page as it might be built, with what could end its element."""
    (tmp_path / "single.js").write_text('console.log("</script><!--")', encoding="utf-8")
    (tmp_path / "single.css").write_text("p { color: red }", encoding="utf-8")
    return tmp_path


def test_nothing_of_a_run_becomes_a_part_of_the_document(journal: MemoryJournal, page: Path) -> None:
    found = told(journal)
    text = html_of(found, page).decode()
    document = Document(text)
    head = ["head", *["meta"] * 4, "link", "title", "style"]
    assert document.tags == ["html", *head, "body", "div", "script", "script"]
    assert document.inside["title:"] == "a/b (1)"
    assert msgspec.json.decode(document.inside["script:application/json"], type=Exported) == found
    assert "<" not in document.inside["script:application/json"]
    assert not [given for _, given in document.attributes if given.keys() & {"src", "onload"}]
    assert [given["href"] for _, given in document.attributes if "href" in given] == ["data:,"]


def test_its_policy_allows_its_own_script_and_style_and_nothing_else(journal: MemoryJournal, page: Path) -> None:
    text = html_of(told(journal), page).decode()
    document = Document(text)
    policies = [given.get("content") for _, given in document.attributes if given.get("http-equiv")]
    policy = dict(part.split(" ", 1) for part in (policies[0] or "").split("; "))
    for directive, what in (("script-src", "script:module"), ("style-src", "style:")):
        digest = base64.b64encode(hashlib.sha256(document.inside[what].encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data: blob:"
    assert "connect-src" not in policy  # so that it is as the default is


def test_a_page_that_is_not_built_is_named_with_the_way_out(journal: MemoryJournal, tmp_path: Path) -> None:
    with pytest.raises(PageNotBuiltError, match="make ui"):
        html_of(told(journal), tmp_path)
    with pytest.raises(UnknownRunError):
        export_of(board(journal), "none")


@pytest.mark.parametrize(("run", "name"), [("demo", "demo"), ("a/b c", "a-b-c"), ("../..", "run"), ("größe", "größe")])
def test_a_file_is_called_like_its_run(run: str, name: str) -> None:
    assert file_name(run) == name


def test_the_command_line_writes_the_file(
    tmp_path: Path, page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("A_SECRET", "told-to-nobody")
    monkeypatch.setattr(single, "FOLDER", page)
    journal = open_journal("sqlite:///runs.db")
    log = Log(journal, "night", Graph([Task("a", "text.count", {"text": "x"})]))
    log.did("a", 0.0, 1.0, value=1)
    journal.close()
    words = ["--store", "sqlite:///runs.db"]
    assert main(["show", "night", "--html", *words]) == 0
    assert "night.html" in capsys.readouterr().out
    assert b"told-to-nobody" not in Path("night.html").read_bytes()
    assert main(["show", "last", "--html", "other.html", "--json", *words]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["size_bytes"] == Path("other.html").stat().st_size
    Path("folder").mkdir()
    for wrong in (["--html", "folder"], ["folder"], ["--html", "--task", "a"]):
        assert main(["show", "night", *wrong, *words]) == 2
    assert re.search(r"is a folder; name a file in it, such as 'folder.night.html'", capsys.readouterr().err)
    assert not list(Path().glob(".*.part"))
