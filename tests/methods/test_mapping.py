"""Records of maps: all methods beside one another, what is refused, and what an earlier release called them."""

import numpy as np
import pytest

import convscope
from convscope.errors import OptionError, UnitError
from networks import images, small

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(small(side=6), labels=["a", "b", "c"])


def test_all_maps_are_those_of_each_method_with_the_probability_below_them():
    bundle, image = convscope.load(small(side=12), labels=["a", "b", "c"]), images(2, 12, 12, 3)
    found = convscope.saliency(bundle, "predictions:b", image, method="all", samples=2, points=16)
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


def test_an_option_that_the_method_does_not_read_is_refused(bundle):
    with pytest.raises(OptionError, match="`patch` is an option of occlusion, but the method is `gradcam`"):
        convscope.saliency(bundle, "predictions:0", images(6, 6, 3), method="gradcam", patch=2)
    with pytest.raises(UnitError, match="`predictions:0` does not depend on the output of `predictions`"):
        convscope.saliency(bundle, "predictions:0", images(6, 6, 3), method="layercam", layer="predictions")
    with pytest.raises(UnitError, match="No convolution with a map lies below `conv1:0`"):
        convscope.saliency(bundle, "conv1:0", images(6, 6, 3), method="gradcam")
    with pytest.raises(OptionError, match="one number for each pixel"):
        convscope.saliency(bundle, "predictions:0", images(6, 6, 3), method="gradcam").pixels  # noqa: B018


def test_guided_as_an_earlier_release_had_it_still_works(bundle):
    with pytest.warns(DeprecationWarning, match='`guided=True` is now `method="guided"`'):
        found = convscope.saliency(bundle, "conv2:1", images(6, 6, 3), guided=True)
    assert found.guided and np.array_equal(found.pixels, convscope.saliency(bundle, "conv2:1", images(6, 6, 3), method="guided").pixels)
