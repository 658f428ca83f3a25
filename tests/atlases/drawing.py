"""Pictures in folders with hostile names, and the columns of an atlas as arrays."""

import base64

import numpy as np
from PIL import Image

CLASSES = ("<script>alert(1)</script>", "cat & \u202etac", "é😀")
COUNT = 30


def draw(folder, count, first=0):
    """Write pictures of stripes into a folder for each class; each has its own numbers."""
    for number in range(first, first + count):
        label = CLASSES[number % 3].replace("/", "\u2215")
        place = folder / label / f'{number:03d} "x" \u2028<b>.png'
        place.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(number)
        rows, columns = np.mgrid[:16, :16]
        stripes = np.sin((rows if number % 3 == 0 else columns if number % 3 == 1 else rows + columns) * rng.uniform(0.5, 2))
        pixels = 0.5 + 0.4 * stripes[..., None] * rng.uniform(0.2, 1, 3)
        Image.fromarray((255 * pixels).astype(np.uint8)).save(place)
    return folder


def column(record):
    """Return a column of the pages as an array."""
    found = np.frombuffer(base64.b64decode(record["data"]), f"<{record['type']}")
    found = np.repeat(found, record.get("count", 1))
    return np.cumsum(found, dtype=int) if record.get("rises") else found
