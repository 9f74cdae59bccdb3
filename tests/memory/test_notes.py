"""Memory on a real file: recall by likeness and recency, caps, several processes at once, and damage that is named."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.agents import remembering
from orrery.errors import ArgumentError, CorruptionError, LimitReachedError, StoreError, StoreVersionError
from orrery.memory import USER, Memory, of_run
from orrery.models.embedding import Vector, embedders
from orrery.tools import LocalContext, tools
from orrery.tools.approval import judge

DAY_S = 86_400.0


@pytest.fixture
def memory(tmp_path: Path) -> Memory:
    return Memory(tmp_path / "deep" / "memory.db")


def test_what_is_recalled_is_about_the_query_and_says_why(memory: Memory) -> None:
    memory.remember("the customer prefers invoices as PDF", scope=USER, at=0)
    memory.remember("the build server is called moonbase", scope=USER, at=0)
    memory.remember("lunch is at noon", scope=USER, at=0)
    (found, *_) = memory.recall("what is the build server called?", scopes=[USER], now=2 * DAY_S)
    assert found.note.text == "the build server is called moonbase"
    assert "'build', 'server'" in found.because
    assert found.because.endswith("; it is from 2 days ago")
    assert found.trust == "untrusted"
    assert 0 < found.score <= 1
    assert memory.recall("xylophone", scopes=[USER]) == []


def test_of_two_that_are_alike_the_newer_comes_first(memory: Memory) -> None:
    memory.remember("deploy goes to the port 8000", scope=USER, at=0)
    memory.remember("deploy goes to the port 9000", scope=USER, at=90 * DAY_S)
    found = memory.recall("which port does the deploy go to", scopes=[USER], now=91 * DAY_S)
    assert [each.note.text[-4:] for each in found] == ["9000", "8000"]
    assert [each.because.rpartition("; ")[2] for each in found] == ["it is from 1 day ago", "it is from 91 days ago"]


def test_scopes_and_tags_keep_notes_apart(memory: Memory) -> None:
    memory.remember("the moon is far", scope=USER, tags=["space", "far away"])
    memory.remember("the moon is round", scope=of_run("r1"), tags=["space"])
    memory.remember("the moon is old", scope=of_run("r2"))
    assert [each.note.text for each in memory.recall("moon", scopes=[of_run("r1")])] == ["the moon is round"]
    both = memory.recall("moon", scopes=[USER, of_run("r1")])
    assert {each.note.text for each in both} == {"the moon is far", "the moon is round"}
    assert [each.note.tags for each in memory.recall("moon", tags=["far-away"])] == [("space", "far-away")]
    assert memory.recall("moon", scopes=[]) == []


def test_the_same_text_is_one_note_that_becomes_new_again(memory: Memory) -> None:
    first = memory.remember("twice", scope=USER, at=0)
    again = memory.remember("twice", scope=USER, tags=["new"], at=5)
    assert (again.id, again.at, again.tags) == (first.id, 5, ("new",))
    assert len(memory.recall("twice")) == 1


def test_notes_are_forgotten_one_by_one_by_scope_and_when_there_are_too_many(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.db", most_notes=3)
    assert memory.forget(1) == 0
    notes = [memory.remember(f"moon {n}", scope=USER, at=n) for n in range(5)]
    assert {each.note.text for each in memory.recall("moon", 9)} == {"moon 2", "moon 3", "moon 4"}
    assert memory.forget(notes[4].id) == 1
    assert memory.forget(notes[4].id) == 0
    assert memory.forget(scope=USER) == 2
    assert memory.forget() == 0
    assert memory.recall("moon") == []


def test_a_note_has_a_limit_and_needs_a_text(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "memory.db", most_chars=10)
    with pytest.raises(LimitReachedError, match="longer than most_chars=10"):
        memory.remember("x" * 11, scope=USER)
    with pytest.raises(ArgumentError, match="nothing to remember"):
        memory.remember(" \n", scope=USER)
    assert not memory.path.exists()


def test_a_memory_that_is_not_there_is_empty_and_is_not_made_by_looking(memory: Memory) -> None:
    assert memory.recall("anything") == []
    assert not memory.path.parent.exists()


def test_notes_of_another_embedder_are_measured_anew(memory: Memory) -> None:
    class Lengths:
        name = "lengths-1"

        def embed(self, texts: object) -> list[Vector]:
            assert isinstance(texts, list | tuple)
            return [Vector({len(text): 1.0}) for text in texts]

    embedders.add("lengths", Lengths())
    memory.remember("four", scope=USER)
    memory.remember("seven77", scope=USER)
    other = Memory(memory.path, embedder="lengths")
    assert [each.note.text for each in other.recall("1234")] == ["four"]


WRITER = """
import sys
from pathlib import Path
from orrery.memory import USER, Memory
memory = Memory(Path(sys.argv[1]))
for number in range(25):
    memory.remember(f"note {number} of {sys.argv[2]}", scope=USER)
