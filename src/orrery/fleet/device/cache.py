"""BlobCache: the blobs that a device holds, as files in a folder, within a limit. The least recently used go first."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress

from orrery.errors import CorruptionError
from orrery.graph.values import Blob
from orrery.journal.blobs import FileBlobs

DEFAULT_LIMIT_BYTES = 10 << 30


class BlobCache:
    """What a device holds.

    Args:
        store: its files. Worker processes write to it, too, so the folder is looked at, not a list of ours.
        limit_bytes: more than this is held only while all of it is needed.
    """

    def __init__(self, store: FileBlobs, *, limit_bytes: int = DEFAULT_LIMIT_BYTES) -> None:
        self.store, self.limit_bytes = store, limit_bytes
        self._since_bytes = 0
        self._looked = False

    def held(self) -> tuple[Blob, ...]:
        """Every blob that is there."""
        return tuple(Blob(digest, stat.st_size) for digest, stat in self._files())

    def use(self, blob: Blob) -> None:
        """Note that a blob is used now, so that others go before it."""
        with suppress(OSError):  # gone in this moment; whoever reads it will say so
            os.utime(self.store.path(blob.digest))

    def drop(self, digests: Collection[str]) -> tuple[str, ...]:
        """Delete these; returns those that were there."""
        gone = []
        for digest in digests:
            with suppress(OSError, CorruptionError):  # it is gone already, or is no digest
                self.store.path(digest).unlink()
                gone.append(digest)
        return tuple(gone)

    def trim(self, needed: Collection[str], *, added_bytes: int = 0) -> tuple[str, ...]:
        """Delete what is beyond the limit and not needed; returns what went. Looks at the folder now and then.

        Args:
            added_bytes: what has come since the last call.
        """
        self._since_bytes += added_bytes
        if self._looked and self._since_bytes < self.limit_bytes // 10:
            return ()
        self._looked, self._since_bytes = True, 0
        files = sorted((stat.st_mtime, digest, stat.st_size) for digest, stat in self._files())
        total, gone = sum(size for _, _, size in files), []
        for _, digest, size in files:
            if total <= self.limit_bytes:
                break
            if digest not in needed and self.drop((digest,)):
                gone.append(digest)
                total -= size
        return tuple(gone)

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        try:
            folders = [one for one in os.scandir(self.store.folder) if len(one.name) == 2 and one.is_dir()]
        except FileNotFoundError:
            return
        for folder in folders:
            for entry in os.scandir(folder):
                with suppress(OSError):  # a worker, or another cleaner, was faster
                    yield folder.name + entry.name, entry.stat()
