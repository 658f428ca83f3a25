"""Zip and tar archives, read member by member without unpacking: nothing is ever written, so no name in them can do harm."""

import importlib
import os
import stat
import struct
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from ..errors import ImageError
from .folders import is_hidden, is_picture, labels_of
from .pictures import MOST_BYTES
from .source import Read, Source, Unreadable, decoded

try:
    from lzma import LZMAError
except ImportError:  # some Pythons are built without
    LZMAError = OSError  # type: ignore[misc,assignment]

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz")
PACKINGS = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\x00", "lzma"))
ZSTANDARD = b"\x28\xb5\x2f\xfd"
DAMAGED = (
    OSError, EOFError, ValueError, RuntimeError, NotImplementedError, KeyError, OverflowError, MemoryError,
    zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, struct.error,
)  # fmt: skip
# ImageNet's training set has 1,281,167.
MOST_MEMBERS = 2_000_000
# The headers of a tar are small; a name of gigabytes is made to exhaust the memory.
MOST_HEADER = 2**20
# Pictures are packed already: a compressed tar that unpacks to far more than this is made to never end.
MOST_PACKED, SLACK = 200, 2**30
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
OPEN_AT_ONCE = 8
# More streams than that are kept for more readers than that at once.
MOST_IDLE = 32


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive as it was when it was listed, so that its members are not looked for in another."""

    path: str
    size: int
    changed: int

    @classmethod
    def at(cls, path: str) -> "Archive":
        """Return the archive that is there now. Raises ImageError."""
        try:
            found = os.stat(path)  # noqa: PTH116
        except OSError as error:
            raise ImageError(f"`{path}` cannot be read: {error.strerror}. Check that it is there and may be read.") from error
        return cls(path, found.st_size, found.st_mtime_ns)

    def check(self) -> None:
        """Raise ImageError if another file is there now."""
        if Archive.at(self.path) != self:
            raise ImageError(f"`{self.path}` has changed since its pictures were listed. Start again.")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ZipSource(Source):
    """Member `index` of a zip archive."""

    archive: Archive
    index: int

    def read(self, side: int | None = None) -> Read:
        """Return the picture and the digest of its bytes."""
        name = f"{self.archive.path}: {self.name}"
        try:
            opened = _zip(self.archive, os.getpid())
            member = opened.infolist()[self.index]
            # Other packings than these unpack all that was read at once, a thousand times as much.
            step = MOST_BYTES if member.compress_type in PLAIN else 4096
            with opened.open(member) as file:
                data = b"".join(iter(lambda: file.read(step), b""))
        except DAMAGED as error:
            raise ImageError(f"`{name}` is damaged: {said(error)}. Pack the archive again.") from error
        return decoded(data, name, side)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TarSource(Source):
    """The bytes of a tar archive from `start` on.

    In a compressed one these are found by unpacking what lies before: in the order of the archive each of the threads that read at once
    unpacks it once, with little memory; going back begins again, which is meant for a few pictures.
    """

    archive: Archive
    start: int
    length: int

    def read(self, side: int | None = None) -> Read:
        """Return the picture and the digest of its bytes."""
        name = f"{self.archive.path}: {self.name}"
        try:
            data = _tar(self.archive, os.getpid()).read(self.start, self.length)
        except DAMAGED as error:
            raise ImageError(f"`{name}` is damaged: {said(error)}. Pack the archive again.") from error
        if len(data) < self.length:
            raise ImageError(f"`{name}` is damaged: the archive ends within it. Copy or download it again.")
        return decoded(data, name, side)


@lru_cache(maxsize=OPEN_AT_ONCE)
def _zip(archive: Archive, process: int) -> zipfile.ZipFile:
    """Return the open archive, of which many threads of one process can read."""
    archive.check()
    return zipfile.ZipFile(archive.path)


@lru_cache(maxsize=OPEN_AT_ONCE)
def _tar(archive: Archive, process: int) -> "_Streams":
    """Return the streams of an archive, of which many threads of one process can read."""
    return _Streams(archive)


class _Streams:
    """Unpacked streams of one archive, each at its place, lent to one reader at a time.

    Who reads takes the nearest stream that has not come so far yet: readers that go on in the archive's order, be they the same
    threads or others, never begin again, and there are no more streams than readers at once.
    """

    def __init__(self, archive: Archive) -> None:
        archive.check()
        self._archive, self._lock = archive, threading.Lock()
        self._idle: list[tuple[int, IO[bytes]]] = []

    def read(self, start: int, length: int) -> bytes:
        with self._lock:
            behind = [place for place, (position, _) in enumerate(self._idle) if position <= start]
            nearest = max(behind, key=lambda place: self._idle[place][0], default=None)
            stream = None if nearest is None else self._idle.pop(nearest)[1]
        stream = stream or _stream(self._archive.path)
        try:
            stream.seek(start)
            data = stream.read(length)
        except BaseException:
            stream.close()
            raise
        with self._lock:
            self._idle.append((start + length, stream))
            oldest = self._idle.pop(0)[1] if len(self._idle) > MOST_IDLE else None
        if oldest is not None:
            oldest.close()
        return data

    def __del__(self) -> None:
        for _, stream in getattr(self, "_idle", ()):
            stream.close()


def _stream(path: str) -> IO[bytes]:
    with open(path, "rb") as file:  # noqa: PTH123
        start = file.read(6)
    if start.startswith(ZSTANDARD):
        raise ImageError(f"`{path}` is packed by Zstandard, which is not read. Unpack it to a .tar (zstd -d), or pack it as .tar.gz.")
    packing = next((name for magic, name in PACKINGS if start.startswith(magic)), "io")
    try:
        stream: IO[bytes] = importlib.import_module(packing).open(path, "rb")
    except ImportError as error:
        raise ImageError(f"`{path}` is packed by {packing}, without which this Python was built. Unpack it to a .tar.") from error
    return stream


@dataclass(frozen=True, slots=True)
class _Member:
    """One picture in an archive: its place (the index in a zip, start and length in a tar), or why it cannot be read."""

    name: str
    place: tuple[int, ...]
    reason: str | None = None


def is_archive(path: Path) -> bool:
    """Return whether a file's name ends as an archive's."""
    return path.name.lower().endswith(ARCHIVES)


def from_archive(path: Path) -> list[Source]:
    """Return the pictures in an archive, in its order; folders are labels, but for those around everything.

    Members that cannot be read, such as encrypted ones, are listed with the reason. Raises ImageError for what is no archive.
    """
    archive = Archive.at(str(path))
    zipped = path.suffix.lower() == ".zip"
    try:
        members = list(_zip_members(archive) if zipped else _tar_members(archive))
    except DAMAGED as error:
        kind = "zip" if zipped else "tar"
        raise ImageError(f"`{path}` is no readable {kind} archive: {said(error)}. Copy or download it again.") from error
    parts = [_parts(member.name) for member in members]
    return [
        _source(archive, member, "/".join(one), label, zipped) for member, one, label in zip(members, parts, labels_of(parts), strict=True)
    ]


def _source(archive: Archive, member: _Member, name: str, label: str | None, zipped: bool) -> Source:
    if member.reason is not None:
        return Unreadable(name=name, label=label, reason=f"`{archive.path}: {name}` {member.reason}")
    if zipped:
        return ZipSource(name=name, label=label, archive=archive, index=member.place[0])
    return TarSource(name=name, label=label, archive=archive, start=member.place[0], length=member.place[1])


def _parts(name: str) -> list[str]:
    """Return a member's name as folders and a file that lead nowhere else and can be printed."""
    shown = "".join(one if one.isprintable() else "_" for one in name.replace("\\", "/"))
    return [one for one in shown.split("/") if one not in ("", ".", "..")]


