"""A small picture in the terminal: two pixels a character, in 24-bit colours."""

import shutil
from typing import Any

HALF_BLOCK = "\N{UPPER HALF BLOCK}"


def preview(picture: Any, most_rows: int = 24) -> str:
    """Return a PIL image as lines of coloured half blocks, at most `most_rows` high and as wide as the terminal."""
    columns = min(shutil.get_terminal_size().columns - 1, 120)
    scale = min(columns / picture.width, 2 * most_rows / picture.height, 1.0)
    width, height = max(1, round(picture.width * scale)), max(2, round(picture.height * scale) // 2 * 2)
    small = picture.convert("RGB").resize((width, height))
    pixels = small.load()
    lines = []
    for row in range(0, height, 2):
        cells = []
        for column in range(width):
            above, below = pixels[column, row], pixels[column, row + 1]
            cells.append("\x1b[38;2;{};{};{};48;2;{};{};{}m".format(*above, *below) + HALF_BLOCK)
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)
