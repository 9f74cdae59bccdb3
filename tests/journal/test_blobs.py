"""Blobs: equal content once, whole or not at all, damage noticed."""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from orrery.errors import CorruptionError, StoreReadOnlyError
from orrery.graph import Blob
from orrery.journal import FileBlobs


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("flush", [False, True])
def test_equal_content_is_stored_once(tmp_path: Path, flush: bool) -> None:
    blobs = FileBlobs(tmp_path / "blobs", flush=flush)
    first = blobs.put(b"same", "text/plain")
    with blobs.writer("image/png") as out:
        out.write(b"sa")
        out.write(memoryview(b"me"))
    assert first == Blob(hashlib.sha256(b"same").hexdigest(), 4, "text/plain")
    assert (out.blob.digest, out.blob.media) == (first.digest, "image/png")
    assert len(files(tmp_path)) == 1


def test_making_a_store_touches_nothing_until_it_is_used(tmp_path: Path) -> None:
    FileBlobs(tmp_path / "blobs")
    assert list(tmp_path.iterdir()) == []


def test_an_abandoned_blob_leaves_no_file(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)

    def give_up() -> None:
        with blobs.writer() as out:
            out.write(b"x" * 3_000_000)
            raise KeyError("given up")

    with pytest.raises(KeyError):
        give_up()
    assert files(tmp_path) == []


def test_damage_is_noticed_whichever_way_a_blob_is_read(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    blob = blobs.put(b"precious")
    (path,) = files(tmp_path)
    path.write_bytes(b"preciouz")
    with pytest.raises(CorruptionError, match="damaged"):
        blobs.get(blob)
    with pytest.raises(CorruptionError, match="damaged"):
        blobs.open(blob)
    path.write_bytes(b"prec")
    assert blobs.get(blobs.put(b"precious")) == b"precious"  # cut short: written anew


def test_a_folder_that_cannot_be_made_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Exception, match=r"file/blobs") as caught:
        FileBlobs(tmp_path / "file" / "blobs").put(b"x")
    assert getattr(caught.value, "code", "") in ("store", StoreReadOnlyError.code)


def test_a_disk_that_is_full_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))\n"
        "from orrery.journal import FileBlobs\n"
        "from orrery.errors import StoreFullError\n"
        "blobs = FileBlobs(sys.argv[1])\n"
        "try:\n"
        "    blobs.put(bytes(5_000_000))\n"
        "except StoreFullError as error:\n"
        "    print(error)\n"
        "blobs.put(b'small')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path], check=True, capture_output=True, text=True)
    assert "no space is left" in done.stdout
    assert len(files(tmp_path)) == 1


def test_a_large_blob_is_streamed_in_little_memory(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    chunk = bytes(1 << 20)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with blobs.writer() as out:
        for _ in range(100):
            out.write(chunk)
    with blobs.open(out.blob) as file:
        assert file.read(10) == bytes(10)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes
