"""PGM and PPM files whose white is not 255: Pillow rounds their colours to 8 bits."""

import re

import numpy as np
from numpy.typing import NDArray

BANDS = {b"P2": 1, b"P5": 1, b"P3": 3, b"P6": 3}
PLAIN = (b"P2", b"P3")
# Width, height and the number of white, among white space and comments; one blank ends them.
HEADER = re.compile(rb"P[2356]" + rb"(?:\s|#[^\n\r]*[\n\r])+(\d{1,9})" * 3 + rb"\s")
LONGEST_HEADER = 1 << 16


def numbers_of(data: bytes, most: int) -> NDArray[np.uint16] | NDArray[np.float32] | None:
    """Return a PGM's or PPM's numbers, (height, width, band), as uint16 where white is 65535, else as shares of white.

    None for another format, and where white is 255. Raises ValueError for what is cut off or would take more than `most` bytes.
    """
    bands = BANDS.get(data[:2])
    header = HEADER.match(data[:LONGEST_HEADER]) if bands else None
    if bands is None or header is None:
        return None
    width, height, white = (int(one) for one in header.groups())
    if white == 255 or not 0 < white < 65536:
        return None
    size = width * height * bands
    if not 0 < size * 4 <= most:
        raise ValueError(f"{width} x {height} pixels")
    body = data[header.end() :]
    if data[:2] in PLAIN:
        # Each number takes a digit and a blank: what is longer than that holds more than belongs to the picture.
        words = re.sub(rb"#[^\n\r]*", b"", body[: 8 * size + LONGEST_HEADER]).split()[:size]
        if len(words) < size or not all(word.isdigit() and len(word) < 6 for word in words):
            raise ValueError("it is cut off, or holds something other than numbers")
        numbers = np.array([int(word) for word in words], np.float32)
    else:
        kind = ">u2" if white > 255 else "u1"
        if len(body) < size * np.dtype(kind).itemsize:
            raise ValueError("it is cut off")
        numbers = np.frombuffer(body, kind, size)
    if white == 65535:
        return numbers.astype(np.uint16).reshape(height, width, bands)
    return (numbers.astype(np.float32) / np.float32(white)).reshape(height, width, bands)
