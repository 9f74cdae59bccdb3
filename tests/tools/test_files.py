"""The file tools on real files: whole-or-nothing writes, caps, and messages that say what to do."""

from __future__ import annotations

import hashlib
import os
import stat as modes
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orrery.errors import ArgumentError, ContentError, FileAccessError, LimitReachedError
from orrery.tools import LocalContext, files


def test_relative_paths_are_read_against_the_folder_of_the_run(ctx: LocalContext) -> None:
    assert files.write(Path("a/b.txt"), "héllo", ctx=ctx) == {"path": "a/b.txt", "size_bytes": 6}
    assert (ctx.folder / "a" / "b.txt").read_text(encoding="utf-8") == "héllo"
    assert files.read(Path("a/b.txt"), ctx=ctx) == "héllo"
    assert files.read_bytes(Path("a/b.txt"), ctx=ctx) == "héllo".encode()


def test_writing_leaves_one_file_with_the_mode_it_had(ctx: LocalContext) -> None:
    files.write(Path("new"), "1", ctx=ctx)
    ordinary = ctx.folder / "ordinary"
    ordinary.write_text("1")
    assert (ctx.folder / "new").stat().st_mode == ordinary.stat().st_mode
    (ctx.folder / "new").chmod(0o640)
    files.write(Path("new"), "2", ctx=ctx)
    assert modes.S_IMODE((ctx.folder / "new").stat().st_mode) == 0o640
    assert sorted(os.listdir(ctx.folder)) == ["new", "ordinary"]


def test_writing_through_a_link_replaces_what_it_points_to(ctx: LocalContext) -> None:
    (ctx.folder / "real").write_text("old")
    (ctx.folder / "link").symlink_to("real")
    files.write(Path("link"), "new", ctx=ctx)
    assert (ctx.folder / "real").read_text() == "new"
    assert (ctx.folder / "link").is_symlink()


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(ctx: LocalContext) -> None:
    (ctx.folder / "a").write_text("old")
    with pytest.raises(ContentError, match=r"cannot be written as ascii.*utf-8 writes every text"):
        files.write(Path("a"), "é", encoding="ascii", ctx=ctx)
    with pytest.raises(FileAccessError, match=r"cannot write .*: it is a folder"):
        files.write(Path("."), "x", ctx=ctx)
    with pytest.raises(FileAccessError, match=r"Not a directory|File exists"):
        files.write(Path("a/b"), "x", ctx=ctx)
    assert os.listdir(ctx.folder) == ["a"]
    assert (ctx.folder / "a").read_text() == "old"


def test_a_full_disk_is_an_error_that_may_pass(ctx: LocalContext) -> None:
    with pytest.raises(FileAccessError, match=r"cannot append to '/dev/full': there is no space left") as caught:
        files.append(Path("/dev/full"), "x", ctx=ctx)
    assert caught.value.severity == "transient"


def test_appending_adds_to_the_end(ctx: LocalContext) -> None:
    files.append(Path("log"), "a", ctx=ctx)
    assert files.append(Path("log"), b"b\n", ctx=ctx) == {"path": "log", "size_bytes": 3}
    assert files.append.effects.kind == "once"


def test_text_that_is_not_valid_says_which_byte(ctx: LocalContext) -> None:
    (ctx.folder / "bad").write_bytes(b"ok\xff!")
    with pytest.raises(ContentError, match=r"'bad' is not utf-8 text: byte 2 is 0xff .*errors='replace'"):
        files.read(Path("bad"), ctx=ctx)
    assert files.read(Path("bad"), errors="replace", ctx=ctx) == "ok\N{REPLACEMENT CHARACTER}!"
    assert files.read(Path("bad"), encoding="latin-1", ctx=ctx) == "okÿ!"
    with pytest.raises(ArgumentError, match="no text encoding 'utf-9'"):
        files.read(Path("bad"), encoding="utf-9", ctx=ctx)


def test_a_file_above_the_cap_is_refused_with_its_size(ctx: LocalContext) -> None:
    with (ctx.folder / "big").open("wb") as file:
        file.truncate(5 << 30)  # sparse
    with pytest.raises(LimitReachedError, match=r"has 5368709120 bytes, more than max_bytes=1000; raise the cap"):
        files.read(Path("big"), max_bytes=1000, ctx=ctx)
    (ctx.folder / "just").write_bytes(b"x" * 10)
    assert files.read(Path("just"), max_bytes=10, ctx=ctx) == "x" * 10


def test_what_cannot_be_read_is_said_plainly(ctx: LocalContext) -> None:
    (ctx.folder / "report.md").write_text("")
    with pytest.raises(
        FileAccessError, match=r"cannot read .*: there is nothing of that name; did you mean 'report\.md'"
    ):
        files.read(Path("reprot.md"), ctx=ctx)
    with pytest.raises(FileAccessError, match="there is no folder"):
        files.read(Path("nowhere/x"), ctx=ctx)
    with pytest.raises(FileAccessError, match="it is a folder"):
        files.read(Path(), ctx=ctx)
    os.mkfifo(ctx.folder / "pipe")
    with pytest.raises(FileAccessError, match="it is a pipe, not a file"):
        files.read(Path("pipe"), ctx=ctx)
    with pytest.raises(FileAccessError, match="it is a device or a socket, not a file") as caught:
        files.read(Path("/dev/zero"), ctx=ctx)
    assert caught.value.severity == "permanent"


