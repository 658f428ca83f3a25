"""How alike projections from one place are, against cosines of projections that are asked for one by one."""

from itertools import combinations

import numpy as np
import pytest

import convscope
from convscope.graph.rules import GRADIENT, deconvnet
from convscope.network.network import as_network
from convscope.projection.likeness import UNITS_PER_PLACE, likeness
from networks import images, small


def cosine(one, other):
    one, other = (signal.astype(np.float64).ravel() for signal in (one, other))
    return one @ other / (np.linalg.norm(one) * np.linalg.norm(other))


@pytest.fixture(scope="module")
def bundle():
    return convscope.load(small())


@pytest.mark.parametrize("layer", ["conv2", "predictions"])
def test_it_is_the_mean_cosine_of_projections_from_one_place(bundle, layer):
    pixels, places = images(2, 8, 8, 3), [(1, 2), (3, 0)] if layer == "conv2" else [None, None]
    found = likeness(as_network(bundle), layer, pixels, places, deconvnet())
    assert found is not None
    for rules, value in ((deconvnet(), found.projections), (GRADIENT, found.gradients)):
        cosines = []
        for image, place in zip(pixels, places, strict=True):
            where = "" if place is None else "@{},{}".format(*place)
            units = [f"{layer}:{channel}{where}" for channel in range(5 if place else 3)]
            result = convscope.deconv(bundle, units, image, rules=rules)
            strongest = np.argsort(-result.seeds[0])[:UNITS_PER_PLACE]
            shown = [result.pixels[0, unit] for unit in strongest if result.seeds[0, unit] > 0]
            cosines += [cosine(*pair) for pair in combinations(shown, 2)]
        assert found.pairs == len(cosines)
        assert value == pytest.approx(np.mean(cosines), abs=1e-5)


def test_it_is_said_where_several_units_of_a_layer_are_drawn(bundle):
    said = [note for note in convscope.deconv(bundle, "conv2:0-2", images(2, 8, 8, 3)).notes if "mean cosine" in note]
    assert len(said) == 1 and "units of conv2 from one place" in said[0]
    assert not any("mean cosine" in note for note in convscope.deconv(bundle, "conv2:0", images(2, 8, 8, 3)).notes)


def test_where_no_two_units_fire_nothing_is_measured(bundle):
    assert likeness(as_network(bundle), "conv2", np.zeros((1, 8, 8, 3), np.float32), [], deconvnet()) is None
