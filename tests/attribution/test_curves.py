"""Deletion and insertion on an image whose pixels are worth what the map says."""

import numpy as np
import pytest

from convscope.attribution.curves import area, curves, importance

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