def _is_wanted(name: str) -> bool:
    parts = _parts(name)
    return bool(parts) and is_picture(parts[-1]) and not any(is_hidden(one) for one in parts)


def _zip_members(archive: Archive) -> Iterator[_Member]:
    entries = _zip(archive, os.getpid()).infolist()
    _check_count(len(entries), archive)
    for index, entry in enumerate(entries):
        if not entry.is_dir() and _is_wanted(entry.filename):
            kind = stat.S_IFMT(entry.external_attr >> 16)
            reason = "is encrypted. Pack it without a password." if entry.flag_bits & 1 else _reason(entry.file_size)
            yield _Member(entry.filename, (index,), reason if kind in (0, stat.S_IFREG) else "is a link, and links are not followed.")


def _tar_members(archive: Archive) -> Iterator[_Member]:
    """Yield the pictures in one pass over the headers; where the archive breaks off, what was found and why it ended."""
    listed, last = 0, -1
    with _stream(archive.path) as stream:
        headers = _Headers(stream, archive)
        ended = None
        try:
            tar = tarfile.open(fileobj=headers, mode="r:")  # type: ignore[call-overload]  # noqa: SIM115 (the stream is closed)
            while (entry := tar.next()) is not None:
                tar.members = []  # type: ignore[attr-defined]  # it would keep them all
                if entry.offset <= last or entry.size < 0:
                    raise tarfile.ReadError("a header leads backward")
                listed, last = listed + 1, entry.offset
                _check_count(listed, archive)
                if not entry.isdir() and _is_wanted(entry.name):
                    whole = entry.isreg() and not entry.issparse()
                    reason = _reason(entry.size) if whole else "is a link, a device or a sparse file, which are not read."
                    yield _Member(entry.name, (entry.offset_data, entry.size), reason)
            headers.check_end(tar.offset)
        except (*DAMAGED, RecursionError) as error:
            if not listed:
                raise
            ended = said(error)
        if ended is not None:
            yield _Member(Path(archive.path).name, (), f"is damaged after {listed} members: {ended}. Copy or download it again.")


class _Headers:
    """A stream for `tarfile` that refuses what only an archive made to do harm asks for."""

    def __init__(self, stream: IO[bytes], archive: Archive) -> None:
        self._stream, self._most = stream, MOST_PACKED * archive.size + SLACK

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MOST_HEADER:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self._stream.read(size)

    def seek(self, offset: int) -> int:
        if not 0 <= offset <= self._most:
            raise tarfile.ReadError(f"it unpacks to more than {self._most:,} bytes, or says so")
        return self._stream.seek(offset)

    def tell(self) -> int:
        return self._stream.tell()

    def check_end(self, offset: int) -> None:
        """Raise where `tarfile` takes a damaged header for the end."""
        self.seek(offset)
        if self.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError("a damaged header")


def _reason(size: int) -> str | None:
    return f"has {size:,} bytes; at most {MOST_BYTES:,} are read." if size > MOST_BYTES else None


def _check_count(count: int, archive: Archive) -> None:
    if count > MOST_MEMBERS:
        raise ImageError(f"`{archive.path}` has more than {MOST_MEMBERS:,} members. Divide it into several archives.")


def said(error: BaseException) -> str:
    """Return an error's first line, or its kind."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__
