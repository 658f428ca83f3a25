"""Files written whole or not at all."""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from .errors import OutputError

DENIED = "permission denied. Expected a folder that you may write to. Give another path, or change its permissions"
FILE_THERE = "a file stands where a folder is expected. Give another path, or move that file away"
REASONS = {
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EROFS: "the file system is read-only. Expected one that you may write to. Give another path",
    errno.ENOSPC: "the disk is full. Expected room for the result. Free some space, or give a path on another disk",
    errno.EDQUOT: "your disk quota is used up. Expected room for the result. Free some space, or give another path",
    errno.ENAMETOOLONG: "the name is too long for this file system. Expected a shorter one. Give another path",
    errno.ENOTDIR: FILE_THERE,
    errno.EEXIST: FILE_THERE,
    errno.EISDIR: "a folder stands where a file is expected. Give another path, or remove that folder",
}


def write_files(contents: Mapping[Path, bytes], *, durable: bool = False) -> list[Path]:
    """Write all files or none, and return their paths; folders that are missing are made.

    Every file is first written beside its place under another name, and only when all are complete are they renamed, so
    that a full disk or an interrupt leaves the old files as they were. `durable`: when it returns, they survive a loss of power.
    Raises OutputError.
    """
    waiting: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            _check(path)
            waiting[path] = _temporary(path)
            waiting[path].write_bytes(content)
            if durable:
                _to_disk(waiting[path])
        for path in contents:
            waiting[path].replace(path)
            del waiting[path]
        for folder in {path.parent for path in contents} if durable and os.name != "nt" else ():
            _to_disk(folder)
    except (OSError, ValueError) as error:
        raise OutputError(_sentence(path, error)) from error
    finally:
        for left_over in waiting.values():
            with contextlib.suppress(OSError):
                left_over.unlink(missing_ok=True)
    return list(contents)


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of the folder `path` when the block has ended well.

    For what is too large to be held in memory until it is whole: nobody ever sees it half written, and an error or an
    interrupt leaves the old folder as it was. A link to a folder stays a link. Raises OutputError.
    """
    path = path.resolve() if path.is_symlink() else path
    growing, old = _temporary(path), _temporary(path)
    try:
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is a file", str(path))
        growing.mkdir(parents=True)
        yield growing
        if path.exists():
            path.rename(old)
        growing.rename(path)
    except OSError as error:
        raise OutputError(_sentence(path, error)) from error
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        for left_over in (growing, old):
            shutil.rmtree(left_over, ignore_errors=True)


def check_writable(path: Path) -> None:
    """Raise OutputError now for what could not be written later: better before an hour of computing than after it."""
    try:
        _check(path)
        trial = _temporary(path)
        trial.write_bytes(b"")
        trial.unlink()
    except (OSError, ValueError) as error:
        raise OutputError(_sentence(path, error)) from error


def _check(path: Path) -> None:
    """Make the parents of `path`, and raise what the renaming would raise only after other files were replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.lstat()
    except FileNotFoundError:
        return
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "is a folder", str(path))


def _to_disk(path: Path) -> None:
    """Return when a file, or the names in a folder, are on the disk."""
    file = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _temporary(path: Path) -> Path:
    # Not tempfile: its files are readable by their owner only, and pictures are made to be shown. Not the file's own
    # name with an ending: the longest possible name has no room for one.
    return path.with_name(f".convscope-{secrets.token_hex(6)}.tmp")


def _sentence(path: Path, error: OSError | ValueError) -> str:
    code = error.errno if isinstance(error, OSError) else None
    fact = getattr(error, "strerror", None) or error
    reason = REASONS.get(code or 0, f"{fact}. Expected a path that can be written. Give another path")
    return f"Cannot write `{path}`: {reason}."