def test_glob_gives_sorted_relative_paths(ctx: LocalContext) -> None:
    for name in ("src/b.py", "src/a.py", "src/deep/c.py", "src/.hidden.py", "top.py"):
        files.write(Path(name), "", ctx=ctx)
    assert files.glob("**/*.py", ctx=ctx) == ["src/a.py", "src/b.py", "src/deep/c.py", "top.py"]
    assert files.glob("*.py", root=Path("src"), hidden=True, ctx=ctx) == [".hidden.py", "a.py", "b.py"]
    assert files.glob("**", root=Path("src"), kind="folder", ctx=ctx) == ["deep"]
    assert files.glob("*.txt", ctx=ctx) == []
    with pytest.raises(LimitReachedError, match=r"more than 2 paths match '\*\*/\*\.py'; narrow the pattern"):
        files.glob("**/*.py", max_results=2, ctx=ctx)
    with pytest.raises(ArgumentError, match="is absolute; give its folder as `root`"):
        files.glob("/etc/*", ctx=ctx)
    with pytest.raises(FileAccessError, match="there is no such folder"):
        files.glob("*", root=Path("nope"), ctx=ctx)


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200))
def test_the_hash_is_that_of_the_content(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    ctx = LocalContext(tmp_path_factory.mktemp("hash"))
    files.write(Path("x"), data, ctx=ctx)
    assert files.hash_file(Path("x"), ctx=ctx) == hashlib.sha256(data).hexdigest()


def test_hashing_a_large_file_reports_progress(ctx: LocalContext) -> None:
    with (ctx.folder / "big").open("wb") as file:
        file.truncate(65 << 20)
    files.hash_file(Path("big"), algorithm="blake2b", ctx=ctx)
    assert len(ctx.progressed) == 65
    assert ctx.progressed[-1][0] == 1.0


def test_stat_says_what_a_path_is(ctx: LocalContext) -> None:
    files.write(Path("a"), "abc", ctx=ctx)
    os.utime(ctx.folder / "a", (0, 0))
    (ctx.folder / "a").chmod(0o600)
    assert files.stat(Path("a"), ctx=ctx) == {
        "path": "a",
        "kind": "file",
        "size_bytes": 3,
        "modified_at": "1970-01-01T00:00:00+00:00",
        "mode": "0600",
    }
    assert files.stat(Path("/dev/null"), ctx=ctx)["kind"] == "other"
    with pytest.raises(FileAccessError, match=r"cannot look at"):
        files.stat(Path("b"), ctx=ctx)


def test_copying_is_whole_or_nothing_and_knows_folders(ctx: LocalContext) -> None:
    files.write(Path("a"), "abc", ctx=ctx)
    (ctx.folder / "d").mkdir()
    assert files.copy(Path("a"), Path("d"), ctx=ctx) == {"path": "d/a", "size_bytes": 3}
    assert files.copy(Path("a"), Path("e/f"), ctx=ctx)["path"] == "e/f"
    assert files.read(Path("e/f"), ctx=ctx) == "abc"
    with pytest.raises(FileAccessError, match=r"cannot read"):
        files.copy(Path("gone"), Path("g"), ctx=ctx)
    assert not (ctx.folder / "g").exists()


def test_removing_again_changes_nothing(ctx: LocalContext) -> None:
    files.write(Path("d/a"), "", ctx=ctx)
    assert files.remove(Path("d/a"), ctx=ctx) is True
    assert files.remove(Path("d/a"), ctx=ctx) is False
    with pytest.raises(FileAccessError):
        files.remove(Path("d/a"), missing_ok=False, ctx=ctx)
    with pytest.raises(ArgumentError, match="say recursive=true"):
        files.remove(Path("d"), ctx=ctx)
    assert files.remove(Path("d"), recursive=True, ctx=ctx) is True
    assert os.listdir(ctx.folder) == []


def test_a_name_that_is_not_utf8_is_reported(ctx: LocalContext) -> None:
    (ctx.folder / "é\n.txt").touch()
    assert files.glob("*", ctx=ctx) == ["é\n.txt"]
    Path(os.fsdecode(os.fsencode(ctx.folder) + b"/bad\xff.txt")).touch()
    with pytest.raises(ContentError, match=r"the name b'bad\\xff\.txt' is not UTF-8"):
        files.glob("*", ctx=ctx)


def test_links_that_lead_in_a_circle_are_no_trap(ctx: LocalContext) -> None:
    (ctx.folder / "a").symlink_to("a")
    with pytest.raises(FileAccessError, match="cannot read"):
        files.read(Path("a"), ctx=ctx)
    files.write(Path("a"), "x", ctx=ctx)
    assert files.read(Path("a"), ctx=ctx) == "x"
    with pytest.raises(FileAccessError, match="a user that this machine does not know"):
        files.read(Path("~no-such-user/x"), ctx=ctx)


@pytest.mark.parametrize("path", [".", "..", "/", "x/.."])
def test_the_folder_of_the_run_cannot_be_removed(ctx: LocalContext, path: str) -> None:
    (ctx.folder / "x").mkdir()
    with pytest.raises(ArgumentError, match="the run's own folder, which stays"):
        files.remove(Path(path), recursive=True, ctx=ctx)


def test_without_a_context_paths_are_read_against_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files.write(Path("a"), "x")
    assert files.read(Path("a")) == "x"
    assert files.remove(Path("a")) is True
