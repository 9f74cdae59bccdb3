"""RunLock: one process at a time drives a run. The kernel gives the lock back when the process dies.

A lock is a file; the file exists while the lock is held, and after a crash until the next holder.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

from orrery.errors import RunLockedError, StoreReadOnlyError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _try_share(handle: int) -> bool:
        return _try_lock(handle)  # there are no shared locks: a look at a lock takes it for a moment

else:
    import fcntl

    def _try_lock(handle: int) -> bool:
        return _try(handle, fcntl.LOCK_EX)

    def _try_share(handle: int) -> bool:
        return _try(handle, fcntl.LOCK_SH)

    def _try(handle: int, kind: int) -> bool:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class RunLock:
    """The lock of one run, held from its making until `release`.

    Args:
        folder: where the locks of a store are.
        run: the name of the run.

    Raises:
        RunLockedError: another holder lives.
        StoreReadOnlyError: the folder cannot be written.
    """

    def __init__(self, folder: Path, run: str) -> None:
        self._path = _path(folder, run)
        try:
            folder.mkdir(exist_ok=True)
            self._handle = self._take(run)
        except OSError as error:
            raise StoreReadOnlyError(f"the lock of run {run!r} cannot be written in {folder}: {error}") from error

    def _take(self, run: str) -> int:
        while True:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if not _try_lock(handle):
                only_looked_at = _try_share(handle)  # by `is_held` elsewhere, for a moment; a holder shares with nobody
                holder = os.pread(handle, 20, 0).decode("ascii", "replace").strip() if hasattr(os, "pread") else ""
                os.close(handle)
                if only_looked_at:
                    continue
                by = f"process {holder}" if holder else "another process"
                raise RunLockedError(f"run {run!r} is being driven by {by}; wait for it, cancel the run, or stop that")
            if _is_file(handle, self._path):
                os.truncate(handle, 0)
                os.write(handle, f"{os.getpid()}\n".encode())
                return handle
            os.close(handle)  # its last holder removed the file between our opening and locking it

    def release(self) -> None:
        """Let others have it."""
        if os.name == "nt":
            os.close(self._handle)  # an open file cannot be removed there
            _remove(self._path)
        else:
            _remove(self._path)
            os.close(self._handle)

    def leave_to_parent(self) -> None:
        """In a forked child: drop our copy, so that the lock ends with the parent and not with us."""
        os.close(self._handle)


def is_held(folder: Path, run: str) -> bool:
    """Whether some process holds the lock of a run at this moment."""
    try:
        handle = os.open(_path(folder, run), os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError:
        return False
    try:
        return not _try_share(handle)
    finally:
        os.close(handle)


def _path(folder: Path, run: str) -> Path:
    # A run's name may hold any printable character and be longer than a file's name may be.
    return folder / f"{hashlib.sha256(run.encode()).hexdigest()[:32]}.lock"


def _is_file(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except PermissionError:  # Windows: somebody looks at it; the next holder takes the file over
        return
