"""One image that can be read when its turn comes: a small record that may be read in any thread and sent to any process."""

import errno
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .. import store
from ..digests import hasher
from ..errors import ImageError, UnreachableError
from ..reach import EVERYWHERE, MACHINE, PROCESS
from .numbers import Pixels, brightness
from .pictures import MOST_BYTES, decode, room

Read = tuple[NDArray[np.float32], bytes]
Opened = AbstractContextManager[tuple[Pixels, bytes]]
# What the system says of a path that can never lead to a picture; every other failure may pass: a disk, a folder that is away.
FOR_EVER = (errno.EINVAL, errno.ELOOP, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Source(ABC):
    """Where one image is. `explicit`: it was named itself, so that not being readable is an error; else it is skipped.

    Records, not closures: a hundred thousand of them take some 20 MB, and a process pool can be handed them.
    """

    name: str
    label: str | None = None
    explicit: bool = False

    is_array: ClassVar[bool] = False

    def __reduce__(self) -> tuple[Any, ...]:
        """Send it to another process as its fields, in a third of the time that a record with slots takes by itself."""
        kind = type(self)
        return _made, (kind, *_values(kind)(self))

    @property
    def reach(self) -> str:
        """Which workers can read it, in the words of an engine's own: those EVERYWHERE, or those that see its `place`."""
        return MACHINE if self.place else EVERYWHERE

    @property
    def place(self) -> str:
        """The file or folder that must be where it is read, such as the folder of all pictures; "" where none must."""
        return ""

    @property
    def group(self) -> str:
        """What it is best read together with, one after the other: the tar that holds it; "" where it lies alone."""
        return ""

    @abstractmethod
    def opened(self, side: int | None = None) -> Opened:
        """Open the image's numbers, (height, width, band), for a `with` block, and their digest; the numbers may not outlive the block.

        `side`: what the longer side of the network's input needs; a much larger JPEG is then decoded at a reduced scale. Raises
        ImageError that says why it cannot be read; UnreachableError, an ImageError, where that may pass: the file or its disk is away,
        or memory ran out. Whoever keeps a record of unreadable pictures leaves those out of it and tries them again.
        """

    def read(self, side: int | None = None) -> Read:
        """Return the image, (height, width, c) in [0, 1], and its digest; two and four bands end in its opacity. Raises as `opened`."""
        with self.opened(side) as (numbers, digest):
            try:
                return brightness(numbers[:]), digest
            except MemoryError as error:
                raise unopened(self.name, error) from error


@cache
def _values(kind: type[Source]) -> Callable[[Source], tuple[Any, ...]]:
    return attrgetter(*(field.name for field in fields(kind)))


def _made(kind: type[Source], *values: Any) -> Source:
    return kind(**dict(zip((field.name for field in fields(kind)), values, strict=True)))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FileSource(Source):
    """A picture file: `path` is relative to `folder`, which the sources of one folder share."""

    folder: str
    path: str

    @property
    def place(self) -> str:
        """The folder, which many share."""
        return os.path.dirname(self.path) if os.path.isabs(self.path) else self.folder  # noqa: PTH117, PTH120

    def opened(self, side: int | None = None) -> Opened:
        """Open the picture in the file, with the digest of its bytes."""
        path = os.path.join(self.folder, self.path)  # noqa: PTH118 (a Path takes longer than a small file)
        try:
            state = os.stat(path)  # noqa: PTH116
        except (OSError, ValueError) as error:
            raise unopened(path, error) from error
        if not stat.S_ISREG(state.st_mode):
            raise ImageError(f"`{path}` is a folder or a device. Expected an image file.")
        return decoded(lambda: _bytes_of(path, state.st_size), state.st_size, path, side)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StoredSource(Source):
    """A picture file in a store: `path` is relative to `folder`, which the sources of one folder share."""

    folder: store.Location
    path: str

    @property
    def uri(self) -> str:
        """What names it, also where it cannot be read."""
        return self.folder.at(f"{self.folder.key}/{self.path}".lstrip("/")).uri

    def opened(self, side: int | None = None) -> Opened:
        """Open the picture in the file, with the digest of its bytes."""
        try:
            file = store.StoredFile(self.folder.joined(self.path))
        except (OSError, MemoryError) as error:
            raise unopened(self.uri, error) from error
        return decoded(lambda: _all_of(file, self.uri), file.size, self.uri, side)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ArraySource(Source):
    """Image `index` of `stack`, (image, height, width, c) of numbers that were checked; in memory or mapped into it."""

    stack: NDArray[Any]
    index: int

    is_array: ClassVar[bool] = True

    @property
    def reach(self) -> str:
        """Return this process, which holds its numbers; others are handed them, image by image."""
        return PROCESS

    @contextmanager
    def opened(self, side: int | None = None) -> Iterator[tuple[Pixels, bytes]]:
        """Open the image, with the digest of its numbers."""
        image = self.stack[self.index]
        try:
            known = hasher(np.ascontiguousarray(image).tobytes()).digest()
        except MemoryError as error:
            raise unopened(self.name, error) from error
        yield image, known

    def __reduce__(self) -> tuple[Any, ...]:
        """Send this one image to another process, not the whole stack."""
        return _array_source, (self.name, self.label, self.explicit, self.stack[self.index : self.index + 1])


def _array_source(name: str, label: str | None, explicit: bool, stack: NDArray[Any]) -> ArraySource:
    return ArraySource(name=name, label=label, explicit=explicit, stack=stack, index=0)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Unreadable(Source):
    """What was listed and is known to be no readable picture, such as an encrypted member of an archive.

    `may_pass`: it could not be reached while it was listed, such as a folder that may not be entered.
    """

    reason: str
    may_pass: bool = False

    def opened(self, side: int | None = None) -> Opened:
        """Raise ImageError with the reason, UnreachableError for what may pass."""
        raise UnreachableError(self.reason) if self.may_pass else ImageError(self.reason)


@contextmanager
def decoded(fetch: Callable[[], bytes], size: int, name: str, side: int | None) -> Iterator[tuple[Pixels, bytes]]:
    """Open the picture in an encoded file of `size` bytes that `fetch` returns, with their digest. Raises ImageError."""
    with room(size):
        data = fetch()
        with decode(data, name, side) as numbers:
            known = hasher(data).digest()
            del data
            yield numbers, known


def _bytes_of(path: str, size: int) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            # What the file has now, and a byte: asking for the most there may be reserves it.
            return file.read(min(size, MOST_BYTES) + 1)
    except (OSError, MemoryError) as error:
        raise unopened(path, error) from error


def _all_of(file: store.StoredFile, uri: str) -> bytes:
    try:
        with file:
            return file.read_at(0, min(file.size, MOST_BYTES + 1))
    except (OSError, MemoryError) as error:
        raise unopened(uri, error) from error


def unopened(path: str, error: BaseException) -> ImageError:
    """Return the error for a file that did not open or did not give its bytes: UnreachableError, unless its path never leads to one."""
    if isinstance(error, MemoryError):
        return UnreachableError(f"`{path}` cannot be read now, because memory ran out. Free some memory and try again.")
    reason = getattr(error, "strerror", None) or error
    kind = ImageError if not isinstance(error, OSError) or error.errno in FOR_EVER else UnreachableError
    advice = getattr(error, "advice", "Check that it exists and that you may read it.")
    return kind(f"`{path}` cannot be read: {reason}. {advice}")
