"""A judge that sees vectors: what it can tell, and what nobody could."""

import numpy as np
import pytest

from convscope.trusting.readability import accuracy, chosen, readable, readable_from

pytestmark = pytest.mark.once
RNG = np.random.default_rng


def test_strong_images_that_are_alike_are_told_and_noise_is_not():
    rng, side = RNG(0), np.array([9.0, 0, 0, 0, 0, 0])
    strong, weak, other, none = (rng.normal(size=(count, 6)).astype("float32") for count in (9, 9, 20, 20))
    shared = np.zeros((3, 6), np.float32)
    told = readable((strong + side,), (weak,), (other + side,), (none,))
    assert told.share > 0.95 and told.new == 20 and told.error == pytest.approx(0.025)
    assert readable_from((side[None].astype("float32"),), (shared,), (strong + side,), (weak,), (other + side,), (none,)).share > 0.95
    # What all synthetic pictures have in common does not count, however far from the images it lies.
    far = np.array([-50.0, 80, 0, 0, 0, 0], np.float32)
    assert (
        readable_from(((side + far)[None].astype("float32"),), (shared + far,), (strong + side,), (weak,), (other + side,), (none,)).share
        > 0.95
    )
    noise = readable((strong,), (weak,), (other,), (none,))
    assert abs(noise.share - 0.5) < 3 * noise.error
    # A picture of something else points the judge the wrong way.
    assert readable_from((-side[None].astype("float32"),), (shared,), (strong + side,), (weak,), (other + side,), (none,)).share < 0.05


def test_the_share_is_that_of_all_pairs_and_its_error_that_of_many_draws():
    rng = RNG(1)
    strong, weak = rng.integers(0, 4, 12).astype(float), rng.integers(0, 4, 12).astype(float)
    slow = np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a in strong for b in weak])
    assert accuracy(strong, weak).share == pytest.approx(slow)
    draws = [accuracy(rng.normal(0.7, 1, 20), rng.normal(0, 1, 20)) for _ in range(400)]
    assert np.std([one.share for one in draws]) == pytest.approx(np.mean([one.error for one in draws]), rel=0.15)


def test_images_take_their_places_by_value_and_ties_are_counted():
    values = RNG(2).permutation(np.concatenate([np.zeros(60), np.arange(1, 61)])).astype("float32")
    found = chosen(values, RNG(3))
    assert [len(one) for one in found[:4]] == [9, 9, 20, 20] and len(set(found.rows.tolist())) == 58
    assert sorted(values[np.concatenate([found.strong, found.new_strong])]) == list(range(32, 61))
    assert not values[np.concatenate([found.weak, found.new_weak])].any() and found.tied == 1
    assert chosen(values, RNG(4)).weak.tolist() != found.weak.tolist()  # chance decides among equal ones
    graded = chosen(np.arange(120, dtype="float32"), RNG(0))
    assert graded.tied == 0 and sorted([*graded.weak, *graded.new_weak]) == list(range(29))


def test_a_unit_that_hardly_fires_cannot_be_judged():
    values = np.zeros(100, np.float32)
    values[:5] = 1
    assert chosen(values, RNG(0)) is None and chosen(np.zeros(100, np.float32), RNG(0)) is None
    values[:9] = np.arange(1, 10)
    found = chosen(values, RNG(0))
    assert (len(found.strong), len(found.new_strong)) == (3, 6) and (values[found.strong] > 0).all()
