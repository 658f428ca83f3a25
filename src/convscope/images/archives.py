"""Zip and tar archives, read member by member without unpacking: nothing is ever written, so no name in them can do harm."""

import importlib
import os
import stat
import struct
import tarfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, Any

from ..errors import ImageError, UnreachableError
from ..legible import first_line
from .folders import is_hidden, is_picture, labels_of
from .pictures import MOST_BYTES
from .source import Opened, Source, Unreadable, decoded, unopened

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
# Makes a source from its `name` and `label`, which are known when all are listed.
Make = Callable[..., Source]
# ImageNet's training set has 1,281,167.
MOST_MEMBERS = 2_000_000
# The headers of a tar are small; a name of gigabytes is made to exhaust the memory.
MOST_HEADER = 2**20
# Pictures are packed already: a compressed tar that unpacks to far more than this is made to never end.
MOST_PACKED, SLACK = 200, 2**30
LOCAL_HEADER = 30
# What the mode of a member may say that it is.
KINDS = {stat.S_IFLNK: "marked as a link", stat.S_IFDIR: "marked as a folder", 0: "marked as a device or a pipe"}
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
            raise unopened(path, error) from error
        return cls(path, found.st_size, found.st_mtime_ns)

    def check(self) -> None:
        """Raise UnreachableError if another file is there now."""
        if Archive.at(self.path) != self:
            raise UnreachableError(f"`{self.path}` has changed since its images were listed. Start again.")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ZipSource(Source):
    """The member of a zip archive whose header is at `start`: `length` bytes there, `size` when unpacked.

    `zipfile` lists an archive but is not what reads it: it holds 600 bytes for each member, in each process anew.
    """

    archive: Archive
    start: int
    length: int
    size: int
    checksum: int
    deflated: bool

    def opened(self, side: int | None = None) -> Opened:
        """Open the picture, with the digest of its bytes."""
        name = f"{self.archive.path}: {self.name}"
        return decoded(lambda: self._bytes(name), self.size, name, side)

    def _bytes(self, name: str) -> bytes:
        try:
            with open(self.archive.path, "rb") as file:  # noqa: PTH123
                self.archive.check()
                file.seek(self.start)
                header = file.read(LOCAL_HEADER)
                file.seek(sum(struct.unpack_from("<HH", header, LOCAL_HEADER - 4)), os.SEEK_CUR)  # its name and its extra field
                data = file.read(min(self.length, self.archive.size))
            if self.deflated:
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, self.size + 1)
        except DAMAGED as error:
            raise _unread(name, error) from error
        if len(data) != self.size or zlib.crc32(data) != self.checksum:
            raise ImageError(f"`{name}` is damaged: its size or checksum does not match. Pack the archive again.")
        return data


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TarSource(Source):
    """The bytes of a tar archive from `start` on.

    In a compressed one these are found by unpacking what lies before: in the order of the archive each of the threads that read at once
    unpacks it once, with little memory; going back begins again, which is meant for a few pictures.
    """

    archive: Archive
    start: int
    length: int

    def opened(self, side: int | None = None) -> Opened:
        """Open the picture, with the digest of its bytes."""
        name = f"{self.archive.path}: {self.name}"
        return decoded(lambda: self._bytes(name), self.length, name, side)

    def _bytes(self, name: str) -> bytes:
        try:
            self.archive.check()
            data = _tar(self.archive, os.getpid()).read(self.start, self.length)
        except DAMAGED as error:
            raise _unread(name, error) from error
        if len(data) < self.length:
            raise ImageError(f"`{name}` is damaged: the archive ends within it. Copy or download it again.")
        return data


def _unread(name: str, error: BaseException) -> ImageError:
    """Return the error for a member that did not unpack."""
    if _is_of_the_system(error):
        return unopened(name, error)
    return ImageError(f"`{name}` is damaged: {first_line(error)}. Pack the archive again.")


def _is_of_the_system(error: BaseException) -> bool:
    """Return whether an archive may be sound all the same: the system numbers its failures, and what is damaged has no number."""
    return isinstance(error, MemoryError) or getattr(error, "errno", None) is not None


@lru_cache(maxsize=OPEN_AT_ONCE)
def _tar(archive: Archive, process: int) -> "_Streams":
    """Return the streams of an archive, of which many threads of one process can read."""
    return _Streams(archive)


