"""One image that can be read when its turn comes: a small record that may be read in any thread and sent to any process."""

import errno
import hashlib
import os
import stat
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, UnreachableError
from .pictures import MOST_BYTES, decode

Read = tuple[NDArray[np.float32], bytes]
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

    @abstractmethod
    def read(self, side: int | None = None) -> Read:
        """Return the image, (height, width, c) in [0, 1], and its digest. Raises ImageError that says why it cannot be read.

        UnreachableError, an ImageError, where that may pass: the file or its disk is away, or memory ran out. Whoever keeps a record of
        unreadable pictures leaves those out of it and tries them again.

        `side`: what the longer side of the network's input needs; a much larger JPEG is then decoded at a reduced scale.
        """


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FileSource(Source):
    """A picture file: `path` is relative to `folder`, which the sources of one folder share."""

    folder: str
    path: str

    def read(self, side: int | None = None) -> Read:
        """Return the picture in the file and the digest of its bytes."""
        path = os.path.join(self.folder, self.path)  # noqa: PTH118 (a Path takes longer than a small file)
        try:
            if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
                raise ImageError(f"`{path}` is a folder or a device. Expected a picture file.")
            with open(path, "rb") as file:  # noqa: PTH123
                data = file.read(MOST_BYTES + 1)
        except (OSError, ValueError, MemoryError) as error:
            raise unopened(path, error) from error
        return decoded(data, path, side)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ArraySource(Source):
    """Image `index` of `stack`, (image, height, width, c) in [0, 1] or uint8; in memory or mapped into it."""

    stack: NDArray[Any]
    index: int

    is_array: ClassVar[bool] = True

    def read(self, side: int | None = None) -> Read:
        """Return the image and the digest of its numbers."""
        try:
            image = self.stack[self.index]
            values = image.astype(np.float32) / np.float32(255.0) if image.dtype == np.uint8 else image.astype(np.float32)
            return values, digest(np.ascontiguousarray(image).tobytes())
        except MemoryError as error:
            raise unopened(self.name, error) from error

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

    def read(self, side: int | None = None) -> Read:
        """Raise ImageError with the reason, UnreachableError for what may pass."""
        raise UnreachableError(self.reason) if self.may_pass else ImageError(self.reason)


def decoded(data: bytes, name: str, side: int | None) -> Read:
    """Return the picture in an encoded file and the digest of its bytes. Raises ImageError."""
    return decode(data, name, side), digest(data)


def unopened(path: str, error: BaseException) -> ImageError:
    """Return the error for a file that did not open or did not give its bytes: UnreachableError, unless its path never leads to one."""
    if isinstance(error, MemoryError):
        return UnreachableError(f"`{path}` cannot be read now: there is not enough memory. Free some, and try again.")
    reason = getattr(error, "strerror", None) or error
    kind = ImageError if not isinstance(error, OSError) or error.errno in FOR_EVER else UnreachableError
    return kind(f"`{path}` cannot be read: {reason}. Check that it is there and may be read.")


def digest(data: bytes) -> bytes:
    """Return 16 bytes that stand for these."""
    return hashlib.blake2b(data, digest_size=16).digest()
