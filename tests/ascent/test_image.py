"""The numbers behind a picture: waves, their rings and MACO's phases, against slow sums; magnitudes that stay what they are (T16)."""

import numpy as np
import pytest

from convscope.ascent.image import (
    COLOUR,
    GREY_SWING,
    NATURAL,
    SLOWEST,
    SWING,
    TINT,
    colours,
    decorrelated,
    fourier,
    frequencies,
    maco,
    phases_of,
    pixels,
    planes_of,
    rings_of,
    spectrum_of,
    waves,
)
from networks import array, images, tensor
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
    """Return one plane's amplitudes (height, width), the whole held below the swing; of a natural picture each ring near its share, above
    a fifth of a cycle per pixel each of the four directions in it, from along a side to along the diagonal.
    """
    height, width = amplitudes.shape
    rings, shares = np.zeros((height, width), dtype=int), {}
    for i in range(height):
        for j in range(width):
            y, x = (i + 1) // 2 / height, (j + 1) // 2 / width
            frequency = np.hypot(y, x)
            rings[i, j] = round(frequency * max(height, width))
            if frequency >= 0.2:
                rings[i, j] += 1000 * min(int(np.degrees(np.arctan2(min(y, x), max(y, x))) / 11.25), 3)
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
    image = fourier(deviation=0.5, natural=natural)(height, width, channels)
    numbers = np.stack([image.initial(np.random.default_rng(seed)) * 5 for seed in range(2)])
    found = array(image.pictures(tensor(numbers)))
    for one, picture in zip(numbers, found, strict=True):
        assert relative_error(picture, slow_pictures(one.astype("float64"), SWING if channels > 1 else GREY_SWING, natural)) < 1e-5


@pytest.mark.parametrize("natural", [None, 1.0, 3.0])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e4])
def test_fourier_pictures_stay_in_range_and_planes_below_the_swing(size, natural):
    numbers = size * np.random.default_rng(0).normal(size=(2, 3, 16, 16))
    found = array(fourier(deviation=0.5, natural=natural)(16, 16, 3).pictures(tensor(numbers)))
    assert found.min() >= 0
    assert found.max() <= 1
    logits = np.log(found / (1 - found)).astype("float64")
    planes = np.einsum("ij,njhw->nihw", np.linalg.inv(COLOUR.astype("float64")), logits)
    assert np.sqrt((planes**2).mean(axis=(2, 3))).max() <= SWING * 1.001


def test_pixels_start_near_grey_and_are_the_numbers():
    image = pixels()(4, 5, 3)
    start = image.initial(np.random.default_rng(0))
    assert array(image.settled(tensor(np.full((1, 3, 4, 5), 2.0)))).max() == 1.0
    assert start.shape == (3, 4, 5)
    assert np.abs(start - 0.5).max() < 0.1
    assert np.array_equal(array(image.pictures(tensor(start))), start)


def test_frequencies_reach_half_a_cycle_a_pixel():
    assert frequencies(8).tolist() == [0, 0.125, 0.125, 0.25, 0.25, 0.375, 0.375, 0.5]


def slow_ring(i, j, height, width):
    return round(np.hypot((i + 1) // 2 / height, (j + 1) // 2 / width) * max(height, width))


@pytest.mark.parametrize(("height", "width"), [(8, 6), (5, 9), (1, 1)])
def test_sums_and_means_equal_loops(height, width):
    values = np.random.default_rng(0).uniform(size=(2, 3, height, width)).astype("float32")
    rings = rings_of(height, width)
    places = {(i, j): slow_ring(i, j, height, width) for i in range(height) for j in range(width)}
    members = {ring: [place for place in places if places[place] == ring] for ring in places.values()}
    sums = array(rings.sums(tensor(values)))
    assert sums.shape == (2, 3, max(members) + 1)
    assert not sums[..., [ring for ring in range(max(members)) if ring not in members]].any()
    expected = np.zeros(values.shape)
    for ring, together in members.items():
        total = sum(values[:, :, i, j].astype("float64") for i, j in together)
        assert relative_error(sums[..., ring], total) < 1e-6
        for i, j in together:
            expected[:, :, i, j] = total / len(together)
    assert relative_error(array(rings.means(tensor(values))), expected) < 1e-6


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
    found = array(phases_of(spectrum, 12, 10).pictures(tensor(phases)))
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
    spectrum = maco()(16, 16, 3)
    _, phases = drawn(16, 16)
    phases[:] = phases[:, :1]
    planes = np.stack([decorrelated(picture, colours(3)) for picture in array(spectrum.pictures(tensor(phases)))])
    assert np.abs(planes - planes[:, :1]).max() < 0.02


def test_the_users_own_images_give_the_spectrum():
    own, (_, phases) = images(2, 9, 12, 3), drawn(9, 12)
    expected, natural = (
        array(phases_of(spectrum_of(own), 9, 12).pictures(tensor(phases))),
        array(maco()(9, 12, 3).pictures(tensor(phases))),
    )
    assert np.array_equal(array(maco(own)(9, 12, 3).pictures(tensor(phases))), expected)
    assert np.abs(expected - natural).max() > 0.05
