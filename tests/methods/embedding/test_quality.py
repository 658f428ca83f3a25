"""Numbers of quality against naive twins."""

import numpy as np
import pytest

from convscope.methods.embedding.affinities import affinities
from convscope.methods.embedding.neighbours import nearest
from convscope.methods.embedding.quality import divergence, procrustes, quality, spearman, trustworthiness

RNG = np.random.default_rng(0)
HIGH = RNG.normal(size=(150, 6)).astype(np.float32)
LOW = (HIGH[:, :2] + 0.3 * RNG.normal(size=(150, 2))).astype(np.float32)
LABELS = RNG.integers(0, 25, 150)


def ten(space, index, many=10):
    order = np.argsort(np.linalg.norm(space.astype(np.float64) - space[index], axis=1), kind="stable")
    return [int(one) for one in order if one != index][:many]


def test_numbers_equal_their_naive_twins():
    numbers = quality(HIGH, LOW, nearest(HIGH, 12), LABELS, 0)
    everyone = range(len(HIGH))
    assert numbers["knn@10"] == pytest.approx(np.mean([len({*ten(HIGH, i)} & {*ten(LOW, i)}) / 10 for i in everyone]))
    for name, space in (("label knn@10", LOW), ("label knn@10 of the features", HIGH)):
        votes = [np.bincount(LABELS[ten(space, i)]).argmax() == LABELS[i] for i in everyone]
        assert numbers[name] == pytest.approx(np.mean(votes))
    means = [np.stack([space[one == LABELS].mean(axis=0) for one in np.unique(LABELS)]) for space in (HIGH, LOW)]
    classes = range(len(means[0]))
    assert numbers["knc@10"] == pytest.approx(np.mean([len({*ten(means[0], i)} & {*ten(means[1], i)}) / 10 for i in classes]))


def test_trustworthiness_is_that_of_scikit_learn():
    from sklearn.manifold import trustworthiness as theirs

    assert trustworthiness(HIGH, LOW) == pytest.approx(theirs(HIGH, LOW, n_neighbors=10), abs=1e-6)


def test_rank_correlation_is_that_of_scipy():
    from scipy.spatial.distance import pdist, squareform
    from scipy.stats import spearmanr

    one, other = squareform(pdist(HIGH)), squareform(pdist(LOW))
    assert spearman(one, other) == pytest.approx(spearmanr(pdist(HIGH), pdist(LOW)).statistic, abs=1e-9)


def test_the_identity_is_perfect():
    numbers = quality(LOW, LOW, nearest(LOW, 10), None, 0)
    assert numbers["knn@10"] == 1.0
    assert numbers["trustworthiness"] == pytest.approx(1.0)
    assert numbers["cpd"] == pytest.approx(1.0)


def test_procrustes_ignores_moving_turning_scaling_and_mirroring():
    turned = LOW @ np.array([[0.6, 0.8], [0.8, -0.6]], np.float32) * 7 + 3
    assert procrustes(LOW, turned) == pytest.approx(1, abs=1e-5)
    assert procrustes(LOW, RNG.normal(size=LOW.shape).astype(np.float32)) < 0.2


def test_a_brief_answer_is_one_number():
    assert list(quality(HIGH, LOW, nearest(HIGH, 10), LABELS, 0, brief=True)) == ["knn@10"]


def test_equal_distances_share_a_rank():
    one = np.round(HIGH[:40], 0)
    from scipy.spatial.distance import pdist, squareform
    from scipy.stats import spearmanr

    matrices = squareform(pdist(one)), squareform(pdist(LOW[:40]))
    assert spearman(*matrices) == pytest.approx(spearmanr(pdist(one), pdist(LOW[:40])).statistic, abs=1e-9)
    assert spearman(1 - np.eye(5, dtype=np.float32), squareform(pdist(LOW[:5]))) == 0.0


def test_the_divergence_equals_its_naive_twin():
    drawn = affinities(nearest(HIGH, 30), 10)
    students = np.array([[0.0 if i == j else 1 / (1 + ((a - b) ** 2).sum()) for j, b in enumerate(LOW)] for i, a in enumerate(LOW)])
    shares, wanted = students / students.sum(), drawn.toarray().astype(np.float64)
    naive = sum(p * np.log(p / q) for p, q in zip(wanted.ravel(), shares.ravel(), strict=True) if p > 0)
    assert divergence(drawn, LOW) == pytest.approx(naive, rel=1e-5)
