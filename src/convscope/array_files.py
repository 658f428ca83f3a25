"""The one door to NumPy files that others wrote: the header is checked against the file before any memory is taken.

NumPy's own reader believes the header, and unpacks an archive whole. An array that lies in its file as it is, in an .npy or a large one in
an .npz that is not compressed, is mapped into memory and never read as a whole; what is compressed may unpack to 1 GiB.
"""

import ast
import contextlib
import errno
import math
import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from .legible import first_line

MOST_UNPACKED = 2**30
MOST_MEMBERS = 10_000
# NumPy's own limits on a header and on the number of dimensions, those of its oldest release that is supported.
MOST_HEADER = 10_000
MOST_DIMENSIONS = 32
# An array in an archive that is not compressed is mapped from this size on; smaller ones are read, and their checksum with them.
MAPPED_FROM = 2**26
BLOCK = 2**20
MAGIC = b"\x93NUMPY"
KINDS = re.compile(r"[<>|=]?[biufcSU]\d{1,9}")
LOCAL_HEADER = 30
LONGEST_QUOTED = 60


class ArrayFileError(ValueError):
    """A file that holds no arrays, or more than is read. The message is the end of a sentence: "it is cut off"."""


@dataclass(frozen=True)
class Header:
    """What an array says of itself, in `size` bytes before its numbers."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    size: int

    @property
    def bytes(self) -> int:
        """How many bytes its numbers take."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_array(path: str | Path) -> NDArray[Any]:
    """Return the array in an .npy file, mapped into memory and read-only. Raises OSError, and ArrayFileError for anything else."""
    with _opened(path) as file:
        header = _header(file)
        held = Path(path).stat().st_size - header.size
    if held < header.bytes:
        raise ArrayFileError(f"it is cut off: its numbers take {header.bytes:,} bytes, but the file holds {held:,}")
    return _mapped(path, header, header.size)


class ArrayFile:
    """The arrays of an .npz by name, each read when it is asked for; an .npy is one array named "". `headers`: of those that can be."""

    def __init__(self, path: str | Path) -> None:
        """Read the headers. Raises OSError, and ArrayFileError for what is not such a file."""
        self.path = path
        self._taken = 0
        self._members: dict[str, zipfile.ZipInfo] = {}
        self._faults: dict[str, ArrayFileError] = {}
        with _opened(path) as file:
            zipped = file.read(2) == b"PK"
            self.headers = self._listed(file) if zipped else {}
        if not zipped:
            self._single = read_array(path)
            self.headers = {"": Header(self._single.dtype, self._single.shape, False, 0)}

    def __iter__(self) -> Iterator[str]:
        return iter((*self.headers, *self._faults))

    def __contains__(self, name: str) -> bool:
        return name in self.headers or name in self._faults

    def first(self, names: Sequence[str]) -> NDArray[Any] | None:
        """Return the first of these arrays that the file holds."""
        return next((self[name] for name in names if name in self), None)

    def __getitem__(self, name: str) -> NDArray[Any]:
        """Return an array. Raises OSError, ArrayFileError where it is damaged or unpacks to too much."""
        if name in self._faults:
            raise self._faults[name]
        if name not in self._members:
            return self._single
        header, entry = self.headers[name], self._members[name]
        if entry.compress_type == zipfile.ZIP_STORED and header.bytes >= MAPPED_FROM:
            return _mapped(self.path, header, self._start(entry) + header.size)
        self._taken += header.bytes
        if self._taken > MOST_UNPACKED:
            raise ArrayFileError(
                f"it unpacks to more than {MOST_UNPACKED // 2**20:,} MiB; write it with numpy.savez, uncompressed, or each array as .npy, "
                "which are never read as a whole"
            )
        with _opened(self.path) as file, _errors_of_zip(), zipfile.ZipFile(file) as archive, archive.open(entry) as member:
            member.read(header.size)
            data = _filled(member, header)
            if member.read(1):
                raise ArrayFileError(f"`{name}` has more bytes than its header says")
        return np.frombuffer(data, header.dtype).reshape(header.shape, order="F" if header.fortran else "C")

    def _listed(self, file: IO[bytes]) -> dict[str, Header]:
        headers = {}
        with _errors_of_zip(), zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_MEMBERS:
                raise ArrayFileError(f"it has more than {MOST_MEMBERS:,} members")
            for entry in entries:
                if entry.filename.endswith(".npy"):
                    name = entry.filename.removesuffix(".npy")
                    self._members[name] = entry
                    try:
                        headers[name] = _member(archive, entry)
                    except ArrayFileError as error:  # one that nobody asks for does no harm
                        self._faults[name] = error
        if not headers:
            raise next(iter(self._faults.values()), ArrayFileError("it is an archive without arrays"))
        return headers

    def _start(self, entry: zipfile.ZipInfo) -> int:
        """Return where the bytes of a member begin, which may lie elsewhere than the archive's own list lets one think."""
        with _opened(self.path) as file:
            file.seek(entry.header_offset)
            local = file.read(LOCAL_HEADER)
            start = entry.header_offset + LOCAL_HEADER + sum(struct.unpack_from("<HH", local, LOCAL_HEADER - 4))
        if start + entry.file_size > Path(self.path).stat().st_size:
            raise ArrayFileError("it is cut off")
        return start


