"""Neighbours and affinities against brute force."""

import numpy as np
import pytest

from convscope.embedding import packages
from convscope.embedding.affinities import affinities, conditional
from convscope.embedding.neighbours import nearest, nearest_to

POINTS = np.random.default_rng(0).normal(size=(120, 12)).astype(np.float32)


def distances(points, others):
    return np.linalg.norm(points[:, None].astype(np.float64) - others, axis=2)


@pytest.mark.parametrize("engine", ["sklearnex", "sklearn"])
@pytest.mark.parametrize("dimensions", [2, 12])
def test_neighbours_are_those_of_brute_force(engine, dimensions, monkeypatch):
    monkeypatch.setattr(packages, "installed", lambda name: name == engine)
    points = np.ascontiguousarray(POINTS[:, :dimensions])
    true = distances(points, points)
    np.fill_diagonal(true, np.inf)
    found = nearest(points, 7)
    assert np.allclose(found.distances, np.sort(true, axis=1)[:, :7], atol=1e-3)
    assert np.allclose(np.take_along_axis(true, found.indices, axis=1), found.distances, atol=1e-3)
    some = nearest(points, 7, np.array([5, 50]))
    assert (some.indices == found.indices[[5, 50]]).all()


def test_more_equal_images_than_neighbours_leave_each_itself_out():
    points = np.zeros((30, 3), np.float32)
    found = nearest(points, 4)
    assert found.indices.shape == (30, 4)
    assert (found.indices != np.arange(30)[:, None]).all()


def test_few_images_have_fewer_neighbours():
    assert nearest(POINTS[:4], 8).indices.shape == (4, 3)
    assert nearest_to(POINTS[:2], POINTS[5:8], 8).indices.shape == (2, 3)


def test_weights_have_the_entropy_that_was_asked_for():
    found = nearest(POINTS, 45)
    weights = conditional(found.distances, 15).astype(np.float64)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)
    entropies = -(weights * np.log(np.maximum(weights, 1e-30))).sum(axis=1)
    assert np.allclose(np.exp(entropies), 15, rtol=1e-3)


def test_affinities_are_those_of_scikit_learn():
    from scipy.sparse import csr_matrix
    from sklearn.manifold._t_sne import _joint_probabilities_nn

    found = nearest(POINTS, 30)
    squares = csr_matrix((found.distances.ravel() ** 2, found.indices.flatten(), np.arange(0, 3601, 30)), shape=(120, 120))
    expected = _joint_probabilities_nn(squares, 10, 0).toarray()
    assert np.abs(affinities(found, 10).toarray() - expected).max() < 1e-4 * expected.max()


def test_equal_images_weigh_the_same():
    weights = conditional(np.zeros((2, 9), np.float32), 3)
    assert np.allclose(weights, 1 / 9)


@pytest.mark.parametrize("engine", ["sklearnex", "sklearn"])
def test_near_duplicates_far_from_zero_are_told_apart(engine, monkeypatch):
    monkeypatch.setattr(packages, "installed", lambda name: name == engine)
    rng = np.random.default_rng(0)
    points = (np.repeat(rng.normal(size=(100, 1, 20)) * 10, 6, axis=1) + rng.normal(size=(100, 6, 20)) * 1e-4).reshape(-1, 20)
    points = points.astype(np.float32)
    true = distances(points, points)
    np.fill_diagonal(true, np.inf)
    found = nearest(points, 5)
    assert np.allclose(found.distances, np.sort(true, axis=1)[:, :5], rtol=1e-4)
    assert (found.indices == true.argsort(axis=1)[:, :5]).all()


@pytest.mark.parametrize("dimensions", [2, 3, 8, 9])
def test_neighbours_are_exact_where_coordinates_are_equal(dimensions):
    space = np.round(np.random.default_rng(0).normal(size=(1500, dimensions)), 1).astype(np.float32)
    apart = np.linalg.norm(space[:, None].astype(np.float64) - space[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert np.allclose(nearest(space, 10).distances, np.sort(apart, axis=1)[:, :10], atol=1e-5)
