"""Zip and tar archives, read member by member without unpacking: nothing is ever written, so no name in them can do harm."""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Any

from ..errors import ImageError
from ..legible import first_line
from ..store import open_file
from .folders import TARS, labels_of
from .members import DAMAGED, KINDS, Archive, blocks, check_count, is_of_the_system, is_wanted, parts_of, too_large, unread
from .pictures import MOST_BYTES
from .source import Opened, Source, Unreadable, decoded, unopened
from .tar_index import index_of, sources_of

ARCHIVES = (".zip", *TARS)
# Makes a source from its `name` and `label`, which are known when all are listed.
Make = Callable[..., Source]
LOCAL_HEADER = 30


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

    @property
    def place(self) -> str:
        """The archive, where it is a file."""
        return self.archive.place

    def opened(self, side: int | None = None) -> Opened:
        """Open the picture, with the digest of its bytes."""
        name = f"{self.archive.path}: {self.name}"
        return decoded(lambda: self._bytes(name), self.size, name, side)

    def _bytes(self, name: str) -> bytes:
        try:
            data = self._stored() if self.archive.is_stored else self._filed()
            if self.deflated:
                data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, self.size + 1)
        except DAMAGED as error:
            raise unread(name, error) from error
        if len(data) != self.size or zlib.crc32(data) != self.checksum:
            raise ImageError(f"`{name}` is damaged: its size or checksum does not match. Pack the archive again.")
        return data

    def _filed(self) -> bytes:
        with open(self.archive.path, "rb") as file:  # noqa: PTH123
            self.archive.check()
            file.seek(self.start)
            file.seek(_skipped(file.read(LOCAL_HEADER)), os.SEEK_CUR)
            return file.read(min(self.length, self.archive.size))

    def _stored(self) -> bytes:
        archive = blocks(self.archive, os.getpid())
        begin = self.start + LOCAL_HEADER + _skipped(archive.read(self.start, LOCAL_HEADER))
        return archive.read(begin, min(self.length, self.archive.size))


def _skipped(header: bytes) -> int:
    """Return the length of what follows a member's header: its name and its extra field."""
    return sum(struct.unpack_from("<HH", header, LOCAL_HEADER - 4))


def is_archive(path: PurePath) -> bool:
    """Return whether a file's name ends as an archive's."""
    return path.name.lower().endswith(ARCHIVES)


def is_tar(name: str) -> bool:
    """Return whether a file's name ends as a tar's."""
    return name.lower().endswith(TARS)


def from_archive(path: PurePath | str) -> Sequence[Source]:
    """Return the pictures in an archive, a file or a URI, in its order; folders are labels, except those around everything.

    In a tar whose files of the same name tell classes, a sample is one image, and its class the label. Members that cannot be read, such
    as encrypted ones, are listed with the reason. Raises ImageError if the file is not an archive.
    """
    archive = Archive.at(str(path))
    name = archive.path.partition("?")[0] if archive.is_stored else archive.path
    if is_tar(name):
        index = index_of(archive)
        return sources_of(index, archive, labels_of(index.parts))
    try:
        found = list(_zip_members(archive))
    except (*DAMAGED, RecursionError) as error:
        if is_of_the_system(error):
            raise unopened(str(path), error) from error
        raise ImageError(f"`{path}` is not a readable zip archive: {first_line(error)}. Copy or download it again.") from error
    parts = [parts_of(name) for name, _ in found]
    return [make(name="/".join(one), label=label) for (_, make), one, label in zip(found, parts, labels_of(parts), strict=True)]


def _zip_members(archive: Archive) -> Iterator[tuple[str, Make]]:
    """Yield the names of the pictures and what makes their sources."""
    with open_file(archive.path) as file, zipfile.ZipFile(file) as opened:
        entries = opened.infolist()
    check_count(len(entries), archive)
    for entry in entries:
        if entry.filename.endswith("/") or not is_wanted(entry.filename):  # `is_dir` of an empty name raises an IndexError
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
            yield entry.filename, _unreadable(archive, too_large(entry.file_size))
        else:
            yield entry.filename, partial(ZipSource, archive=archive, deflated=deflated, **place)


def _unreadable(archive: Archive, reason: str) -> Make:
    return lambda name, label: Unreadable(name=name, label=label, reason=f"`{archive.path}: {name}` {reason}")
