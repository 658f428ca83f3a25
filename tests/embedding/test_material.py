import numpy as np
import pytest

from convscope.embedding.material import Thumbnails
from convscope.images import whole

pytestmark = pytest.mark.once


class Named:
    name = "a.png"


def noise(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize(("shape", "channels"), [((8, 8, 1), 1), ((8, 8, 3), 3), ((4, 8, 1), 2), ((8, 4, 3), 4), ((8, 8, 5), 3)])
def test_a_picture_is_whole_and_transparent_around_it(shape, channels):
    pixels = noise(*shape)
    made = whole(pixels, 8, "a.png")
    assert made.shape == (8, 8, channels)
    top, left = (8 - shape[0]) // 2, (8 - shape[1]) // 2
    inside = made[top : top + shape[0], left : left + shape[1]]
    assert (inside[..., : min(shape[2], 3)] == pixels[..., :3]).all()
    if channels in (2, 4):
        assert inside[..., -1].min() == 255 and made[..., -1].sum() == 255 * shape[0] * shape[1]


def test_colours_of_transparent_pictures_are_their_own_not_those_over_grey():
    pixels = np.broadcast_to(np.array([200, 30, 90, 0], np.uint8), (6, 6, 4)).copy()
    pixels[..., 3] = np.linspace(20, 255, 36).reshape(6, 6)
    made = whole(pixels, 6, "a.png")
    assert np.abs(made.astype(int) - pixels).max() <= 8 and (made[..., 3] == pixels[..., 3]).all()


def test_two_and_four_bands_may_be_measurements():
    four, two = noise(6, 6, 4), noise(6, 6, 2)
    assert (whole(four, 6, "a", opaque=True) == four[..., :3]).all()
    assert np.abs(whole(two, 6, "a", opaque=True)[..., 0] - two.mean(axis=-1)).max() <= 1


def test_thumbnails_get_colours_and_opacity_once_one_picture_has_them():
    grey, wide, colour = noise(8, 8, 1), noise(4, 8, 1), noise(8, 8, 3)
    made = Thumbnails(3, 8)
    for count, one in enumerate((grey, wide, colour), 1):
        made.add(one, Named())
        assert made.filled().shape == (count, 8, 8, (1, 2, 4)[count - 1])
    found = made.filled()
    assert (found[0, ..., :3] == grey).all() and (found[0, ..., 3] == 255).all() and (found[2, ..., :3] == colour).all()
    assert (found[1, 2:6, :, :3] == wide).all() and found[1, :2].sum() == 0
