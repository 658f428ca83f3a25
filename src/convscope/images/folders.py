"""Folders of pictures, listed without opening any."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..errors import UnreachableError
from ..reach import is_open, permit
from ..words import Words
from .compact import FolderSources, label_of
from .source import Source, Unreadable

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
# What macOS packs beside each file of a folder.
RESOURCE_FORKS = "__MACOSX"


def is_picture(name: str) -> bool:
    """Return whether a file's name ends as a picture's."""
    return name.lower().endswith(SUFFIXES)


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of that name is passed over."""
    return name.startswith(".") or name == RESOURCE_FORKS


def from_folder(folder: Path) -> Sequence[Source]:
    """Return the pictures in a folder and its subfolders in the order of their names; the first subfolder is the label.

    Hidden files and folders are passed over. Links are followed, but a folder is read once, so that circles of links end.
    """
    names, shut = list[str](), dict[str, Source]()
    for found in _walk(folder):
        if isinstance(found, Source):
            shut[found.name] = found
        names.append(found.name if isinstance(found, Source) else found)
    names.sort(key=lambda name: name.replace("/", "\0"))  # part by part
    return FolderSources(str(folder), Words(names), [(place, shut[name]) for place, name in enumerate(names) if name in shut])


def check_links(top: Path) -> None:
    """Raise ReachError for a link to a folder, in `top` or below, that leads where a file that names the pictures may not lead."""
    permit([top])
    seen, waiting = set[str](), [] if is_open() else [str(top)]
    while waiting:
        folder = waiting.pop()
        if (real := os.path.realpath(folder)) in seen:
            continue
        seen.add(real)
        with contextlib.suppress(OSError, ValueError), os.scandir(folder) as entries:
            inside = [entry for entry in entries if _is_folder(entry)]
            permit(entry.path for entry in inside if entry.is_symlink())
            waiting += [entry.path for entry in inside]


def _walk(top: Path) -> Iterator[str | Source]:
    """Yield the names of pictures, and what stands for folders that cannot be read."""
    root = str(top)
    seen: set[tuple[int, int]] = set()
    real, linked = [""], list[str]()
    while real or linked:
        # Links last: where a folder can be reached by its own name too, that one counts.
        inside = real.pop() if real else linked.pop(0)
        path = f"{root}/{inside}"
        try:
            state = os.stat(path)  # noqa: PTH116
            if (state.st_dev, state.st_ino) in seen:
                continue
            seen.add((state.st_dev, state.st_ino))
            with os.scandir(path) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            reason = f"The folder `{path}` cannot be read: {error.strerror}. Check its permissions."
            if not inside:
                raise UnreachableError(reason) from error
            yield Unreadable(name=inside, label=label_of(inside), reason=reason, may_pass=True)
            continue
        permit(entry.path for entry in listed if _is_followed(entry))
        for entry in listed:
            if is_hidden(entry.name):
                continue
            name = f"{inside}/{entry.name}" if inside else entry.name
            if _is_folder(entry):
                (linked if entry.is_symlink() else real).append(name)
            elif is_picture(entry.name) and _may_be_read(entry):
                yield name


def _is_followed(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a link to what is listed: where a file names the pictures, it may lead out of their folder."""
    return entry.is_symlink() and not is_hidden(entry.name) and (is_picture(entry.name) or _is_folder(entry))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or through a folder that may not be entered
        return False


def _may_be_read(entry: os.DirEntry[str]) -> bool:
    """Return whether to list an entry: a file, or a link to nothing, to report as unreadable. Pipes and devices may never end."""
    try:
        return entry.is_file() or not os.path.exists(entry.path)  # noqa: PTH110 (a Path of each takes most of the time)
    except OSError:
        return True


def tars_in(folder: Path) -> list[tuple[str, str]]:
    """Return the tars in a folder and its subfolders, path and name, in the order of their names; hidden ones are passed over."""
    names = (path.relative_to(folder) for path in folder.rglob("*.[tT]*") if path.name.lower().endswith(TARS) and path.is_file())
    seen = (one.as_posix() for one in names if not any(map(is_hidden, one.parts)))
    return [(str(folder / name), name) for name in sorted(seen, key=lambda name: name.split("/"))]


def labels_of(names: Iterable[list[str]]) -> list[str | None]:
    """Return the label of each path, given as its parts: its first folder, not counting those around everything."""
    parts = list(names)
    depth = 0
    while (
        parts
        and all(len(one) > depth + 1 for one in parts)
        and len({one[depth] for one in parts}) == 1
        and any(len(one) > depth + 2 for one in parts)
    ):
        depth += 1
    shared: dict[str, str] = {}
    return [shared.setdefault(one[depth], one[depth]) if len(one) > depth + 1 else None for one in parts]
