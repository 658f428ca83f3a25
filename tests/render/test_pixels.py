import numpy as np
import pytest

from convscope.render.pixels import contrast, fit, heat, overlay, unit_to_rgb


def test_every_8_bit_level_survives() -> None:
    levels = np.arange(256, dtype=np.float32).reshape(16, 16, 1) / 255
    assert (unit_to_rgb(levels)[..., 0].ravel() == np.arange(256)).all()


@pytest.mark.parametrize(("channels", "expected"), [(1, [51] * 3), (2, [128] * 3), (3, [51, 204, 0]), (5, [51, 204, 0])])
def test_numbers_of_channels(channels: int, expected: list[int]) -> None:
    values = np.array([0.2, 0.8, 0.0, 0.5, 0.5], np.float32)[:channels].reshape(1, 1, channels)
    assert unit_to_rgb(values)[0, 0].tolist() == expected


def test_heat_spans_the_table() -> None:
    table = np.repeat(np.arange(256, dtype=np.uint8)[:, np.newaxis], 3, axis=1)
    assert heat(np.array([[0.0, 5.0, 10.0, np.nan]]), table, 0, 10)[0, :, 0].tolist() == [0, 128, 255, 0]
    assert (heat(np.zeros((2, 2)), table, 0, 0) == 0).all()


def test_contrast_and_overlay_stay_in_range() -> None:
    strength = contrast(np.linspace(0, 9, 100).reshape(10, 10))
    assert strength.min() == 0 and strength.max() == 1
    assert (contrast(np.zeros((2, 2))) == 0).all()
    picture = np.full((10, 10, 3), 200, np.uint8)
    mixed = overlay(picture, np.full_like(picture, 255), strength)
    assert mixed[0, 0, 0] == 130 and mixed[-1, -1, 0] == 255


def test_fit_keeps_the_aspect_and_the_pixels_of_small_maps() -> None:
    small = np.array([[[0] * 3, [255] * 3]], np.uint8)
    shown = fit(small, 100, 100)
    assert shown.shape == (50, 100, 3)
    assert set(np.unique(shown)) == {0, 255}
    assert fit(np.zeros((1, 4000, 3), np.uint8), 100, 100).shape == (1, 100, 3)
