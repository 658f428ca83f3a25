"""What archives of all kinds share: their state, their members' names, and the bytes of one that lies in a store."""

import stat
import struct
import tarfile
import threading
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache

from ..errors import ImageError, UnreachableError
from ..legible import first_line
from ..store import StoredFile, is_uri, locate, state_of
from .folders import is_hidden, is_picture
from .pictures import MOST_BYTES
from .source import unopened

try:
    from lzma import LZMAError
except ImportError:  # some Pythons are built without
    LZMAError = OSError  # type: ignore[misc,assignment]

DAMAGED = (
    OSError, EOFError, ValueError, RuntimeError, NotImplementedError, KeyError, OverflowError, MemoryError,
    zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, struct.error,
)  # fmt: skip
# ImageNet's training set has 1,281,167.
MOST_MEMBERS = 2_000_000
# What the mode of a member may say that it is.
KINDS = {stat.S_IFLNK: "marked as a link", stat.S_IFDIR: "marked as a folder", 0: "marked as a device or a pipe"}
OPEN_AT_ONCE = 8
# Of an archive in a store: what is fetched at once where one member is read after the other, from the first such block to the largest;
# members lie so near to one another, and so many blocks are kept.
FIRST_BLOCK, LARGEST_BLOCK, GAP, KEPT = 2**18, 2**23, 2**16, 2


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive as it was when it was listed, so that its members are not looked for in another. `path`: of a file, or a URI."""

    path: str
    size: int
    changed: int

    @classmethod
    def at(cls, path: str) -> "Archive":
        """Return the archive that is there now. Raises ImageError."""
        try:
            size, changed = state_of(path)
        except OSError as error:
            raise unopened(path, error) from error
        return cls(path, size, changed)

    @property
    def is_stored(self) -> bool:
        """Whether it lies in a store."""
        return is_uri(self.path)

    @property
    def place(self) -> str:
        """The file that must be where its members are read; "" for one in a store."""
        return "" if self.is_stored else self.path

    def check(self) -> None:
        """Raise UnreachableError if another file is there now."""
        if Archive.at(self.path) != self:
            raise UnreachableError(f"`{self.path}` has changed since its images were listed. Start again.")


def unread(name: str, error: BaseException) -> ImageError:
    """Return the error for a member that did not unpack."""
    if is_of_the_system(error):
        return unopened(name, error)
    return ImageError(f"`{name}` is damaged: {first_line(error)}. Pack the archive again.")


def is_of_the_system(error: BaseException) -> bool:
    """Return whether an archive may be sound all the same: the system numbers its failures, and what is damaged has no number."""
    return isinstance(error, MemoryError) or getattr(error, "errno", None) is not None


@lru_cache(maxsize=OPEN_AT_ONCE)
def blocks(archive: Archive, process: int) -> "Blocks":
    """Return the bytes of an archive in a store, from which many threads of one process can read."""
    return Blocks(archive)


class Blocks:
    """The bytes of an archive in a store. What is read one after the other comes in ever larger blocks, all else exactly."""

    def __init__(self, archive: Archive) -> None:
        archive.check()
        self._archive, self._lock = archive, threading.Lock()
        self._file = StoredFile(locate(archive.path))
        self._kept: list[tuple[int, bytes]] = []
        self._end, self._ahead = -1, 0

    def read(self, start: int, length: int) -> bytes:
        """Return the bytes from `start` on, fewer where the archive ends. Raises OSError, UnreachableError for another archive."""
        with self._lock:
            for begin, data in self._kept:
                if begin <= start and start + length <= begin + len(data):
                    return data[start - begin : start - begin + length]
            follows = -length <= start - self._end <= GAP
            self._ahead = min(max(FIRST_BLOCK, 2 * self._ahead), LARGEST_BLOCK) if follows else 0
            if follows:  # others wait: what they want is in this block
                block = self._fetched(start, max(length, self._ahead))
                self._kept = [*self._kept, (start, block)][-KEPT:]
                self._end = start + len(block)
                return block[:length]
            self._end = start + length
        return self._fetched(start, length)

    def _fetched(self, start: int, length: int) -> bytes:
        self._archive.check()
        return self._file.read_at(start, length)


def parts_of(name: str) -> list[str]:
    """Return a member's name as folders and a file that lead nowhere else and can be printed."""
    shown = "".join(one if one.isprintable() else "_" for one in name.replace("\\", "/"))
    return [one for one in shown.split("/") if one not in ("", ".", "..")]


def is_wanted(name: str) -> bool:
    """Return whether a member is a picture by its name, and not hidden."""
    parts = parts_of(name)
    return bool(parts) and is_picture(parts[-1]) and not any(is_hidden(one) for one in parts)


def too_large(size: int) -> str:
    """Return the end of the sentence for a member that is."""
    return f"has {size:,} bytes; convscope reads at most {MOST_BYTES:,}."


def check_count(count: int, archive: Archive) -> None:
    """Raise ImageError for an archive of more members than can be listed."""
    if count > MOST_MEMBERS:
        raise ImageError(f"`{archive.path}` has more than {MOST_MEMBERS:,} members. Divide it into several archives.")
