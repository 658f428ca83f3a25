"""Areas and p-values against scikit-learn and SciPy, ties and all."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from convscope.formats.sample_file import packed, unpacked
from convscope.naming.areas import Half, areas, by_chance, p_values, ranks_of

pytestmark = pytest.mark.once


def drawn(images=60, units=5, labels=4, seed=0):
    rng = np.random.default_rng(seed)
    values = np.stack([rng.integers(0, 4, images), rng.normal(size=images), np.maximum(0, rng.normal(size=images)), np.zeros(images),
                       rng.normal(size=images) * 1e30])[:units].T  # fmt: skip
    held = rng.random((images, labels)) < 0.3
    values[:, 1] += held[:, 0]
    return unpacked(packed(values.astype(np.float32))), held


def half_of(held):
    return Half(csr_matrix(held.astype(np.float64)), held.sum(axis=0).astype(np.float64))


@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_of_scikit_learn_and_scipy(seed, record_error):
    values, held = drawn(seed=seed)
    half, ranks = half_of(held), ranks_of(values)
    found = areas(half.sums(ranks.doubled), half.counts[:, None], half.count)
    chance = p_values(found, half.counts[:, None], half.count, ranks.ties)
    for label in range(held.shape[1]):
        for unit in range(values.shape[1]):
            own, others = (values[holds, unit].astype(np.float64) for holds in (held[:, label], ~held[:, label]))
            assert found[label, unit] == pytest.approx(roc_auc_score(held[:, label], values[:, unit]), abs=1e-12)
            if not ranks.constant[unit]:
                expected = mannwhitneyu(own, others, alternative="greater", method="asymptotic").pvalue
                assert record_error("p-values of names", abs(chance[label, unit] / expected - 1)) < 1e-9
            else:
                assert chance[label, unit] == 1
    assert ranks.constant.tolist() == [False, False, False, True, False]


def test_ranks_have_exact_sums_and_ties_share_their_mean():
    values = np.asarray([[0.0], [2.0], [0.0], [0.0], [5.0]], np.float32)
    ranks = ranks_of(values)
    assert ranks.doubled.ravel().tolist() == [2, 6, 2, 2, 8] and ranks.ties.tolist() == [24] and ranks.count == 5


def test_what_chance_gives_is_the_spread_of_the_areas_of_random_labels():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(80, 1)).astype(np.float32)
    held = np.argsort(rng.random((80, 4000)), axis=0) < 10
    half = half_of(held)
    found = areas(half.sums(ranks_of(values).doubled), half.counts[:, None], 80)
    assert found.std() == pytest.approx(by_chance(10, 80), rel=0.05) and np.isnan(by_chance(0, 80))
