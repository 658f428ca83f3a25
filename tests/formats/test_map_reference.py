"""What places images on a map, one of an older convscope among them."""

from pathlib import Path

import numpy as np
import pytest

from convscope.errors import OptionError
from convscope.formats.map_reference import FILE, SCHEMA, as_bytes, read_reference

pytestmark = pytest.mark.once
GOLDEN = Path(__file__).parents[1] / "golden" / "map" / FILE


def test_the_map_of_an_older_convscope_is_read():
    found = read_reference(GOLDEN)
    assert (found.layer, found.model, found.preprocessing) == ("dense1", "ee7fa3a76477e51233f0d7e0c2111891", "unit")
    assert found.mean.shape == (128,) and found.axes.shape == (128, 12) and found.components.shape == (12, 12)
    assert found.mean.dtype == found.axes.dtype == np.float64 and found.components.dtype == found.points.dtype == np.float32
    assert np.allclose(found.axes.T @ found.axes, np.eye(12), atol=1e-6)
    assert np.allclose(found.points[0], (-1.934034, 7.636407)) and found.scale == 1.0


def test_it_is_written_as_it_was():
    assert as_bytes(read_reference(GOLDEN)) == GOLDEN.read_bytes()


def test_a_newer_one_is_refused_and_later_arrays_are_passed_over(tmp_path):
    arrays = dict(np.load(GOLDEN))
    np.savez(tmp_path / "later.npz", **arrays, later=np.zeros(3))
    assert (read_reference(tmp_path / "later.npz").points == arrays["points"]).all()
    np.savez(tmp_path / "newer.npz", **arrays | {"schema": np.array(SCHEMA + 1)})
    with pytest.raises(OptionError, match=r"newer convscope \(schema 2\).*up to schema 1. Install a newer release"):
        read_reference(tmp_path / "newer.npz")
