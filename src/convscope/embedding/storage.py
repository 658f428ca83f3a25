"""Arrays that may be too large for memory: beyond a threshold they lie in a temporary file that nobody needs to remove."""

import tempfile
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

IN_MEMORY = 1 << 28


class Stack:
    """An array that is filled row by row: in memory up to 256 MiB, else in a memory-mapped temporary file, gone with the process."""

    def __init__(self, most: int, row: tuple[int, ...], dtype: DTypeLike) -> None:
        shape = (most, *row)
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self._values: NDArray[Any]
        if size <= IN_MEMORY:
            self._values = np.empty(shape, dtype)
        else:
            with tempfile.TemporaryFile() as file:  # the map keeps it open
                self._values = np.memmap(file, dtype, "w+", shape=shape)
        self._filled = 0

    def extend(self, rows: NDArray[Any]) -> None:
        """Append rows."""
        self._values[self._filled : self._filled + len(rows)] = rows
        self._filled += len(rows)

    def filled(self) -> NDArray[Any]:
        """Return the rows that were appended."""
        return self._values[: self._filled]
