"""Pictures inside a page that is one file."""

import base64
import io

import numpy as np
from PIL import Image

from ..pixels import SMOOTH_FROM, Bytes
from .words import words


def embedded(pixels: Bytes, said: str, style: str = "") -> str:
    """Return a picture as an element that holds it; `said`: for readers who hear it."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", optimize=False)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    height, width = pixels.shape[:2]
    crisp = ' class="crisp"' if max(height, width) < SMOOTH_FROM else ""
    placed = f' style="{style}"' if style else ""
    return f'<img{crisp} alt="{words(said)}" width="{width}" height="{height}"{placed} src="data:image/png;base64,{data}">'
