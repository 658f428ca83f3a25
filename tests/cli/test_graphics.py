"""Pictures as terminals take them: each protocol is read back as its documentation says, and gives the picture again."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from convscope.cli.graphics import ITERM, KITTY, SIXEL, Graphics, sent, understood

pytestmark = pytest.mark.once
PICTURE = Image.fromarray(
    np.repeat(np.repeat(np.array([[[250, 0, 0], [0, 250, 0]], [[0, 0, 250], [200, 200, 200]]], np.uint8), 24, 0), 20, 1)
)


@pytest.mark.parametrize(
    ("answer", "graphics"),
    [
        ("\x1b_Gi=31;OK\x1b\\\x1b[6;20;10t\x1b[?62;4;22c", Graphics(KITTY, (10, 20))),
        ("\x1b]1337;ReportCellSize=17.0;8.0;2.0\x1b\\\x1b[?62;4c", Graphics(ITERM, (16, 34))),
        ("\x1b[6;18;9t\x1b[?63;1;4;22c", Graphics(SIXEL, (9, 18))),
        ("\x1b[?1;2c", Graphics("", (8, 16))),
        ("\x1b_Gi=31;EINVAL\x1b\\\x1b[?64;14;41c", Graphics("", (8, 16))),
        ("\x1b[6;0;0t\x1b[?4c", Graphics(SIXEL, (8, 16))),
        ("", Graphics()),
    ],
)
def test_a_terminal_shows_what_it_answers_that_it_can(answer, graphics):
    assert understood(answer) == graphics


def drawing(kind):
    """Return what lies between the saved and the restored cursor."""
    text = sent(PICTURE, 5, 3, Graphics(kind, (8, 16)))
    assert text.startswith("\n\n\n\x1b[3A\x1b7") and text.endswith("\x1b8\x1b[3B\r")
    return text[len("\n\n\n\x1b[3A\x1b7") : -len("\x1b8\x1b[3B\r")]


def same(png):
    with Image.open(io.BytesIO(base64.b64decode(png))) as picture:
        return picture.size == (40, 48) and np.array_equal(np.asarray(picture.convert("RGB")), np.asarray(PICTURE))


def test_kitty_is_sent_a_png_in_chunks():
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", drawing(KITTY))
    assert parts[0][0].startswith("a=T,f=100,c=5,r=3,C=1,q=2") and parts[-1][0].endswith("m=0")
    assert all(len(data) <= 4096 for _, data in parts) and same("".join(data for _, data in parts))


def test_iterm_is_sent_a_png_of_so_many_cells():
    found = re.fullmatch(r"\x1b\]1337;File=inline=1;width=5;height=3;preserveAspectRatio=0:(.*)\x07", drawing(ITERM))
    assert found is not None and same(found[1])


def test_sixels_give_the_picture_again():
    text = drawing(SIXEL)
    found = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)(.*)\x1b\\', text, re.DOTALL)
    width, height = int(found[1]), int(found[2])
    pixels, colours = np.zeros((height, width, 3), int), {}
    row = column = number = 0
    for define, values, choose, count, letter, move in re.findall(r"#(\d+);2;([\d;]+)|#(\d+)|(?:!(\d+))?([?-~])|([$-])", found[3]):
        if define:
            colours[int(define)] = [int(value) for value in values.split(";")]
        elif choose:
            number = int(choose)
        elif letter:
            for _ in range(int(count or 1)):
                for bit in range(6):
                    if (ord(letter) - 63) >> bit & 1:
                        pixels[row + bit, column] = colours[number]
                column += 1
        else:
            column, row = 0, row + 6 * (move == "-")
    assert (width, height) == (40, 48)
    assert np.abs(pixels * 2.55 - np.asarray(PICTURE, float)).max() < 6
