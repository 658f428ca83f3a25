"""Paths as users write them; files written whole or not at all, and never through a link that lies where they go."""

import contextlib
import errno
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from .errors import OutputError

DENIED = "permission denied. Expected a folder that you may write to. Use another path, or change its permissions"
FILE_THERE = "a file stands where a folder is expected. Use another path, or move that file away"
REASONS = {
    errno.EACCES: DENIED,
    errno.EPERM: DENIED,
    errno.EROFS: "the file system is read-only. Expected one that you may write to. Use another path",
    errno.ENOSPC: "the disk is full. Expected room for the result. Free some space, or use a path on another disk",
    errno.EDQUOT: "your disk quota is used up. Expected room for the result. Free some space, or use another path",
    errno.ENAMETOOLONG: "the name is too long for this file system. Expected a shorter one. Use another path",
    errno.ENOTDIR: FILE_THERE,
    errno.EEXIST: FILE_THERE,
    errno.EISDIR: "a folder stands where a file is expected. Use another path, or remove that folder",
}
OUT = Path("convscope-out")  # where results go for which nobody names a place
FILE_URI = "file:///"
# How a path begins that was a URI: `Path` takes one of its slashes away.
STORE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
# Every name under which something waits that is not whole yet.
TEMPORARY = re.compile(r"\.convscope-[0-9a-f]+\.tmp")
# No process writes one file or folder for so long without adding to it.
FORGOTTEN_SECONDS = 3600.0


def as_path(given: str | Path) -> Path:
    """Return a path with `~` as the home folder it stands for, and without the `file://` of a URI.

    The home of an unknown user stays a name, and no file exists there.
    """
    if "\0" in str(given):
        return Path(given)
    if str(given).startswith(FILE_URI):
        return Path(unquote(str(given).removeprefix(FILE_URI.rstrip("/"))))
    return Path(os.path.expanduser(given))  # noqa: PTH111 (Path's own raises for a user who does not exist)


