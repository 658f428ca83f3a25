"""Every kind of picture file becomes one array in [0, 1], upright."""

import io
import time
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from convscope.errors import ImageError
from convscope.images import as_image_set, pictures
from convscope.images.fitting import Fit, over_grey
from convscope.images.numbers import brightness


def decode(data, name, side=None):
    """Return a picture as it looks: its brightness, over mid-grey where it is transparent."""
    with pictures.decode(data, name, side) as numbers:
        return over_grey(brightness(numbers[:]))


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


def opened(data, **options):
    return decode(data, "x", **options)


@pytest.mark.parametrize("grey", [False, True])
def test_every_orientation_of_exif_ends_upright(grey):
    upright = Image.fromarray(np.repeat(np.repeat(COLOURS[..., 0] if grey else COLOURS, 8, 0), 8, 1))
    turned = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }
    for number, picture in turned.items():
        exif = Image.Exif()
        exif[0x0112] = number
        for kind, options in (("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
            found = opened(encoded(picture, kind, exif=exif, **options))
            expected = np.asarray(upright if not grey or kind != "WEBP" else upright.convert("RGB"), np.float32) / 255
            assert np.array_equal(found, expected[..., None] if expected.ndim == 2 else expected), (number, kind)


def test_the_suffix_says_nothing():
    assert decode(encoded(Image.fromarray(COLOURS), "PNG"), "wrong.jpg").shape == (6, 8, 3)


def test_a_cmyk_jpeg_is_read_with_and_without_adobes_mark():
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    adobe = encoded(inks, "JPEG", quality=95)  # libjpeg marks it and Pillow stores it inverted, as Photoshop does
    assert np.allclose(opened(adobe)[8, 8], [1, 0, 0], atol=0.02)
    start = adobe.index(b"\xff\xee")
    length = int.from_bytes(adobe[start + 2 : start + 4], "big")
    bare = encoded(Image.eval(inks, lambda value: 255 - value), "JPEG", quality=95)
    bare = bare[:start] + bare[start + 2 + length :]
    assert b"Adobe" not in bare
    assert np.allclose(opened(bare)[8, 8], [1, 0, 0], atol=0.02)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_a_palette_with_transparency_goes_over_grey(kind):
    picture = Image.new("P", (8, 8), 0)
    picture.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    picture.paste(1, (4, 0, 8, 8))
    picture.info["transparency"] = 1
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {"transparency": 1}
    found = opened(encoded(picture.convert("RGBA") if kind == "WEBP" else picture, kind, **options))
    assert found[0, 0].tolist() == [1, 0, 0]
    assert np.allclose(found[0, 7], 128 / 255)


def test_grey_with_transparency_stays_grey():
    picture = Image.merge("LA", [Image.new("L", (4, 4), 255), Image.new("L", (4, 4), 0)])
    assert np.allclose(opened(encoded(picture, "PNG")), 128 / 255)
    assert opened(encoded(picture, "PNG")).shape == (4, 4, 1)
    assert opened(encoded(Image.new("L", (4, 4), 7), "PNG", transparency=7)).shape == (4, 4, 1)


def test_one_bit_is_black_and_white():
    bits = np.eye(8, dtype=bool)
    for kind in ("PNG", "TIFF", "BMP"):
        assert np.array_equal(opened(encoded(Image.fromarray(bits), kind))[..., 0], bits.astype(np.float32)), kind


def test_only_the_first_frame_or_page_is_read():
    frames = [Image.new("RGB", (6, 5), colour) for colour in ("red", "blue")]
    for kind, options in (("GIF", {}), ("TIFF", {}), ("PNG", {}), ("WEBP", {"lossless": True})):
        found = opened(encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options))
        assert np.array_equal(found, np.broadcast_to(np.float32([1, 0, 0]), (5, 6, 3))), kind


def test_lab_and_ycbcr_become_rgb():
    lab = Image.merge("LAB", [Image.new("L", (8, 8), value) for value in (138, 209, 198)])  # sRGB's red
    assert np.allclose(opened(encoded(lab, "TIFF"))[4, 4], [1, 0, 0], atol=0.03)
    ycbcr = Image.new("RGB", (8, 8), (255, 0, 0)).convert("YCbCr")
    assert np.allclose(opened(encoded(ycbcr, "TIFF"))[4, 4], [1, 0, 0], atol=0.03)


def test_sixteen_bits_in_every_byte_order_and_floats():
    values = np.array([[0, 65535, 256], [32768, 1, 4096]], np.uint16)
    for picture in (Image.fromarray(values), Image.fromarray(values.astype(np.float32) / 65535)):
        assert np.allclose(opened(encoded(picture, "TIFF"))[..., 0], values / 65535, atol=1e-6), picture.mode
    big = Image.frombytes("I;16B", (3, 2), values.astype(">u2").tobytes())
    assert np.allclose(opened(encoded(big, "TIFF"))[..., 0], values / 65535, atol=1e-6)
    with pytest.raises(ImageError, match="not finite"):
        opened(encoded(Image.fromarray(np.full((2, 2), np.nan, np.float32)), "TIFF"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_damaged_files_are_image_errors_and_nothing_else(kind):
    rng = np.random.default_rng(0)
    whole = encoded(Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)), kind)
    for _ in range(150):
        data = bytearray(whole[: int(rng.integers(1, len(whole)))] if rng.random() < 0.3 else whole)
        for _ in range(int(rng.integers(1, 6))):
            data[int(rng.integers(0, min(len(data), 200)))] = int(rng.integers(0, 256))
        try:
            found = opened(bytes(data))
        except ImageError:
            continue
        assert found.dtype == np.float32
        assert found.min() >= 0
        assert found.max() <= 1


def test_postscript_is_never_run():
    with pytest.raises(ImageError, match="not a readable image"):
        decode(encoded(Image.fromarray(COLOURS), "EPS"), "x.jpg")


def test_a_large_jpeg_is_decoded_at_a_reduced_scale_and_looks_the_same():
    slopes = np.mgrid[0:900, 0:1200].astype(np.float32)
    scene = np.stack([np.sin(slopes[0] / 60), np.cos(slopes[1] / 45), np.sin((slopes[0] + slopes[1]) / 80)], axis=-1)
    data = encoded(Image.fromarray(((scene + 1) * 127.5).astype(np.uint8)), "JPEG", quality=95)
    sizes = {side: opened(data, side=side).shape[:2] for side in (10, 112, 113, 224, 225, 450, 2000)}
    assert sizes == {
        10: (113, 150),
        112: (225, 300),
        113: (450, 600),
        224: (450, 600),
        225: (450, 600),
        450: (900, 1200),
        2000: (900, 1200),
    }
    fit = Fit(3, (96, 96))
    assert np.abs(fit.apply(opened(data, side=96), "x") - fit.apply(opened(data), "x")).max() < 0.02
    assert opened(encoded(Image.fromarray(scene[..., 0] > 0), "PNG"), side=10).shape == (900, 1200, 1)


def test_warnings_are_kept_quiet_only_while_decoding():
    before = list(warnings.filters)
    data = encoded(Image.fromarray(COLOURS), "PNG")
    with ThreadPoolExecutor(4) as pool:
        assert len(list(pool.map(opened, [data] * 200))) == 200
    assert warnings.filters == before


def test_of_large_pictures_one_is_open_at_a_time(monkeypatch):
    monkeypatch.setattr(pictures, "LARGE", 100)
    data = encoded(Image.fromarray(COLOURS), "PNG")
    inside, most = [], []

    def read(_):
        with pictures.decode(data, "x") as numbers:
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.002)
            inside.pop()
            return numbers.shape

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(read, range(40))) == [(6, 8, 3)] * 40
    assert max(most) == 1


@pytest.mark.parametrize(("kind", "mode", "most"), [("PNG", "RGB", 100), ("WEBP", "RGB", 44), ("JPEG2000", "RGB", 33)])
def test_a_picture_that_says_it_is_enormous_is_refused_before_it_is_unpacked(kind, mode, most, monkeypatch):
    data = encoded(Image.new(mode, (60, 50)), kind)
    monkeypatch.setattr(pictures, "MOST_PIXELS", 2999 if kind == "PNG" else 10**8)
    monkeypatch.setattr(pictures, "MOST_UNPACKED", 2**29 if kind == "PNG" else 2999 * pictures.COSTS[kind])
    with pytest.raises(ImageError, match="claims 60 x 50 pixels. convscope opens at most 0 million of this format"):
        opened(data)
    assert most == min(100_000_000, 2**29 // pictures.COSTS.get(kind, pictures.USUAL_COST)) // 10**6


def test_a_picture_reserves_no_more_than_its_file_has(tmp_path):
    (tmp_path / "x.png").write_bytes(encoded(Image.fromarray(COLOURS), "PNG"))
    tracemalloc.start()
    try:
        as_image_set(tmp_path / "x.png").sources[0].read()
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
