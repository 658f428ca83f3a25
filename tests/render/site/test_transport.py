"""Data on its way to a page comes back as it was, and nothing in it is markup."""

import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from convscope.render.site import column, data_file, narrow, rising, sheet

pytestmark = pytest.mark.once


def taken(content):
    name, text = re.fullmatch(r'kit\.take\("([a-z0-9-]+)",(.*)\);\n', content.decode("utf-8"), re.DOTALL).groups()
    return name, json.loads(text)


def test_a_record_comes_back():
    hostile = "</script><!--\u2028\u2029'\"\\\U0001f600\udcff"
    content = data_file("units-3", {hostile: [hostile, 1, 2.5, None, True, float("nan")], "n": np.int64(7), "f": np.float32(0.5)})
    assert b"<" not in content and "\u2028" not in content.decode() and content == data_file("units-3", taken(content)[1])
    text = hostile.replace("\udcff", "\ufffd")
    assert taken(content) == ("units-3", {text: [text, 1, 2.5, None, True, None], "n": 7, "f": 0.5})
    with pytest.raises(ValueError, match="is not a name of data"):
        data_file('a",alert(1),"', {})


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (np.arange(5), "", "i4"),
        (np.linspace(-1, 1, 6), "", "f4"),
        (np.array([True, False]), "", "u1"),
        (np.arange(9, dtype=np.uint16), "", "u2"),
        (np.arange(9, dtype=">i2"), "", "i2"),
        (np.array([0, 65535]), "u2", "u2"),
        (np.zeros((2, 0)), "", "f4"),
    ],
)
def test_a_column_comes_back(values, kind, expected):
    found = column(values, kind)
    assert found["type"] == expected
    assert np.array_equal(np.frombuffer(base64.b64decode(found["data"]), f"<{expected}"), values.astype(f"<{expected}").ravel())


@pytest.mark.parametrize("values", [np.zeros(700), np.full(3, -1), np.full((2, 2), np.nan), np.array([7, 7, 8])])
def test_numbers_that_are_all_the_same_are_sent_once(values):
    found = column(values)
    sent = np.frombuffer(base64.b64decode(found["data"]), f"<{found['type']}")
    same = (values == values.flat[0]).all()
    assert len(sent) == (1 if same else values.size)
    assert np.array_equal(np.repeat(sent, found.get("count", 1)), values.ravel(), equal_nan=True)


def test_whole_numbers_take_the_smallest_kind_that_holds_them():
    for values, kind in (
        ([0, 255], "u1"),
        ([-1, 127], "i1"),
        ([-1, 128], "i2"),
        ([256], "u2"),
        ([70_000], "i4"),
        ([2**31], "u4"),
        ([], "u1"),
    ):
        found = narrow(np.array(values, np.int64))
        assert (found.dtype, found.tolist()) == (np.dtype(kind), values)


def test_numbers_that_do_not_fit_are_refused():
    for values, kind in ((np.array([-1]), "u2"), (np.array([2**31]), ""), (np.array([256]), "u1")):
        with pytest.raises(ValueError, match="do not fit into a column of"):
            column(values, kind)
    with pytest.raises(ValueError, match="is not a kind of column"):
        column(np.zeros(1), "f2")


def test_numbers_that_rise_are_sent_as_steps():
    for values, kind in (([0, 1, 256], "u1"), ([7, 300], "u2"), ([70_000], "i4"), ([], "u1")):
        found = rising(np.array(values, np.int64))
        assert (found["type"], found["rises"]) == (kind, True)
        assert np.cumsum(np.frombuffer(base64.b64decode(found["data"]), f"<{kind}"), dtype=int).tolist() == values
    with pytest.raises(ValueError, match="do not rise"):
        rising(np.array([2, 1]))


def opened(content):
    picture = Image.open(io.BytesIO(content))
    return picture.format, np.asarray(picture)


def photographs(count, side):
    y, x = np.mgrid[:side, :side] / side
    waves = [np.sin(6 * x + k) * np.cos(4 * y - k) for k in range(3 * count)]
    return (127 + 120 * np.stack(waves, -1).reshape(side, side, count, 3).transpose(2, 0, 1, 3)).astype(np.uint8)


def test_tiles_lie_row_by_row():
    tiles = photographs(5, 96)
    content = sheet(tiles, 96, 2)
    assert content == sheet(tiles, 96, 2)
    kind, pixels = opened(content)
    assert kind == "WEBP" and pixels.shape == (3 * 96, 2 * 96, 3)
    for place, tile in enumerate(tiles):
        cut = pixels[place // 2 * 96 :, place % 2 * 96 :][:96, :96].astype(int)
        assert np.abs(cut - tile).mean() < 6
    assert len(content) < tiles.nbytes / 10


def test_grey_and_png_lose_nothing():
    tiles = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype(np.uint8)
    for ext, name in (("webp", "WEBP"), ("png", "PNG")):
        kind, pixels = opened(sheet(tiles, 28, 3, ext=ext))
        grey = pixels if pixels.ndim == 2 else pixels[..., 0]
        assert kind == name and np.array_equal(grey[:, 28:56], tiles[1, ..., 0])


def test_flat_drawings_below_64_pixels_lose_nothing():
    tiles = np.zeros((4, 48, 48, 3), np.uint8)
    tiles[:, 10:20, 10:30] = (200, 30, 30)
    assert np.array_equal(opened(sheet(tiles, 48, 4))[1][:, :48], tiles[0])


def test_tiles_are_fitted_into_their_cells():
    _, pixels = opened(sheet(np.full((1, 40, 80, 3), 200, np.uint8), 64, 1))
    assert pixels.shape == (64, 64, 4)
    assert np.flatnonzero(pixels[:, 32, 3]).tolist() == list(range(16, 48))
    _, small = opened(sheet(np.eye(5, dtype=np.uint8)[None, :, :, None] * 255, 20, 1, ext="png"))
    assert np.array_equal(small, np.kron(np.eye(5, dtype=np.uint8) * 255, np.ones((4, 4), np.uint8)))  # squares stay squares
