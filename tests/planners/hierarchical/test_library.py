"""The library of made tools: what was admitted is there whole, and what was touched since is not used."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.planners.hierarchical.test_suite import spec_of, suite_of

from orrery.bench.planning.workshop import JOBS
from orrery.errors import ProgramError, ToolLibraryError, UnknownNameError
from orrery.planners.toolbox import find_tools
from orrery.tools import LocalContext, tools
from orrery.tools.made import Entry, Library, Provenance, as_tool


def entry(number: int = 0) -> Entry:
    job = JOBS[number]
    return Entry(spec_of(job), suite_of(job).cases, Provenance(job.needs[0]), job.code)


def test_what_was_kept_is_read_back_the_same(tmp_path: Path) -> None:
    library = Library(tmp_path)
    for number in range(len(JOBS)):
        kept = library.keep(entry(number))
        assert library.read(kept.name) == kept
        assert library.read(kept.name).digest == kept.digest
    assert library.names() == sorted(f"made.{job.name}" for job in JOBS)
    assert len(list(library.sound())) == len(JOBS)


def rewrite(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def damage(place: Path) -> None:
        file = place / name
        file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")

    return damage


def facts(**changes: Any) -> Callable[[Path], None]:
    return rewrite("tool.json", lambda text: json.dumps({**json.loads(text), **changes}))


@pytest.mark.parametrize(
    "damage",
    [
        rewrite("tool.py", lambda text: text.replace("aeiou", "aeio")),
        rewrite("tool.py", lambda text: text + "\n"),
        rewrite("tool.py", lambda text: text[: len(text) // 2]),
        rewrite("tests.json", lambda text: "[]"),
        rewrite("tests.json", lambda text: text.replace('"expect": 2', '"expect": 3')),
        rewrite("tool.json", lambda text: text.replace("How many", "So many")),
        rewrite("tool.json", lambda text: text[:-10]),
        facts(digest="0" * 64),
        facts(version=7),
        facts(spec={}),
        lambda place: (place / "tool.py").unlink(),
        lambda place: (place / "tests.json").write_bytes(b"\xff\xfe"),
        lambda place: (place / "tool.json").write_text("[1, 2]", encoding="utf-8"),
    ],
)
def test_a_tool_that_was_touched_is_refused_and_says_where_it_is(
    context: LocalContext, damage: Callable[[Path], None]
) -> None:
    library = Library()
    library.keep(entry(0))
    library.keep(entry(1))
    damage(library.folder / "count_vowels")
    with pytest.raises(ToolLibraryError, match=r"remove .*count_vowels"):
        library.read("made.count_vowels")
    with pytest.raises(ToolLibraryError):
        tools.get("made.count_vowels")
    assert [each.name for each in library.sound()] == ["made.running_total"]
    assert "made.count_vowels" not in [tool.name for tool in find_tools("count the vowels of a text", most=8)]


def test_a_digest_that_was_forged_too_does_not_let_forbidden_code_in(tmp_path: Path) -> None:
    library = Library(tmp_path)
    forged = msgspec.structs.replace(entry(0), code="import os\n" + entry(0).code)
    library.keep(forged)
    with pytest.raises(ToolLibraryError, match="it may not import os"):
        library.read("made.count_vowels")


def test_a_tool_under_another_ones_name_is_refused(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.keep(entry(0))
    (tmp_path / "count_vowels").rename(tmp_path / "something_else")
    with pytest.raises(ToolLibraryError, match="calls itself 'count_vowels'"):
        library.read("made.something_else")


def test_a_new_version_takes_the_old_ones_place_and_the_old_one_is_set_aside(tmp_path: Path) -> None:
    library = Library(tmp_path)
    library.keep(entry(0))
    second = library.keep(msgspec.structs.replace(entry(0), provenance=Provenance("better")))
    assert second.version == 2
    assert library.read("made.count_vowels").provenance.need == "better"
    assert (tmp_path / ".old" / "count_vowels-1" / "tool.py").is_file()
    assert library.names() == ["made.count_vowels"]


def test_those_that_keep_the_same_tool_at_once_do_not_get_in_each_others_way(tmp_path: Path) -> None:
    def keep_often(_: int) -> None:
        for _ in range(20):
            Library(tmp_path).keep(entry())

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(keep_often, range(4)))
    assert Library(tmp_path).names() == [entry().name]
    assert Library(tmp_path).read(entry().name).code == entry().code
    assert not list(tmp_path.glob(".new-*"))


def test_what_a_process_that_died_left_half_written_is_no_tool(tmp_path: Path) -> None:
    library = Library(tmp_path)
    kept = library.keep(entry())
    shutil.copytree(tmp_path / kept.spec.name, tmp_path / ".new-left")
    assert library.names() == [kept.name]


def test_a_name_that_nobody_has_is_unknown(tmp_path: Path) -> None:
    library = Library(tmp_path / "none")
    assert library.names() == []
    for name in ("made.nothing", "made.../../etc"):
        with pytest.raises(UnknownNameError):
            library.read(name)


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    with pytest.raises(ToolLibraryError, match="cannot be kept"):
        Library(tmp_path / "file").keep(entry(0))


def test_a_made_tool_checks_its_arguments_and_says_why_it_refuses(context: LocalContext) -> None:
    numerals = as_tool(entry(3))
    assert numerals.description == "A whole number from 1 to 3999 written in Roman numerals."
    assert numerals.parameters["properties"] == {"number": {"type": "integer"}}
    assert numerals.effects.kind == "pure"
    assert asyncio.run(numerals.call({"number": 14}, context)) == "XIV"
    with pytest.raises(ProgramError, match="Roman numerals go from 1 to 3999"):
        asyncio.run(numerals.call({"number": 0}, context))
