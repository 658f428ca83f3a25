"""Names of two labels against every name there is, tried one by one."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics import roc_auc_score

from convscope.formats.sample_file import packed, unpacked
from convscope.naming.areas import Half, by_chance, ranks_of
from convscope.naming.formulas import BEAM, DOUBT, FEWEST, GAIN, chosen, tried

pytestmark = pytest.mark.once
NAMES = ("a", "b", "c", "d")


def drawn(seed=0, images=150):
    rng = np.random.default_rng(seed)
    held = rng.random((images, len(NAMES))) < (0.4, 0.3, 0.5, 0.05)
    a, b, c, d = held.T
    wanted = np.stack([a, ~b, a & c, a & ~b, b | d, rng.random(images) < 0.5], axis=1)
    return held, wanted, unpacked(packed((wanted * 2.0 + rng.normal(size=wanted.shape)).astype(np.float32)))


def half_of(held):
    return Half(csr_matrix(held.astype(np.float64)), held.sum(axis=0).astype(np.float64))


def score(holds, values):
    count = holds.sum()
    if min(count, len(holds) - count) < FEWEST:
        return -1.0
    return roc_auc_score(holds, values) - DOUBT * by_chance(count, len(holds))


def slow(held, values):
    """Return the best name by trying all: the words of one, or of two that are better by GAIN; the beam as the search has it."""
    literals = [("", place, held[:, place]) for place in range(held.shape[1])] + [
        ("NOT ", place, ~held[:, place]) for place in range(held.shape[1])
    ]
    ranked = sorted(literals, key=lambda one: -score(one[2], values))
    best, words = score(ranked[0][2], values), ranked[0][0] + NAMES[ranked[0][1]]
    least = best + GAIN
    for no, place, holds in ranked[:BEAM]:
        for other in range(held.shape[1]):
            pairs = {" AND ": holds & held[:, other], " AND NOT ": holds & ~held[:, other]}
            pairs |= {} if no else {" OR ": holds | held[:, other]}
            for how, both in pairs.items():
                value = score(both, values)
                if value >= max(least, best) + 1e-12:
                    best, words = value, f"{no}{NAMES[place]}{how}{NAMES[other]}"
    return words, best


@pytest.mark.parametrize("seed", range(3))
def test_the_search_finds_what_trying_all_finds(seed):
    held, _, values = drawn(seed)
    half = half_of(held)
    areas, found = chosen(half, ranks_of(values), (held.T.astype(float) @ held))
    for unit in range(values.shape[1]):
        words, best = slow(held, values[:, unit])
        assert found.score[unit] == pytest.approx(best, abs=1e-9)
        assert found.words(unit, NAMES) in equal_names(words)
        assert areas[:, unit] == pytest.approx([roc_auc_score(one, values[:, unit]) for one in held.T], abs=1e-12)


def equal_names(words):
    """The names that mean the same: `b AND a` is `a AND b`, `NOT a AND b` is `b AND NOT a`."""
    how = next((how for how in (" AND ", " OR ") if how in words), "")
    return {words, how.join(reversed(words.split(how)))} if how else {words}


def test_units_that_are_made_for_a_name_get_it_and_noise_gets_a_low_score():
    held, wanted, values = drawn(4, images=600)
    half = half_of(held)
    _, found = chosen(half, ranks_of(values + 4.0 * wanted.astype(np.float32)), (held.T.astype(float) @ held))
    assert [found.words(unit, NAMES) for unit in range(4)] == ["a", "NOT b", "a AND c", "a AND NOT b"]
    assert found.words(4, NAMES) in ("b OR d", "b")
    holds = found.holds(half)
    assert all(np.array_equal(holds[:, unit], wanted[:, unit]) for unit in range(4))
    assert found.score[5] < found.score[:4].min() - 0.3 and tried(4) == 2 * 4 + 3 * 3 * 4
