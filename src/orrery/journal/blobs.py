"""Blobs: large values by the SHA-256 of their bytes. Equal content is stored once; damage is detected on reading."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from orrery.errors import CorruptionError, StoreError, StoreFullError, StoreReadOnlyError
from orrery.graph.values import Blob

BYTES = "application/octet-stream"
_CHUNK_BYTES = 1 << 20


class BlobWriter(Protocol):
    """A blob in the making: `with store.writer(media) as out: out.write(...)`, and then `out.blob`.

    Leaving the block keeps the blob; leaving it by an exception leaves nothing behind.
    """

    @property
    def blob(self) -> Blob:
        """What was written; only after the block was left."""

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Add bytes at the end; returns their number. Raises StoreFullError, StoreReadOnlyError."""

    def __enter__(self) -> BlobWriter: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class BlobStore(Protocol):
    """Where large values live. May be used from any thread and by several processes at once."""

    def put(self, data: bytes, media: str = BYTES) -> Blob:
        """Keep bytes that are in memory. Raises StoreFullError, StoreReadOnlyError."""

    def writer(self, media: str = BYTES) -> BlobWriter:
        """Keep bytes as they come, never all of them in memory."""

    def get(self, blob: Blob) -> bytes:
        """The bytes, verified. Raises CorruptionError if they are damaged or missing."""

    def open(self, blob: Blob) -> BinaryIO:
        """A file to read them from, verified in one pass before it is handed out. Raises CorruptionError."""


class FileBlobs:
    """Blobs as files in a folder, two hexadecimal digits of the digest a level.

    Args:
        folder: is made on first use.
        flush: wait for the disk before a blob counts as kept, so that it survives a loss of power.
    """

    def __init__(self, folder: str | os.PathLike[str], *, flush: bool = False) -> None:
        self.folder = Path(folder)
        self.flush = flush

    def put(self, data: bytes, media: str = BYTES) -> Blob:
        """Keep bytes that are in memory. Raises StoreFullError, StoreReadOnlyError."""
        blob = Blob(hashlib.sha256(data).hexdigest(), len(data), media)
        if not self.has(blob):
            with self.writer(media) as out:
                out.write(data)
        return blob

    def writer(self, media: str = BYTES) -> FileBlobWriter:
        """Keep bytes as they come, never all of them in memory."""
        return FileBlobWriter(self, media, flush=self.flush)

    def get(self, blob: Blob) -> bytes:
        """The bytes, verified. Raises CorruptionError if they are damaged or missing."""
        with self._reading(blob), self.path(blob.digest).open("rb") as file:
            data = file.read()
        _verify(blob, hashlib.sha256(data).hexdigest())
        return data

    def open(self, blob: Blob) -> BinaryIO:
        """A file to read them from, verified in one pass before it is handed out. Raises CorruptionError."""
        with self._reading(blob):
            file = self.path(blob.digest).open("rb")
            try:
                _verify(blob, hashlib.file_digest(file, "sha256").hexdigest())
                file.seek(0)
            except BaseException:
                file.close()
                raise
        return file

    def open_raw(self, digest: str) -> BinaryIO:
        """A file to read the bytes from, not verified: for whoever passes them on to somebody who verifies them.

        Raises CorruptionError if there is no such blob.
        """
        with self._reading(Blob(digest, 0)):
            return self.path(digest).open("rb", buffering=0)

    def path(self, digest: str) -> Path:
        """Where a blob is, or would be. Raises CorruptionError for what is no digest, such as a way out of here."""
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise CorruptionError(f"{digest!r:.80} is not the digest of a blob")
        return self.folder / digest[:2] / digest[2:]

    def has(self, blob: Blob) -> bool:
        """Whether it is there at its full length; a shorter file, left by a damaged disk, is written anew."""
        try:
            return self.path(blob.digest).stat().st_size == blob.size_bytes
        except OSError:  # whatever is wrong besides, the write that follows will say
            return False

    @contextmanager
    def _reading(self, blob: Blob) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise CorruptionError(f"blob {blob.digest[:12]} is missing from {self.folder}") from error
        except OSError as error:
            raise StoreError(f"blob {blob.digest[:12]} cannot be read from {self.folder}: {error}") from error


class FileBlobWriter:
    """Writes beside the blobs, then renames: a blob is there whole or not at all."""

    def __init__(self, store: FileBlobs, media: str, *, flush: bool) -> None:
        self._store, self._media, self._flush = store, media, flush
        self._hash = hashlib.sha256()
        self._size_bytes = 0
        self._blob: Blob | None = None
        self._part = store.folder / f"part-{os.urandom(12).hex()}"
        with writing(store.folder):
            store.folder.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("xb", buffering=_CHUNK_BYTES)

    @property
    def blob(self) -> Blob:
        """What was written; only after the block was left."""
        if self._blob is None:
            raise StoreError("this blob is not finished: leave the `with` block before asking for it")
        return self._blob

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Add bytes at the end; returns their number. Raises StoreFullError, StoreReadOnlyError."""
        with writing(self._store.folder):
            written = self._file.write(data)
        self._hash.update(data)
        self._size_bytes += written
        return written

    def __enter__(self) -> FileBlobWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._keep()
        finally:
            if self._blob is None:
                self._discard()

    def _keep(self) -> None:
        blob = Blob(self._hash.hexdigest(), self._size_bytes, self._media)
        with writing(self._store.folder):
            self._file.flush()
            if self._flush:
                os.fsync(self._file.fileno())
            self._file.close()
            if self._store.has(blob):
                self._part.unlink()
            else:
                path = self._store.path(blob.digest)
                path.parent.mkdir(exist_ok=True)
                self._part.replace(path)
                if self._flush:
                    flush_folder(path.parent)
                    flush_folder(self._store.folder)
        self._blob = blob

    def _discard(self) -> None:
        with suppress(
            OSError
        ):  # a full disk refuses the rest of the buffer, which nobody wants; it is closed all the same
            self._file.close()
        self._part.unlink(missing_ok=True)


def _verify(blob: Blob, digest: str) -> None:
    if digest != blob.digest:
        raise CorruptionError(f"blob {blob.digest[:12]} is damaged: its bytes have the digest {digest[:12]}")


def flush_folder(folder: Path) -> None:
    """Make a rename in it survive a loss of power; Windows does so by itself and cannot open folders."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Translate what the operating system says about a write into our errors."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StoreFullError(
                f"no space is left for blobs in {folder}; free some, then resume the run or run it again"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StoreReadOnlyError(f"blobs cannot be written to {folder}: {error.strerror}") from error
        raise StoreError(f"blobs cannot be written to {folder}: {error}") from error
