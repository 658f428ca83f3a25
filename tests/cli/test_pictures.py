"""Pictures as text: laid out for the window, in the colours that the terminal has, read back cell by cell."""

import io
import re
import sys

import numpy as np
import pytest
from PIL import Image

import convscope
from convscope.cli.pictures import (
    MANY,
    NONE,
    TRUECOLOR,
    Tiles,
    _apart,
    arranged,
    colours_of_terminal,
    cut,
    drawn,
    half_blocks,
    tiles_of,
    worded,
)
from convscope.method import Written

pytestmark = pytest.mark.once
CELL = re.compile(r"\x1b\[([0-9;]*)m|([^\x1b])")


def cells(line):
    """Return (front, behind, letter) for each character of a line."""
    found, style = [], ""
    for codes, letter in CELL.findall(line):
        if letter:
            found.append((style, letter))
        else:
            style = codes
    return found


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def tiles(count, size=(64, 64)):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    return Tiles("What excites the units", (), tuple(((f"layer:{number}", "score 1.0"), picture) for number in range(count)))


def test_a_pixel_is_half_a_character_in_its_own_colour():
    picture = Image.new("RGBA", (2, 2), (10, 20, 30, 255))
    picture.putpixel((1, 0), (1, 2, 3, 255))
    picture.putpixel((1, 1), (0, 0, 0, 0))
    assert cells(half_blocks(picture, TRUECOLOR)) == [("38;2;10;20;30;48;2;10;20;30", "▀"), ("38;2;1;2;3;49", "▀")]
    clear = Image.new("RGBA", (1, 2))
    assert cells(half_blocks(clear, TRUECOLOR))[0][1] == " "


def test_a_terminal_with_256_colours_is_sent_no_others():
    text = drawn(tiles(1), 60, 30, MANY)
    assert all(re.fullmatch(r"38;5;\d+;48;5;\d+", style) for line in text.splitlines() for style, letter in cells(line) if letter in "▀▄")


def test_grey_stays_grey_in_256_colours():
    picture = Image.fromarray(np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 2, 0).repeat(4, 2))
    picture.putalpha(255)
    codes = [int(style.split(";")[2]) for style, _ in cells(half_blocks(picture, MANY))]
    levels = {16: 0, 59: 95, 102: 135, 145: 175, 188: 215, 231: 255} | {232 + step: 8 + 10 * step for step in range(24)}
    assert set(codes) <= set(levels)
    assert np.abs(np.array([levels[code] for code in codes]) - np.linspace(0, 255, 64)).max() < 24


@pytest.mark.parametrize("window", [(60, 20), (80, 24), (110, 40), (200, 60), (30, 18)])
@pytest.mark.parametrize("count", [1, 2, 8, 50])
def test_what_is_drawn_fits_the_window(window, count):
    text = plain(drawn(tiles(count), *window, TRUECOLOR))
    lines = text.splitlines()
    assert max(map(len, lines)) < window[0] and len(lines) <= window[1] - 4
    assert not drawn(tiles(count), 25, 13, TRUECOLOR)
    shown = len(re.findall(r":\d+", text))
    assert shown == count or (shown and f"and {count - shown} more in the picture" in text)


@pytest.mark.parametrize("shape", [0.1, 0.5, 2.0])
def test_tiles_are_as_large_as_the_window_allows(shape):
    for count in (1, 3, 7):
        grid = arranged(count, shape, 100, 40)
        assert grid.shown == count
        wider = grid.columns + 1
        for line in range(1, count + 1):
            rows = -(-count // line) * (round(wider * shape) + 1)
            assert line * (wider + 2) - 2 > 100 or rows > 38 or wider > 100, (count, line)
    assert arranged(4, shape, 11, 40) is None and arranged(4, shape, 100, 2) is None


def test_a_sheet_is_its_tiles_with_their_words_as_text():
    result = convscope.deconv("fashion", "block2_conv2:2-3", "sample:fashion[0]")
    found = tiles_of(Written((), result=result))
    assert [words[0] for words, _ in found.parts] == ["block2_conv2:2", "block2_conv2:3"] and found.columns[0] == "image"
    shown = plain(drawn(found, 100, 40, TRUECOLOR))
    assert "Deconvnet projections, block2_conv2" in shown and "block2_conv2:2 · activation" in shown


def test_one_row_is_taken_apart_so_that_its_pictures_are_larger():
    result = convscope.deconv("fashion", "block2_conv2:2", "sample:fashion[0]")
    whole = tiles_of(Written((), result=result))
    assert worded(whole, 80).splitlines()[1].startswith("block2_conv2:2 · activation")
    found = _apart(whole)
    assert [words for words, _ in found.parts] == [("image",), ("receptive field",), ("projection",), ("seen through",)]
    assert found.title.startswith("block2_conv2:2 · activation")
    assert len({picture.size for _, picture in found.parts}) == 1


def test_words_that_do_not_fit_leave_out_the_layer_that_they_share():
    names = tuple(((f"a_layer_with_a_long_name:{number}", "score 1.0"), Image.new("RGB", (64, 64))) for number in range(9))
    assert ":3 · score 1.0" in drawn(Tiles("", (), names), 80, 24, TRUECOLOR)


def test_without_colours_the_words_are_left():
    text = worded(tiles(12), 30)
    assert text.splitlines() == [
        "What excites the units",
        *(f"layer:{number} · score 1.0" for number in range(8)),
        "and 4 more in the picture",
    ]


def test_a_single_picture_and_one_that_was_there_are_drawn_whole(tmp_path):
    result = convscope.ascend("fashion", "block1_conv1:3", steps=1, size=16, precision="float32")
    found = tiles_of(Written((), result=result))
    assert found.parts[0][0] == ("block1_conv1:3",) and found.parts[0][1].size == (16, 16)
    paths = result.save(tmp_path / "there.png")
    assert tiles_of(Written(tuple(paths), new=False)).parts[0][0] == ("there",)
    assert drawn(tiles_of(Written((tmp_path / "index.html",))), 80, 24, TRUECOLOR) == ""


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("environment", "colours"),
    [
        ({"TERM": "xterm-256color"}, MANY),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, TRUECOLOR),
        ({"TERM": "xterm"}, NONE),
        ({"TERM": "dumb"}, NONE),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, NONE),
    ],
)
def test_the_colours_are_those_that_the_environment_names(monkeypatch, environment, colours):
    for name in ("TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert colours_of_terminal() == colours


def test_words_are_cut_at_their_end_by_the_columns_that_they_take():
    assert cut("block2_conv2", 6) == "block…" and cut("卷积层", 5) == "卷积…" and cut("short", 5) == "short"


def test_a_row_of_an_image_is_named_after_what_the_sheet_is_of():
    result = convscope.saliency("fashion", "block2_conv2:2", "sample:fashion[0]")
    assert "block2_conv2:2" in plain(drawn(tiles_of(Written((), result=result)), 100, 40, TRUECOLOR)).splitlines()[0]
