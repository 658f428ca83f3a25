"""MACO: planes as numpy's irfft2 makes them, and magnitudes that stay what they are whatever the phases (T16)."""

import numpy as np
import pytest

from convscope.ascent.given import maco_of
from convscope.ascent.image import colours, decorrelated
from convscope.ascent.maco import maco, planes_of, spectrum_of
from networks import array, images, tensor
from twins import relative_error

SIZES = [(8, 8), (9, 12), (12, 9), (7, 7)]


def drawn(height, width, seed=0):
    rng = np.random.default_rng(seed)
    shape = (3, height, width // 2 + 1)
    return rng.uniform(0.1, 1.0, shape).astype("float32"), rng.uniform(-np.pi, np.pi, (2, *shape)).astype("float32")


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_planes_are_the_inverse_transform(height, width):
    spectrum, phases = drawn(height, width)
    found = array(planes_of(spectrum, tensor(phases), height, width))
    assert relative_error(found, np.fft.irfft2(spectrum * np.exp(1j * phases.astype("float64")), s=(height, width))) < 1e-5


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_t16_magnitudes_stay_but_in_the_first_and_last_columns(height, width, record_error):
    spectrum, phases = drawn(height, width)
    kept = slice(1, (width - 1) // 2 + 1)
    again = np.abs(np.fft.rfft2(array(planes_of(spectrum, tensor(phases), height, width)).astype("float64")))
    assert record_error("T16", relative_error(again[..., kept], np.broadcast_to(spectrum, again.shape)[..., kept])) < 1e-5


def test_pictures_are_in_range_and_the_mean_of_their_planes_is_zero():
    spectrum, phases = drawn(12, 10)
    found = array(maco(spectrum, 12, 10).pictures(tensor(phases)))
    assert 0 <= found.min() < found.max() <= 1
    planes = [decorrelated(picture, colours(3)) for picture in found]
    assert np.abs(np.mean(planes, axis=(1, 2, 3))).max() < 1e-3


def test_the_spectrum_is_the_mean_magnitude_over_pictures_that_fade_out_and_over_directions():
    pictures = images(2, 6, 8, 3)
    found = spectrum_of(pictures)
    rows, columns = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, n + 1) / (n + 1)) for n in (6, 8))
    expected = np.zeros((3, 6, 5))
    for picture in pictures:
        planes = decorrelated(np.moveaxis(picture, -1, 0), colours(3)).astype("float64")
        expected += [np.abs(np.fft.rfft2((plane - plane.mean()) * np.outer(rows, columns))) / 2 for plane in planes]
    ring = np.array([[round(np.hypot(min(i, 6 - i) / 6, j / 8) * 6) for j in range(5)] for i in range(6)])
    for number in set(ring.ravel()):
        expected[:, ring == number] = expected[:, ring == number].mean(axis=1, keepdims=True)
    assert relative_error(found, expected) < 1e-5


def test_natural_magnitudes_are_those_of_no_colour():
    spectrum = maco_of(None)(16, 16, 3)
    _, phases = drawn(16, 16)
    phases[:] = phases[:, :1]
    planes = np.stack([decorrelated(picture, colours(3)) for picture in array(spectrum.pictures(tensor(phases)))])
    assert np.abs(planes - planes[:, :1]).max() < 0.02


def test_the_users_own_images_give_the_spectrum():
    own, (_, phases) = images(2, 9, 12, 3), drawn(9, 12)
    expected, natural = (
        array(maco(spectrum_of(own), 9, 12).pictures(tensor(phases))),
        array(maco_of(None)(9, 12, 3).pictures(tensor(phases))),
    )
    assert np.array_equal(array(maco_of(own)(9, 12, 3).pictures(tensor(phases))), expected)
    assert np.abs(expected - natural).max() > 0.05
