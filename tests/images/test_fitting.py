"""The picture that enters the network."""

import numpy as np
import pytest

from convscope.errors import ImageError
from convscope.images.fitting import Fit, resized


def test_the_right_size_is_left_alone():
    image = np.random.default_rng(0).random((5, 7, 3), dtype=np.float32)
    assert resized(image, (5, 7)) is image


def test_it_covers_and_crops_the_centre():
    image = np.zeros((10, 30, 1), np.float32)
    image[:, 10:20] = 1.0
    assert resized(image, (10, 10)).min() == 1.0
    assert resized(image, (20, 20))[4:-4, 4:-4].min() > 0.99


def test_shrinking_averages():
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (40, 20))[..., None]
    assert np.allclose(resized(stripes, (10, 10))[2:-2, 2:-2], 0.5, atol=0.02)


def test_channels_are_converted_both_ways():
    grey, colour = np.full((2, 2, 1), 0.25, np.float32), np.zeros((2, 2, 3), np.float32)
    colour[..., 1] = 1.0
    assert Fit(3, (2, 2)).apply(grey, "x").shape == (2, 2, 3)
    assert np.allclose(Fit(1, (2, 2)).apply(colour, "x"), 0.587)


def test_four_channels_over_grey_for_colour_networks_and_as_they_are_for_others():
    clear = np.zeros((2, 2, 4), np.float32)
    assert np.allclose(Fit(3, (2, 2)).apply(clear, "x"), 0.5)
    assert Fit(4, (2, 2)).apply(clear, "x").shape == (2, 2, 4)
    with pytest.raises(ImageError, match="has 2 channels; the network takes 3"):
        Fit(3, (2, 2)).apply(clear[..., :2], "x")


def test_arrays_keep_their_size_where_the_network_takes_any():
    image = np.zeros((9, 7, 3), np.float32)
    assert Fit(3, (4, 4), keep_arrays=True).apply(image, "x", is_array=True).shape == (9, 7, 3)
    assert Fit(3, (4, 4), keep_arrays=True).apply(image, "x").shape == (4, 4, 3)


def test_sizes_that_rounding_makes_a_hair_larger_are_scaled():
    # 224 / (224 / 55) is 55.00000000000001, and Pillow takes no box that begins before the picture.
    for side in (55, 95, 97):
        assert resized(np.full((side, 300, 1), 0.5, np.float32), (224, 224)).shape == (224, 224, 1)
        assert resized(np.full((300, side, 1), 0.5, np.float32), (224, 224)).shape == (224, 224, 1)