class _Streams:
    """Unpacked streams of one archive, each at its place, lent to one reader at a time.

    A reader takes the nearest stream that has not come so far yet. Readers in the archive's order, on one thread or on several, never
    begin again. There are no more streams than readers at once.
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
        raise ImageError(
            f"`{path}` is packed by Zstandard, which convscope cannot read. Unpack it to a .tar (zstd -d), or pack it as .tar.gz."
        )
    packing = next((name for magic, name in PACKINGS if start.startswith(magic)), "io")
    try:
        stream: IO[bytes] = importlib.import_module(packing).open(path, "rb")
    except ImportError as error:
        raise ImageError(f"`{path}` needs {packing}, but this Python was built without it. Unpack it to a .tar.") from error
    return stream


def is_archive(path: Path) -> bool:
    """Return whether a file's name ends as an archive's."""
    return path.name.lower().endswith(ARCHIVES)


def from_archive(path: Path) -> list[Source]:
    """Return the pictures in an archive, in its order; folders are labels, except those around everything.

    Members that cannot be read, such as encrypted ones, are listed with the reason. Raises ImageError if the file is not an archive.
    """
    archive = Archive.at(str(path))
    zipped = path.suffix.lower() == ".zip"
    found: list[tuple[str, Make]] = []
    ended = None
    try:
        for member in _zip_members(archive) if zipped else _tar_members(archive):
            found.append(member)
    except (*DAMAGED, RecursionError) as error:
        if _is_of_the_system(error):
            raise unopened(str(path), error) from error
        if zipped or not found:
            kind = "zip" if zipped else "tar"
            raise ImageError(f"`{path}` is not a readable {kind} archive: {first_line(error)}. Copy or download it again.") from error
        ended = f"`{path}` is damaged after {len(found)} images: {first_line(error)}. Copy or download it again."
    parts = [_parts(name) for name, _ in found]
    sources = [make(name="/".join(one), label=label) for (_, make), one, label in zip(found, parts, labels_of(parts), strict=True)]
    return sources if ended is None else [*sources, Unreadable(name=path.name, reason=ended)]


def _parts(name: str) -> list[str]:
    """Return a member's name as folders and a file that lead nowhere else and can be printed."""
    shown = "".join(one if one.isprintable() else "_" for one in name.replace("\\", "/"))
    return [one for one in shown.split("/") if one not in ("", ".", "..")]


def _is_wanted(name: str) -> bool:
    parts = _parts(name)
    return bool(parts) and is_picture(parts[-1]) and not any(is_hidden(one) for one in parts)


def _zip_members(archive: Archive) -> Iterator[tuple[str, Make]]:
    """Yield the names of the pictures and what makes their sources."""
    with zipfile.ZipFile(archive.path) as opened:
        entries = opened.infolist()
    _check_count(len(entries), archive)
    for entry in entries:
        if entry.filename.endswith("/") or not _is_wanted(entry.filename):  # `is_dir` of an empty name raises an IndexError
            continue
        place: dict[str, Any] = {
            "start": entry.header_offset,
            "length": entry.compress_size,
            "size": entry.file_size,
            "checksum": entry.CRC,
        }
        deflated = entry.compress_type == zipfile.ZIP_DEFLATED
        if (kind := stat.S_IFMT(entry.external_attr >> 16)) not in (0, stat.S_IFREG):
            yield entry.filename, _unreadable(archive, f"is {KINDS.get(kind, KINDS[0])}, not as a file, so convscope does not read it.")
        elif entry.flag_bits & 1:
            yield entry.filename, _unreadable(archive, "is encrypted. Pack it without a password.")
        elif not deflated and entry.compress_type != zipfile.ZIP_STORED:
            yield (
                entry.filename,
                _unreadable(archive, "is packed by a method that convscope cannot read. Pack it by deflate, the usual method."),
            )
        elif max(entry.file_size, entry.compress_size) > MOST_BYTES:
            yield entry.filename, _unreadable(archive, _too_large(entry.file_size))
        else:
            yield entry.filename, partial(ZipSource, archive=archive, deflated=deflated, **place)


def _tar_members(archive: Archive) -> Iterator[tuple[str, Make]]:
    """Yield the names of the pictures and what makes their sources, in one pass over the headers; raise where it breaks off."""
    listed, last = 0, -1
    with _stream(archive.path) as stream:
        headers = _Headers(stream, archive)
        tar = tarfile.open(fileobj=headers, mode="r:")  # type: ignore[call-overload]  # noqa: SIM115 (the stream is closed)
        while (entry := tar.next()) is not None:
            tar.members = []  # it would keep them all
            if entry.offset <= last or entry.size < 0:
                raise tarfile.ReadError("a header leads backward")
            listed, last = listed + 1, entry.offset
            _check_count(listed, archive)
            if entry.isdir() or not _is_wanted(entry.name):
                continue
            if not entry.isreg() or entry.issparse():
                yield entry.name, _unreadable(archive, "is a link, a device or a sparse file. convscope reads only plain files.")
            elif entry.size > MOST_BYTES:
                yield entry.name, _unreadable(archive, _too_large(entry.size))
            else:
                yield entry.name, partial(TarSource, archive=archive, start=entry.offset_data, length=entry.size)
        headers.check_end(tar.offset)


def _unreadable(archive: Archive, reason: str) -> Make:
    return lambda name, label: Unreadable(name=name, label=label, reason=f"`{archive.path}: {name}` {reason}")


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


def _too_large(size: int) -> str:
    return f"has {size:,} bytes; convscope reads at most {MOST_BYTES:,}."


def _check_count(count: int, archive: Archive) -> None:
    if count > MOST_MEMBERS:
        raise ImageError(f"`{archive.path}` has more than {MOST_MEMBERS:,} members. Divide it into several archives.")