def texts(values: NDArray[Any]) -> tuple[str, ...]:
    """Return the values of an array (n,) as text: bytes as UTF-8, whole numbers without a point. Raises ArrayFileError for no text."""
    if values.dtype.kind == "S":
        return tuple(one.decode("utf-8", "backslashreplace") for one in values.tolist())
    try:
        return tuple(legal(str(one)) for one in values.tolist())
    except (ValueError, SystemError) as error:  # four bytes that are not a character
        raise ArrayFileError("its text is damaged") from error


def legal(text: str) -> str:
    """Return text with what is not a character of Unicode written as escapes, so that it can be written in UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _opened(path: str | Path) -> IO[bytes]:
    if "\0" in str(path):
        raise ArrayFileError("its name holds a zero byte")
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise ArrayFileError("it is a folder, a pipe or a device, not a file")
    return Path(path).open("rb")


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Header:
    """Return the header of an array in an archive, whose size must be what the archive says."""
    if entry.flag_bits & 1:
        raise ArrayFileError(f"`{entry.filename}` is encrypted")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ArrayFileError(f"`{entry.filename}` is not compressed by deflate, as numpy.savez_compressed would do")
    with archive.open(entry) as member:
        header = _header(member)
    if header.size + header.bytes != entry.file_size:
        wanted = header.size + header.bytes
        raise ArrayFileError(f"`{entry.filename}` has {entry.file_size:,} bytes, but its header says {wanted:,}")
    return header


def _header(file: IO[bytes]) -> Header:
    start = file.read(len(MAGIC) + 2)
    if not start:
        raise ArrayFileError("it is empty")
    if start[: len(MAGIC)] != MAGIC or len(start) < len(MAGIC) + 2:
        raise ArrayFileError("it does not start like an .npy file")
    if start[-2] not in (1, 2, 3):
        raise ArrayFileError(f"it is of version {start[-2]}, but only 1 to 3 are known")
    width = 2 if start[-2] == 1 else 4
    told = file.read(width)
    length = int.from_bytes(told, "little")
    if length > MOST_HEADER:
        raise ArrayFileError(f"its header has {length:,} bytes, but convscope reads at most {MOST_HEADER:,}")
    text = file.read(length)
    if len(told) < width or len(text) < length:
        raise ArrayFileError("its header is cut off")
    return _understood(text, len(start) + width + length)


def _understood(text: bytes, size: int) -> Header:
    try:
        # Python 2 wrote whole numbers as 3L.
        found = ast.literal_eval(re.sub(r"(?<=\d)L(?=[,)])", "", text.decode("utf-8")).strip())
        kind, shape, fortran = found["descr"], found["shape"], found["fortran_order"]
    except Exception as error:  # a header made to do harm brings about almost anything, from a RecursionError to a MemoryError
        raise ArrayFileError("its header cannot be understood") from error
    if not isinstance(kind, str) or not KINDS.fullmatch(kind):
        raise ArrayFileError(f"it holds {str(kind)[:LONGEST_QUOTED]!r}; numbers or text are expected")
    whole = isinstance(shape, tuple) and all(type(side) is int and side >= 0 for side in shape) and type(fortran) is bool
    if not whole or len(shape) > MOST_DIMENSIONS:
        raise ArrayFileError(f"its shape is {str(shape)[:LONGEST_QUOTED]}, which is impossible")
    try:
        dtype = np.dtype(kind)
    except (TypeError, ValueError) as error:
        raise ArrayFileError(f"it holds {kind!r}; numbers or text are expected") from error
    if dtype.itemsize == 0 or math.prod(max(1, side) for side in shape) * dtype.itemsize >= 2**62:
        raise ArrayFileError(f"its shape is {str(shape)[:LONGEST_QUOTED]} of {kind!r}, which is impossible")
    return Header(dtype, shape, fortran, size)


def _mapped(path: str | Path, header: Header, start: int) -> NDArray[Any]:
    if not header.bytes:
        return np.empty(header.shape, header.dtype)
    return np.memmap(path, header.dtype, "r", start, header.shape, "F" if header.fortran else "C")


def _filled(member: IO[bytes], header: Header) -> NDArray[np.uint8]:
    try:
        data = np.empty(header.bytes, np.uint8)
    except MemoryError as error:
        raise ArrayFileError(f"memory ran out for its {header.bytes:,} bytes") from error
    filled = 0
    while filled < len(data):
        block = member.read(min(BLOCK, len(data) - filled))
        if not block:
            raise ArrayFileError("it is cut off")
        data[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
        filled += len(block)
    return data


@contextlib.contextmanager
def _errors_of_zip() -> Iterator[None]:
    """Turn what `zipfile` raises for a damaged archive, which is almost anything, into an ArrayFileError."""
    try:
        yield
    except (ArrayFileError, MemoryError):
        raise
    except Exception as error:
        if getattr(error, "errno", None) not in (None, errno.EINVAL):  # a damaged archive leads to places before its start
            raise
        raise ArrayFileError(f"it is a damaged archive: {first_line(error)}") from error
