"""Every kind of picture file becomes one array in [0, 1], upright."""

import io

import numpy as np
import pytest
from PIL import Image

from convscope.errors import ImageError
from convscope.images.pictures import decode


def encoded(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


COLOURS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_colours_are_kept(kind):
    assert np.array_equal(decode(encoded(Image.fromarray(COLOURS), kind), "x"), COLOURS.astype(np.float32) / 255)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_other_formats_open(kind):
    assert decode(encoded(Image.fromarray(COLOURS), kind), "x").shape == (6, 8, 3)


def test_grey_stays_one_channel():
    assert decode(encoded(Image.fromarray(COLOURS[..., 0]), "PNG"), "x").shape == (6, 8, 1)


def test_sixteen_bits():
    values = np.array([[0, 65535], [32768, 1]], np.uint16)
    assert np.allclose(decode(encoded(Image.fromarray(values), "PNG"), "x")[..., 0], values / 65535, atol=1e-6)


def test_transparency_goes_over_grey():
    picture = np.zeros((2, 2, 4), np.uint8)
    picture[0, 0] = (255, 0, 0, 255)
    found = decode(encoded(Image.fromarray(picture), "PNG"), "x")
    assert found[0, 0].tolist() == [1, 0, 0]
    assert np.allclose(found[1, 1], 128 / 255)


def test_palette_and_cmyk_become_rgb():
    red = Image.new("RGB", (4, 4), (255, 0, 0))
    assert decode(encoded(red.quantize(4), "PNG"), "x")[0, 0].tolist() == [1, 0, 0]
    assert decode(encoded(red.convert("CMYK"), "TIFF"), "x")[0, 0].tolist() == [1, 0, 0]


def test_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded(Image.fromarray(COLOURS), "JPEG", exif=exif), "x").shape == (8, 6, 3)


def test_a_cut_picture_is_an_error():
    data = encoded(Image.fromarray(np.tile(COLOURS, (40, 40, 1))), "PNG")
    with pytest.raises(ImageError, match="damaged"):
        decode(data[: len(data) // 2], "cut.png")
