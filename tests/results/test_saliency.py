"""What records of maps say of themselves."""

import numpy as np
import pytest
import records

from convscope.errors import OptionError

pytestmark = pytest.mark.once


def test_several_units_have_an_axis_of_their_own():
    one, three = records.saliency(2), records.saliency(2, units=3)
    assert one.pixels.shape == (2, 24, 32, 3) and one.maps.shape == (2, 24, 32)
    assert three.pixels.shape == (2, 3, 24, 32, 3) and three.maps.shape == (2, 3, 24, 32)
    assert three.as_columns()["unit"] == ["predictions:3", "predictions:4", "predictions:5"] * 2
    assert [said["unit"] for said in three.summary()["units"]] == ["predictions:3", "predictions:4", "predictions:5"]
    assert set(one.arrays()) == {"pixels", "maps", "scores", "values", "fields", "images"}


def test_a_map_is_the_largest_magnitude_of_slopes_and_the_sum_of_shares():
    slope, share = records.saliency(method="smooth"), records.saliency(method="integrated")
    np.testing.assert_array_equal(slope.maps, np.abs(slope.pixels).max(axis=-1))
    np.testing.assert_allclose(share.maps, share.pixels.sum(axis=-1), rtol=1e-6)
    assert share.is_signed and not slope.is_signed
    with pytest.raises(OptionError, match="`gradcam` has one number for each pixel"):
        records.saliency(method="gradcam").pixels  # noqa: B018
    assert "pixels" not in records.saliency(method="gradcam").arrays()


def test_areas_are_those_of_trapezoids():
    found = records.compared_maps(2)
    curve = found.deletion[1, 3].astype("float64")
    assert found.areas[1, 3, 0] == pytest.approx(((curve[1:] + curve[:-1]) / 2).mean(), rel=1e-5)
    assert len(found.as_columns()["method"]) == 20 and "10 maps" in repr(found)
