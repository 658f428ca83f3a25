"""Units that fire alike, against numpy.corrcoef of all."""

import numpy as np
import pytest

from convscope.portraits import alike as module
from convscope.portraits.alike import alike

pytestmark = pytest.mark.once


class Values:
    """A run of two layers whose sample holds these values, (image, unit)."""

    layers = ("first", "second")

    def __init__(self, values, cut):
        self._values = dict(zip(self.layers, np.split(np.asarray(values, np.float32), [cut], axis=1), strict=True))
        self.sample_images = np.arange(len(values))

    def channels(self, layer):
        return self._values[layer].shape[1]

    def sample(self, layer, channels):
        return self._values[layer][:, channels]


def slow(run):
    """Return the correlations of all units of a run, NaN for those that have none and on the diagonal."""
    values = np.concatenate([run.sample(layer, list(range(run.channels(layer)))) for layer in run.layers], axis=1).astype(np.float64)
    logs = np.log1p(np.maximum(values, 0))
    usual = np.isfinite(values).all(axis=0) & (np.ptp(logs, axis=0) > 0)
    found = np.full((values.shape[1], values.shape[1]), np.nan)
    found[np.ix_(usual, usual)] = np.corrcoef(logs[:, usual].T)
    np.fill_diagonal(found, np.nan)
    return found


def check(run, count=8):
    correlations, firsts = slow(run), np.cumsum([0, *map(run.channels, run.layers)])
    for number, found in enumerate(alike(run, count=count)):
        assert found.layer == run.layers[number]
        for channel in range(run.channels(found.layer)):
            expected = correlations[firsts[number] + channel]
            k = min(count, int(np.isfinite(expected).sum()))
            units = firsts[found.layers[channel, :k]] + found.channels[channel, :k]
            assert np.allclose(found.correlations[channel, :k], np.sort(-expected)[:k] * -1, atol=2e-6)
            assert np.allclose(expected[units], found.correlations[channel, :k], atol=2e-6) and len(set(units)) == k
            assert (found.channels[channel, k:] == -1).all() and (found.layers[channel, k:] == -1).all()
            assert np.isnan(found.correlations[channel, k:]).all()


def test_they_are_those_of_all_correlations(run):
    check(run)


@pytest.mark.parametrize(("rows", "columns", "held"), [(7, 20, 2**30), (512, 8192, 0), (5, 40, 0)])
def test_neither_blocks_nor_memory_change_them(run, monkeypatch, rows, columns, held):
    whole = list(alike(run, ["block3_conv1"]))
    for name, value in (("ROWS", rows), ("COLUMNS", columns), ("MOST_HELD", held)):
        monkeypatch.setattr(module, name, value)
    for ours, theirs in zip(whole, alike(run, ["block3_conv1"]), strict=True):
        assert np.allclose(ours.correlations, theirs.correlations, atol=1e-6, equal_nan=True)
        same = np.abs(np.diff(ours.correlations, axis=1, append=-2)) > 1e-5
        assert np.array_equal(ours.channels[same & np.roll(same, 1, axis=1)], theirs.channels[same & np.roll(same, 1, axis=1)])


def test_duplicates_come_first_and_units_that_never_change_or_are_not_finite_are_alike_to_nothing():
    rng = np.random.default_rng(0)
    values = rng.exponential(size=(200, 12)).astype(np.float32)
    values[:, 5] = values[:, 2]
    values[:, 9] = np.where(np.arange(200) == 0, values[:, 2] * 1.5, values[:, 2])  # nearly, by more than float32's sums err
    values[:, 1], values[:, 7] = -rng.random(200), 15_000.0  # never fires; always the same
    values[3, 10], values[4, 11] = np.nan, np.inf
    run = Values(values, 6)
    check(run, 20)
    first, second = alike(run, count=3)
    assert first.layers[2, :2].tolist() == [0, 1] and first.channels[2, :2].tolist() == [5, 3]
    assert first.correlations[2, 0] == pytest.approx(1, abs=1e-6) and np.nanmax(first.correlations) <= 1
    assert (first.channels[1] == -1).all() and (second.channels[[1, 4, 5]] == -1).all()


def test_two_images_tell_nothing():
    (first, _) = alike(Values(np.random.default_rng(0).random((2, 6)), 3))
    assert (first.channels == -1).all()
