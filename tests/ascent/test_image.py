"""The numbers behind a picture: an orthonormal basis, and pictures that equal a slow sum of cosines and sines."""

import numpy as np
import pytest

from convscope.ascent.image import COLOUR, NATURAL, SLOWEST, SWING, TINT, fourier, frequencies, pixels, waves
from networks import array, tensor
from twins import relative_error


@pytest.mark.parametrize("length", [1, 2, 3, 8, 9, 64])
def test_waves_are_orthonormal(length):
    basis = waves(length).astype("float64")
    assert np.abs(basis.T @ basis - np.eye(length)).max() < 1e-6


def slow_wave(number, place, length):
    frequency = (number + 1) // 2
    angle = 2 * np.pi * frequency * place / length
    value = np.cos(angle) if number % 2 or number == 0 else np.sin(angle)
    alone = number == 0 or 2 * frequency == length
    return value * np.sqrt((1 if alone else 2) / length)


def slow_held(amplitudes, swing, natural):
    """Return one plane's amplitudes (height, width), the whole held below the swing; of a natural picture each ring near its share."""
    height, width = amplitudes.shape
    rings, shares = np.zeros((height, width), dtype=int), {}
    for i in range(height):
        for j in range(width):
            frequency = np.hypot((i + 1) // 2 / height, (j + 1) // 2 / width)
            rings[i, j] = round(frequency * max(height, width))
            shares[rings[i, j]] = shares.get(rings[i, j], 0) + max(frequency, SLOWEST / max(height, width)) ** (2 * NATURAL)
    power = (amplitudes**2).sum() / (height * width)
    if natural is None:
        return amplitudes * swing / np.sqrt(swing**2 + power)
    held = amplitudes.copy()
    for ring, share in shares.items():
        beyond = (amplitudes[rings == ring] ** 2).sum() / (height * width * swing**2)
        held[rings == ring] /= np.sqrt(1 + beyond / (natural * share / sum(shares.values())))
    return held * swing * np.sqrt(power / (swing**2 + power) * height * width / (held**2).sum())


def slow_pictures(numbers, swing, natural):
    """Return one picture (channel, height, width) by summing every wave at every pixel, in float64."""
    channels, height, width = numbers.shape
    planes = np.zeros(numbers.shape)
    for plane in range(channels):
        amplitudes = np.zeros((height, width))
        for i in range(height):
            for j in range(width):
                frequency = np.hypot((i + 1) // 2 / height, (j + 1) // 2 / width)
                amplitudes[i, j] = numbers[plane, i, j] * 0.25 / max(frequency, SLOWEST / max(height, width))
        amplitudes[0, 0] *= TINT if len(numbers) > 1 else 1.0
        amplitudes = slow_held(amplitudes, swing, natural)
        for y in range(height):
            for x in range(width):
                planes[plane, y, x] = sum(
                    amplitudes[i, j] * slow_wave(i, y, height) * slow_wave(j, x, width) for i in range(height) for j in range(width)
                )
    mix = COLOUR if channels == 3 else np.eye(channels) * COLOUR[0, 0]
    return 1 / (1 + np.exp(-np.tensordot(mix, planes, axes=1)))


@pytest.mark.parametrize("natural", [None, 1.0, 3.0])
@pytest.mark.parametrize(("height", "width", "channels"), [(8, 6, 3), (5, 7, 1), (6, 6, 2)])
def test_fourier_equals_a_slow_sum_of_waves(height, width, channels, natural):
    image = fourier(height, width, channels, deviation=0.5, natural=natural)
    numbers = np.stack([image.initial(np.random.default_rng(seed)) * 5 for seed in range(2)])
    found = array(image.pictures(tensor(numbers)))
    for one, picture in zip(numbers, found, strict=True):
        assert relative_error(picture, slow_pictures(one.astype("float64"), SWING, natural)) < 1e-5


@pytest.mark.parametrize("natural", [None, 1.0, 3.0])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e4])
def test_fourier_pictures_stay_in_range_and_planes_below_the_swing(size, natural):
    numbers = size * np.random.default_rng(0).normal(size=(2, 3, 16, 16))
    found = array(fourier(16, 16, 3, deviation=0.5, natural=natural).pictures(tensor(numbers)))
    assert found.min() >= 0
    assert found.max() <= 1
    logits = np.log(found / (1 - found)).astype("float64")
    planes = np.einsum("ij,njhw->nihw", np.linalg.inv(COLOUR.astype("float64")), logits)
    assert np.sqrt((planes**2).mean(axis=(2, 3))).max() <= SWING * 1.001


def test_pixels_start_near_grey_and_are_the_numbers():
    image = pixels(4, 5, 3)
    start = image.initial(np.random.default_rng(0))
    assert array(image.settled(tensor(np.full((1, 3, 4, 5), 2.0)))).max() == 1.0
    assert start.shape == (3, 4, 5)
    assert np.abs(start - 0.5).max() < 0.1
    assert np.array_equal(array(image.pictures(tensor(start))), start)


def test_frequencies_reach_half_a_cycle_a_pixel():
    assert frequencies(8).tolist() == [0, 0.125, 0.125, 0.25, 0.25, 0.375, 0.375, 0.5]
