"""The picture that enters the network."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image

from convscope.errors import ImageError
from convscope.images import fitting
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
    assert np.allclose(Fit(3, (2, 2)).apply(clear, "x"), 128 / 255)
    assert Fit(4, (2, 2)).apply(clear, "x").shape == (2, 2, 4)
    with pytest.raises(ImageError, match="has 5 channels, but the network takes 3"):
        Fit(3, (2, 2)).apply(np.zeros((2, 2, 5), np.float32), "x")


def test_arrays_keep_their_size_where_the_network_takes_any():
    image = np.zeros((9, 7, 3), np.float32)
    assert Fit(3, (4, 4), keep_arrays=True).apply(image, "x", is_array=True).shape == (9, 7, 3)
    assert Fit(3, (4, 4), keep_arrays=True).apply(image, "x").shape == (4, 4, 3)


def test_sizes_that_rounding_makes_a_hair_larger_are_scaled():
    # 224 / (224 / 55) is 55.00000000000001, and Pillow takes no box that begins before the picture.
    for side in (55, 95, 97):
        assert resized(np.full((side, 300, 1), 0.5, np.float32), (224, 224)).shape == (224, 224, 1)
        assert resized(np.full((300, side, 1), 0.5, np.float32), (224, 224)).shape == (224, 224, 1)


@pytest.mark.parametrize(
    ("shape", "size"), [((300, 500, 3), (224, 224)), ((500, 90, 4), (32, 60)), ((40, 700, 1), (224, 224)), ((7, 9, 3), (64, 64))]
)
def test_a_large_picture_is_fitted_some_rows_at_a_time_and_comes_out_the_same(shape, size, monkeypatch):
    image = np.random.default_rng(0).random(shape, np.float32)
    whole = Fit(3, size).apply(image, "x")
    monkeypatch.setattr(fitting, "BLOCK", 5000)
    assert np.abs(Fit(3, size).apply(image, "x") - whole).max() < 1e-6


def test_a_network_of_many_bands_is_told_how_to_give_them():
    with pytest.raises(ImageError, match=r"Pass an array \(1, height, width, 7\)"):
        Fit(7, (4, 4)).apply(np.zeros((4, 4, 3), np.float32), "x")


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is counted in other units elsewhere")
@pytest.mark.parametrize("mode", ["RGBA", "P", "I;16"])
def test_a_large_picture_takes_little_more_than_its_decoder_needs(mode, tmp_path):
    """16 million pixels of four bytes are 61 MB; as floats they were 400."""
    Image.new(mode, (4000, 4000), 1 if mode == "P" else None).save(tmp_path / "x.png", compress_level=1)
    code = f"""
        import resource
        from convscope.images import Fit, as_image_set, entering
        source = as_image_set({str(tmp_path / "x.png")!r}).sources[0]
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        entering(source, Fit(3, (64, 64)))
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
    """
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 160
