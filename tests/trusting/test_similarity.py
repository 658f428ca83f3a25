"""Likeness of vectors and pictures, against SciPy and against what must hold."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from convscope.trusting.similarity import edges, normalised, ranked, spearman, structural

pytestmark = pytest.mark.once


def test_rank_correlation_is_that_of_scipy_with_ties_too():
    rng = np.random.default_rng(0)
    rows = np.round(rng.normal(size=(4, 30)), 1)
    products = ranked(rows) @ ranked(rows).T
    assert np.allclose(products, spearmanr(rows, axis=1).statistic)
    assert spearman(rows[0], np.exp(rows[0])) == pytest.approx(1) and spearman(rows[0], -rows[0]) == pytest.approx(-1)
    assert np.isnan(spearman(rows[0], np.ones(30))) and np.isnan(spearman(rows[0], np.where(rows[0] > 1, np.nan, rows[0])))


def test_structural_similarity_knows_a_picture_whatever_its_size_of_numbers():
    picture = np.random.default_rng(1).uniform(size=(24, 20))
    assert structural(picture, 1e6 * picture + 3) == pytest.approx(1)
    assert structural(picture, picture[::-1]) < 0.5 and structural(picture, 1 - picture) < 0
    assert np.isnan(structural(picture, np.zeros_like(picture)))
    assert structural(picture[:3, :3], picture[:3, :3]) == pytest.approx(1)


def test_edges_are_where_the_image_changes():
    image = np.zeros((9, 9, 3), np.float32)
    image[:, 5:] = 1
    found = edges(image)
    assert (found[:, 4:6] > 0).all() and not found[:, :4].any() and not found[:, 6:].any()


def test_a_curve_has_no_value_where_its_ends_coincide():
    found = normalised(np.array([0.5, 0.3, 0.9, 0.2]), np.array([0.9, 0.31, 0.9, np.nan]), np.array([0.1, 0.3, 0.5, 0.1]))
    assert np.allclose(found[[0, 2]], [0.5, 1.0]) and np.isnan(found[[1, 3]]).all()
