"""The accumulators against sorting and summing everything at once, and their merge: exact, associative, commutative."""

import numpy as np
import pytest

from convscope.scanning.accumulators import Histogram, Moments, Statistics, Sums, Top, quantiles

K = 5


def drawn(images=200, units=7, seed=0):
    """Return values with many ties, zeros of both signs, all magnitudes, and some that are not finite."""
    rng = np.random.default_rng(seed)
    values = rng.choice(np.asarray([0.0, -0.0, 1.0, -1.0, 0.5, 3.0], np.float32), (images, units))
    values[:, 1] = rng.normal(size=images)
    values[:, 2] = rng.normal(size=images) * 10.0 ** rng.uniform(-6, 6, images)
    values[:, 3] = 0.0
    values[::7, 4] = np.nan
    values[3, 4], values[4, 4] = np.inf, -np.inf
    values[:, 5] = np.nan
    places = rng.integers(0, 100, (images, units)).astype(np.int32)
    return values, places, rng.integers(-1, 4, images)


def statistics_of(values, places, classes, rows):
    return Statistics.of(values[rows], places[rows], np.asarray(rows), classes[rows], K)


def same(first, second):
    ours, theirs = first.arrays(), second.arrays()
    return all(ours[name].dtype == theirs[name].dtype and np.array_equal(ours[name], theirs[name], equal_nan=True) for name in ours)


def test_top_is_what_sorting_everything_gives():
    values, places, _ = drawn()
    found = Top.of(values, places, np.arange(len(values)), K)
    for unit in range(values.shape[1]):
        column = values[:, unit]
        order = sorted(np.flatnonzero(np.isfinite(column)), key=lambda image, column=column: (-column[image], image))[:K]
        count = len(order)
        assert found.images[unit].tolist() == [*order, *[-1] * (K - count)]
        assert np.array_equal(found.values[unit, :count], column[order]) and np.isnan(found.values[unit, count:]).all()
        assert found.places[unit].tolist() == [*places[order, unit], *[-1] * (K - count)]


@pytest.mark.parametrize("seed", range(6))
def test_any_partition_merged_in_any_order_is_the_whole_to_the_bit(seed):
    rng = np.random.default_rng(seed)
    values, places, classes = drawn(seed=seed)
    whole = statistics_of(values, places, classes, np.arange(200))
    cuts = np.sort(rng.choice(np.arange(1, 200), rng.integers(1, 30), replace=False))
    parts = [statistics_of(values, places, classes, rows) for rows in np.split(rng.permutation(200), cuts)]
    while len(parts) > 1:  # any two, in any order: associative and commutative
        first, second = (parts.pop(rng.integers(len(parts))) for _ in range(2))
        parts.append(first.merge(second))
    assert same(parts[0], whole)


def test_arrays_hold_all_of_it():
    values, places, classes = drawn()
    found = statistics_of(values, places, classes, np.arange(200))
    assert same(Statistics.from_arrays(found.arrays()), found)


def test_quantiles_are_within_a_thirtysecond_of_those_of_sorting():
    rng = np.random.default_rng(1)
    values = (rng.normal(size=(5000, 3)) * [1.0, 30.0, 0.01] + [0.0, 50.0, 0.0]).astype(np.float32)
    moments, shares = Moments.of(values), np.asarray([0.001, 0.05, 0.25, 0.5, 0.9, 0.999, 1.0])
    found = quantiles(Histogram.of(values).dense, moments.least, moments.largest, shares)
    expected = np.quantile(values, shares, axis=0, method="inverted_cdf").T
    assert np.abs(found - expected).max(initial=0, where=expected != 0) <= np.abs(expected).max() / 32
    assert (np.abs(found - expected) <= np.abs(expected) / 32 + 2.0**-16).all()
    assert np.isnan(quantiles(Histogram.of(np.full((4, 1), np.nan, np.float32)).dense, *[np.zeros(1, np.float32)] * 2, shares)).all()


def test_moments_and_class_sums_are_those_of_float64():
    values, places, classes = drawn()
    found = statistics_of(values, places, classes, np.arange(200))
    finite = np.isfinite(values)
    known = np.where(finite, values, np.nan).astype(np.float64)
    assert np.array_equal(found.moments.count, finite.sum(axis=0))
    assert np.array_equal(found.moments.fires, (known > 0).sum(axis=0))
    assert np.allclose(found.moments.sums.over(found.moments.count)[:5], np.nanmean(known[:, :5], axis=0), rtol=1e-6, atol=1e-11)
    assert np.isnan(found.moments.sums.over(found.moments.count)[5])
    assert found.classes.present.tolist() == [0, 1, 2, 3]
    for row, one in enumerate(found.classes.present):
        expected = known[classes == one][:, :4].mean(axis=0)
        mean = Sums(found.classes.sums.whole[row], found.classes.sums.fraction[row]).over(found.classes.counts[row])
        assert np.allclose(mean[:4], expected, rtol=1e-6, atol=1e-11)
