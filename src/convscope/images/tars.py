"""Tar archives: one pass over their headers, and their members' bytes. Nothing is unpacked to the disk."""

import importlib
import json
import os
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Protocol

from ..errors import ImageError
from ..json_files import parse_json
from ..store import is_uri, open_file
from .lists import LABELS
from .members import DAMAGED, OPEN_AT_ONCE, Archive, blocks, check_count, is_wanted, parts_of, too_large, unread
from .pictures import MOST_BYTES
from .source import Opened, Source, decoded

PACKINGS = ((b"\x1f\x8b", "gzip"), (b"BZh", "bz2"), (b"\xfd7zXZ\x00", "lzma"))
ZSTANDARD = b"\x28\xb5\x2f\xfd"
# The headers of a tar are small; a name of gigabytes is made to exhaust the memory.
MOST_HEADER = 2**20
# Pictures are packed already: a compressed tar that unpacks to far more than this is made to never end.
MOST_PACKED, SLACK = 200, 2**30
# More streams than that are kept for more readers than that at once.
MOST_IDLE = 32
# What lies beside a picture under its name and says its class, and the most bytes that this takes.
CLASS, RECORD = "cls", "json"
MOST_TOLD = 2**20
LONGEST_LABEL = 500


@dataclass(frozen=True, slots=True)
class Member:
    """A picture in a tar: `length` bytes from `start` on; `reason`: the end of the sentence that says why it cannot be read.

    `told`: the class that a file says of pictures of this name, which is not a picture itself.
    """

    name: str
    start: int = 0
    length: int = 0
    reason: str = ""
    told: str = ""

    @property
    def key(self) -> str:
        """What the files of one sample share: the name up to the first point of its last part."""
        *folders, last = parts_of(self.name)
        return "/".join([*folders, last.partition(".")[0]])

    @property
    def ending(self) -> str:
        """What follows the first point of the last part, in small letters."""
        return parts_of(self.name)[-1].partition(".")[2].lower()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TarSource(Source):
    """The bytes of a tar archive from `start` on.

    In a compressed one these are found by unpacking what lies before: in the order of the archive each of the threads that read at once
    unpacks it once, with little memory; going back begins again, which is meant for a few pictures.
    """

    archive: Archive
    start: int
    length: int

    @property
    def place(self) -> str:
        """The archive, where it is a file."""
        return self.archive.place

    @property
    def group(self) -> str:
        """The archive: its members are best read one after the other."""
        return self.archive.path

    def opened(self, side: int | None = None) -> Opened:
        """Open the picture, with the digest of its bytes."""
        name = f"{self.archive.path}: {self.name}"
        return decoded(lambda: self._bytes(name), self.length, name, side)

    def _bytes(self, name: str) -> bytes:
        try:
            if not self.archive.is_stored:
                self.archive.check()
            data = _tar(self.archive, os.getpid()).read(self.start, self.length)
        except DAMAGED as error:
            raise unread(name, error) from error
        if len(data) < self.length:
            raise ImageError(f"`{name}` is damaged: the archive ends within it. Copy or download it again.")
        return data


class _Reader(Protocol):
    def read(self, start: int, length: int) -> bytes: ...


@lru_cache(maxsize=OPEN_AT_ONCE)
def _tar(archive: Archive, process: int) -> _Reader:
    """Return what reads an archive, for many threads of one process: blocks of one in a store, where it is not compressed, or streams."""
    return blocks(archive, process) if archive.is_stored and _packing(archive.path) is None else _Streams(archive)


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
        stream = stream or self._new()
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

    def _new(self) -> IO[bytes]:
        if self._archive.is_stored:
            self._archive.check()
        return _stream(self._archive.path)

    def __del__(self) -> None:
        for _, stream in getattr(self, "_idle", ()):
            stream.close()


def _packing(path: str) -> str | None:
    """Return the module that unpacks a tar, None for one that is not compressed. Raises ImageError, OSError."""
    with open_file(path) as file:
        start = file.read(6)
    if start.startswith(ZSTANDARD):
        raise ImageError(
            f"`{path}` is packed by Zstandard, which convscope cannot read. Unpack it to a .tar (zstd -d), or pack it as .tar.gz."
        )
    return next((name for magic, name in PACKINGS if start.startswith(magic)), None)


def _stream(path: str) -> IO[bytes]:
    packing = _packing(path)
    if packing is None:
        return open_file(path)
    try:
        unpacker = importlib.import_module(packing)
    except ImportError as error:
        raise ImageError(f"`{path}` needs {packing}, but this Python was built without it. Unpack it to a .tar.") from error
    stream: IO[bytes] = unpacker.open(open_file(path) if is_uri(path) else path, "rb")
    return stream


def tar_members(archive: Archive) -> Iterator[Member]:
    """Yield the pictures, and what files beside them tell, in one pass over the headers; raise where it breaks off."""
    listed, last = 0, -1
    with _stream(archive.path) as stream:
        headers = _Headers(stream, archive)
        tar = tarfile.open(fileobj=headers, mode="r:")  # type: ignore[call-overload]  # noqa: SIM115 (the stream is closed)
        while (entry := tar.next()) is not None:
            tar.members = []  # it would keep them all
            if entry.offset <= last or entry.size < 0:
                raise tarfile.ReadError("a header leads backward")
            listed, last = listed + 1, entry.offset
            check_count(listed, archive)
            member = Member(entry.name, entry.offset_data, entry.size)
            if entry.isreg() and not entry.issparse() and _tells(entry.name) and entry.size <= MOST_TOLD:
                headers.seek(entry.offset_data)
                if (told := _told(member.ending, headers.read(entry.size))) is not None:
                    yield Member(entry.name, told=told)
            elif entry.isdir() or not is_wanted(entry.name):
                continue
            elif not entry.isreg() or entry.issparse():
                yield Member(entry.name, reason="is a link, a device or a sparse file. convscope reads only plain files.")
            else:
                yield member if entry.size <= MOST_BYTES else Member(entry.name, reason=too_large(entry.size))
        headers.check_end(tar.offset)


def _tells(name: str) -> bool:
    """Return whether a member may say a picture's class."""
    return name.rpartition("/")[2].partition(".")[2].lower() in (CLASS, RECORD) and bool(parts_of(name))


def _told(ending: str, data: bytes) -> str | None:
    """Return the class that a file beside a picture says: its text, or the label of its record; None where it says none."""
    try:
        value = data.decode("utf-8") if ending == CLASS else _labelled(parse_json(data))
    except (UnicodeDecodeError, json.JSONDecodeError, ValueError, RecursionError):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip() if isinstance(value, str | int) else ""
    return text if text and len(text) <= LONGEST_LABEL and text.isprintable() else None


def _labelled(record: object) -> object:
    return next((record[name] for name in (*LABELS, CLASS) if name in record), None) if isinstance(record, dict) else None


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
