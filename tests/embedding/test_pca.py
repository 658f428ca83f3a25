"""Principal components against the singular value decomposition."""

import numpy as np
import pytest

from convscope.embedding import pca
from convscope.embedding.pca import Scatter, principal_axes
from convscope.errors import ImageError


def features(count, width, offset=0.0):
    rng = np.random.default_rng(0)
    return (rng.normal(size=(count, width)) * np.linspace(1, 3, width) + offset).astype(np.float32)


def by_svd(values, most):
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    return left[:, :most] * singular[:most], (singular[:most] ** 2).sum() / (singular**2).sum()


@pytest.mark.parametrize(("count", "width", "most"), [(90, 12, 5), (90, 12, 50), (40, 700, 6), (650, 610, 4), (3, 2, 50)])
def test_components_are_those_of_the_singular_values(count, width, most, monkeypatch):
    monkeypatch.setattr(pca, "BLOCK_VALUES", 7 * width if width < 600 else 200 * width)
    values = features(count, width)
    axes = principal_axes(values, most)
    expected, share = by_svd(values, min(most, count, width))
    assert np.allclose(np.abs(axes.project(values)), np.abs(expected), atol=2e-4)
    assert axes.kept == pytest.approx(share, abs=1e-9)
    assert np.allclose(axes.axes.T @ axes.axes, np.eye(axes.axes.shape[1]), atol=1e-9)


def test_a_large_offset_costs_no_digits():
    plain, moved = (principal_axes(features(200, 8, offset).astype(np.float64), 3).axes for offset in (0, 4096))
    assert np.allclose(plain, moved, atol=1e-3)  # as exact as the float32 numbers that were moved


def test_shards_merge_in_any_order():
    values = features(100, 9).astype(np.float64)
    shards = []
    for part in (values[:10], values[10:11], values[11:70], values[70:]):
        shards.append(Scatter.empty(9))
        shards[-1].add(part)
    whole = Scatter.empty(9)
    whole.add(values)
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        merged = Scatter.empty(9)
        for index in order:
            merged.merge(shards[index])
        assert merged.count == 100
        assert np.allclose(merged.mean, whole.mean, rtol=1e-12)
        assert np.allclose(np.triu(merged.products), np.triu(whole.products), rtol=1e-11, atol=1e-9)


def test_a_float16_memory_map_equals_float32(tmp_path):
    values = features(300, 20).astype(np.float16)
    np.save(tmp_path / "half.npy", values)
    mapped = np.load(tmp_path / "half.npy", mmap_mode="r")
    half, full = principal_axes(mapped, 5), principal_axes(values.astype(np.float32), 5)
    assert np.allclose(half.project(mapped), full.project(values.astype(np.float32)), atol=1e-5)


@pytest.mark.parametrize("shape", [(20, 4), (8, 700)])
def test_what_is_no_number_is_refused(shape):
    values = np.ones(shape, np.float32)
    values[3, 1] = np.nan
    with pytest.raises(ImageError, match="not finite numbers"):
        principal_axes(values)


def test_equal_features_give_zeros():
    values = np.full((10, 4), 3.0, np.float32)
    assert (principal_axes(values).project(values) == 0).all()


def test_axes_without_variance_invent_none():
    rng = np.random.default_rng(1)
    values = (rng.normal(size=(30, 4)) @ rng.normal(size=(4, 700))).astype(np.float32).astype(np.float64)
    values = np.concatenate([values, values])  # 60 images of rank 4, fewer than features
    axes = principal_axes(values, 50)
    expected, _ = by_svd(values, 50)
    assert np.allclose(np.abs(axes.project(values)), np.abs(expected), atol=1e-3)
    assert (axes.axes[:, 40:] == 0).all()


@pytest.mark.parametrize("shape", [(700, 1000), (2000, 1000), (60, 1000), (60, 10)])
def test_equal_features_of_any_number_give_zeros(shape):
    values = np.full(shape, 0.1, np.float32)
    assert np.abs(principal_axes(values).project(values)).max() < 1e-6


@pytest.mark.parametrize("factor", [1e-25, 1e25])
def test_the_scale_of_the_features_does_not_matter(factor):
    plain, scaled = features(90, 12).astype(np.float64), features(90, 12).astype(np.float64) * factor
    one, other = principal_axes(plain, 5), principal_axes(scaled, 5)
    assert one.scale == 1
    assert np.isclose(np.log2(other.scale) % 1, 0)
    ratio = factor / other.scale
    assert 0.1 < ratio < 10
    assert np.allclose(other.project(scaled), one.project(plain) * ratio, rtol=1e-3, atol=1e-4)


def test_the_row_that_is_no_number_is_named(monkeypatch):
    values = features(90, 12)
    axes = principal_axes(values)
    monkeypatch.setattr(pca, "BLOCK_VALUES", 120)
    values[41, 3] = np.inf
    for refused in (lambda: principal_axes(values), lambda: axes.project(values)):
        with pytest.raises(ImageError, match=r"row 41 \(counted from 0\)"):
            refused()
