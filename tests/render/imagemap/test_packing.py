import io

import numpy as np
import pytest
from PIL import Image

from convscope.render.imagemap.packing import PAGE, Packer, covering, encode, is_colour, levels, ordered, shrink, type_of


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def area_mean(image, side):
    """The mean over each pixel's area, pixel by pixel, in float64."""
    source = len(image)
    found = np.zeros((side, side, image.shape[-1]))
    for row, column in np.ndindex(side, side):
        total = 0.0
        for r, c in np.ndindex(source, source):
            high = max(0.0, min((row + 1) * source / side, r + 1) - max(row * source / side, r))
            wide = max(0.0, min((column + 1) * source / side, c + 1) - max(column * source / side, c))
            found[row, column] += high * wide * image[r, c]
            total += high * wide
        found[row, column] /= total
    return found


@pytest.mark.parametrize(("source", "side"), [(28, 16), (32, 16), (20, 16), (17, 16), (16, 16)])
def test_shrinking_takes_the_mean_of_the_area(source, side):
    block = noise(1, source, source, 2)
    for image, small in zip(block, shrink(block, side), strict=True):
        assert np.abs(area_mean(image, side) - small).max() <= 0.5 + 1e-4
    assert np.allclose(covering(source, side).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("side", "sides"), [(8, [8]), (16, [16]), (28, [16, 28]), (64, [16, 32, 64]), (100, [16, 32, 64, 100]), (128, [16, 32, 64, 128])]
)
def test_no_size_is_larger_than_the_thumbnail(side, sides):
    for channels, block in ((1, 1), (3, 8), (4, 16)):
        found = levels(60_000, side, channels)
        assert [one.side for one in found] == sides
        for one in found:
            assert one.columns * one.pitch <= PAGE and one.pitch - one.side < block
            assert (one.pages - 1) * one.most < 60_000 <= one.pages * one.most
            assert one.pitch % block == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_packing_and_cutting_out_gives_the_thumbnails_back(channels):
    side = 100  # 20 x 20 on a page, and in colour a rim around each
    (level,) = [one for one in levels(950, side, channels) if one.side == side]
    smooth = np.linspace(0, 120, side).astype(np.uint8)
    thumbnails = (noise(950, 1, 1, channels) // 2 + smooth[:, None, None] // 2 + smooth[None, :, None] // 2).astype(np.uint8)
    packer, files = Packer(level, channels), []
    for start in range(0, 950, 333):
        files += packer.add(thumbnails[start : start + 333])
    files += packer.close()
    assert [name for name, _ in files] == ["100-0000", "100-0001", "100-0002"][: level.pages]
    for index, thumbnail in enumerate(thumbnails):
        page, cell = divmod(index, level.most)
        row, column = divmod(cell, level.columns)
        if cell == 0:
            picture = np.asarray(Image.open(io.BytesIO(files[page][1])))
            picture = picture[..., None] if picture.ndim == 2 else picture
            assert picture.shape[1] <= PAGE and picture.shape[0] <= PAGE
        found = picture[row * level.pitch :, column * level.pitch :][:side, :side].astype(int)
        assert np.abs(found - thumbnail).max() <= (6 if channels == 3 else 0)


def test_grey_is_without_loss_and_colour_is_jpeg():
    assert Image.open(io.BytesIO(encode(noise(64, 64, 1)))).format == "PNG"
    assert Image.open(io.BytesIO(encode(noise(64, 64, 3)))).format == "JPEG"


def test_grey_is_told_from_colour_by_every_image(tmp_path):
    grey = np.repeat(noise(3000, 64, 64, 1), 3, axis=-1)
    assert not is_colour(grey) and not is_colour(grey[..., :1])
    grey[-1, 3, 3] = (200, 10, 10)
    assert is_colour(grey)


@pytest.mark.parametrize(("channels", "kept"), [(1, 1), (2, 4), (3, 1), (3, 3), (4, 4)])
def test_thumbnails_are_read_in_slices_from_disk(tmp_path, channels, kept):
    stored = np.lib.format.open_memmap(tmp_path / "thumbnails.npy", "w+", np.uint8, (1100, 64, 64, channels))
    stored[:] = noise(1100, 64, 64, channels)
    order = np.random.default_rng(1).permutation(1100)
    blocks = list(ordered(stored, order, kept))
    assert len(blocks) > 1 and max(block.nbytes for block in blocks) <= 2**22 * (2 if channels == 2 else 1)
    expected = stored[..., :kept]
    if kept == 4:
        colours = stored[..., :-1].astype(int) * stored[..., -1:]
        expected = np.concatenate([np.repeat((colours + 127) // 255, 3 // colours.shape[-1], axis=-1), stored[..., -1:]], axis=-1)
    assert np.array_equal(np.concatenate(blocks), expected[order])


def test_compact_pages_are_of_one_size_and_keep_black_and_white():
    grey = noise(64, 64, 1)
    grey[:8], grey[8:16] = 0, 255
    picture = Image.open(io.BytesIO(encode(grey, compact=True)))
    seen = np.asarray(picture.convert("L")).astype(int)
    assert picture.format == "WEBP" and np.abs(seen - grey[..., 0]).max() <= 5 and (seen[:8] == 0).all() and (seen[8:16] == 255).all()
    assert Image.open(io.BytesIO(encode(noise(64, 64, 3), compact=True))).format == "WEBP"
    (level,) = levels(4096, 60, 3, compact=True)
    assert (level.side, level.pitch) == (60, 64) and type_of(3, compact=True) == type_of(1, compact=True) == "image/webp"
