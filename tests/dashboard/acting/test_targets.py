"""What may be loaded from the dashboard is said clearly, whatever lies in the folder and in the store."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.dashboard.acting.desk import Desk

from orrery.dashboard import targets
from orrery.errors import CorruptionError, RequestError
from orrery.journal.memory import MemoryJournal
from orrery.scheduler import events as ev
from orrery.scheduler.events import AnyEvent


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_that_leads_to_itself_is_no_file(desk: Desk) -> None:
    (desk.folder / "loop.yaml").symlink_to("loop.yaml")
    for path in ("/workflows/form", "/explain"):
        assert desk.get(path, target="loop.yaml").status == 400
    assert desk.post("/runs", target="loop.yaml").status == 400


@pytest.mark.parametrize("ending", ["SystemExit(3)", "KeyboardInterrupt()"])
def test_code_that_would_end_the_program_is_refused_however_often_it_is_loaded(desk: Desk, ending: str) -> None:
    (desk.folder / "ends.py").write_text(f"raise {ending}", encoding="utf-8")
    for path in ("/workflows/form", "/explain"):
        answer = desk.get(path, target="ends.py:flow")
        assert (answer.status, ending in answer.json["message"]) == (400, True), answer


FLOW = """
from orrery import flow, task

@task
def same(a):
    return a

@flow
def told({inputs}):
    return same(a)
"""


def test_a_script_that_was_changed_is_read_anew(desk: Desk) -> None:
    for inputs, names in (("a: int", ["a"]), ("a: str, other: int = 3", ["a", "other"])):
        (desk.folder / "told.py").write_text(FLOW.format(inputs=inputs), encoding="utf-8")
        for _ in range(2):
            answer = desk.get("/workflows/form", target="told.py")
            assert [field["name"] for field in answer.json["fields"]] == names


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="no folder is closed to root")
def test_a_folder_that_is_closed_to_us_is_passed_over(desk: Desk) -> None:
    closed = desk.folder / "closed"
    closed.mkdir()
    closed.chmod(0)
    answer = desk.get("/workflows")
    closed.chmod(0o700)
    assert {one["target"] for one in answer.json["workflows"]} == {"asks.yaml", "kinds.yaml"}


def test_the_folder_of_an_earlier_run_counts_as_long_as_it_is_there(journal: MemoryJournal, tmp_path: Path) -> None:
    for run, folder in (("first", tmp_path), ("second", tmp_path / "gone")):
        lease = journal.create(run, 0.0, "flow.yaml")
        journal.append([(lease, [ev.RunStarted(0.0, run, target="flow.yaml", folder=str(folder))])])
    assert targets.folder_of(journal, tmp_path / "here", "flow.yaml") == tmp_path
    assert targets.folder_of(journal, tmp_path / "here", "other.yaml") is None


class Damaged(MemoryJournal):
    """One of its runs cannot be read."""

    def read(self, run: str, after: int = 0) -> Iterator[tuple[int, AnyEvent]]:
        if run == "damaged":
            raise CorruptionError("it is damaged")
        return super().read(run, after)


def test_a_damaged_run_hides_no_earlier_one(tmp_path: Path) -> None:
    journal = Damaged()
    for run in ("whole", "damaged"):
        lease = journal.create(run, 0.0, "flow.yaml")
        journal.append([(lease, [ev.RunStarted(0.0, run, target="flow.yaml", folder=str(tmp_path))])])
    assert targets.folder_of(journal, tmp_path / "here", "flow.yaml") == tmp_path
    with pytest.raises(RequestError, match="cannot be loaded from here"):
        targets.form(journal, tmp_path / "here", "other.yaml")
    journal.close()