def cache_folder() -> Path:
    """Return the folder for what can be found out again: convscope's in the user's cache."""
    system = os.environ.get("XDG_CACHE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return Path(system or Path.home() / ".cache") / "convscope"


def state_folder() -> Path:
    """Return the folder for what the program remembers for the user from one day to the next."""
    system = os.environ.get("XDG_STATE_HOME") or (os.environ.get("LOCALAPPDATA") if os.name == "nt" else None)
    return Path(system or Path.home() / ".local" / "state") / "convscope"


def check_local(path: Path) -> None:
    """Raise OutputError for a URI: what convscope writes is replaced whole or not at all, which a store does not promise."""
    if path.parts and STORE.fullmatch(path.parts[0]) and not Path(path.parts[0]).exists():
        raise OutputError(
            f"Cannot write `{path.parts[0]}//{'/'.join(path.parts[1:])}`: it lies in a store. convscope replaces a file only as a whole, "
            "and only if nobody else has, which a store does not promise. Expected a path on a disk. Use a local or a shared folder, and "
            "copy the result."
        )


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
            _write_new(waiting[path], content)
            if durable:
                _to_disk(waiting[path])
        for path in contents:
            waiting[path].replace(path)
            del waiting[path]
        for folder in {path.parent for path in contents} if durable and os.name != "nt" else ():
            _to_disk(folder)
    except (OSError, ValueError) as error:
        raise OutputError(unwritten(path, error)) from error
    finally:
        for left_over in waiting.values():
            with contextlib.suppress(OSError):
                left_over.unlink(missing_ok=True)
    return list(contents)


def write_aside(folder: Path, content: bytes) -> Path:
    """Write a file under a temporary name and return its path; it survives a loss of power. Whoever wants it renames it.

    Raises OutputError.
    """
    path = _temporary(folder / "aside")
    try:
        _write_new(path, content)
        _to_disk(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise OutputError(unwritten(path, error)) from error
    return path


def remove_aside(path: Path) -> None:
    """Remove a file that was written aside and that nobody wants; no other file, and one that cannot be removed stays."""
    if is_temporary(path):
        with contextlib.suppress(OSError):
            path.unlink()


def settle(aside: Path, path: Path) -> None:
    """Rename a file that was written aside; the name survives a loss of power. Raises OutputError."""
    try:
        aside.replace(path)
        if os.name != "nt":
            _to_disk(path.parent)
    except OSError as error:
        raise OutputError(unwritten(path, error)) from error


def append(path: Path, content: bytes) -> None:
    """Add to the end of a file, which a kill may leave with a part of it. Raises OutputError."""
    try:
        _check(path)
        with path.open("ab") as file:
            file.write(content)
    except OSError as error:
        raise OutputError(unwritten(path, error)) from error


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of the folder `path` when the block has ended well.

    For what is too large to be held in memory until it is whole: nobody ever sees it half written, and an error or an
    interrupt leaves the old folder as it was. A link to a folder stays a link. Raises OutputError.
    """
    check_local(path)
    path = path.resolve() if path.is_symlink() else path
    growing, old = _temporary(path), _temporary(path)
    remove_forgotten(path.parent)
    try:
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is a file", str(path))
        growing.mkdir(parents=True)
        yield growing
        if path.exists():
            path.rename(old)
        growing.rename(path)
    except OSError as error:
        raise OutputError(unwritten(path, error)) from error
    finally:
        if old.exists() and not path.exists():
            old.rename(path)
        for left_over in (growing, old):
            shutil.rmtree(left_over, ignore_errors=True)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a new file that takes the place of `path` when the block has ended well, and survives a loss of power then.

    For what is too large to be held in memory until it is whole: an error or an interrupt leaves the old file as it was.
    Raises OutputError.
    """
    growing = _temporary(path)
    try:
        _check(path)
        with growing.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        growing.replace(path)
    except OSError as error:
        raise OutputError(unwritten(path, error)) from error
    finally:
        with contextlib.suppress(OSError):
            growing.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise OutputError now for what could not be written later: better before an hour of computing than after it."""
    try:
        _check(path)
        remove_forgotten(path.parent)
        trial = _temporary(path)
        _write_new(trial, b"")
        trial.unlink()
    except (OSError, ValueError) as error:
        raise OutputError(unwritten(path, error)) from error


def is_temporary(path: Path) -> bool:
    """Return whether a name is one that this module made for what is not whole yet."""
    return TEMPORARY.fullmatch(path.name) is not None


def remove_forgotten(folder: Path, older_than: float = FORGOTTEN_SECONDS) -> None:
    """Remove what killed processes left in a folder under temporary names, files and folders, if untouched for so many seconds.

    0 removes all of it: for whoever holds the folder alone. What cannot be removed stays.
    """
    now = time.time()
    with contextlib.suppress(OSError):
        for path in [one for one in folder.iterdir() if is_temporary(one)]:
            with contextlib.suppress(OSError):
                state = path.lstat()
                if now - state.st_mtime < older_than:
                    continue
                if stat.S_ISDIR(state.st_mode):
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()


def open_in_place(path: Path) -> int:
    """Return the descriptor of a file that is read and written where it lies, made if it is missing, with its folders.

    Raises OutputError for a link, a folder, a pipe or a device there, and for a file that has a second name: what is written would
    change something else.
    """
    check_local(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        found = path.lstat()
    except FileNotFoundError:
        found = None
    except OSError as error:
        raise OutputError(unwritten(path, error)) from error
    if found is not None:
        _check_own(path, found)
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o666)
    except OSError as error:
        raise OutputError(unwritten(path, error)) from error
    try:
        _check_own(path, os.fstat(descriptor))  # it may have been replaced in between
    except OutputError:
        os.close(descriptor)
        raise
    return descriptor


def _check_own(path: Path, found: os.stat_result) -> None:
    kinds = {stat.S_ISREG: None, stat.S_ISLNK: "a link", stat.S_ISDIR: "a folder", stat.S_ISFIFO: "a pipe"}
    kind = next((noun for test, noun in kinds.items() if test(found.st_mode)), "a device or a socket")
    if kind is None and found.st_nlink > 1:
        kind = f"a file that has {found.st_nlink} names (hard links), so another file would change with it,"
    if kind is not None:
        raise OutputError(f"Cannot write `{path}`: {kind} stands there. Expected a plain file. Remove it, or put a copy in its place.")


def _write_new(path: Path, content: bytes) -> None:
    """Write a file that must not be there yet, nor be a link to one."""
    with path.open("xb") as file:
        file.write(content)


def _check(path: Path) -> None:
    """Make the parents of `path`, and raise what the renaming would raise only after other files were replaced."""
    check_local(path)
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


def unwritten(path: Path, error: OSError | ValueError) -> str:
    """Return the sentence for a file or folder that could not be written."""
    code = error.errno if isinstance(error, OSError) else None
    fact = getattr(error, "strerror", None) or error
    reason = REASONS.get(code or 0, f"{fact}. Expected a writable path. Use another path")
    return f"Cannot write `{path}`: {reason}."
