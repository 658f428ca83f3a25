"""How a terminal is sent a picture: asked for what it can show, and told in its own way (Kitty, iTerm2, Sixel).

Each answer is looked for before the one to the last question, which every terminal answers (primary device attributes).
Sources: sw.kovidgoyal.net/kitty/graphics-protocol, iterm2.com/documentation-images.html, vt100.net/docs/vt3xx-gp/chapter14.html.
"""

import base64
import contextlib
import io
import os
import re
import select
import sys
import time
from dataclasses import dataclass

import numpy as np
from PIL import Image

KITTY, ITERM, SIXEL = "kitty", "iterm", "sixel"
# A picture of one pixel that is only asked about; the size of a cell, in iTerm2's way and in xterm's; the attributes.
QUESTIONS = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b]1337;ReportCellSize\x07\x1b[16t\x1b[c"
ATTRIBUTES = re.compile(r"\x1b\[\?([0-9;]*)c")
KITTY_ANSWER = re.compile(r"\x1b_Gi=31;OK")
ITERM_ANSWER = re.compile(r"\x1b\]1337;ReportCellSize=([0-9.]+);([0-9.]+)(?:;([0-9.]+))?")
CELL_ANSWER = re.compile(r"\x1b\[6;(\d+);(\d+)t")
SECONDS_FOR_ANSWER = 0.5
USUAL_CELL = (8, 16)
CHUNK = 4096
MOST_COLOURS = 255


@dataclass(frozen=True)
class Graphics:
    """What a terminal understands, "" for nothing but text, and the (width, height) of a cell in pixels."""

    kind: str = ""
    cell: tuple[int, int] = USUAL_CELL


def asked() -> Graphics:
    """Ask the terminal what it can show. Where it cannot be asked, or does not answer, it shows text."""
    answer = _answer() if sys.platform != "win32" and os.environ.get("TERM", "dumb") != "dumb" else ""
    return understood(answer)


def understood(answer: str) -> Graphics:
    """Return what the answers to QUESTIONS say."""
    attributes, cell, iterm = ATTRIBUTES.search(answer), CELL_ANSWER.search(answer), ITERM_ANSWER.search(answer)
    size = USUAL_CELL
    if cell is not None:
        size = int(cell[2]), int(cell[1])
    elif iterm is not None:
        scale = float(iterm[3] or 1)
        size = round(float(iterm[2]) * scale), round(float(iterm[1]) * scale)
    size = size if min(size) > 1 else USUAL_CELL
    if KITTY_ANSWER.search(answer):
        return Graphics(KITTY, size)
    if iterm is not None:
        return Graphics(ITERM, size)
    if attributes is not None and "4" in attributes[1].split(";"):
        return Graphics(SIXEL, size)
    return Graphics("", size)


def _answer() -> str:
    """Return what the terminal answers within half a second, "" where standard input or output is not one."""
    import termios
    import tty

    answer = ""
    with contextlib.suppress(OSError, ValueError, AttributeError, termios.error):
        keyboard = sys.stdin.fileno()
        if not (os.isatty(keyboard) and sys.stdout.isatty()):
            return ""
        before = termios.tcgetattr(keyboard)
        try:
            tty.setcbreak(keyboard, termios.TCSANOW)
            sys.stdout.write(QUESTIONS)
            sys.stdout.flush()
            until = time.monotonic() + SECONDS_FOR_ANSWER
            while ATTRIBUTES.search(answer) is None and select.select([keyboard], [], [], max(0.0, until - time.monotonic()))[0]:
                answer += os.read(keyboard, 1024).decode("latin-1")
        finally:
            termios.tcsetattr(keyboard, termios.TCSANOW, before)
            # A terminal that knows none of a question may show a part of it.
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()
    return answer


def sent(picture: Image.Image, columns: int, rows: int, graphics: Graphics) -> str:
    """Return what draws a picture in so many cells at the cursor, and leaves the cursor in the line below, at the left."""
    width, height = columns * graphics.cell[0], rows * graphics.cell[1]
    fitted = picture.convert("RGBA").resize(
        (width, height), Image.Resampling.LANCZOS if picture.width > width else Image.Resampling.NEAREST
    )
    drawing = {KITTY: _kitty, ITERM: _iterm, SIXEL: _sixel}[graphics.kind](fitted, columns, rows)
    # The lines are made first, so that nothing scrolls while the picture is drawn.
    return "\n" * rows + f"\x1b[{rows}A\x1b7{drawing}\x1b8\x1b[{rows}B\r"


def _png(picture: Image.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode("ascii")


def _kitty(picture: Image.Image, columns: int, rows: int) -> str:
    data = _png(picture)
    chunks = [data[start : start + CHUNK] for start in range(0, len(data), CHUNK)]
    parts = []
    for number, chunk in enumerate(chunks):
        more = int(number + 1 < len(chunks))
        keys = f"a=T,f=100,c={columns},r={rows},C=1,q=2,m={more}" if number == 0 else f"m={more}"
        parts.append(f"\x1b_G{keys};{chunk}\x1b\\")
    return "".join(parts)


def _iterm(picture: Image.Image, columns: int, rows: int) -> str:
    return f"\x1b]1337;File=inline=1;width={columns};height={rows};preserveAspectRatio=0:{_png(picture)}\x07"


def _sixel(picture: Image.Image, columns: int, rows: int) -> str:
    """Return a picture in bands of six rows; of each colour in a band a line of characters, whose bits are its pixels."""
    height = picture.height // 6 * 6  # a band that stands out below would scroll the window
    clear = np.asarray(picture)[:height, :, 3] < 128
    flat = picture.convert("RGB").quantize(MOST_COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    colours = np.asarray(flat.getpalette(), np.int32).reshape(-1, 3) * 100 // 255
    numbers = np.where(clear, -1, np.asarray(flat, np.int32)[:height])
    parts = [f'\x1bP0;1;0q"1;1;{picture.width};{height}']
    parts += [f"#{one};2;{r};{g};{b}" for one, (r, g, b) in enumerate(colours.tolist())]
    bits = (1 << np.arange(6))[:, np.newaxis]
    for top in range(0, height, 6):
        band = numbers[top : top + 6]
        lines = [f"#{one}{_shortened(((band == one) * bits).sum(axis=0) + 63)}" for one in np.unique(band).tolist() if one >= 0]
        parts.append("$".join(lines) + "-")
    return "".join(parts) + "\x1b\\"


def _shortened(codes: np.ndarray) -> str:
    """Return characters with their repetitions counted."""
    ends = np.flatnonzero(np.diff(codes)) + 1
    starts = np.concatenate([[0], ends])
    counts = np.diff(np.concatenate([starts, [len(codes)]]))
    letters = (chr(int(codes[start])) for start in starts)
    return "".join(f"!{count}{letter}" if count > 3 else letter * int(count) for letter, count in zip(letters, counts, strict=True))
