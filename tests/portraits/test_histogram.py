"""Even bins: sums of a scan's bins, equal to counting the values themselves."""

import numpy as np
import pytest

from convscope.formats.bins import BINS, bin_edges, bins_of
from convscope.portraits.histogram import evenly


def counted(values):
    return np.bincount(bins_of(values), minlength=BINS)


@pytest.mark.parametrize("scale", [1e-3, 0.7, 1.0, 31.9, 4000.0])
@pytest.mark.parametrize("signed", [False, True])
def test_counts_are_those_of_the_values(scale, signed):
    values = (np.random.default_rng(0).normal(size=3000) * scale).astype(np.float32)
    values = values if signed else np.maximum(values, 0)
    found = evenly(counted(values), bin_edges(), values.min(), values.max())
    widths = np.diff(found.edges)
    assert 16 <= len(found.counts) <= 64 and np.allclose(widths, widths[0])
    assert found.edges[0] <= values.min() and values.max() < found.edges[-1]
    shown = values if signed else values[values > 2.0**-16]
    inside = shown[np.abs(shown) >= 2.0**-16]
    nothing = len(shown) - len(inside)
    expected = np.histogram(inside.astype(np.float64), found.edges)[0]
    zero = np.searchsorted(found.edges, 0.0, side="right") - 1
    expected[zero] += nothing
    assert np.array_equal(found.counts, expected)


def test_zeros_of_a_rectifier_are_left_out():
    values = np.asarray([0.0] * 90 + [1.0, 1.5, 2.5], np.float32)
    found = evenly(counted(values), bin_edges(), 0.0, 2.5)
    assert found.counts.sum() == 3 and found.edges[0] == 0.0


@pytest.mark.parametrize("value", [0.0, 2.0**-20, 2.0**20, -3.0])
def test_one_value_of_any_size_has_a_histogram(value):
    values = np.full(5, value, np.float32)
    found = evenly(counted(values), bin_edges(), value, value)
    assert found.counts.sum() == (5 if value < 0 or value >= 2.0**-16 else 0)
    assert (np.diff(found.edges) > 0).all()
