"""Rings of waves: sums and means against a loop over frequencies."""

import numpy as np
import pytest

from convscope.ascent.image import rings_of
from networks import array, tensor
from twins import relative_error


def slow_ring(i, j, height, width):
    return round(np.hypot((i + 1) // 2 / height, (j + 1) // 2 / width) * max(height, width))


@pytest.mark.parametrize(("height", "width"), [(8, 6), (5, 9), (1, 1)])
def test_sums_and_means_equal_loops(height, width):
    values = np.random.default_rng(0).uniform(size=(2, 3, height, width)).astype("float32")
    rings = rings_of(height, width)
    places = {(i, j): slow_ring(i, j, height, width) for i in range(height) for j in range(width)}
    members = {ring: [place for place in places if places[place] == ring] for ring in places.values()}
    sums = array(rings.sums(tensor(values)))
    assert sums.shape == (2, 3, max(members) + 1)
    assert not sums[..., [ring for ring in range(max(members)) if ring not in members]].any()
    expected = np.zeros(values.shape)
    for ring, together in members.items():
        total = sum(values[:, :, i, j].astype("float64") for i, j in together)
        assert relative_error(sums[..., ring], total) < 1e-6
        for i, j in together:
            expected[:, :, i, j] = total / len(together)
    assert relative_error(array(rings.means(tensor(values))), expected) < 1e-6
