"""Part: a blob that arrives in pieces; in a folder of blobs, perhaps over several lives of this process.

Who receives a blob knows its digest before its bytes, so what has arrived so far lies in a file of that name and is
gone on with after a restart. Whole, verified and renamed, it becomes a blob like every other.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from orrery.errors import CorruptionError
from orrery.graph.values import Blob
from orrery.journal.blobs import BlobStore, BlobWriter, FileBlobs, flush_folder, writing
from orrery.journal.locks import try_lock

_CHUNK_BYTES = 1 << 20


class Part(Protocol):
    """The beginning of a blob. Every method may block for as long as the disk does."""

    @property
    def size_bytes(self) -> int:
        """How much has arrived."""

    def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Add bytes at the end. Raises StoreFullError, StoreReadOnlyError."""

    def keep(self) -> None:
        """Make it a blob.

        Raises:
            CorruptionError: the bytes are not those of the blob. They are thrown away, and it begins again.
        """

    def leave(self) -> None:
        """Let go of it. What was not kept stays for another time, where that is possible."""


def part_of(store: BlobStore, blob: Blob) -> Part:
    """What has arrived of a blob, to be gone on with.

    Raises:
        StoreFullError, StoreReadOnlyError, StoreError: the file cannot be made.
        CorruptionError: that is not the digest of a blob.
    """
    return PartialBlob(store, blob) if isinstance(store, FileBlobs) else WrittenBlob(store, blob)


def has(store: BlobStore, blob: Blob) -> bool:
    """Whether a blob is there already."""
    if isinstance(store, FileBlobs):
        return store.has(blob)
    try:
        store.open(blob).close()
    except CorruptionError:
        return False
    return True


class PartialBlob:
    """The beginning of a blob in a folder of blobs, where it survives this process.

    One process at a time goes on with the common file; a second one that wants the same blob begins one of its own.

    Args:
        store: where the blob is to be.
        blob: its digest, which is trusted only once its bytes have it, and its length.
    """

    def __init__(self, store: FileBlobs, blob: Blob) -> None:
        self.blob, self._store = blob, store
        store.path(blob.digest)  # whatever is no digest ends here, before it becomes part of a path
        with writing(store.folder):
            store.folder.mkdir(parents=True, exist_ok=True)
            self._path, self._handle = self._opened(store.folder / f"partial-{blob.digest}")
            if os.fstat(self._handle).st_size > blob.size_bytes:
                self._begin_again()
            else:
                self._go_on()

    @property
    def size_bytes(self) -> int:
        """How much has arrived."""
        return self._size_bytes

    def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Add bytes at the end. Raises StoreFullError, StoreReadOnlyError."""
        with writing(self._store.folder):
            for piece in pieces:
                rest = memoryview(piece)
                while rest:
                    rest = rest[os.write(self._handle, rest) :]
                self._hash.update(piece)
                self._size_bytes += len(piece)

    def keep(self) -> None:
        """Make it a blob. Raises CorruptionError if the bytes are not its own, and throws them away."""
        digest = self._hash.hexdigest()
        if digest != self.blob.digest or self._size_bytes != self.blob.size_bytes:
            with writing(self._store.folder):
                self._begin_again()
            raise CorruptionError(
                f"what arrived as blob {self.blob.digest[:12]} has the digest {digest[:12]}; it was thrown away"
            )
        with writing(self._store.folder):
            if self._store.flush:
                os.fsync(self._handle)
            path = self._store.path(self.blob.digest)
            path.parent.mkdir(exist_ok=True)
            if os.name == "nt":  # there, what is open cannot be renamed
                self._close()
            self._path.replace(path)
            self._close()
            if self._store.flush:
                flush_folder(path.parent)
                flush_folder(self._store.folder)

    def leave(self) -> None:
        """Let go of it. What was not kept stays for another time, unless another process has the common file."""
        if self._handle < 0:
            return
        self._close()
        if self._size_bytes == 0 or not self._is_common():
            self._path.unlink(missing_ok=True)

    def _opened(self, common: Path) -> tuple[Path, int]:
        """The common file, locked; one of our own where another process has that."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
        while True:
            handle = os.open(common, flags, 0o644)
            if not try_lock(handle, shared=False):
                os.close(handle)
                own = common.with_name(f"part-{os.urandom(12).hex()}")
                return own, os.open(own, flags | os.O_EXCL, 0o644)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), os.stat(common)):
                    return common, handle
            os.close(handle)  # it was finished and renamed while we waited for nothing but the lock

    def _is_common(self) -> bool:
        return self._path.name.startswith("partial-")

    def _go_on(self) -> None:
        self._hash, self._size_bytes = hashlib.sha256(), 0
        while piece := os.read(self._handle, _CHUNK_BYTES):
            self._hash.update(piece)
            self._size_bytes += len(piece)

    def _begin_again(self) -> None:
        os.ftruncate(self._handle, 0)
        os.lseek(self._handle, 0, os.SEEK_SET)
        self._hash, self._size_bytes = hashlib.sha256(), 0

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


class WrittenBlob:
    """The beginning of a blob in a store of another kind, which lives as long as this object."""

    def __init__(self, store: BlobStore, blob: Blob) -> None:
        self.blob, self._store = blob, store
        self._begin()

    @property
    def size_bytes(self) -> int:
        """How much has arrived."""
        return self._size_bytes

    def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Add bytes at the end. Raises StoreFullError, StoreReadOnlyError."""
        for piece in pieces:
            self._writer.write(piece)
            self._hash.update(piece)
            self._size_bytes += len(piece)

    def keep(self) -> None:
        """Make it a blob. Raises CorruptionError if the bytes are not its own, and throws them away."""
        digest = self._hash.hexdigest()
        if digest != self.blob.digest:
            self.leave()
            self._begin()
            raise CorruptionError(
                f"what arrived as blob {self.blob.digest[:12]} has the digest {digest[:12]}; it was thrown away"
            )
        self._open = False
        self._writer.__exit__(None, None, None)

    def leave(self) -> None:
        """Let go of it; what was not kept is gone."""
        if self._open:
            self._open = False
            unwanted = GeneratorExit()
            self._writer.__exit__(type(unwanted), unwanted, None)

    def _begin(self) -> None:
        self._writer: BlobWriter = self._store.writer(self.blob.media).__enter__()
        self._hash, self._size_bytes, self._open = hashlib.sha256(), 0, True


__all__ = ["Part", "PartialBlob", "WrittenBlob", "has", "part_of"]
