import numpy as np
import pytest

from convscope.render.signals import magnitude, reduced, scales, seen_through, signed_to_rgb


def test_signed_zero_is_mid_grey() -> None:
    assert (signed_to_rgb(np.zeros((4, 5, 3))) == 128).all()
    assert (signed_to_rgb(np.full((4, 5, 1), np.nan)) == 128).all()
    mixed = signed_to_rgb(np.array([[[0.0, 1.0, -1.0]]]))
    assert mixed.tolist() == [[[128, 255, 1]]]


def test_one_spike_does_not_darken_the_rest() -> None:
    pixels = np.full((50, 50, 1), 0.1)
    pixels[0, 0] = 1000
    assert signed_to_rgb(pixels)[1, 1, 0] == 255
    assert signed_to_rgb(pixels)[0, 0, 0] == 255


def test_a_sparse_projection_is_scaled_by_what_is_there() -> None:
    pixels = np.zeros((100, 100, 3))
    pixels[3, 4] = -2
    assert (signed_to_rgb(pixels)[3, 4] == 1).all()


@pytest.mark.parametrize("percent", [90.0, 98.0, 100.0])
def test_so_many_percent_of_what_is_there_lie_within_the_scale(percent) -> None:
    signal = np.random.default_rng(0).normal(size=(40, 40, 3)) * (np.arange(40) % 2)[:, None, None]
    assert (np.abs(signal[1::2]) <= magnitude(signal, percent)).mean() == pytest.approx(percent / 100, abs=1e-3)


def test_compared_signals_share_a_scale_but_for_the_faintest() -> None:
    one = np.ones((3, 3, 1))
    assert scales([one, one / 2, one / 30, 0 * one]) == pytest.approx([1, 1, 0.1, 0])
    assert scales([]) == []


def test_a_signal_is_reduced_by_the_mean_of_what_a_pixel_covers() -> None:
    signal = np.random.default_rng(0).random((8, 12, 2), np.float32)
    assert reduced(signal, (12, 9)) is signal
    assert reduced(signal, (6, 4)) == pytest.approx(signal.reshape(4, 2, 6, 2, 2).mean(axis=(1, 3)), abs=1e-6)


@pytest.mark.parametrize("shape", [(60, 40), (40, 60), (3, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_picture_shows_where_the_signal_has_energy(shape, channels) -> None:
    picture = np.full((*shape, channels), 0.9, np.float32)
    signal = np.zeros((*shape, 3), np.float32)
    signal[0, 0] = -5.0
    shown = seen_through(picture, signal)
    assert shown.shape == (*shape, 3) and (shown[0, 0] == 230).all() and (shown[-1, -1] == 128).all()
    assert (seen_through(picture, np.ones_like(signal)) == 230).all()  # evenly up to the edge
    assert (seen_through(picture, 0 * signal) == 128).all()
