import numpy as np
import pytest

from convscope.atlases import tiles
from convscope.results import Patches
from convscope.units import Unit

pytestmark = pytest.mark.once


def patches_of(pixels, fields, *, count=None, missing=()):
    number = len(pixels)
    values = np.arange(number, 0, -1).astype(np.float32)
    if count is not None:
        values[count:] = 0
    return Patches(
        unit=Unit("layer", 3),
        images=np.arange(number),
        names=("",) * number,
        labels=(None,) * number,
        values=values,
        before=values,
        positions=np.zeros((number, 2), np.int64),
        fields=np.asarray(fields),
        pixels=pixels,
        projections=pixels,
        size=(20, 20),
        missing=missing,
    )


def test_a_small_patch_keeps_its_pixels_and_what_is_beyond_the_image_is_empty():
    pixels = np.random.default_rng(0).uniform(size=(3, 6, 6, 3)).astype(np.float32)
    found = tiles.patch_tiles(patches_of(pixels, [[0, 0, 6, 6], [-2, -1, 4, 5], [17, 0, 23, 6]]), 9, 64)
    assert found.shape == (9, 6, 6, 3)
    assert np.array_equal(found[0], np.rint(pixels[0] * 255))
    assert (found[1, :2] == tiles.EMPTY).all() and (found[1, :, 0] == tiles.EMPTY).all()
    assert np.array_equal(found[1, 2:, 1:], np.rint(pixels[1, 2:, 1:] * 255)) and (found[2, 3:] == tiles.EMPTY).all()


def test_places_without_a_picture_are_empty():
    pixels = np.ones((4, 6, 6, 1), np.float32)
    found = tiles.patch_tiles(patches_of(pixels, [[0, 0, 6, 6]] * 4, count=3, missing=(1,)), 9, 64)
    assert found.shape == (9, 6, 6, 1)
    assert [bool((one == tiles.EMPTY).all()) for one in found] == [False, True, False, True, True, True, True, True, True]
    projections = tiles.projection_tiles(patches_of(pixels, [[0, 0, 6, 6]] * 4, count=3), pixels, 3, 64)
    assert projections.shape == (3, 6, 6, 1) and (projections == 255).all()


@pytest.mark.parametrize(("window", "side"), [((3, 3), 3), ((9, 5), 9), ((10, 10), 20), ((19, 7), 38), ((24, 24), 24), ((99, 99), 64)])
def test_what_is_just_too_small_is_kept_twice_as_large(window, side):
    assert tiles.side_of(window, 64) == side


def test_large_windows_become_smaller_tiles_of_their_shape():
    pixels = np.full((2, 128, 64, 3), 0.5, np.float32)
    assert tiles.patch_tiles(patches_of(pixels, [[0, 0, 128, 64]] * 2), 2, 64).shape == (2, 64, 32, 3)
    assert tiles.fitted_size((227, 100), 96) == (42, 96)


@pytest.mark.parametrize("bands", [1, 3])
def test_tiles_that_are_cut_from_a_sheet_are_those_that_were_laid(bands):
    made = np.random.default_rng(1).integers(0, 256, (7, 5, 5, bands), np.uint8)
    content = tiles.sheet(made, 5, 3)
    assert np.array_equal(tiles.cut(content, 5, [0, 4, 6], bands), made[[0, 4, 6]])


def test_networks_of_many_bands_show_three():
    assert tiles.shown(np.zeros((2, 4, 4, 7), np.float32)).shape == (2, 4, 4, 3)
    assert tiles.shown(np.zeros((2, 4, 4, 2), np.float32)).shape == (2, 4, 4, 3)
    assert tiles.shown(np.zeros((2, 4, 4, 1), np.float32)).shape == (2, 4, 4, 1)
