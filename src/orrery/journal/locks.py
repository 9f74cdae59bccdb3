"""OwnerLock: how others tell whether the process behind a journal still lives.

A journal that writes runs holds one locked file for as long as it is open; the store keeps its name beside
each run that it drives. The kernel gives the lock back when the process dies, whatever it dies of, so a run
is free when its owner's file is not locked or not there. One file for each journal, not for each run: a
process may drive more runs than it may have open files.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orrery.errors import CorruptionError, StoreError, StoreReadOnlyError

_NAME = re.compile(r"[0-9]{1,20}-[0-9a-f]{12}")

if sys.platform == "win32":
    import msvcrt

    def try_lock(handle: int, *, shared: bool) -> bool:  # noqa: ARG001 - there are only exclusive ones
        """Lock an open file until it is closed; false if another process has it."""
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def try_lock(handle: int, *, shared: bool) -> bool:
        """Lock an open file until it is closed; false if another process has it."""
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class OwnerLock:
    """A locked file under a name of its own, from its making until `release`.

    The name becomes known to others only after the lock is held, so nobody can find the file unlocked before.

    Args:
        folder: where the locks of a store are; it is made if it is not there.

    Raises:
        StoreReadOnlyError, StoreError: the file cannot be made or locked.
    """

    def __init__(self, folder: Path) -> None:
        self.name = f"{os.getpid()}-{os.urandom(6).hex()}"
        self._path = folder / self.name
        with _translated(self._path):
            folder.mkdir(exist_ok=True)
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)  # not inherited by programs
            try:
                try_lock(self._handle, shared=False)
            except OSError:  # a file system without locks
                self.release()
                raise

    def release(self) -> None:
        """Let others have the runs."""
        os.close(self._handle)
        self._path.unlink(missing_ok=True)

    def leave_to_parent(self) -> None:
        """In a forked child: drop our copy, so that the lock ends with the parent and not with us."""
        os.close(self._handle)


def owner_lives(folder: Path, name: str) -> bool:
    """Whether the owner of that name still holds its lock. The file of a dead one is removed.

    Raises: CorruptionError: no owner ever had such a name; StoreError: the lock cannot be looked at.
    """
    if not _NAME.fullmatch(name):  # it comes from a file, and is about to become a path
        raise CorruptionError(f"the store names an owner that cannot be: {name!r:.80}")
    path = folder / name
    with _translated(path):
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            if not try_lock(handle, shared=True):
                return True
        finally:
            os.close(handle)
    with suppress(OSError):  # another one looks at it too, or we may not write there: it does no harm
        path.unlink(missing_ok=True)
    return False


def process_of(name: str) -> str:
    """The owner in words."""
    return f"process {name.partition('-')[0]}"


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        denied = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        kind = StoreReadOnlyError if denied else StoreError
        raise kind(f"the lock {path} cannot be used: {error.strerror}; the store needs its folder writable") from error
