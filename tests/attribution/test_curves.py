"""Deletion and insertion on an image whose pixels are worth what the map says."""

import numpy as np
import pytest

import convscope
from convscope.attribution.curves import area, curves, importance
from networks import images, small

WORTH = np.array([[8.0, 4.0], [2.0, 1.0]], np.float32) / 15


def score(pictures):
    return (pictures[..., 0] * WORTH).sum(axis=(1, 2))


@pytest.mark.once
def test_the_most_important_pixels_go_first_and_come_first():
    image, nothing = np.ones((2, 2, 1), np.float32), np.zeros((2, 2, 1), np.float32)
    best = curves(score, image, WORTH, nothing, nothing, steps=4)
    np.testing.assert_allclose(best.deletion, np.array([15, 7, 3, 1, 0]) / 15, atol=1e-6)
    np.testing.assert_allclose(best.insertion, np.array([0, 8, 12, 14, 15]) / 15, atol=1e-6)
    worst = curves(score, image, -WORTH, nothing, nothing, steps=4)
    assert best.areas[0] < worst.areas[0] and best.areas[1] > worst.areas[1]
    assert best.areas == pytest.approx(((7.5 + 7 + 3 + 1) / 60, (8 + 12 + 14 + 7.5) / 60))
    assert importance(np.array([[1.0, np.nan], [3.0, 1.0]])).tolist() == [2, 0, 3, 1]
    assert area(np.ones(9, np.float32)) == 1


@pytest.mark.once
def test_all_maps_are_those_of_each_method_with_the_probability_below_them():
    bundle, image = convscope.load(small(side=12), labels=["a", "b", "c"]), images(2, 12, 12, 3)
    found = convscope.saliency(bundle, "predictions:b", image, method="all", samples=2, steps=16)
    assert found.methods[-1] == "random" and len(found.methods) == 10 and found.maps.shape == (2, 10, 12, 12)
    for method in ("guided", "layercam", "occlusion"):
        alone = convscope.saliency(bundle, "predictions:b", image, method=method).maps
        np.testing.assert_allclose(found.maps[:, found.methods.index(method)], alone, atol=1e-5)
    whole = convscope.activations(bundle, "predictions", image).maps[:, 1]
    assert found.measure == "probability"
    for place in range(10):
        np.testing.assert_allclose(found.deletion[:, place, 0], whole, rtol=1e-4)
        np.testing.assert_allclose(found.insertion[:, place, -1], whole, rtol=1e-4)
    assert found.areas.shape == (2, 10, 2) and len(found.to_table()) == 20
    assert found.summary()["images"][0]["areas"]["random"]["deletion"] == pytest.approx(found.areas[0, -1, 0])
