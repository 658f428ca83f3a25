"""The lock of a run: one process writes it at a time. It is the operating system's, which opens it when its holder dies."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import OutputError
from ..files import open_in_place
from ..formats.journal_files import LOCK

# What systems answer where another process holds the lock.
HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the run for this process alone. Raises OutputError if another one has it."""
    with os.fdopen(open_in_place(folder / LOCK), "r+b") as file:
        try:
            _lock(file.fileno())
        except OSError as error:
            if error.errno in HELD:
                said = f"Another process is working on `{folder}`. Wait until it ends, or choose another folder with --out."
            else:
                said = (
                    f"Cannot lock `{folder / LOCK}`: {error.strerror}. Expected a disk that supports locks. Choose a folder on "
                    f"another disk with --out."
                )
            raise OutputError(said) from error
        yield


if os.name == "nt":  # pragma: no cover
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
