"""Numbers of quality against naive twins."""

import numpy as np
import pytest

from convscope.embedding.affinities import affinities
from convscope.embedding.neighbours import nearest
from convscope.embedding.quality import divergence, procrustes, quality, spearman, trustworthiness

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
        counts = [np.bincount(LABELS[ten(space, i)], minlength=25) for i in everyone]
        votes = [
            (LABELS[i] in np.flatnonzero(one == one.max())) / (one == one.max()).sum() for i, one in zip(everyone, counts, strict=True)
        ]
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


COPIES = np.repeat(RNG.normal(size=(4, 6)), 50, axis=0).astype(np.float32)
CORNERS = np.repeat(np.array([[0, 0], [9, 0], [0, 9], [9, 9]], np.float32), 50, axis=0)


def test_a_perfect_map_of_copies_is_perfect_and_a_heap_is_as_good_as_chance():
    """Four points, fifty copies of each: any ten copies are the ten nearest."""
    near = COPIES + np.float32(1e-7) * RNG.normal(size=COPIES.shape).astype(np.float32)
    for high in (COPIES, near):
        for low in (CORNERS, CORNERS + 0.01 * RNG.normal(size=CORNERS.shape).astype(np.float32)):
            numbers = quality(high, low, nearest(high, 10), None, 0)
            assert numbers["knn@10"] == 1.0
            assert numbers["trustworthiness"] == 1.0
            assert numbers["cpd"] > 0.7
    heap = quality(COPIES, np.zeros_like(CORNERS), nearest(COPIES, 10), None, 0)
    assert heap["knn@10"] == pytest.approx(49 / 199, abs=0.01)
    chance = quality(COPIES, RNG.normal(size=CORNERS.shape).astype(np.float32), nearest(COPIES, 10), None, 0)
    assert heap["trustworthiness"] == pytest.approx(chance["trustworthiness"], abs=0.02)


def test_the_order_of_the_images_does_not_change_what_ties_are_worth():
    shuffled = RNG.permutation(200)
    high, low = np.round(RNG.normal(size=(200, 3))).astype(np.float32), np.round(RNG.normal(size=(200, 2))).astype(np.float32)
    one, other = (quality(a, b, nearest(a, 10), None, 0) for a, b in ((high, low), (high[shuffled], low[shuffled])))
    for name in ("knn@10", "trustworthiness", "cpd"):
        assert one[name] == pytest.approx(other[name], abs=1e-9), name


def test_ties_are_worth_their_mean_over_every_order():
    """The naive twin: ten nearest on the map in a random order of equals, many times, each right if as near as the tenth."""
    high, low = np.round(RNG.normal(size=(60, 3))).astype(np.float32), np.round(RNG.normal(size=(60, 2))).astype(np.float32)
    apart = [np.linalg.norm(space[:, None] - space[None], axis=2) for space in (high, low)]
    shares = []
    for _ in range(400):
        for image in range(60):
            others = np.delete(np.arange(60), image)
            order = others[np.lexsort((RNG.random(59), apart[1][image, others]))][:10]
            shares.append((apart[0][image, order] <= np.sort(apart[0][image, others])[9]).mean())
    assert quality(high, low, nearest(high, 10), None, 0)["knn@10"] == pytest.approx(np.mean(shares), abs=0.005)
