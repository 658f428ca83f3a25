"""The one hash of convscope: 128 bits that stand for bytes, an array or a file, so that what one room noted another can compare."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BYTES = 16
BLOCK = 2**20


def hasher(*parts: bytes, salt: bytes = b"") -> "hashlib.blake2b":
    """Return a hash that has taken these bytes, one after the other, and takes more by `update`; `salt`: at most 16 bytes."""
    found = hashlib.blake2b(digest_size=BYTES, salt=salt)
    for part in parts:
        found.update(part)
    return found


def digest(*parts: bytes) -> str:
    """Return 32 hex digits that stand for these bytes, one after the other."""
    return hasher(*parts).hexdigest()


def array_digest(values: NDArray[Any]) -> str:
    """Return 32 hex digits that stand for an array's numbers in row-major order, whatever its shape."""
    return digest(np.ascontiguousarray(values).tobytes())


def file_digest(path: Path) -> str:
    """Return 32 hex digits that stand for a file's bytes, read block by block. Raises OSError."""
    found = hasher()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()