"""


def test_several_processes_and_threads_write_at_once(memory: Memory) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", WRITER, str(memory.path), str(number)])
        for number in range(3)
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: memory.remember(f"note {n} here", scope=USER), range(25)))
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    assert len(memory.recall("note", 1000)) == 100


@pytest.mark.parametrize(
    "data", [b"this is no database at all, only a text" * 40, b"SQLite format 3\0" + b"\xff" * 4000]
)
def test_a_file_that_is_no_memory_is_an_error_that_names_it(memory: Memory, data: bytes) -> None:
    memory.path.parent.mkdir()
    memory.path.write_bytes(data)
    with pytest.raises(CorruptionError, match=r"memory\.db' is damaged: .*; restore it from a copy, or move it away"):
        memory.recall("anything")
    with pytest.raises(CorruptionError, match=r"memory\.db"):
        memory.remember("anything", scope=USER)
    assert memory.path.read_bytes() == data


def test_a_changed_note_is_an_error_and_is_never_recalled(memory: Memory) -> None:
    memory.remember("pay 100 to the garden club", scope=USER)
    data = memory.path.read_bytes()
    assert data.count(b"pay 100") > 0
    memory.path.write_bytes(data.replace(b"pay 100", b"pay 900"))
    with pytest.raises(CorruptionError, match=r"memory\.db' is damaged"):
        memory.recall("garden club")


@settings(max_examples=30, deadline=None)
@given(place=st.integers(0, 2**16), byte=st.integers(0, 255))
def test_a_flipped_byte_changes_nothing_or_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int
) -> None:
    memory = Memory(tmp_path_factory.mktemp("flip") / "memory.db")
    memory.remember("a moon with volcanoes", scope=USER, tags=["io"], at=1)
    before = memory.recall("moon", now=1)
    data = bytearray(memory.path.read_bytes())
    data[place % len(data)] = byte
    memory.path.write_bytes(bytes(data))
    try:
        found = memory.recall("moon", now=1)
    except (CorruptionError, StoreError):
        return
    assert found in (before, [])


def test_a_newer_form_is_refused(memory: Memory) -> None:
    memory.remember("x", scope=USER)
    with sqlite3.connect(memory.path) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(StoreVersionError, match="newer Orrery"):
        memory.recall("x")


def test_a_folder_that_cannot_be_written_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"file/memory\.db"):
        Memory(tmp_path / "file" / "memory.db").remember("x", scope=USER)


def test_recalling_is_quick(memory: Memory) -> None:
    for number in range(60):
        memory.remember(f"note {number} about moon {number % 7} and its craters, seen at night", scope=USER)
    began = time.process_time()
    memory.recall("craters of moon 3")
    assert time.process_time() - began < 0.5


def test_the_two_tools_keep_notes_for_the_run_and_for_the_user(tmp_path: Path) -> None:
    remember, recall = tools.get("memory.remember"), tools.get("memory.recall")
    assert (remember, recall) == (remembering.remember, remembering.recall)
    here, later = LocalContext(tmp_path, run="r1"), LocalContext(tmp_path, run="r2")
    remember.call({"text": "the moon is full"}, here)
    remember.call({"text": "the user likes the moon", "scope": "user", "tags": ["likes"]}, here)
    assert {each["text"] for each in recall.call({"query": "moon"}, here)} == {
        "the moon is full",
        "the user likes the moon",
    }
    (kept,) = recall.call({"query": "moon"}, later)
    assert (kept["text"], kept["tags"], kept["trust"]) == ("the user likes the moon", ["likes"], "untrusted")
    assert (tmp_path / ".orrery" / "memory.db").exists()
    assert judge(remember, {"text": "x"}, tmp_path).word == "allow"
    assert judge(remember, {"text": "x", "scope": "user"}, tmp_path).word == "ask"
    assert judge(recall, {"query": "x"}, tmp_path).word == "allow"
