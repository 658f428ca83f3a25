"""The bins of a scan's histograms."""

import numpy as np
import pytest

from convscope.formats.bins import BINS, DESCRIPTION, bin_edges, bins_of

pytestmark = pytest.mark.once


def test_they_are_those_that_runs_describe():
    assert DESCRIPTION == {"per_octave": 16, "least": -16, "largest": 16, "bins": 1025}


def test_every_value_lies_between_the_edges_of_its_bin():
    rng = np.random.default_rng(0)
    size = np.concatenate([2.0 ** rng.uniform(-15.9, 15.9, 4000), 2.0 ** np.arange(-16, 16)])
    values = np.concatenate([size, -size, [0.0, -0.0, 2.0**-17, -(2.0**-20)]]).astype(np.float32)
    edges, found = bin_edges(), bins_of(values)
    assert len(edges) == BINS + 1 and (np.diff(edges) > 0).all()
    assert ((edges[found] <= values) & (values <= edges[found + 1])).all()
    assert (np.diff(edges) <= np.abs(edges).max(initial=0)).all()
    assert bins_of(np.asarray([1e9, -1e9], np.float32)).tolist() == [BINS - 1, 0]
